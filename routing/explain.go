package routing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Explanation says what the rules make of one waiting caller: whom he is offered to, and why not to the others.
type Explanation struct {
	Call     string
	Queue    string // the home queue
	Position int    // in it, 1 being the next; 0: no such caller waits
	Waiting  int    // callers in it
	Priority int
	Waited   time.Duration
	Verdict  string // what is done with him now
	Agents   []Verdict
}

// Verdict is what the rules make of one agent for one caller.
type Verdict struct {
	Agent  string
	Queue  string // by membership of which queue
	Tier   int
	Chosen bool
	Why    string // why he is chosen, or why not
}

// Explain says what Decide makes of one caller now, and why.
func Explain(plan *Plan, view *View, now time.Time, call string) Explanation {
	c := view.Callers[call]
	if c == nil {
		return Explanation{Call: call, Verdict: "does not wait"}
	}
	decision := Decide(plan, view, now)
	e := Explanation{
		Call: call, Queue: c.Queue, Position: view.Position(call), Waiting: view.Waiting(c.Queue),
		Priority: c.Priority, Waited: now.Sub(c.Entered),
	}
	var offer *Offer
	if i := slices.IndexFunc(decision.Offers, func(o Offer) bool { return o.Call == call }); i >= 0 {
		offer = &decision.Offers[i]
	}
	h := hope{caller: c}
	if i := slices.IndexFunc(decision.Spills, func(s Spill) bool { return s.Call == call }); i >= 0 {
		h.opened = decision.Spills[i].To
	}
	e.Verdict = verdict(decision, view, c, offer, now)
	for queue := range h.queues {
		e.Agents = append(e.Agents, verdicts(plan, view, decision, c, queue, offer, now)...)
	}
	return e
}

// verdict says what is done with a caller.
func verdict(decision Decision, view *View, c *Caller, offer *Offer, now time.Time) string {
	if i := slices.IndexFunc(decision.Ends, func(e End) bool { return e.Call == c.Call }); i >= 0 {
		return "his wait ends: " + decision.Ends[i].Reason
	}
	switch {
	case c.Claim.Live(now):
		return "is offered to " + c.Claim.Agent
	case offer != nil:
		return "goes to " + offer.Agent + " (" + offer.Why + ")"
	case view.Leases.Lapsed(c.Node, now):
		return "waits on a node that is cut off, which serves him by itself"
	case now.Before(view.Skipped[c.Call]):
		return "is passed over for a while: his node did not act on an offer"
	default:
		return "waits for an agent"
	}
}

// verdicts goes over the agents of one queue, in the order of their tiers.
func verdicts(plan *Plan, view *View, decision Decision, c *Caller, queue string, offer *Offer, now time.Time) []Verdict {
	var list []Verdict
	for _, agent := range plan.Agents {
		tier, serves := agent.Queues[queue]
		if !serves {
			continue
		}
		v := Verdict{Agent: agent.Name, Queue: queue, Tier: tier}
		v.Chosen = offer != nil && offer.Agent == agent.Name && offer.Queue == queue
		if v.Why = reason(agent, view, decision, c, now); v.Chosen {
			v.Why = offer.Why
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b Verdict) int { return cmp.Compare(a.Tier, b.Tier) })
	return list
}

// reason says why an agent is not chosen for a caller.
func reason(agent *Agent, view *View, decision Decision, c *Caller, now time.Time) string {
	s := view.Agents[agent.Name]
	state, since, why := agent.Condition(s, now)
	if state != Ready {
		text := string(state)
		if why != "" {
			text += " (" + why + ")"
		}
		if !since.IsZero() {
			text += " for " + now.Sub(since).Truncate(time.Second).String()
		}
		return text
	}
	switch until := c.Refused[agent.Name]; {
	case now.Before(s.NotBefore):
		return fmt.Sprintf("left alone after %s for %s more", s.Cause, s.NotBefore.Sub(now).Truncate(time.Second))
	case now.Before(until):
		return fmt.Sprintf("refused this caller; not asked again for %s", until.Sub(now).Truncate(time.Second))
	case now.Before(view.Denied[agent.Name]):
		return "ready, but the store would not bind the agent a moment ago"
	case !s.ReachedBy(c.Node, view.Leases, now):
		return "ready, but only another node reaches the phone"
	}
	if i := slices.IndexFunc(decision.Offers, func(o Offer) bool { return o.Agent == agent.Name }); i >= 0 {
		other := view.Callers[decision.Offers[i].Call]
		if Compare(other, c) < 0 {
			return "goes to " + other.Call + ", who stands before"
		}
		return "goes to " + other.Call
	}
	if slices.Contains(c.Missed, agent.Name) {
		return "let this caller ring in vain: asked last"
	}
	return "ready, but another comes first"
}

// String is the explanation as a person reads it, a line for the caller and one for each agent.
func (e Explanation) String() string {
	if e.Position == 0 {
		return e.Call + " " + e.Verdict
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s; place %d of %d in %s, priority %d, waiting %s",
		e.Call, e.Verdict, e.Position, e.Waiting, e.Queue, e.Priority, e.Waited.Truncate(time.Second))
	for _, v := range e.Agents {
		mark := "-"
		if v.Chosen {
			mark = "*"
		}
		fmt.Fprintf(&b, "\n  %s %s (%s, tier %d): %s", mark, v.Agent, v.Queue, v.Tier, v.Why)
	}
	return b.String()
}
