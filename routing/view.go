package routing

import "time"

// View is the state of all queues at one moment: what the rules decide over. A View belongs to whoever holds it (a
// dispatcher folds events into its own); it is not safe for concurrent use. The values that its maps point to are never
// changed in place: Fold replaces them.
type View struct {
	Seq         uint64                 // the last event folded in
	Incarnation string                 // which life of the store the sequence belongs to
	Callers     map[string]*Caller     // waiting, by call id; a caller who is being offered still waits
	Agents      map[string]*AgentState // by name; everybody who ever registered, paused or claimed
	Queues      map[string]*QueueState // what a queue remembers
	Lost        map[string]*LostPlace  // the places of callers whose node died, by call id, for LostKept
	Skipped     map[string]time.Time   // callers whose node did not act in time, and until when they are passed over; the holder's own notes, in no event
	Denied      map[string]time.Time   // agents whom the store would not bind, and until when they are passed over; the holder's own notes, in no event
	Leases      Leases                 // of the nodes, as the last heartbeat told; the holder's own notes, in no event
}

// Caller is one call that waits.
type Caller struct {
	Call       string               // the call's id
	Node       string               // the node that owns the call
	Number     string               // the caller's number, "" when anonymous
	Queue      string               // the home queue
	Priority   int                  // 0 to 9, higher first
	FirstEntry time.Time            // when the visit first entered any queue: the order within a priority
	Entered    time.Time            // when it entered this queue: what waits are measured from
	Spilled    []string             // queues that overflow opened for this caller, in order of preference; kept until he leaves
	SpillRule  string               // which rule opened them, in words
	Claim      *Claim               // the offer in progress, or nil; dead when its deadline has passed
	Refused    map[string]time.Time // agents who refused this caller, and until when they are not asked again
	Missed     []string             // agents who let this caller ring in vain: asked again only when nobody else is ready
	Offers     int                  // how many offers were made for him
	Returns    string               // the call of a node that died whose place he took, "" none: see View.Lost
}

// LostPlace is the place of a caller whose node died: kept for his return, and no longer waiting.
type LostPlace struct {
	Caller Caller    // as he waited last
	At     time.Time // since when he is lost
}

// QueueState is what a queue remembers beyond those who wait in it.
type QueueState struct {
	Name        string
	LastOffered string          // where round-robin stands
	Open        map[string]bool // when_waiting rules that stand open (hysteresis), by OverflowRule.Key
}

// Claim is one caller offered to one agent, and then their conversation. It has one winner: the store grants it.
type Claim struct {
	Token    uint64 // the fencing token: rises with each claim of the store
	Call     string
	Agent    string
	Queue    string // the queue whose membership made the match
	Node     string // the node that owns the call
	Offered  time.Time
	Deadline time.Time // while ringing: when the offer is dead; zero once answered
	Answered time.Time // zero while it rings
}

// AgentState is what is known of an agent beyond the plan. What an agent is doing now is derived: see Condition.
type AgentState struct {
	Name        string
	Phones      []Phone   // where the agent can be reached, each place once; those whose time is over may still stand here
	Registered  time.Time // since when, without a break; zero: not registered
	Seat        time.Time // since when the agent has a seat; zero: none
	Paused      time.Time // since when; zero: not paused
	PauseReason string
	PauseSaid   time.Time // when a pause or its end was said last: of two words the later holds
	Claim       *Claim    // the offer or conversation in progress
	Outside     string    // a call outside the queues (dialled by or to the agent), by id; "" none
	OutsideNode string    // the node that owns that call
	WrapUp      time.Time // until when the last conversation's wrap-up lasts
	Idle        time.Time // since when idle: the end of the last wrap-up, or of the sign-in, pause or outside call
	NotBefore   time.Time // not offered anything before (back-off after busy, refusal, no answer, unreachable)
	Cause       Outcome   // why NotBefore
	Misses      int       // offers in a row that ended by Cause, as BackOff counts them
	Calls       int       // conversations since the store's start
	Changed     time.Time // since when the present state holds
}

// State is what an agent is doing.
type State string

// The states of an agent, as the API tells them.
const (
	Offline State = "offline"
	Ready   State = "ready"
	Ringing State = "ringing"
	Talking State = "talking"
	WrapUp  State = "wrapup"
	Paused  State = "paused"
)

// Outcome is how an offer ended without a conversation, or what a conversation ended by.
type Outcome string

// The outcomes of an offer. Each has its back-off: see BackOff.
const (
	Busy        Outcome = "busy"        // the phone said busy: 30 s
	Refused     Outcome = "refused"     // the agent declined: 15 s, and not this caller again for 60 s
	NoAnswer    Outcome = "no-answer"   // it rang for the queue's ring time: the caller asks others first; two in a row pause the agent
	Unreachable Outcome = "unreachable" // the phone did not react: 5 s, doubling to 60 s
	Withdrawn   Outcome = "withdrawn"   // the caller left, or the offer was taken back: no back-off
	Failed      Outcome = "failed"      // answered but the sound could not be joined: as unreachable
)
