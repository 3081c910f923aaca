package dispatch

import (
	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

// drain folds an event and all that wait behind it, before anything is decided. It returns false when the view can no longer be
// trusted.
func (o *owner) drain(e routing.Event, events <-chan routing.Event) bool {
	for range foldAtMost {
		if !o.fold(e) {
			return false
		}
		select {
		case next, open := <-events:
			if !open {
				return false
			}
			e = next
		default:
			return true
		}
	}
	return o.fold(e)
}

// fold brings view, figures and the calls of this node up to an event.
func (o *owner) fold(e routing.Event) bool {
	known, lost := e.Seq <= o.view.Seq, len(o.view.Lost)
	before := o.view.Callers[e.Call]
	if !o.view.Fold(e) {
		o.d.log.Warn("the stream of queue events has a hole; the snapshot is taken again")
		return false
	}
	if known {
		return true
	}
	o.stale = true
	if e.Agent != nil {
		delete(o.watch.denied, e.Agent.Name)
	}
	o.violated(o.audit.Fold(e, o.d.plan.Load()))
	if e.Kind == routing.CallerOffered && e.Caller.Claim != nil {
		o.offered = max(o.offered, e.Caller.Claim.Token)
	}
	if wait, ended := o.tally.Fold(e, o.d.plan.Load()); ended {
		o.d.observer.Waited(wait)
	}
	o.findLost = o.findLost || len(o.view.Lost) != lost
	if e.Caller == nil && e.Was != nil && e.Was.Node == o.d.node {
		o.ends(e)
	}
	o.queues.changed(e)
	o.inform(e, before)
	if e.Caller != nil && o.d.plan.Load().Queue(e.Caller.Queue) == nil {
		o.replan() // he came to a queue that was being removed
	}
	return true
}

// inform tells a call of this node what an event means for it.
func (o *owner) inform(e routing.Event, before *routing.Caller) {
	if e.Call == "" {
		return
	}
	p := o.d.places.get(e.Call)
	if p == nil {
		return
	}
	if e.Caller != nil {
		p.caller = *e.Caller
	}
	switch e.Kind {
	case routing.CallerEntered:
		p.seen, p.free = true, e.At
	case routing.CallerSpilled:
		p.free = e.At
	case routing.CallerReleased:
		p.free = e.At
		o.withdrawn(p, before, e.Reason)
	case routing.CallerLeft:
		o.left(p, e)
	}
}

// withdrawn tells a call that its offer ended, unless the call said so itself.
func (o *owner) withdrawn(p *place, before *routing.Caller, reason string) {
	if before == nil || before.Claim == nil || before.Claim.Token != p.token || p.released.Load() == p.token {
		return
	}
	p.withdraw(p.token, reason)
}

// left tells a call that its wait is over. A call that was given up as its node's is not over while its node lives: it stands in
// its place again.
func (o *owner) left(p *place, e routing.Event) {
	if !p.seen { // the event is of an earlier visit
		return
	}
	if e.Reason == routing.LeftNodeLost {
		o.enters = append(o.enters, entering{*e.Was, 0})
		return
	}
	o.d.places.drop(e.Call, p)
	p.last(Ended{Reason: e.Reason})
}

// violated tells of invariants that did not hold.
func (o *owner) violated(found []routing.Violation) {
	for _, v := range found {
		o.d.log.Error("an invariant of the queues does not hold", zap.String("invariant", v.Invariant), zap.String("what", v.What),
			zap.String("call", v.Call), zap.String("agent", v.Agent), zap.String("queue", v.Queue))
		o.d.observer.Violated(v)
	}
}
