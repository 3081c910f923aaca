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
	publish func(ops.Event) // what happened on this node, for people here and at the other nodes
	feed    *ops.Feed       // what the store tells: every node hears it there
	metrics *ops.Metrics
	log     *zap.Logger
}

var _ dispatch.Observer = (*figures)(nil)

// Matched measures how long a caller and an agent were both free.
func (f *figures) Matched(wait time.Duration) { f.metrics.Match(wait) }

// Waited measures a wait that is over.
func (f *figures) Waited(w routing.Wait) { f.metrics.QueueWait(w.Queue, w.Result, w.For) }

// Stuck counts an alarm that must never sound; the dispatcher has logged it.
func (f *figures) Stuck(callers int) { f.metrics.Stuck(callers) }

// Violated counts an invariant that did not hold; the dispatcher has logged it.
func (f *figures) Violated(v routing.Violation) { f.metrics.Violated(v.Invariant) }

// ended tells the end of a call.
func (f *figures) ended(i call.Info) {
	f.metrics.CallEnded(string(i.Result), string(i.Reason))
	f.publish(ops.Event{Type: ops.CallDone, Call: i.ID, Queue: i.Queue, Agent: i.Agent, Reason: string(i.Result) + "/" + string(i.Reason)})
	fields := []zap.Field{zap.String("call", i.ID), zap.String("sip_call_id", i.SIPCallID), zap.String("queue", i.Queue),
		zap.String("agent", i.Agent), zap.String("result", string(i.Result)), zap.String("reason", string(i.Reason)),
		zap.Duration("lasted", i.Since.Sub(i.Started))}
	if s := soundOf(i); s != nil {
		fields = append(fields, zap.Any("sound", s))
	}
	f.log.Info("call ended", fields...)
}

// look is how often agents are looked at whose state changes by time alone: the end of a wrap-up, of a registration.
const look = time.Second

// followAgain is how long a store is left alone whose events cannot be had, or broke off.
const followAgain = 100 * time.Millisecond

// follow publishes the events of the store until the context ends. After a gap it goes on from a new snapshot.
func (f *figures) follow(ctx context.Context, d *dispatch.Dispatcher) {
	clock := time.NewTicker(look)
	defer clock.Stop()
	told := make(map[string]routing.State)
	for ctx.Err() == nil {
		view, events, err := d.Events(ctx)
		if err != nil { // as while Redis is away
			pause(ctx, followAgain)
			continue
		}
		for open := true; open; {
			var e routing.Event
			select {
			case e, open = <-events:
				if open && view.Fold(e) {
					f.caller(e)
					if e.Agent != nil {
						f.agentNow(told, d, e.Agent, e.At)
					}
				}
			case <-clock.C:
				for _, a := range view.Agents {
					f.agentNow(told, d, a, d.Now())
				}
			}
		}
		pause(ctx, followAgain)
	}
}

// caller tells an event of a caller.
func (f *figures) caller(e routing.Event) {
	told := ops.Event{Time: ops.Time(e.At), Call: e.Call, Reason: e.Reason}
	switch e.Kind {
	case routing.CallerEntered:
		told.Type, told.Queue, told.Node = ops.CallQueued, e.Caller.Queue, nodeOf(e.Caller.Node)
	case routing.CallerOffered:
		told.Type, told.Queue, told.Agent = ops.CallOffered, e.Caller.Claim.Queue, e.Caller.Claim.Agent
		told.Node = nodeOf(e.Caller.Node)
	case routing.CallerAnswered:
		told.Type, told.Queue, told.Agent, told.Node = ops.CallAnswered, e.Was.Queue, e.Agent.Name, nodeOf(e.Was.Node)
	default:
		return
	}
	f.feed.Publish(told)
}

// agentNow tells an agent's state when it is another than was told last.
func (f *figures) agentNow(told map[string]routing.State, d *dispatch.Dispatcher, a *routing.AgentState, now time.Time) {
	state, _, reason := d.Plan().Agent(a.Name).Condition(a, now)
	if told[a.Name] == state {
		return
	}
	told[a.Name] = state
	said := string(state)
	if reason != "" {
		said += " " + reason
	}
	f.feed.Publish(ops.Event{Time: ops.Time(now), Type: ops.AgentChanged, Agent: a.Name, Reason: said})
}
