package routing

import (
	"slices"
	"time"
)

// Phone is one place where an agent can be reached (RFC 3261 section 10: a binding), as all nodes see it. It is a plain value.
type Phone struct {
	Place     string    // which of the agent's phones it is: the registrar's word for it
	Node      string    // the owner whose registrar took it; "": it died, and the phone is anybody's
	Direct    bool      // every node reaches it by its address; otherwise only Node does, and it ends with Node
	Since     time.Time // since when it is registered without a break
	Refreshed time.Time // when it was registered last: of two nodes that both took it, the later has it
	Until     time.Time // when its registration ends unless it is refreshed
	Record    string    // the registrar's own: what ringing it needs
}

// Live reports whether the phone's registration runs at now.
func (p Phone) Live(now time.Time) bool { return now.Before(p.Until) }

// Until is when the last of the agent's phones ends unless it is refreshed; zero when there is none. A nil state has none.
func (s *AgentState) Until() time.Time {
	var until time.Time
	if s != nil {
		for _, p := range s.Phones {
			until = latest(until, p.Until)
		}
	}
	return until
}

// Node is the node through which the agent registered last; "" when there is none, or when it died.
func (s *AgentState) Node() string {
	var newest Phone
	if s != nil {
		for _, p := range s.Phones {
			if !p.Refreshed.Before(newest.Refreshed) {
				newest = p
			}
		}
	}
	return newest.Node
}

// Leases are until when the leases of nodes live, in store time, of those that were ever renewed. nil knows of none.
type Leases map[string]time.Time

// Lapsed reports whether a node's lease was renewed once and is over at a time.
func (l Leases) Lapsed(node string, at time.Time) bool {
	until, known := l[node]
	return known && !at.Before(until)
}

// ReachedBy reports whether a node can ring the phone at now: it is registered there, or can be rung by every node and is not a node's
// whose lease runs short, which may be cut off and soon use it by itself.
func (p Phone) ReachedBy(node string, leases Leases, now time.Time) bool {
	return p.Live(now) && (p.Node == node || p.Node == "" || p.Direct && !leases.Lapsed(p.Node, now.Add(ClaimMargin)))
}

// ReachedBy reports whether a node can ring the agent at now, by any phone. A nil state has none.
func (s *AgentState) ReachedBy(node string, leases Leases, now time.Time) bool {
	return s != nil && slices.ContainsFunc(s.Phones, func(p Phone) bool { return p.ReachedBy(node, leases, now) })
}

// Registering is the agent's phones when those registered through a node are these alone, instead of those that were before: what a
// store makes of Register. A place that another node took later stays that node's; what is over is left out.
func (s *AgentState) Registering(node string, phones []Phone, now time.Time) []Phone {
	var kept []Phone
	if s != nil {
		for _, p := range s.Phones {
			if p.Node != node && p.Live(now) {
				kept = append(kept, p)
			}
		}
	}
	for _, p := range phones {
		if !p.Live(now) {
			continue
		}
		p.Node = node
		at := 0
		for at < len(kept) && kept[at].Place != p.Place {
			at++
		}
		switch {
		case at == len(kept):
			kept = append(kept, p)
		case !p.Refreshed.Before(kept[at].Refreshed):
			kept[at] = p
		}
	}
	return kept
}

// Orphaned is the agent's phones after a node died: those that only it reached are gone, the others are anybody's.
func (s *AgentState) Orphaned(node string) []Phone {
	var kept []Phone
	for _, p := range s.Phones {
		if p.Node == node {
			if !p.Direct {
				continue
			}
			p.Node = ""
		}
		kept = append(kept, p)
	}
	return kept
}
