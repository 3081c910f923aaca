package routing

import "time"

// Ringing reports whether the claim is an offer that still rings at now. A nil claim does not.
func (c *Claim) Ringing(now time.Time) bool {
	return c != nil && c.Answered.IsZero() && now.Before(c.Deadline)
}

// Talking reports whether the claim has become a conversation. A nil claim has not.
func (c *Claim) Talking() bool {
	return c != nil && !c.Answered.IsZero()
}

// Live reports whether the claim still binds its two sides at now. An offer whose deadline has passed is dead: both sides
// are free again without anybody having to say so.
func (c *Claim) Live(now time.Time) bool {
	return c.Talking() || c.Ringing(now)
}
