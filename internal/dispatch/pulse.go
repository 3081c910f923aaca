package dispatch

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

// pulse renews the node's lease and reaps nodes that lost theirs. Its goroutine is the only one to touch its fields.
type pulse struct {
	d        *Dispatcher
	beats    chan routing.Beat // the newest answer, for the owner; an older one that was not read is replaced
	unbroken time.Time         // since when the lease was renewed without a break; zero: it was not
}

// run beats until the context ends.
func (p *pulse) run(ctx context.Context) {
	ticker := time.NewTicker(routing.Renew)
	defer ticker.Stop()
	for {
		p.beat(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// beat renews the lease once. The lease is counted from before the request, which is the earliest the store may have granted it.
func (p *pulse) beat(ctx context.Context) {
	asked := time.Now()
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	beat, err := p.d.store.Heartbeat(bounded, p.d.node)
	if err != nil {
		if ctx.Err() == nil {
			p.d.log.Warn("the node's lease was not renewed", zap.Error(err))
		}
		return
	}
	if !p.d.leaseRuns() {
		p.unbroken = asked
	}
	p.d.leaseUntil(asked.Add(routing.Lease))
	p.pass(beat)
	if asked.Sub(p.unbroken) < routing.Lease {
		return // after an outage everybody looks dead
	}
	for _, node := range beat.Expired {
		if err := p.d.store.Reap(bounded, node); err != nil && !errors.Is(err, routing.ErrAlive) {
			p.d.log.Warn("a dead node was not reaped", zap.String("node", node), zap.Error(err))
		}
	}
}

// pass hands the owner the newest beat.
func (p *pulse) pass(beat routing.Beat) {
	select {
	case <-p.beats:
	default:
	}
	p.beats <- beat // the only writer: there is room
}

// follows reports whether the view stands where the store does, as far as a beat tells: the same life of the store, and not behind
// for two beats in a row without an event between them.
func (o *owner) follows(beat routing.Beat) bool {
	behind := beat.Seq > o.view.Seq
	if beat.Incarnation == o.view.Incarnation && !(behind && o.behindAt == o.view.Seq+1) {
		o.behindAt = 0
		if behind {
			o.behindAt = o.view.Seq + 1
		}
		return true
	}
	o.behindAt = 0
	o.d.log.Warn("the view of the queues is behind the store; the snapshot is taken again")
	return false
}
