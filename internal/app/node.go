package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/routing"
)

// node is ops.Node: the running node as staff see it. It is safe for concurrent use.
type node struct {
	id         string
	centre     *centre
	centreFile func() string // digest of the centre.yaml in force
	cluster    *cluster      // nil: the node is alone by its configuration
	dispatcher *dispatch.Dispatcher
	ledger     *call.Ledger
	draining   func() bool
}

var _ ops.Node = (*node)(nil)

// Ready says whether the node takes calls.
func (n *node) Ready() error {
	if n.draining() {
		return errors.New("draining")
	}
	return nil
}

// picture is what the dispatcher sees, or the error that the API tells.
func (n *node) picture(ctx context.Context) (dispatch.Picture, error) {
	p, err := n.dispatcher.Picture(ctx)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	return p, nil
}

// Queues returns every queue, by name.
func (n *node) Queues(ctx context.Context) ([]ops.Queue, error) {
	p, err := n.picture(ctx)
	if err != nil {
		return nil, err
	}
	ready, busy := agentsAt(p)
	queues := make([]ops.Queue, 0, len(p.Plan.Queues))
	for _, name := range slices.Sorted(maps.Keys(p.Plan.Queues)) {
		within, offered := p.Figures[name].ServiceLevel()
		queues = append(queues, ops.Queue{
			Name: name, Waiting: p.View.Waiting(name), OverflowedIn: p.View.OverflowedIn(name),
			Lost:        p.View.LostFrom(name),
			LongestWait: ops.Seconds(p.View.LongestWait(name, p.Now)),
			AgentsReady: ready[name], AgentsBusy: busy[name],
			ServiceLevel: ops.ServiceLevel{Threshold: ops.Seconds(p.Plan.Queues[name].ServiceLevel), AnsweredWithin: within, Offered: offered},
		})
	}
	return queues, nil
}

// agentsAt counts, by queue, who is ready and who is busy.
func agentsAt(p dispatch.Picture) (ready, busy map[string]int) {
	ready, busy = make(map[string]int), make(map[string]int)
	for _, a := range p.Plan.Agents {
		state, _, _ := a.Condition(p.View.Agents[a.Name], p.Now)
		for queue := range a.Queues {
			switch state {
			case routing.Ready:
				ready[queue]++
			case routing.Ringing, routing.Talking, routing.WrapUp:
				busy[queue]++
			}
		}
	}
	return ready, busy
}

// Agents returns every agent, by name.
func (n *node) Agents(ctx context.Context) ([]ops.Agent, error) {
	p, err := n.picture(ctx)
	if err != nil {
		return nil, err
	}
	agents := make([]ops.Agent, 0, len(p.Plan.Agents))
	for _, a := range p.Plan.Agents {
		seen := p.View.Agents[a.Name]
		state, since, reason := a.Condition(seen, p.Now)
		told := ops.Agent{Name: a.Name, State: string(state), Since: ops.Time(since), Reason: reason, Queues: maps.Clone(a.Queues)}
		if told.Queues == nil {
			told.Queues = map[string]int{}
		}
		if seen != nil {
			told.Calls = seen.Calls
			if seen.SignedUp(p.Now) {
				told.Node = nodeOf(seen.Node())
			}
		}
		agents = append(agents, told)
	}
	slices.SortFunc(agents, func(a, b ops.Agent) int { return cmp.Compare(a.Name, b.Name) })
	return agents, nil
}

// Seats returns who has a seat and who would take one.
func (n *node) Seats(ctx context.Context) (ops.Seats, error) {
	p, err := n.picture(ctx)
	if err != nil {
		return ops.Seats{}, err
	}
	var seated, waiting []*routing.AgentState
	for _, seen := range p.View.Agents {
		if !seen.Seat.IsZero() { // also one who is no longer configured, until his call is over
			seated = append(seated, seen)
		}
	}
	for _, a := range p.Plan.Agents {
		seen := p.View.Agents[a.Name]
		if _, _, reason := a.Condition(seen, p.Now); reason == routing.NoSeat {
			waiting = append(waiting, seen)
		}
	}
	return ops.Seats{Limit: p.Plan.Seats, Used: len(seated), Agents: byRegistration(seated), Waiting: byRegistration(waiting)}, nil
}

func byRegistration(agents []*routing.AgentState) []string {
	slices.SortFunc(agents, func(a, b *routing.AgentState) int {
		return cmp.Or(a.Registered.Compare(b.Registered), cmp.Compare(a.Name, b.Name))
	})
	names := make([]string, len(agents))
	for i, a := range agents {
		names[i] = a.Name
	}
	return names
}

// OwnCalls returns the calls of this node, oldest first.
func (n *node) OwnCalls(context.Context) ([]ops.Call, error) { return n.own(), nil }

// Calls returns the calls of all nodes, oldest first. While Redis does not answer they are this node's.
func (n *node) Calls(ctx context.Context) ([]ops.Call, error) {
	calls := n.own()
	if n.cluster == nil {
		return calls, nil
	}
	others, err := n.cluster.callsOf(ctx)
	if err != nil && n.cluster.queues.Up() {
		n.cluster.log.Info("the calls of the other nodes are not told", zap.Error(err))
	}
	calls = append(calls, others...)
	slices.SortFunc(calls, func(a, b ops.Call) int { return cmp.Compare(a.ID, b.ID) }) // UUIDv7: in order of arrival
	return calls, nil
}

// own returns the calls of this node, oldest first.
func (n *node) own() []ops.Call {
	infos := n.ledger.Calls(time.Now())
	calls := make([]ops.Call, 0, len(infos))
	for _, i := range infos {
		told := ops.Call{
			ID: i.ID, SIPCallID: shortened(i.SIPCallID), From: shortened(i.From), To: shortened(i.To), State: string(i.State), Queue: i.Queue,
			Since: ops.Time(i.Since), Node: n.id, Agent: i.Agent, Incidents: i.Incidents,
			Result: string(i.Result), Reason: string(i.Reason), Sound: soundOf(i),
		}
		if i.Position > 0 {
			told.Position = &i.Position
		}
		calls = append(calls, told)
	}
	return calls
}

// toldLength is how much of what a carrier says of a call is told, in runes: numbers and ids are shorter, whoever sends more.
const toldLength = 256

// shortened is the beginning of a text from the wire.
func shortened(text string) string {
	if len(text) <= toldLength {
		return text
	}
	runes := []rune(text)
	return string(runes[:min(len(runes), toldLength)])
}

// Nodes returns the nodes of the centre, and whether Redis answers.
func (n *node) Nodes(context.Context) (ops.Nodes, error) {
	self := ops.NodeState{Name: n.id, Alive: true, Heard: ops.Time(time.Now()), Version: version(), Configuration: n.centreFile()}
	if n.cluster == nil {
		return ops.Nodes{Nodes: []ops.NodeState{self}}, nil
	}
	self.ClockOff = ops.Seconds(n.cluster.redis.Skew())
	told := ops.Nodes{Redis: n.cluster.state.Load(), Nodes: []ops.NodeState{self}}
	if peers := n.cluster.peers.Load(); peers != nil {
		for _, p := range *peers {
			if p.ID == n.id {
				continue
			}
			told.Nodes = append(told.Nodes, ops.NodeState{
				Name: p.ID, Alive: p.Alive && told.Redis.Up, Heard: ops.Time(p.Heard), Version: p.Version, Configuration: p.Configuration,
				Differs: p.Configuration != n.centreFile(), ClockOff: ops.Seconds(p.Wall.Sub(p.Heard)),
			})
		}
	}
	slices.SortFunc(told.Nodes, func(a, b ops.NodeState) int { return cmp.Compare(a.Name, b.Name) })
	return told, nil
}

// Incidents returns every incident that the file describes or the board remembers, by name.
func (n *node) Incidents(context.Context) ([]ops.Incident, error) {
	e := n.centre.current()
	names := make(map[string]bool)
	for _, d := range e.snapshot.Incidents {
		names[d.Name] = true
	}
	for name, r := range e.board.Revisions {
		if !r.Removed {
			names[name] = true
		}
	}
	incidents := make([]ops.Incident, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		incidents = append(incidents, e.incident(name, time.Now()))
	}
	return incidents, nil
}

// incident is one incident as it stands now.
func (e *edition) incident(name string, now time.Time) ops.Incident {
	definition := e.snapshot.Incident(name)
	r, revised := e.board.Revisions[name]
	told := ops.Incident{
		Name: name, Active: r.Active(now), Title: r.Title, Since: ops.Time(r.Start), Until: ops.Time(r.End), Revision: r.Number,
		By: r.By, Reason: r.Reason, Change: cmp.Or(e.sentences[name], r.Difference), Effects: effects(r.Effects),
	}
	switch {
	case definition == nil:
		told.DiffersFromFile = true
	case !revised:
		told.Title, told.Effects = definition.Title, effects(definition.Effects)
	default:
		told.DiffersFromFile = incident.DiffersFromFile(r, *definition, now)
	}
	return told
}

func effects(e incident.Effects) ops.Effects {
	told := ops.Effects{Message: e.Message, Then: string(e.Then), WaitingCallers: e.WaitingCallers}
	if len(e.Numbers)+len(e.Queues) > 0 {
		told.AppliesTo = &ops.Scope{Numbers: e.Numbers, Queues: e.Queues}
	}
	if len(e.Overflow) > 0 {
		told.Overflow = make(map[string][]ops.OverflowRule, len(e.Overflow))
	}
	for queue, rules := range e.Overflow {
		for _, r := range rules {
			told.Overflow[queue] = append(told.Overflow[queue], ops.OverflowRule{AfterWait: ops.Seconds(r.AfterWait), WhenWaiting: r.WhenWaiting, To: r.To})
		}
	}
	if e.SeatsAdd > 0 || len(e.SeatsAgents) > 0 {
		told.Seats = &ops.SeatsEffect{Add: e.SeatsAdd, Agents: e.SeatsAgents}
	}
	return told
}

// Toggle switches an incident on or off; when it returns, the revision is on the disk.
func (n *node) Toggle(ctx context.Context, name string, t ops.Toggle) (ops.Incident, error) {
	var refused error
	err := n.centre.do(ctx, func() {
		refused = n.centre.toggle(name, incident.Toggle{Active: t.Active, For: t.For, Until: t.Until, Manual: t.Manual,
			Reason: t.Reason, By: t.By, From: t.From})
	})
	if err != nil {
		return ops.Incident{}, fmt.Errorf("%w: %w", ops.ErrUnavailable, err)
	}
	if errors.Is(refused, incident.ErrUnknown) {
		return ops.Incident{}, fmt.Errorf("%w: %s", ops.ErrUnknownIncident, name)
	}
	if mistake, ok := errors.AsType[*incident.Mistake](refused); ok {
		return ops.Incident{}, fmt.Errorf("%w: %w", ops.ErrRefusedToggle, mistake)
	}
	if refused != nil {
		return ops.Incident{}, refused
	}
	return n.centre.current().incident(name, time.Now()), nil
}

// Config says which configuration is in force.
func (n *node) Config() ops.Config {
	e := n.centre.current()
	told := ops.Config{Centre: e.snapshot.Centre.Name, Timezone: e.snapshot.Centre.Zone.String(),
		Version: e.snapshot.Version, AppliedAt: ops.Time(e.configuredAt)}
	if m := cmp.Or(e.trouble, spoilt(e.library)); m != nil {
		told.Error = &ops.ConfigError{File: m.File, Line: m.Line, Column: m.Column, Message: m.Text}
	}
	return told
}
