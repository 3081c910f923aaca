package routing

import "time"

// The back-off of an agent after an offer that came to nothing. Field practice: a phone that is busy stays so for a
// while, a refusal is meant, and a phone that does not react is likely gone, so it is asked ever less often.
const (
	busyBackOff        = 30 * time.Second
	refusedBackOff     = 15 * time.Second
	unreachableBackOff = 5 * time.Second  // for the first, doubling
	unreachableMost    = 60 * time.Second // and no longer than this
	missesToPause      = 2                // unanswered offers in a row until the agent counts as away
)

// PausedNoAnswer is the reason of the pause that unanswered offers lead to.
const PausedNoAnswer = "no-answer"

// BackOff says what an offer that ended by outcome, the misses-th in a row of its kind (1 is the first), means for its
// agent: how long nothing is offered, and whether the agent is paused instead, with the reason PausedNoAnswer.
func BackOff(outcome Outcome, misses int) (wait time.Duration, pause bool) {
	switch outcome {
	case Busy:
		return busyBackOff, false
	case Refused:
		return refusedBackOff, false
	case NoAnswer:
		return 0, misses >= missesToPause
	case Unreachable, Failed:
		wait = unreachableBackOff
		for i := 1; i < misses && wait < unreachableMost; i++ {
			wait *= 2
		}
		return min(wait, unreachableMost), false
	default:
		return 0, false
	}
}

// Released is the agent after an offer that ended without a conversation: a changed copy. A store applies it, so that every
// store backs off alike.
func (s *AgentState) Released(outcome Outcome, now time.Time) *AgentState {
	next := *s
	next.Claim = nil
	next.Changed = now
	if outcome == Withdrawn {
		return &next
	}
	if s.Misses > 0 && alike(s.Cause, outcome) {
		next.Misses = s.Misses + 1
	} else {
		next.Misses = 1
	}
	next.Cause = outcome
	wait, pause := BackOff(outcome, next.Misses)
	next.NotBefore = now.Add(wait)
	if pause && next.Paused.IsZero() {
		next.Paused, next.PauseReason, next.PauseSaid = now, PausedNoAnswer, now
	}
	return &next
}

// Released is the caller after an offer that ended without a conversation: a changed copy, back in his place.
func (c *Caller) Released(agent string, outcome Outcome, now time.Time) *Caller {
	next := *c
	next.Claim = nil
	switch outcome {
	case Refused:
		next.Refused = map[string]time.Time{agent: now.Add(RefusalMemory)}
		for name, until := range c.Refused {
			if until.After(now) && name != agent {
				next.Refused[name] = until
			}
		}
	case NoAnswer:
		next.Missed = with(c.Missed, agent)
	}
	return &next
}

// alike reports whether two outcomes count as one run of misses.
func alike(a, b Outcome) bool {
	gone := func(o Outcome) bool { return o == Unreachable || o == Failed }
	return a == b || gone(a) && gone(b)
}

// with returns a list that holds name as well; the list itself is not changed.
func with(list []string, name string) []string {
	for _, have := range list {
		if have == name {
			return list
		}
	}
	return append(list[:len(list):len(list)], name)
}
