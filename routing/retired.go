package routing

import "maps"

// Retired remembers the last rules of queues, and who served them, beyond the plan that they came from: a queue that was removed
// serves those in it. It is not safe for concurrent use; the zero value remembers nothing.
type Retired struct {
	queues  map[string]*Queue
	members map[string]map[string]int // by queue: agents and their tiers
}

// Learn remembers the queues of a plan that comes into force.
func (r *Retired) Learn(plan *Plan) {
	if r.queues == nil {
		r.queues = make(map[string]*Queue)
		r.members = make(map[string]map[string]int)
	}
	for name, q := range plan.Queues {
		r.queues[name] = q
		r.members[name] = make(map[string]int)
	}
	for _, a := range plan.Agents {
		for name, tier := range a.Queues {
			if members := r.members[name]; members != nil {
				members[a.Name] = tier
			}
		}
	}
}

// Lay returns the plan with those removed queues, closed, that callers of the view still wait in, served by those of their agents
// who are still configured. The plan itself is returned when there are none; it is never changed.
func (r *Retired) Lay(plan *Plan, view *View) *Plan {
	kept := make(map[string]*Queue)
	for _, c := range view.Callers {
		if q := r.queues[c.Queue]; q != nil && plan.Queue(c.Queue) == nil {
			closed := *q
			closed.Closed = true
			kept[c.Queue] = &closed
		}
	}
	if len(kept) == 0 {
		return plan
	}
	laid := *plan
	laid.Queues = maps.Clone(plan.Queues)
	if laid.Queues == nil {
		laid.Queues = make(map[string]*Queue)
	}
	maps.Copy(laid.Queues, kept)
	laid.Agents = make([]*Agent, len(plan.Agents))
	for i, a := range plan.Agents {
		laid.Agents[i] = r.serving(a, kept)
	}
	return &laid
}

// serving returns the agent with the kept queues that he served.
func (r *Retired) serving(a *Agent, kept map[string]*Queue) *Agent {
	next := *a
	next.Queues = maps.Clone(a.Queues)
	for name := range kept {
		if tier, served := r.members[name][a.Name]; served {
			if next.Queues == nil {
				next.Queues = make(map[string]int)
			}
			next.Queues[name] = tier
		}
	}
	return &next
}
