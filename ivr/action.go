package ivr

import "time"

// Input is what happens to a Machine.
type Input interface{ input() }

// Begin starts the flow. It is the first input.
type Begin struct{}

// Digit is a key that the caller pressed, at any time: '0' to '9', '*', '#'; others are ignored. Before Begin it is kept for the
// first menu.
type Digit struct{ Key byte }

// Played says that everything the last Play asked for was heard.
type Played struct{}

// Expired says that the last Wait is over.
type Expired struct{}

// Left says that the queue step ended without an agent, and why: "full", "unstaffed", "timeout".
type Left struct{ Reason string }

func (Begin) input()   {}
func (Digit) input()   {}
func (Played) input()  {}
func (Expired) input() {}
func (Left) input()    {}

// Action is what the Machine asks for. Each Action ends what the one before it began: it stops sound that still plays and forgets
// a wait that still runs, and a Played or Expired of what was ended is not to be passed on.
type Action interface{ action() }

// Play plays prompts one after the other, then wants Played.
type Play struct{ Prompts []string }

// Wait wants Expired after a time, unless a Digit comes first.
type Wait struct{ For time.Duration }

// Enter puts the caller into a queue; Left comes if that ends without an agent. Digits are not the Machine's while waiting.
type Enter struct {
	Queue    string
	Priority int
}

// End ends the call.
type End struct {
	Hangup Hangup
	Reason string // for the record, whichever came last: Outside, ByKey, Timeout, or the reason a queue was left for; Internal
}

// The reasons of a flow's own to end a call, from the closed list that every call ends with.
const (
	Outside  = "closed"   // a when step said that it is closed
	ByKey    = "key"      // the caller chose with a key
	Timeout  = "timeout"  // neither: no key came, or none was asked for
	Internal = "internal" // the flow leads nowhere; config refuses such flows
)

func (Play) action()  {}
func (Wait) action()  {}
func (Enter) action() {}
func (End) action()   {}
