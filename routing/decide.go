package routing

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// UnstaffedGrace is how long after his entry a caller is judged unstaffed or not: agents who are just signing in get so long
// (field practice: 5 s).
const UnstaffedGrace = 5 * time.Second

// UnstaffedWindow is for how long after UnstaffedGrace that judgement may still be made, should nobody decide at that very
// moment; a dispatcher decides at least each second. Later a caller is not judged again, whoever leaves.
const UnstaffedWindow = 2 * time.Second

// table is what one decision is laid out on. It lives for one call of Decide or Explain.
type table struct {
	plan     *Plan
	view     *View
	now      time.Time
	agents   map[string]*Agent      // the plan's, by name
	waiting  map[string]int         // callers by home queue
	open     map[*OverflowRule]bool // when_waiting conditions that hold
	bench    map[string]*bench      // ready agents by queue
	taken    []bool                 // agents, as in the plan, who are offered a caller by this decision
	staff    map[string]bool        // queues that somebody signed in serves; nil until it is asked for
	decision Decision
}

// hope is a caller who could be offered now, with what this decision opens to him.
type hope struct {
	caller *Caller
	opened []string
	rule   string
}

// Decide says what should be done now: seats, overflow, waits that are over, and the matches. It is pure: the same plan, view
// and now give the same decision on every node. Nothing is changed; the arguments are only read.
func Decide(plan *Plan, view *View, now time.Time) Decision {
	t := newTable(plan, view, now)
	t.seats()
	t.openings()
	ready := t.benches()
	t.offers(t.judge(ready), ready)
	t.agentWakes()
	return t.decision
}

// newTable counts what the rules need.
func newTable(plan *Plan, view *View, now time.Time) *table {
	t := &table{
		plan:    plan,
		view:    view,
		now:     now,
		agents:  make(map[string]*Agent, len(plan.Agents)),
		waiting: make(map[string]int, len(plan.Queues)),
		open:    make(map[*OverflowRule]bool),
		bench:   make(map[string]*bench),
		taken:   make([]bool, len(plan.Agents)),
	}
	for _, a := range plan.Agents {
		t.agents[a.Name] = a
	}
	for _, c := range view.Callers {
		t.waiting[c.Queue]++
	}
	return t
}

// judge goes over all callers: whose wait is over, whom overflow opens further queues, and, when so many agents are ready, who
// could be offered now.
func (t *table) judge(ready int) []hope {
	var hopeful []hope
	for _, c := range t.view.Callers {
		if reason := t.over(c); reason != "" {
			t.decision.Ends = append(t.decision.Ends, End{Call: c.Call, Reason: reason})
			continue
		}
		h := hope{caller: c}
		if home := t.plan.Queue(c.Queue); home != nil {
			h.opened, h.rule = t.spill(c, home)
		}
		if len(h.opened) > 0 {
			t.decision.Spills = append(t.decision.Spills, Spill{Call: c.Call, To: h.opened, Rule: h.rule})
		}
		if t.free(c) && ready > 0 && t.anybodyFor(h) {
			hopeful = append(hopeful, h)
		}
	}
	slices.SortFunc(t.decision.Ends, func(a, b End) int { return t.compare(a.Call, b.Call) })
	slices.SortFunc(t.decision.Spills, func(a, b Spill) int { return t.compare(a.Call, b.Call) })
	return hopeful
}

// over says why a caller's wait is over, or "". An offer in progress is never cut.
func (t *table) over(c *Caller) string {
	if c.Claim.Live(t.now) {
		return ""
	}
	grace := c.Entered.Add(UnstaffedGrace)
	home := t.plan.Queue(c.Queue)
	if home == nil {
		t.wake(grace)
		if t.now.Before(grace) {
			return ""
		}
		return LeftClosed
	}
	if home.MaxWait > 0 {
		if waited(c.Entered, home.MaxWait, t.now) {
			return LeftTimeout
		}
		t.wake(c.Entered.Add(home.MaxWait))
	}
	if home.Incident != "" {
		return ""
	}
	t.wake(grace)
	if t.now.Before(grace) || waited(grace, UnstaffedWindow, t.now) || t.staffed(c, home) {
		return ""
	}
	return LeftUnstaffed
}

// staffed reports whether anybody is signed in who serves the caller's home queue or one that overflow opened or could open.
func (t *table) staffed(c *Caller, home *Queue) bool {
	if t.staff == nil {
		t.staff = make(map[string]bool)
		for _, agent := range t.plan.Agents {
			if t.view.Agents[agent.Name].SignedIn(t.now) {
				for name := range agent.Queues {
					t.staff[name] = true
				}
			}
		}
	}
	served := func(name string) bool { return t.staff[name] }
	return served(home.Name) || slices.ContainsFunc(c.Spilled, served) ||
		slices.ContainsFunc(home.Overflow, func(r OverflowRule) bool { return slices.ContainsFunc(r.To, served) })
}

// free reports whether a caller may be offered now, and notes when time alone will free him.
func (t *table) free(c *Caller) bool {
	for _, until := range c.Refused {
		t.wake(until)
	}
	if c.Claim.Live(t.now) {
		t.wake(c.Claim.Deadline)
		return false
	}
	if t.view.Leases.Lapsed(c.Node, t.now) {
		return false
	}
	if until, skipped := t.view.Skipped[c.Call]; skipped && t.now.Before(until) {
		t.wake(until)
		return false
	}
	return true
}

// queues yields the queues that a caller is offered to, in order: his own, then those that overflow opened, then those that this
// decision opens.
func (h hope) queues(yield func(string) bool) {
	if !yield(h.caller.Queue) {
		return
	}
	for _, list := range [2][]string{h.caller.Spilled, h.opened} {
		for _, name := range list {
			if !yield(name) {
				return
			}
		}
	}
}

// agentWakes notes when time alone changes what agents do.
func (t *table) agentWakes() {
	for _, until := range t.view.Leases {
		t.wake(until.Add(-ClaimMargin))
		t.wake(until)
	}
	for _, s := range t.view.Agents {
		t.wake(s.WrapUp)
		t.wake(s.NotBefore)
		for _, p := range s.Phones {
			t.wake(p.Until)
		}
		if s.Claim.Ringing(t.now) {
			t.wake(s.Claim.Deadline)
		}
	}
}

// wake notes a moment at which the decision changes by time alone.
func (t *table) wake(at time.Time) {
	if at.After(t.now) && (t.decision.Next.IsZero() || at.Before(t.decision.Next)) {
		t.decision.Next = at
	}
}

// compare orders two waiting callers by their ids.
func (t *table) compare(a, b string) int {
	return cmp.Or(Compare(t.view.Callers[a], t.view.Callers[b]), cmp.Compare(a, b))
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
