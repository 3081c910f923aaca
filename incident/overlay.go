package incident

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// Warning is something about an incident that changes nothing and that somebody should know.
type Warning struct {
	Incident string
	Text     string
}

// maxSeats bounds what one incident may add to the seats of a centre, so that no sum overflows.
const maxSeats = 1_000_000

// Overlay returns the plan as the incidents that are active now change it, with a warning for each queue or agent that they name
// and the plan does not have. The plan itself is never changed; without an active incident it is returned as it is.
//
// Seats are added up. An agent keeps the queues of the plan; where an incident names one of them again, the lower tier holds, so
// that no incident takes an agent further back. Rules of incidents stand before those of the plan, in the order of ActiveNow. A
// queue belongs to the first incident that has it in its scope or changes it; one for everyone has all queues in its scope.
func Overlay(plan *routing.Plan, b Board, now time.Time) (*routing.Plan, []Warning) {
	active := ActiveNow(b, now)
	if len(active) == 0 {
		return plan, nil
	}
	o := &overlay{
		plan: &routing.Plan{Seats: plan.Seats, Queues: maps.Clone(plan.Queues), Agents: slices.Clone(plan.Agents)},
		base: plan, agents: make(map[string]int, len(plan.Agents)),
		rules: map[string][]routing.OverflowRule{},
	}
	for i, a := range plan.Agents {
		o.agents[a.Name] = i
	}
	for _, r := range active {
		o.incident = r.Incident
		o.lay(r.Revision.Effects)
	}
	for name, rules := range o.rules {
		queue := o.plan.Queues[name]
		queue.Overflow = append(rules, queue.Overflow...)
	}
	return o.plan, o.warnings
}

// overlay is a plan that is being changed.
type overlay struct {
	plan     *routing.Plan // the copy; what still is the base's is copied before it is changed
	base     *routing.Plan
	agents   map[string]int                    // where an agent stands in plan.Agents
	rules    map[string][]routing.OverflowRule // of incidents, by queue
	incident string                            // whose effects are laid over now
	warnings []Warning
}

// lay lays one incident's effects over the plan.
func (o *overlay) lay(e Effects) {
	o.plan.Seats += min(max(e.SeatsAdd, 0), maxSeats)
	for _, name := range o.scope(e) {
		o.queue(name, "applies_to")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Overflow)) {
		if queue := o.queue(name, "overflow"); queue != nil {
			o.overflow(name, e.Overflow[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.SeatsAgents)) {
		o.agent(name, e.SeatsAgents[name])
	}
}

// scope returns the queues that an incident applies to.
func (o *overlay) scope(e Effects) []string {
	if len(e.Numbers) == 0 && len(e.Queues) == 0 {
		return slices.Sorted(maps.Keys(o.plan.Queues))
	}
	return e.Queues
}

// queue returns a queue for changing, marked as the present incident's, or nil with a warning.
func (o *overlay) queue(name, field string) *routing.Queue {
	queue := o.plan.Queues[name]
	if queue == nil {
		o.warn("%s: queue %s does not exist", field, name)
		return nil
	}
	if queue == o.base.Queues[name] {
		copied := *queue
		queue = &copied
		o.plan.Queues[name] = queue
	}
	if queue.Incident == "" {
		queue.Incident = o.incident
	}
	return queue
}

// overflow adds an incident's rules for a queue, without the queues that do not exist.
func (o *overlay) overflow(name string, rules []routing.OverflowRule) {
	for _, rule := range rules {
		var to []string
		for _, target := range rule.To {
			if o.plan.Queues[target] == nil {
				o.warn("overflow of %s: queue %s does not exist", name, target)
				continue
			}
			to = append(to, target)
		}
		if len(to) > 0 {
			rule.To, rule.Incident = to, o.incident
			o.rules[name] = append(o.rules[name], rule)
		}
	}
}

// agent adds queues to an agent.
func (o *overlay) agent(name string, queues map[string]int) {
	i, known := o.agents[name]
	if !known {
		o.warn("seats: agent %s does not exist", name)
		return
	}
	agent := *o.plan.Agents[i]
	agent.Queues = maps.Clone(agent.Queues)
	if agent.Queues == nil {
		agent.Queues = map[string]int{}
	}
	for _, queue := range slices.Sorted(maps.Keys(queues)) {
		if o.queue(queue, "seats of "+name) == nil {
			continue
		}
		tier, has := agent.Queues[queue]
		if !has && agent.Incident == "" {
			agent.Incident = o.incident
		}
		if !has || queues[queue] < tier {
			agent.Queues[queue] = queues[queue]
		}
	}
	o.plan.Agents[i] = &agent
}

// warn notes what the present incident names in vain.
func (o *overlay) warn(format string, args ...any) {
	o.warnings = append(o.warnings, Warning{Incident: o.incident, Text: fmt.Sprintf(format, args...)})
}
