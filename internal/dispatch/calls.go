package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// Enter puts a call of this node into its home queue, c.Queue; c.Node is filled in. Times are store time (Now), never a machine's
// wall clock, which may be set: c.Entered is best left zero, and c.FirstEntry for a call's first queue. The channel tells the call what happens to it
// until it leaves, is accepted, or was told that its wait ended; it is never closed. A reader reads on until then: what is not
// read in time is withdrawn. routing.ErrFull: no place left; routing.ErrClosed: no such queue, or it takes no more callers. After any other error he
// waits as well, and there is a channel: the store is told again until it answers, with the time at which he came.
func (d *Dispatcher) Enter(ctx context.Context, c routing.Caller) (<-chan Notice, error) {
	queue := d.plan.Load().Queue(c.Queue)
	if queue == nil || queue.Closed {
		return nil, fmt.Errorf("enter %s: %w", c.Queue, routing.ErrClosed)
	}
	if c.Number != "" {
		within := routing.ReturnWithin
		if queue.Incident != "" {
			within = routing.ReturnWithinIncident
		}
		c.Returns = d.lost.of(c.Number, d.store.Now().Add(-within))
	}
	return d.enter(ctx, c, queue.Capacity)
}

// Return puts a caller back whose conversation failed: with c.FirstEntry set he stands where he stood, and however full the queue
// is, or closed, there is room for him.
func (d *Dispatcher) Return(ctx context.Context, c routing.Caller) (<-chan Notice, error) {
	return d.enter(ctx, c, 0)
}

func (d *Dispatcher) enter(ctx context.Context, c routing.Caller, capacity int) (<-chan Notice, error) {
	c.Node = d.node
	if c.Entered.IsZero() {
		c.Entered = d.store.Now()
	}
	p := d.places.add(c, capacity)
	err := d.store.Enter(ctx, c, capacity)
	switch {
	case err == nil:
		p.entry.Store(entered)
	case errors.Is(err, routing.ErrFull):
		d.places.drop(c.Call, p)
		return nil, err
	default:
		p.entry.Store(unanswered)
	}
	return p.notices, err
}

// leftStray is the reason for which a caller leaves whom no call stands for.
const leftStray = "internal"

// Leave takes a call out of its queue, with the reason for the record; a ringing offer of it is withdrawn. It gets no further
// notice. Leaving twice is no error.
func (d *Dispatcher) Leave(ctx context.Context, call, reason string) error {
	d.places.drop(call, nil)
	return d.store.Leave(ctx, call, reason)
}

// Accept turns an offer into a conversation; the call gets no further notice. The channel is closed when the agent turns out to be
// with somebody else, since this node was taken for dead. routing.ErrLost when the offer is no longer live: the caller keeps waiting.
// After any other error the conversation stands as well: the store is told again when it answers.
func (d *Dispatcher) Accept(ctx context.Context, claim routing.Claim) (taken <-chan struct{}, err error) {
	p := d.places.get(claim.Call)
	talking := claim
	talking.Deadline, talking.Answered = time.Time{}, d.store.Now()
	t := d.held.begin(talking)
	err = d.store.Accept(ctx, claim.Token)
	if errors.Is(err, routing.ErrLost) && p != nil && p.withdrawn.Load() != claim.Token {
		err = d.store.Hold(ctx, talking) // nobody took it back: the store may be another than granted it
	}
	if errors.Is(err, routing.ErrLost) {
		d.held.drop(claim)
		return nil, err
	}
	d.places.drop(claim.Call, p)
	return t.taken, err
}

// Release ends an offer without a conversation: the caller keeps waiting, the agent backs off by the outcome. Releasing twice is no
// error.
func (d *Dispatcher) Release(ctx context.Context, claim routing.Claim, outcome routing.Outcome) error {
	if p := d.places.get(claim.Call); p != nil {
		p.released.Store(claim.Token)
	}
	return d.store.Release(ctx, claim.Token, outcome)
}

// Finish ends a conversation; the agent's wrap-up begins, as long as the queue that made the match says now. Finishing twice is no
// error.
func (d *Dispatcher) Finish(ctx context.Context, claim routing.Claim) error {
	t := d.held.end(claim)
	err := d.store.Finish(ctx, claim.Token, d.wrapUp(claim))
	if errors.Is(err, routing.ErrLost) && t != nil { // the store has heard of the offer alone
		if err = d.store.Hold(ctx, t.claim); err == nil {
			err = d.store.Finish(ctx, claim.Token, d.wrapUp(claim))
		}
	}
	return err
}

// wrapUp is how long the agent of a conversation is left alone after it.
func (d *Dispatcher) wrapUp(claim routing.Claim) time.Duration {
	if queue := d.plan.Load().Queue(claim.Queue); queue != nil {
		return queue.WrapUp
	}
	return 0
}

// Register tells which phones of an agent are registered through this node (times are store time: see Now); none: no longer. After an
// error the store is told again when it answers.
func (d *Dispatcher) Register(ctx context.Context, agent string, phones []routing.Phone) error {
	d.held.register(agent, phones)
	return d.store.Register(ctx, agent, d.node, phones)
}

// Pause keeps an agent from offers until Resume.
func (d *Dispatcher) Pause(ctx context.Context, agent, reason string) error {
	return d.store.Pause(ctx, agent, reason)
}

// Resume ends a pause.
func (d *Dispatcher) Resume(ctx context.Context, agent string) error {
	return d.store.Resume(ctx, agent)
}

// Outside says that an agent is in a call of this node outside the queues, or (call "") no longer. After an error the store is told
// again when it answers.
func (d *Dispatcher) Outside(ctx context.Context, agent, call string) error {
	d.held.goOutside(agent, call)
	return d.store.Outside(ctx, agent, d.node, call)
}

// Now is store time.
func (d *Dispatcher) Now() time.Time { return d.store.Now() }
