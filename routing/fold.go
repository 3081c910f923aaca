package routing

import (
	"maps"
	"time"
)

// NewView returns a view of nothing.
func NewView() *View {
	return &View{
		Callers: make(map[string]*Caller),
		Agents:  make(map[string]*AgentState),
		Queues:  make(map[string]*QueueState),
		Lost:    make(map[string]*LostPlace),
	}
}

// Fold brings the view up to an event. It returns false, and changes nothing, when the event does not follow the last one (a
// hole, or another life of the store): then the whole snapshot has to be taken again. An event that was folded in already is
// passed over.
func (v *View) Fold(e Event) bool {
	if e.Incarnation != v.Incarnation || e.Seq > v.Seq+1 {
		return false
	}
	if e.Seq <= v.Seq {
		return true
	}
	v.Seq = e.Seq
	switch {
	case e.Caller != nil:
		v.Callers[e.Caller.Call] = e.Caller
		if e.Kind == CallerEntered {
			delete(v.Lost, e.Caller.Call)
			delete(v.Lost, e.Caller.Returns)
		}
	case e.Call != "":
		if e.Kind == CallerLeft && e.Reason == LeftNodeLost {
			v.Lost[e.Call] = &LostPlace{Caller: *e.Was, At: e.At}
		}
		delete(v.Callers, e.Call)
	}
	if e.Agent != nil {
		v.Agents[e.Agent.Name] = e.Agent
	}
	if e.Queue != nil {
		v.Queues[e.Queue.Name] = e.Queue
	}
	return true
}

// Clone returns a view of its own maps, which further folding into v does not change. The values are shared, as values in a view
// are never changed in place.
func (v *View) Clone() *View {
	c := *v
	c.Callers = maps.Clone(v.Callers)
	c.Agents = maps.Clone(v.Agents)
	c.Queues = maps.Clone(v.Queues)
	c.Lost = maps.Clone(v.Lost)
	c.Skipped = maps.Clone(v.Skipped)
	c.Denied = maps.Clone(v.Denied)
	c.Leases = maps.Clone(v.Leases)
	return &c
}

// ForgetLost drops the lost places that nobody came back for. Every holder of a view does it by itself, since it is a matter of time.
func (v *View) ForgetLost(now time.Time) {
	for call, lost := range v.Lost {
		if now.Sub(lost.At) >= LostKept {
			delete(v.Lost, call)
		}
	}
}

// LostFrom is how many callers of a home queue are lost with their node and may come back to their place.
func (v *View) LostFrom(queue string) int {
	n := 0
	for _, lost := range v.Lost {
		if lost.Caller.Queue == queue {
			n++
		}
	}
	return n
}
