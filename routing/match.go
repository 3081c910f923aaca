package routing

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// bench is the agents of one queue who are ready, in the order in which they are asked.
type bench struct {
	queue  *Queue
	agents []candidate
	left   int // of them not yet offered a caller in this decision
	head   int // agents before it are all taken
}

// candidate is one agent on one queue's bench.
type candidate struct {
	agent *Agent
	state *AgentState
	tier  int
	index int // in the plan
}

// benches seats every available agent on the bench of each of his queues, and returns how many agents that are.
func (t *table) benches() int {
	ready := 0
	for i, agent := range t.plan.Agents {
		state := t.view.Agents[agent.Name]
		if state == nil || !agent.Available(state, t.now) {
			continue
		}
		if until, denied := t.view.Denied[agent.Name]; denied && t.now.Before(until) {
			t.wake(until)
			continue
		}
		ready++
		for name, tier := range agent.Queues {
			queue := t.plan.Queue(name)
			if queue == nil {
				continue
			}
			b := t.bench[name]
			if b == nil {
				b = &bench{queue: queue}
				t.bench[name] = b
			}
			b.agents = append(b.agents, candidate{agent, state, tier, i})
			b.left++
		}
	}
	for _, b := range t.bench {
		b.sort(t.lastOffered(b.queue))
	}
	return ready
}

// lastOffered is the place in the plan of the agent whom a queue offered to last, or -1.
func (t *table) lastOffered(q *Queue) int {
	state := t.view.Queues[q.Name]
	if state == nil || q.Strategy != RoundRobin {
		return -1
	}
	return slices.IndexFunc(t.plan.Agents, func(a *Agent) bool { return a.Name == state.LastOffered })
}

// sort puts the bench into the order of tier, then strategy.
func (b *bench) sort(last int) {
	turn := func(index int) int { // the plan's order, beginning after last
		if index <= last {
			return 1
		}
		return 0
	}
	slices.SortFunc(b.agents, func(x, y candidate) int {
		if c := cmp.Compare(x.tier, y.tier); c != 0 {
			return c
		}
		if b.queue.Strategy == RoundRobin {
			return cmp.Or(cmp.Compare(turn(x.index), turn(y.index)), cmp.Compare(x.index, y.index))
		}
		return cmp.Or(x.state.Idle.Compare(y.state.Idle), cmp.Compare(x.index, y.index))
	})
}

// offers matches callers with the agents who are ready: all who could be offered now, in one order over all queues, each with the
// best agent who is left.
func (t *table) offers(hopeful []hope, ready int) {
	slices.SortFunc(hopeful, func(a, b hope) int { return Compare(a.caller, b.caller) })
	for _, h := range hopeful {
		if ready == 0 {
			return
		}
		b, who := t.choose(h)
		if b == nil {
			continue
		}
		t.take(who)
		ready--
		t.decision.Offers = append(t.decision.Offers, Offer{
			Call:  h.caller.Call,
			Agent: who.agent.Name,
			Queue: b.queue.Name,
			Ring:  b.queue.Ring,
			Why:   t.why(h, b, who),
		})
	}
}

// anybodyFor reports whether an agent is left on the bench of any queue that the caller is offered to.
func (t *table) anybodyFor(h hope) bool {
	for name := range h.queues {
		if b := t.bench[name]; b != nil && b.left > 0 {
			return true
		}
	}
	return false
}

// choose finds the agent for a caller: his home queue's first, then those of the queues that overflow opened, in order; those
// who let him ring in vain only when nobody else is ready.
func (t *table) choose(h hope) (*bench, candidate) {
	for _, again := range []bool{false, true} {
		if again && len(h.caller.Missed) == 0 {
			break
		}
		for name := range h.queues {
			b := t.bench[name]
			if b == nil || b.left == 0 {
				continue
			}
			if who, ok := t.first(b, h.caller, again); ok {
				return b, who
			}
		}
	}
	return nil, candidate{}
}

// first returns the first agent of a bench who is left and may be offered to the caller.
func (t *table) first(b *bench, c *Caller, again bool) (candidate, bool) {
	for b.head < len(b.agents) && t.taken[b.agents[b.head].index] {
		b.head++
	}
	for _, who := range b.agents[b.head:] {
		if t.taken[who.index] || t.refused(c, who.agent.Name) || !who.state.ReachedBy(c.Node, t.view.Leases, t.now) {
			continue
		}
		if again || !slices.Contains(c.Missed, who.agent.Name) {
			return who, true
		}
	}
	return candidate{}, false
}

// refused reports whether an agent refused this caller so lately that he is not asked again.
func (t *table) refused(c *Caller, agent string) bool {
	until, ok := c.Refused[agent]
	return ok && t.now.Before(until)
}

// take marks an agent as offered to, on every bench.
func (t *table) take(who candidate) {
	t.taken[who.index] = true
	for name := range who.agent.Queues {
		if b := t.bench[name]; b != nil {
			b.left--
		}
	}
}

// why says which rule made a match.
func (t *table) why(h hope, b *bench, who candidate) string {
	where := b.queue.Name
	if where != h.caller.Queue {
		where += " for " + h.caller.Queue + ", " + JoinRules(h.caller.SpillRule, h.rule)
	}
	if b.queue.Strategy == RoundRobin {
		return fmt.Sprintf("%s: tier %d, next in turn", where, who.tier)
	}
	idle := t.now.Sub(who.state.Idle).Truncate(time.Second)
	return fmt.Sprintf("%s: tier %d, longest idle (%s)", where, who.tier, idle)
}
