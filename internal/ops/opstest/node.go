// Package opstest is a node for tests of what looks at nodes: the API and the commands. It is a value that answers what it was
// told to, and remembers what it was asked.
package opstest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
)

// Node is a node of plain values. It is safe for concurrent use, but for Set, which is for before and between requests.
type Node struct {
	mu      sync.Mutex
	state   State
	toggles []ops.Toggle
}

// State is what a Node answers. A Failure that is not nil is answered instead, by everything but Ready and Config.
type State struct {
	NotReady  error
	Failure   error
	Queues    []ops.Queue
	Agents    []ops.Agent
	Seats     ops.Seats
	Calls     []ops.Call
	Nodes     ops.Nodes
	Incidents []ops.Incident
	Config    ops.Config
}

var _ ops.Node = (*Node)(nil)

// New returns a node that answers a state.
func New(s State) *Node { return &Node{state: s} }

// Set changes what the node answers.
func (n *Node) Set(change func(*State)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(&n.state)
}

// Toggles returns what was asked of incidents so far.
func (n *Node) Toggles() []ops.Toggle {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.toggles)
}

func answer[T any](n *Node, of func(*State) T) (T, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state.Failure != nil {
		var none T
		return none, n.state.Failure
	}
	return of(&n.state), nil
}

// Ready returns State.NotReady.
func (n *Node) Ready() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state.NotReady
}

// Queues returns State.Queues.
func (n *Node) Queues(context.Context) ([]ops.Queue, error) {
	return answer(n, func(s *State) []ops.Queue { return slices.Clone(s.Queues) })
}

// Agents returns State.Agents.
func (n *Node) Agents(context.Context) ([]ops.Agent, error) {
	return answer(n, func(s *State) []ops.Agent { return slices.Clone(s.Agents) })
}

// Seats returns State.Seats.
func (n *Node) Seats(context.Context) (ops.Seats, error) {
	return answer(n, func(s *State) ops.Seats { return s.Seats })
}

// Calls returns State.Calls.
func (n *Node) Calls(context.Context) ([]ops.Call, error) {
	return answer(n, func(s *State) []ops.Call { return slices.Clone(s.Calls) })
}

// Name is the node's own.
const Name = "syd-1"

// OwnCalls returns those of State.Calls that are the node's own.
func (n *Node) OwnCalls(context.Context) ([]ops.Call, error) {
	return answer(n, func(s *State) []ops.Call {
		return slices.DeleteFunc(slices.Clone(s.Calls), func(c ops.Call) bool { return c.Node != Name })
	})
}

// Nodes returns State.Nodes.
func (n *Node) Nodes(context.Context) (ops.Nodes, error) {
	return answer(n, func(s *State) ops.Nodes {
		return ops.Nodes{Redis: s.Nodes.Redis, Nodes: slices.Clone(s.Nodes.Nodes)}
	})
}

// Incidents returns State.Incidents.
func (n *Node) Incidents(context.Context) ([]ops.Incident, error) {
	return answer(n, func(s *State) []ops.Incident { return slices.Clone(s.Incidents) })
}

// Config returns State.Config.
func (n *Node) Config() ops.Config {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state.Config
}

// Toggle remembers what is asked, and does it: an incident that is switched on without an end gets Start and six hours.
func (n *Node) Toggle(_ context.Context, name string, t ops.Toggle) (ops.Incident, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state.Failure != nil {
		return ops.Incident{}, n.state.Failure
	}
	k := slices.IndexFunc(n.state.Incidents, func(i ops.Incident) bool { return i.Name == name })
	if k < 0 {
		return ops.Incident{}, fmt.Errorf("%q: %w", name, ops.ErrUnknownIncident)
	}
	n.toggles = append(n.toggles, t)
	i := &n.state.Incidents[k]
	i.Active, i.By, i.Reason, i.Since, i.Until = t.Active, t.By, t.Reason, ops.Time{}, ops.Time{}
	i.Revision++
	if t.Active {
		i.Since, i.Until = ops.Time(Start), ops.Time(end(t))
	}
	return *i, nil
}

func end(t ops.Toggle) time.Time {
	switch {
	case t.Manual:
		return time.Time{}
	case !t.Until.IsZero():
		return t.Until
	case t.For > 0:
		return Start.Add(t.For)
	}
	return Start.Add(6 * time.Hour)
}
