package dispatch

import "github.com/spillway-voice/spillway/routing"

// Notice is what a waiting call is told on the channel that Enter gave it: Offered, Withdrawn, Moved or Ended.
type Notice interface{ notice() }

// Offered binds the caller and an agent until Claim.Deadline: the call rings the agent for Offer.Ring and then accepts or releases
// the claim. It replaces any offer before it.
type Offered struct {
	Claim routing.Claim
	Offer routing.Offer
}

// Withdrawn takes an offer back that the call did not end itself: the agent's phone went away, or the call was too slow. The
// caller keeps waiting. A token that is not the one at hand means nothing.
type Withdrawn struct {
	Token  uint64
	Reason string // a routing.Outcome
}

// Moved tells where the caller stands in the home queue now. Moves that follow each other quickly are told as one.
type Moved struct {
	Queue    string
	Position int // 1 is the next
	Waiting  int // callers in that queue, this one included
}

// Ended tells that the wait is over without an agent; the store knows already. It is the last notice.
type Ended struct {
	Reason string // routing.LeftTimeout, LeftUnstaffed or LeftClosed
}

func (Offered) notice()   {}
func (Withdrawn) notice() {}
func (Moved) notice()     {}
func (Ended) notice()     {}
