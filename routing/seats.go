package routing

import (
	"cmp"
	"slices"
	"strings"
)

// The reasons of a SeatChange.
const (
	SeatSignedIn = "signed-in" // registered, with at least one queue
	SeatLimit    = "limit"     // the limit fell
)

// seating is what the seats are decided over.
type seating struct {
	entitled []seated // who holds a seat and may keep it, the limit apart
	leaving  []seated // who holds a seat and has no more right to it
	queueing []seated // who is registered and waits for a seat
}

// seated is an agent's state with the plan's agent (nil: no longer configured).
type seated struct {
	agent *Agent
	state *AgentState
}

// seats gives seats to those who registered first, and takes back those of agents who left, who serve no queue any more, or who
// are over a limit that fell. An agent in a call keeps the seat until after it.
func (t *table) seats() {
	s := t.seating()
	taken := len(s.entitled) + len(s.leaving)
	for _, h := range s.leaving {
		reason := NoQueue
		if !h.state.SignedUp(t.now) {
			reason = NotRegistered
		}
		if t.takeSeat(h, reason) {
			taken--
		}
	}
	if over := len(s.entitled) - max(t.plan.Seats, 0); over > 0 {
		slices.SortFunc(s.entitled, firstToGo)
		for _, h := range s.entitled[:over] {
			if t.takeSeat(h, SeatLimit) {
				taken--
			}
		}
	}
	slices.SortFunc(s.queueing, func(a, b seated) int {
		return cmp.Or(a.state.Registered.Compare(b.state.Registered), strings.Compare(a.state.Name, b.state.Name))
	})
	for _, next := range s.queueing[:min(len(s.queueing), max(0, t.plan.Seats-taken))] {
		t.decision.Seats = append(t.decision.Seats, SeatChange{Agent: next.state.Name, Grant: true, Reason: SeatSignedIn})
	}
}

// seating sorts the agents by their right to a seat.
func (t *table) seating() seating {
	var s seating
	for name, state := range t.view.Agents {
		if t.agents[name] == nil && !state.Seat.IsZero() {
			s.leaving = append(s.leaving, seated{nil, state})
		}
	}
	for _, agent := range t.plan.Agents {
		state := t.view.Agents[agent.Name]
		if state == nil {
			continue
		}
		entitled := len(agent.Queues) > 0 && state.SignedUp(t.now)
		switch {
		case state.Seat.IsZero() && entitled:
			s.queueing = append(s.queueing, seated{agent, state})
		case state.Seat.IsZero():
		case entitled:
			s.entitled = append(s.entitled, seated{agent, state})
		default:
			s.leaving = append(s.leaving, seated{agent, state})
		}
	}
	slices.SortFunc(s.leaving, func(a, b seated) int { return strings.Compare(a.state.Name, b.state.Name) })
	return s
}

// takeSeat takes a seat back unless its agent is in a call, and reports whether it did.
func (t *table) takeSeat(h seated, reason string) bool {
	if h.state.InCall(t.now) {
		return false
	}
	t.decision.Seats = append(t.decision.Seats, SeatChange{Agent: h.state.Name, Reason: reason})
	return true
}

// firstToGo orders those with a seat by who gives it up first: who owes it to an incident, then the newest.
func firstToGo(a, b seated) int {
	incident := func(s seated) int {
		if s.agent.Incident != "" {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(incident(a), incident(b)), b.state.Seat.Compare(a.state.Seat), strings.Compare(b.state.Name, a.state.Name))
}
