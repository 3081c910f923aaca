package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/routing"
)

// figures turns what happens in the queues and the calls into events and metrics for people.
type figures struct {
	feed    *ops.Feed
	metrics *ops.Metrics
	log     *zap.Logger
}

var _ dispatch.Observer = (*figures)(nil)

// Matched measures how long a caller and an agent were both free.
func (f *figures) Matched(wait time.Duration) { f.metrics.Match(wait) }

// Waited measures a wait that is over.
func (f *figures) Waited(w routing.Wait) { f.metrics.QueueWait(w.Queue, w.Result, w.For) }

// Stuck raises the alarm that must never sound.
func (f *figures) Stuck(callers int) {
	f.log.Error("callers wait although agents for them are ready", zap.Int("callers", callers))
}

// ended tells the end of a call.
func (f *figures) ended(i call.Info) {
	f.metrics.CallEnded(string(i.Result), string(i.Reason))
	f.feed.Publish(ops.Event{Type: ops.CallDone, Call: i.ID, Queue: i.Queue, Agent: i.Agent, Reason: string(i.Result) + "/" + string(i.Reason)})
	f.log.Info("call ended", zap.String("call", i.ID), zap.String("sip_call_id", i.SIPCallID), zap.String("queue", i.Queue),
		zap.String("agent", i.Agent), zap.String("result", string(i.Result)), zap.String("reason", string(i.Reason)),
		zap.Duration("lasted", i.Since.Sub(i.Started)))
}

// follow publishes the events of the store until the context ends. After a gap it goes on from a new snapshot.
func (f *figures) follow(ctx context.Context, d *dispatch.Dispatcher) {
	states := make(map[string]routing.State)
	for ctx.Err() == nil {
		view, events, err := d.Events(ctx)
		if err != nil {
			return // the dispatcher has stopped
		}
		for e := range events {
			view.Fold(e)
			f.publish(e)
			if e.Agent != nil {
				f.agentChanged(states, d.Plan(), e)
			}
		}
	}
}

// publish tells an event of a caller.
func (f *figures) publish(e routing.Event) {
	told := ops.Event{Time: ops.Time(e.At), Call: e.Call, Reason: e.Reason}
	switch e.Kind {
	case routing.CallerEntered:
		told.Type, told.Queue = ops.CallQueued, e.Caller.Queue
	case routing.CallerOffered:
		told.Type, told.Queue, told.Agent = ops.CallOffered, e.Caller.Claim.Queue, e.Caller.Claim.Agent
	case routing.CallerAnswered:
		told.Type, told.Queue, told.Agent = ops.CallAnswered, e.Was.Queue, e.Agent.Name
	default:
		return
	}
	f.feed.Publish(told)
}

// agentChanged tells an agent's state when it is another than was told last.
func (f *figures) agentChanged(states map[string]routing.State, plan *routing.Plan, e routing.Event) {
	name := e.Agent.Name
	state, _, reason := plan.Agent(name).Condition(e.Agent, e.At)
	if states[name] == state {
		return
	}
	states[name] = state
	said := string(state)
	if reason != "" {
		said += " " + reason
	}
	f.feed.Publish(ops.Event{Time: ops.Time(e.At), Type: ops.AgentChanged, Agent: name, Call: e.Call, Reason: said})
}
