package routing

import (
	"maps"
	"slices"
)

// Retired remembers the last rules of queues, and who served them, beyond the plan that they came from: a queue that was removed
// serves those in it. It is not safe for concurrent use; the zero value remembers nothing.
type Retired struct {
	queues  map[string]*Queue
	members map[string]map[string]member // by queue: its agents
}

// member is how an agent served a queue.
type member struct {
	tier     int
	incident string // that had added a queue, maybe this one, to the agent; "" none
}

// Learn remembers the queues of a plan that comes into force.
func (r *Retired) Learn(plan *Plan) {
	if r.queues == nil {
		r.queues = make(map[string]*Queue)
		r.members = make(map[string]map[string]member)
	}
	before := maps.Clone(r.members)
	for name, q := range plan.Queues {
		r.queues[name] = q
		r.members[name] = make(map[string]member)
	}
	for _, a := range plan.Agents {
		for name, tier := range a.Queues {
			if members := r.members[name]; members != nil {
				m := member{tier, a.Incident}
				if was, served := before[name][a.Name]; served && was.incident == "" {
					m.incident = "" // he served this queue before the incident
				}
				members[a.Name] = m
			}
		}
	}
}

// Lay returns the plan with those removed queues, closed, that callers of the view still wait in, served by those of their agents
// who are still configured. What an incident had changed for them ends with it. The plan itself is returned when there are none; it
// is never changed.
func (r *Retired) Lay(plan *Plan, view *View) *Plan {
	kept := make(map[string]*Queue)
	for _, c := range view.Callers {
		if q := r.queues[c.Queue]; q != nil && plan.Queue(c.Queue) == nil {
			kept[c.Queue] = closed(q, plan)
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

// closed is a removed queue as it goes on beside a plan: it takes no more callers, and has lost what incidents had changed that hold
// no longer, as far as the plan shows.
func closed(q *Queue, plan *Plan) *Queue {
	next := *q
	next.Closed = true
	if !plan.has(next.Incident) {
		next.Incident = ""
	}
	next.Overflow = slices.DeleteFunc(slices.Clone(q.Overflow), func(r OverflowRule) bool { return !plan.has(r.Incident) })
	return &next
}

// has reports whether anything in the plan is an incident's; "" is always there.
func (p *Plan) has(incident string) bool {
	if incident == "" {
		return true
	}
	for _, q := range p.Queues {
		if q.Incident == incident {
			return true
		}
	}
	return slices.ContainsFunc(p.Agents, func(a *Agent) bool { return a.Incident == incident })
}

// serving returns the agent with the kept queues that he served.
func (r *Retired) serving(a *Agent, kept map[string]*Queue) *Agent {
	next := *a
	next.Queues = maps.Clone(a.Queues)
	for name := range kept {
		if m, served := r.members[name][a.Name]; served && (m.incident == "" || m.incident == a.Incident) {
			if next.Queues == nil {
				next.Queues = make(map[string]int)
			}
			next.Queues[name] = m.tier
		}
	}
	return &next
}
