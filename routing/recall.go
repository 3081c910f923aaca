package routing

import (
	"slices"
	"time"
)

// Recalled is an agent as a store has him, with what a node remembers of him: a changed copy, or s itself when that is nothing new. A
// store that does not know him takes all that is not over: of his phones their own nodes know better, and say so. Of one whom it knows, the
// later word on his pause, the longer wrap-up, the later idleness, back-off and count of calls hold: who was told more than the
// other is never set back.
func (s *AgentState) Recalled(told *AgentState, now time.Time) *AgentState {
	if s == nil {
		next := *told
		next.Phones = slices.DeleteFunc(slices.Clone(told.Phones), func(p Phone) bool { return !p.Live(now) })
		if len(next.Phones) == 0 {
			next.Phones, next.Registered = nil, time.Time{}
		}
		if !next.Claim.Live(now) {
			next.Claim = nil
		}
		return &next
	}
	next := *s
	changed := false
	if told.PauseSaid.After(s.PauseSaid) {
		next.Paused, next.PauseReason, next.PauseSaid, changed = told.Paused, told.PauseReason, told.PauseSaid, true
	}
	if told.Changed.After(s.Changed) && (told.NotBefore != s.NotBefore || told.Cause != s.Cause || told.Misses != s.Misses) {
		next.NotBefore, next.Cause, next.Misses, changed = told.NotBefore, told.Cause, told.Misses, true
	}
	if told.WrapUp.After(s.WrapUp) {
		next.WrapUp, changed = told.WrapUp, true
	}
	if told.Idle.After(s.Idle) {
		next.Idle, changed = told.Idle, true
	}
	if told.Calls > s.Calls {
		next.Calls, changed = told.Calls, true
	}
	if !changed {
		return s
	}
	next.Changed = latest(s.Changed, told.Changed)
	return &next
}
