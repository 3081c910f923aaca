package routing

import "time"

// Plan is what a centre has configured about queues and agents, with the effects of active incidents laid over it. It is
// immutable once published; incident.Overlay makes a changed copy.
type Plan struct {
	Seats  int               // how many agents may be signed in at one time
	Queues map[string]*Queue // by name
	Agents []*Agent          // in the order of the configuration, which is the order of round-robin
}

// Strategy is how a queue chooses among ready agents of one tier.
type Strategy string

// The strategies that a queue may be configured with.
const (
	LongestIdle Strategy = "longest-idle" // who has been idle longest, over all queues, from the end of wrap-up
	RoundRobin  Strategy = "round-robin"  // the next in the plan's order after whom this queue offered to last
)

// Queue is the rules of one department.
type Queue struct {
	Name         string
	Strategy     Strategy
	ServiceLevel time.Duration  // the wait within which an answer counts as in time
	Ring         time.Duration  // how long an offer rings
	WrapUp       time.Duration  // how long an agent is left alone after a conversation
	Capacity     int            // callers waiting at most
	MaxWait      time.Duration  // the longest wait; an offer in progress is never cut for it
	Overflow     []OverflowRule // any rule may open; those of incidents come first
	Incident     string         // the active incident that changes this queue, or ""; such a queue is never unstaffed
	Closed       bool           // no longer configured: serves those in it, takes no more
}

// OverflowRule spills callers of a queue into others. All its conditions hold together; a zero condition is no condition.
type OverflowRule struct {
	AfterWait   time.Duration // the caller has waited so long
	WhenWaiting int           // so many wait in the home queue; open until 80 % of it
	To          []string      // the queues whose agents are asked too, in order of preference
	Incident    string        // the incident that brought this rule, or ""
}

// Agent is one account that can take calls.
type Agent struct {
	Name     string
	Display  string         // the person's name, for people
	Queues   map[string]int // tier per queue; 1 is asked before 2
	Incident string         // the incident that added a queue to this agent, or ""; such agents lose their seat first
}

// Queue returns the named queue's rules, or nil.
func (p *Plan) Queue(name string) *Queue { return p.Queues[name] }

// Agent returns the named agent, or nil.
func (p *Plan) Agent(name string) *Agent {
	for _, a := range p.Agents {
		if a.Name == name {
			return a
		}
	}
	return nil
}
