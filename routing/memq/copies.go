package memq

import (
	"maps"
	"slices"

	"github.com/spillway-voice/spillway/routing"
)

// copyCaller returns a caller who shares nothing with c.
func copyCaller(c *routing.Caller) *routing.Caller {
	n := *c
	n.Spilled = slices.Clone(c.Spilled)
	n.Missed = slices.Clone(c.Missed)
	n.Refused = maps.Clone(c.Refused)
	n.Claim = copyClaim(c.Claim)
	return &n
}

// copyAgent returns an agent's state that shares nothing with a.
func copyAgent(a *routing.AgentState) *routing.AgentState {
	n := *a
	n.Phones = slices.Clone(a.Phones)
	n.Claim = copyClaim(a.Claim)
	return &n
}

// copyQueue returns a queue's state that shares nothing with q.
func copyQueue(q *routing.QueueState) *routing.QueueState {
	n := *q
	n.Open = maps.Clone(q.Open)
	return &n
}

// copyClaim returns a copy of a claim, nil of nil.
func copyClaim(c *routing.Claim) *routing.Claim {
	if c == nil {
		return nil
	}
	n := *c
	return &n
}
