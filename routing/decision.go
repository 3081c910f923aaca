package routing

import "time"

// Decision is everything that should be done now, with the reasons. Acting on it is internal/dispatch's part.
type Decision struct {
	Offers []Offer   // in the order in which the callers stand
	Spills []Spill   // callers to whom overflow opens further queues
	Opens  []Opening // when_waiting rules that open or close
	Ends   []End     // callers whose wait is over without an agent
	Seats  []SeatChange
	Next   time.Time // when time alone changes the decision; zero: never
}

// Offer is one match.
type Offer struct {
	Call  string
	Agent string
	Queue string        // the queue whose membership made the match
	Ring  time.Duration // that queue's ring time
	Why   string        // which rule: "orders: tier 1, longest idle (2m10s)"
}

// Spill opens further queues to a caller.
type Spill struct {
	Call string
	To   []string
	Rule string // in words: "after_wait 1m0s (kettle-recall)"
}

// Opening is a when_waiting rule that opens or closes.
type Opening struct {
	Queue string
	Rule  string // OverflowRule.Key
	Open  bool
}

// End is a caller whose wait is over.
type End struct {
	Call   string
	Reason string // LeftTimeout, LeftUnstaffed or LeftClosed
}

// SeatChange gives a seat or takes it back.
type SeatChange struct {
	Agent  string
	Grant  bool
	Reason string
}
