package store

// The keys of a centre. All begin with spillway:{centre}: — the part in braces is the hash tag, so that a centre is one slot of a
// Redis Cluster, where a script may touch several keys of one slot only, and many centres spread. The number of keys does
// not grow with calls or agents: what there is many of lies in one hash, which a snapshot reads in one step and
// nobody has to search for with KEYS or SCAN. What ends by itself has a key of its own.
const (
	// KeyMeta is a hash: schema, incarnation, seq (of the last event), at (its stamp), last
	// (the latest store time that was told), shift (what store time is ahead of TIME by, since TIME once went back) token (the last claim's)
	// and lead (what tokens are ahead of store time since the last leap).
	// One hash, since every script reads it all.
	KeyMeta = "meta"
	// KeyEvents is the stream of events; the id of an entry is its seq, so that a reader asks for what follows a number.
	KeyEvents = "events"
	// KeyCallers is a hash by call id: who waits, in JSON. One value for a caller, since an event tells him whole.
	KeyCallers = "callers"
	// KeyAgents is a hash by name: what is known of an agent, in JSON.
	KeyAgents = "agents"
	// KeyQueues is a hash by name: what a queue remembers, in JSON.
	KeyQueues = "queues"
	// KeyWaiting is a hash by queue: how many wait there, so that a full queue is known without counting.
	KeyWaiting = "waiting"
	// KeySeats is a set of the agents who have a seat; its size is how many are taken.
	KeySeats = "seats"
	// KeyClaims is a hash by token: the agent whose record holds the claim.
	KeyClaims = "claims"
	// KeyLeases is a hash by node: until when its lease lives, in store time.
	KeyLeases = "leases"
	// KeyOwned is a sorted set, all of score 0, of node NUL kind NUL name: what a node owns is one range of it.
	KeyOwned = "owned"
	// KeyLost is a hash by call id: the place of a caller whose node died, in JSON.
	KeyLost = "lost"
	// KeyLostSince is a sorted set of the calls of KeyLost by when they were lost, so that those to forget are found without a look at all.
	KeyLostSince = "lost-since"
	// KeyBoard is a hash by incident: its newest revision, in JSON; the field :edition names the last change. One hash, so that a board is
	// read in one step.
	KeyBoard = "board"
	// KeyBoardNews is a stream of one entry, the last change of the board: what its readers wait for. It is not KeyEvents, whose readers
	// keep the queues and who need no incidents.
	KeyBoardNews = "board-news"
	// KeyNonce, followed by a SHA-256 in hex, is the highest count of a digest nonce that was used: a key for each, since each ends by itself
	// with the nonce, after a minute.
	KeyNonce = "nonce:"
	// KeyBlob, followed by a SHA-256 in hex, is a hash: the parts of a content by number, and its size once they are all there. A key for
	// each, since each ends by itself.
	KeyBlob = "blob:"
	// KeyNodes is a hash by node: what it announced of itself last, in JSON.
	KeyNodes = "nodes"
	// KeyCalls, followed by a node, is a hash by call: what the node tells about it. A key for each node, since in Redis 7.0 a hash ends as a
	// whole or not at all, and the calls of a node that died have to.
	KeyCalls = "calls:"
	// KeyNews is a stream of what nodes tell each other for people and that is not the queues': ends of calls, revisions, configurations.
	// KeyEvents has every seq of the queues, and nothing else.
	KeyNews = "news"
	// KeyHeard is a stream of who heard which message, so that nobody hears it again on another node.
	KeyHeard = "heard"
	// KeyReach is a hash by incident: how many waiting callers its newest revision reached on each node, in JSON.
	KeyReach = "reach"
	// KeySecrets is a hash by name: random bytes that all nodes share, in hex.
	KeySecrets = "secrets"
)

// Key is the full name of a key of the centre.
func (s *Store) Key(name string) string { return "spillway:{" + s.centre + "}:" + name }
