package ivr

import "time"

// Plan is all that a centre's conversations are made of. It is immutable once published.
type Plan struct {
	Zone    *time.Location // the centre's clock, which Hours are read by; nil is UTC
	Flows   map[string]*Flow
	Hours   map[string]*Hours
	Waiting map[string]Waiting // what callers hear while they wait, by queue
}

// Flow is a map of steps; it begins at the step named Start.
type Flow struct {
	Name  string
	Steps map[string]*Step
}

// Start is the name of a flow's first step.
const Start = "start"

// Step is one node of a flow: exactly one of its verbs is set.
type Step struct {
	Name   string
	Play   string      // a prompt; then Then
	Menu   *Menu       // a question answered with one key
	When   *When       // a question answered by the clock
	Queue  *QueueEntry // wait for an agent
	Flow   string      // go on at the start of another flow; it does not come back
	Hangup Hangup      // the end
	Then   string      // where Play and When (open) go on; "" ends the call
	Else   string      // where When (closed), Menu (no usable key) and Queue (no agent) go on; "" ends the call, a queue's after Apology
}

// Apology is the prompt that a caller hears whom a queue gave no agent when its step has no else.
const Apology = "apology.wav"

// Menu plays a prompt and waits for one key, which may come while the prompt still plays (barge-in) or before it (type-ahead).
// Invalid is heard only when a further try follows it.
type Menu struct {
	Prompt  string
	Keys    map[byte]string // '0'..'9', '*', '#' to a step
	Wait    time.Duration   // for a key, from the end of the prompt
	Tries   int             // how often the prompt is played in all
	Invalid string          // prompt played after a key that is not in Keys; "" none
}

// When asks whether the centre is open.
type When struct {
	Hours string
}

// QueueEntry lets the caller wait for an agent.
type QueueEntry struct {
	Queue    string
	Priority int // 0 to 9
}

// Hangup is how a call ends by the flow.
type Hangup string

// The ways to end a call. Busy and Decline refuse it with 486 and 603 when they are the flow's first step.
const (
	Normal  Hangup = "normal"
	Busy    Hangup = "busy"
	Decline Hangup = "decline"
)

// Waiting is what callers of one queue hear while they wait, and the agent before he hears them.
type Waiting struct {
	Music   string        // prompt that loops
	Say     []string      // what is announced: "position"
	First   time.Duration // when the first announcement is made, from entry; 0: none
	Every   time.Duration // the time between announcements; 0: only the first
	Whisper string        // prompt that the agent hears first; "": none
}
