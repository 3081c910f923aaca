package dispatch

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

// batch is what one decision asks of the store, this node's part alone.
type batch struct {
	life     string          // the Incarnation that was decided on
	limit    int             // of seats
	over     []routing.Claim // conversations of another life of the store, to be ended without a wrap-up
	recalls  []*routing.AgentState
	phones   []string // agents whose phones are to be told
	outside  []string // agents whose call outside is to be told
	enters   []entering
	talks    []routing.Claim // conversations that the store lacks
	holds    []routing.Claim // offers that it lacks
	finishes []routing.Claim
	releases []uint64
	seats    []routing.SeatChange
	opens    []routing.Opening
	spills   []routing.Spill
	ends     []routing.End
	offers   []match
}

// match is an offer to be made, with the moment since when both sides were free, and the sides as they were seen.
type match struct {
	routing.Offer
	free   time.Time
	caller *routing.Caller
	agent  *routing.AgentState
}

// empty reports whether there is nothing to do.
func (b *batch) empty() bool {
	return len(b.over)+len(b.recalls)+len(b.phones)+len(b.outside)+len(b.enters)+len(b.talks)+len(b.holds)+len(b.finishes)+len(b.releases)+
		len(b.seats)+len(b.opens)+len(b.spills)+len(b.ends)+len(b.offers) == 0
}

// outcome is what became of a batch.
type outcome struct {
	granted []granted
	left    batch            // what was not done
	full    []routing.Caller // callers for whom their queue had no place
	denied  *match           // a match that the store did not grant; those behind it were not asked for
	refused []refusal        // claims that it has otherwise
	gaveUp  bool             // the store did not answer: the rest of the batch was not done
	failed  bool             // something was not done that may have to be done again
}

// refusal is a claim that the store has otherwise, with its word.
type refusal struct {
	routing.Claim
	err error
}

// granted is a claim that the store gave.
type granted struct {
	match
	claim routing.Claim
}

// hands carry batches to the store, one at a time.
type hands struct {
	d    *Dispatcher
	jobs chan batch
	done chan outcome // one for each batch
}

// run works until the context ends.
func (h *hands) run(ctx context.Context) {
	for {
		select {
		case b := <-h.jobs:
			h.done <- h.carryOut(ctx, b) // the owner gives the next batch only after it took this answer: there is room
		case <-ctx.Done():
			return
		}
	}
}

// carryOut does a batch in the order in which its parts build on each other. It gives up at the first sign that the store does
// not answer; a lost race is no such sign.
func (h *hands) carryOut(ctx context.Context, b batch) outcome {
	store, node := h.d.store, h.d.node
	var out outcome
	do := func(step func(ctx context.Context) error) bool {
		bounded, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		return h.settle(ctx, step(bounded), &out)
	}
	ok := drain(&b.over, func(c routing.Claim) bool {
		return do(func(ctx context.Context) error { return store.Finish(ctx, c.Token, 0) })
	}) && drain(&b.releases, func(token uint64) bool {
		return do(func(ctx context.Context) error { return store.Release(ctx, token, routing.Withdrawn) })
	}) && h.recall(&b, do) && drain(&b.talks, func(c routing.Claim) bool { // before the phones, by which their agents could be claimed
		return do(func(ctx context.Context) error { return h.hold(ctx, c, &out) })
	}) && drain(&b.phones, func(agent string) bool {
		return do(func(ctx context.Context) error { return store.Register(ctx, agent, node, h.d.held.phonesOf(agent)) })
	}) && drain(&b.outside, func(agent string) bool {
		return do(func(ctx context.Context) error { return store.Outside(ctx, agent, node, h.d.held.outsideOf(agent)) })
	}) && drain(&b.enters, func(c entering) bool {
		return do(func(ctx context.Context) error { return h.enter(ctx, c, &out) })
	}) && drain(&b.holds, func(c routing.Claim) bool {
		return do(func(ctx context.Context) error { return h.hold(ctx, c, &out) })
	}) && drain(&b.finishes, func(c routing.Claim) bool {
		return do(func(ctx context.Context) error { return store.Finish(ctx, c.Token, h.d.wrapUp(c)) })
	}) && drain(&b.seats, func(s routing.SeatChange) bool {
		return do(func(ctx context.Context) error { return store.Seat(ctx, s.Agent, s.Grant, b.limit, s.Reason) })
	}) && drain(&b.opens, func(o routing.Opening) bool {
		return do(func(ctx context.Context) error { return store.Open(ctx, o.Queue, o.Rule, o.Open) })
	}) && drain(&b.spills, func(s routing.Spill) bool {
		return do(func(ctx context.Context) error { return store.Spill(ctx, s.Call, s.To, s.Rule) })
	}) && drain(&b.ends, func(e routing.End) bool {
		return do(func(ctx context.Context) error { return store.Leave(ctx, e.Call, e.Reason) })
	})
	out.left, out.gaveUp = b, !ok
	if ok {
		h.claim(b.life, b.offers, &out, do)
	}
	return out
}

// recall tells the store of agents, many at a time.
func (h *hands) recall(b *batch, do func(func(context.Context) error) bool) bool {
	for len(b.recalls) > 0 {
		n := min(len(b.recalls), recallBatch)
		if !do(func(ctx context.Context) error { return h.d.store.Recall(ctx, b.recalls[:n]) }) {
			return false
		}
		b.recalls = b.recalls[n:]
	}
	return true
}

// holds reports whether this node still holds a claim.
func (d *Dispatcher) holds(c routing.Claim) bool {
	if c.Talking() {
		return d.held.goesOn(c)
	}
	p := d.places.get(c.Call)
	return p != nil && p.released.Load() != c.Token && p.withdrawn.Load() != c.Token
}

// enter tells the store of a caller, and notes one for whom there is no place.
func (h *hands) enter(ctx context.Context, c entering, out *outcome) error {
	p := h.d.places.get(c.Call)
	if p == nil || p.wanted.Queue != c.Queue || p.wanted.Priority != c.Priority {
		return nil // he has gone on
	}
	err := h.d.store.Enter(ctx, c.Caller, c.capacity)
	switch {
	case errors.Is(err, routing.ErrFull):
		out.full = append(out.full, c.Caller)
	case err == nil:
		p.entry.CompareAndSwap(unanswered, entered)
	}
	return err
}

// hold tells the store of a claim that it lacks, and notes one that it has otherwise.
func (h *hands) hold(ctx context.Context, c routing.Claim, out *outcome) error {
	if !h.d.holds(c) {
		return nil // it has ended meanwhile
	}
	err := h.d.store.Hold(ctx, c)
	if errors.Is(err, routing.ErrLost) {
		out.refused = append(out.refused, refusal{c, err})
	}
	return err
}

// claim asks for the matches of a batch, as long as the lease that the life of the store gave lives: after it others may have given our calls up. The callers stand in
// their order: when the store does not give one the agent, those behind him wait until it is decided again.
func (h *hands) claim(life string, offers []match, out *outcome, do func(func(context.Context) error) bool) {
	drain(&offers, func(m match) bool {
		if !h.d.leaseRuns(life) {
			out.failed = true
			return false
		}
		return do(func(ctx context.Context) error {
			claim, err := h.d.store.Claim(ctx, m.Call, m.Agent, m.Queue, h.d.node, m.Ring)
			if err == nil {
				out.granted = append(out.granted, granted{m, claim})
			} else if errors.Is(err, routing.ErrLost) {
				out.denied = &m
			}
			return err
		}) && out.denied == nil
	})
}

// settle takes note of how a step went, and reports whether to go on.
func (h *hands) settle(ctx context.Context, err error, out *outcome) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, routing.ErrLost), errors.Is(err, routing.ErrFull), errors.Is(err, routing.ErrGone):
		out.failed = true
		h.d.log.Debug("another was faster", zap.Error(err))
		return true
	case errors.Is(err, routing.ErrMalformed):
		h.d.log.Error("the store will never take what it was told", zap.Error(err))
		return true
	default:
		out.failed = true
		if ctx.Err() == nil {
			h.d.log.Warn("the store did not do what was decided; it is decided again", zap.Error(err))
		}
		return false
	}
}

// drain takes each item off a list once do returned true for it, until do returns false; it reports whether the list is empty.
func drain[T any](list *[]T, do func(T) bool) bool {
	for len(*list) > 0 {
		if !do((*list)[0]) {
			return false
		}
		*list = (*list)[1:]
	}
	return true
}
