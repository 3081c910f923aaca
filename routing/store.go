package routing

import (
	"context"
	"errors"
	"time"
)

// Store keeps the state of the queues where it needs one winner. Each method is one step that checks and sets: it changes
// everything it names and appends its events, or changes nothing and says why. Repeating a call that succeeded is harmless
// (the call id, or the claim's token, is the idempotency key). All methods are safe for concurrent use and return within the
// context's time; times are store time. queuetest holds every implementation to this text.
type Store interface {
	// Now is store time: equal on all nodes, never going back.
	Now() time.Time

	// Enter puts a caller into his home queue. ErrFull when capacity callers wait there already (0: no limit);
	// a caller who is already in is moved: his first entry is kept, entered anew if the queue differs. One who Returns takes
	// the lost place, once: its first entry becomes his.
	Enter(ctx context.Context, c Caller, capacity int) error
	// Leave takes a caller out, with the reason for the record; a ringing claim of his is withdrawn.
	// Leaving twice is no error.
	Leave(ctx context.Context, call string, reason string) error
	// Spill opens further queues to a caller; he keeps those he has.
	Spill(ctx context.Context, call string, to []string, rule string) error
	// Open records that an overflow rule of a queue stands open, or no longer does.
	Open(ctx context.Context, queue, rule string, open bool) error

	// Claim binds a waiting caller and a ready agent for the ring time and ClaimGrace, and returns the claim with its token.
	// ErrLost when either is no longer free. The same claim asked for again while it rings is returned again.
	Claim(ctx context.Context, call, agent, queue, node string, ring time.Duration) (Claim, error)
	// Accept turns a live claim into a conversation: the caller no longer waits, the agent talks. ErrLost when the claim is
	// not the live one.
	Accept(ctx context.Context, token uint64) error
	// Release ends a ringing claim without a conversation: the caller is back in his place, the agent backs off by the
	// outcome (see BackOff). A claim that is gone already is no error.
	Release(ctx context.Context, token uint64, outcome Outcome) error
	// Finish ends a conversation; wrap-up begins in the same step. A claim that is gone already is no error.
	Finish(ctx context.Context, token uint64, wrapUp time.Duration) error
	// Hold makes a claim of its node stand that the store lacks since it was away, was emptied or went back: an offer that rings for
	// a caller who waits, or a conversation, whose caller no longer waits then. A conversation is more than an offer: another's that
	// rings on either side is withdrawn for it. ErrLost when the offer is dead or either side is bound otherwise. Tokens granted
	// later are higher (LeapOver).
	Hold(ctx context.Context, c Claim) error

	// Register tells which phones of an agent are registered through a node, instead of those before (AgentState.Registering);
	// refreshing keeps the order of registration. When none is left anywhere, a ringing claim is released as Unreachable, a
	// conversation goes on.
	Register(ctx context.Context, agent, node string, phones []Phone) error
	// Recall tells what a node remembers of agents, after the store was away, was emptied or went back: AgentState.Recalled.
	Recall(ctx context.Context, agents []*AgentState) error
	// Seat gives an agent a seat if fewer than limit are taken (ErrFull), or takes it back (grant false; ErrLost while the agent
	// is offered a caller or in a conversation: the seat goes back after it).
	Seat(ctx context.Context, agent string, grant bool, limit int, reason string) error
	// Pause keeps an agent from offers until Resume; it survives registrations and restarts.
	Pause(ctx context.Context, agent, reason string) error
	// Resume ends a pause.
	Resume(ctx context.Context, agent string) error
	// Outside says that an agent is in a call of a node outside the queues, or (call "") no longer.
	Outside(ctx context.Context, agent, node, call string) error

	// Heartbeat renews the lease of a node (owner is node id + boot id) for Lease and reports where the store stands. Nothing is
	// claimed for a node, nor an agent whom only such nodes reach, whose lease was renewed once and is over.
	// For another node an agent is claimed only while the lease of a node that reaches him runs for ClaimMargin more.
	Heartbeat(ctx context.Context, node string) (Beat, error)
	// Part ends the lease of a node now: it goes, or a later life of it has begun.
	Part(ctx context.Context, node string) error
	// Reap takes out all that a node owned whose lease is over: its callers, whose places are kept (View.Lost), claims, calls
	// outside and phones that only it reached; its other phones are anybody's then. ErrAlive when it is not over.
	Reap(ctx context.Context, node string) error

	// Snapshot returns a copy of everything, which is the caller's own.
	Snapshot(ctx context.Context) (*View, error)
	// Subscribe returns the events after seq, in order, on a bounded channel. The channel is closed when the
	// context ends or the reader falls behind: then take a Snapshot and subscribe again from its Seq. No event is
	// missed between the two.
	Subscribe(ctx context.Context, seq uint64) (<-chan Event, error)
}

// Lease is how long a node's ownership lasts without a heartbeat, and Renew how often it beats: a lease outlives three
// lost beats, and a node that died is missed after two seconds.
const (
	Lease = 2 * time.Second
	Renew = 500 * time.Millisecond
)

// ClaimMargin is how much longer the lease of a node must run for its agents to be claimed by another: a node that missed two beats may be
// cut off, and will serve by itself once its lease is over. Until then its agents are left alone.
const ClaimMargin = Lease / 2

// ClaimGrace is what a claim outlives its ring time by, so that the node whose agent does not answer still gets to say so; after
// it the claim is dead and both sides are free (nobody is reserved for longer than ring time and one second).
const ClaimGrace = time.Second

// How long the place of a caller whose node died is kept for his return from the same number, and how long while an incident changes
// his queue (field practice for callers who were cut off).
const (
	ReturnWithin         = 2 * time.Minute
	ReturnWithinIncident = 10 * time.Minute
	LostKept             = ReturnWithinIncident // how long a store remembers lost places: the longest that anybody may ask for
)

// RefusalMemory is how long a caller is not offered again to an agent who refused him: long enough to reach somebody else,
// short enough that a queue with one agent recovers by itself.
const RefusalMemory = 60 * time.Second

// LeapOver is the token that a store counts on from when it is told of one that it had not reached: whoever granted that one has granted
// others after it, which the store may be told of next, and nobody grants 2^32 alone. The time is in it, in microseconds, so that an
// emptied store that is told of the same token leaps past all that the one before it granted. Tokens move on with the time after a leap, so
// that a store which went back grants none again. They stay below 2^53, which Lua counts
// exactly, for a hundred thousand leaps.
func LeapOver(token uint64, now time.Time) uint64 {
	return token + 1<<32 + uint64(now.UnixMicro())%(1<<36)
}

// The reasons of CallerLeft that the switch room itself knows; others are the call's own words.
const (
	LeftByCaller  = "caller"    // the caller hung up
	LeftTimeout   = "timeout"   // max_wait is over
	LeftUnstaffed = "unstaffed" // nobody is signed in who could serve him
	LeftClosed    = "closed"    // the queue is no longer configured
	LeftMoved     = "moved"     // he went on to another queue
	LeftNodeLost  = "node-lost" // the node that held his call lost its lease
)

// Beat is where the store stands, told with each heartbeat: a stream that is quiet proves nothing.
type Beat struct {
	Seq         uint64
	Incarnation string
	Nodes       []string // nodes whose lease lives
	Expired     []string // nodes whose lease is over and that still own something
	Leases      Leases
}

// The errors of a Store.
var (
	ErrFull   = errors.New("no place left")
	ErrLost   = errors.New("no longer free")
	ErrGone   = errors.New("no such caller or agent")
	ErrAlive  = errors.New("the node's lease is not over")
	ErrClosed = errors.New("the queue takes no callers")
	// ErrMalformed says that a request makes no sense to the store, however often it is made.
	ErrMalformed = errors.New("a request that makes no sense")
)

// Kind is what an event tells.
type Kind string

// The kinds of events.
const (
	CallerEntered  Kind = "caller.entered"
	CallerSpilled  Kind = "caller.spilled"
	CallerLeft     Kind = "caller.left"     // without a conversation; Reason says why
	CallerOffered  Kind = "caller.offered"  // Agent is ringing
	CallerReleased Kind = "caller.released" // the offer ended; Reason is the Outcome
	CallerAnswered Kind = "caller.answered" // the conversation begins; the caller no longer waits
	CallFinished   Kind = "call.finished"   // the conversation ended
	AgentChanged   Kind = "agent.changed"   // registration, seat, pause, outside; Reason says what
	QueueChanged   Kind = "queue.changed"
)

// Event is one change of the store, with the new values of all that it changed: folding it into a View replaces them. The
// values are shared with everybody who reads the event: nobody changes them.
type Event struct {
	Seq         uint64
	Incarnation string
	At          time.Time
	Kind        Kind
	Reason      string
	Call        string      // set for events about a caller
	Caller      *Caller     // in every event with a Call: the caller as he waits now; nil once he no longer does (Was is then his last)
	Was         *Caller     // for CallerLeft, CallerAnswered and a CallerEntered that moved him: the caller as he was
	Agent       *AgentState // the agent's new value, when one changed
	Queue       *QueueState // the queue's new value, when it changed
}
