package routing

import "time"

// The reasons why an agent is offline, as the API tells them.
const (
	NotRegistered = "not-registered" // no phone of the agent is reachable
	NoQueue       = "no-queue"       // the agent serves no queue
	NoSeat        = "no-seat"        // all seats are taken
)

// ReasonOutside is the reason of an agent who talks in a call outside the queues.
const ReasonOutside = "outside"

// SignedUp reports whether a phone of the agent is registered at now. A nil state is not.
func (s *AgentState) SignedUp(now time.Time) bool {
	return s != nil && !s.Registered.IsZero() && now.Before(s.Until())
}

// InCall reports whether the agent is offered a caller or in a conversation, in or outside the queues. A nil state is not.
func (s *AgentState) InCall(now time.Time) bool {
	return s != nil && (s.Claim.Live(now) || s.Outside != "")
}

// SignedIn reports whether the agent counts as staff: seated, and registered or still in a call. Pauses are breaks: who is
// paused is signed in.
func (s *AgentState) SignedIn(now time.Time) bool {
	return s != nil && !s.Seat.IsZero() && (s.SignedUp(now) || s.InCall(now))
}

// Condition says what the agent does at now, since when, and why, derived from the times of the state. Use Agent.Condition
// where the plan's agent is at hand: this one looks it up.
func (s *AgentState) Condition(plan *Plan, now time.Time) (state State, since time.Time, reason string) {
	return plan.Agent(s.Name).Condition(s, now)
}

// Condition says what the agent does at now, since when, and why. A nil agent is one who is no longer configured, a nil state
// one who was never seen.
func (a *Agent) Condition(s *AgentState, now time.Time) (state State, since time.Time, reason string) {
	switch {
	case s == nil:
		return Offline, time.Time{}, NotRegistered
	case s.Claim.Ringing(now):
		return Ringing, s.Claim.Offered, ""
	case s.Claim.Talking():
		return Talking, s.Claim.Answered, ""
	case s.Outside != "":
		return Talking, s.Changed, ReasonOutside
	case s.Registered.IsZero():
		return Offline, s.Changed, NotRegistered
	case !s.SignedUp(now):
		return Offline, latest(s.Until(), s.Changed), NotRegistered
	case a == nil || len(a.Queues) == 0:
		return Offline, s.Changed, NoQueue
	case s.Seat.IsZero():
		return Offline, s.Changed, NoSeat
	case !s.Paused.IsZero():
		return Paused, s.Paused, s.PauseReason
	case now.Before(s.WrapUp):
		return WrapUp, s.Changed, ""
	}
	since = latest(s.Changed, s.WrapUp)
	if s.Claim != nil { // an offer that died by its deadline
		since = latest(since, s.Claim.Deadline)
	}
	if now.Before(s.NotBefore) {
		reason = string(s.Cause)
	}
	return Ready, since, reason
}

// Available reports whether a caller may be offered to the agent at now.
func (a *Agent) Available(s *AgentState, now time.Time) bool {
	state, _, _ := a.Condition(s, now)
	return state == Ready && !now.Before(s.NotBefore)
}

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
