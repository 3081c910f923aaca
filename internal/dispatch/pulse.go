package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

// beatAgain is how soon a heartbeat that failed is tried again: a lease outlives many of these.
const beatAgain = 100 * time.Millisecond

// answered is a beat with the moment when it was asked for.
type answered struct {
	routing.Beat
	asked time.Time
}

// pulse renews the node's lease and reaps nodes that lost theirs. The goroutine of run is the only one to touch its fields.
type pulse struct {
	d        *Dispatcher
	beats    chan answered // the newest answer, for the owner; an older one that was not read is replaced
	dead     chan []string // nodes whose lease is over, for bury
	soon     chan struct{} // a beat is wanted before its time
	away     bool          // a node is cut off or dead: that it is back is to be known soon, since its callers may stand first
	looked   time.Time     // when dead nodes were last looked at
	failing  bool          // the last heartbeat failed: that is said once
	unbroken time.Time     // since when the lease was renewed without a break; zero: it was not
}

// run beats until the context ends.
func (p *pulse) run(ctx context.Context) {
	for {
		wait := routing.Renew
		if !p.beat(ctx) || p.away {
			wait = beatAgain
		}
		select {
		case <-time.After(wait):
		case <-p.soon:
		case <-ctx.Done():
			return
		}
	}
}

// hurry asks for a beat before its time.
func (p *pulse) hurry() {
	select {
	case p.soon <- struct{}{}:
	default:
	}
}

// beat renews the lease once, and reports whether it did. The lease is counted from before the request, which is the earliest the store
// may have granted it.
func (p *pulse) beat(ctx context.Context) bool {
	asked := time.Now()
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	beat, err := p.d.store.Heartbeat(bounded, p.d.node)
	if err != nil {
		if ctx.Err() == nil && !p.failing {
			p.failing = true
			p.d.log.Warn("the node's lease was not renewed; that is tried again", zap.Error(err))
		}
		return false
	}
	p.failing = false
	if !p.d.leaseRuns(beat.Incarnation) {
		p.unbroken = asked
	}
	p.d.leaseUntil(beat.Incarnation, asked.Add(routing.Lease))
	p.d.nodes.Store(&beat.Nodes)
	p.away = len(beat.Expired) > 0
	p.pass(answered{beat, asked})
	settled := asked.Sub(p.unbroken) >= routing.Lease // after an outage everybody looks dead
	if settled && p.away && asked.Sub(p.looked) >= routing.Renew {
		select {
		case p.dead <- beat.Expired:
			p.looked = asked
		default: // those of the last beat are looked at still
		}
	}
	return true
}

// bury takes out the nodes that are dead until the context ends: beside the heartbeats, which must not wait for it.
func (p *pulse) bury(ctx context.Context) {
	for {
		select {
		case nodes := <-p.dead:
			p.reap(ctx, nodes)
		case <-ctx.Done():
			return
		}
	}
}

// reap takes out the nodes that are really gone.
func (p *pulse) reap(ctx context.Context, nodes []string) {
	var asking sync.WaitGroup
	gone := make([]bool, len(nodes))
	for i, node := range nodes {
		gone[i] = p.d.gone == nil
		if p.d.gone != nil {
			asking.Go(func() { gone[i] = p.d.gone(ctx, node) })
		}
	}
	asking.Wait()
	for i, node := range nodes {
		if !gone[i] {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, storeTimeout)
		err := p.d.store.Reap(bounded, node)
		cancel()
		if err == nil {
			p.d.log.Warn("a node is gone: its callers' places are kept for a while, its agents are free", zap.String("node", node))
		} else if !errors.Is(err, routing.ErrAlive) && ctx.Err() == nil {
			p.d.log.Warn("a dead node was not reaped", zap.String("node", node), zap.Error(err))
		}
	}
}

// pass hands the owner the newest beat.
func (p *pulse) pass(beat answered) {
	select {
	case <-p.beats:
	default:
	}
	p.beats <- beat // the only writer: there is room
}

// follows reports whether the view stands where the store does, as far as a beat tells: the same life of the store, and not behind
// for routing.Renew without an event.
func (o *owner) follows(beat answered) bool {
	o.noteLeases(beat.Leases)
	if !o.toldAt.IsZero() && !beat.asked.Before(o.toldAt) {
		o.toldAt, o.standsAt, o.stale = time.Time{}, beat.Seq, true
	}
	if beat.Incarnation == o.view.Incarnation {
		switch {
		case beat.Seq <= o.view.Seq:
			o.behindAt = 0
			return true
		case o.behindAt != o.view.Seq+1:
			o.behindAt, o.behind = o.view.Seq+1, time.Now()
			return true
		case time.Since(o.behind) < routing.Renew:
			return true
		}
	}
	o.behindAt = 0
	o.d.log.Warn("the view of the queues is behind the store; the snapshot is taken again")
	return false
}

// noteLeases notes until when the leases of the nodes live. Offers of this node to agents whom only nodes reach whose lease is over are taken
// back, since those nodes will offer them callers of their own.
func (o *owner) noteLeases(leases routing.Leases) {
	o.leases, o.view.Leases = leases, leases
	now, changed := o.d.store.Now(), false
	for node, until := range leases {
		changed = changed || now.Before(until) == o.lapsed[node]
		o.lapsed[node] = !now.Before(until)
	}
	if !changed {
		return
	}
	o.stale = true
	for _, p := range o.d.places.all() {
		if p.rings(now) && !o.reaches(p.offer.Agent, now) {
			o.releases = append(o.releases, p.offer.Token)
		}
	}
}

// reaches reports whether this node may ring an agent, or ring on: a lease that runs short is no reason to stop.
func (o *owner) reaches(agent string, now time.Time) bool {
	return o.view.Agents[agent].ReachedBy(o.d.node, o.leases, now.Add(-routing.ClaimMargin))
}
