package dispatch

import (
	"context"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// Picture is what the queues look like at one moment, with the plan that was in force. It is shared and never changed.
type Picture struct {
	Now     time.Time // store time
	Plan    *routing.Plan
	View    *routing.View
	Figures map[string]routing.Figures // by queue, since local midnight
}

// Picture returns what the owner sees, without disturbing it for longer than a copy of its maps takes.
func (d *Dispatcher) Picture(ctx context.Context) (Picture, error) {
	return ask(ctx, d, (*owner).picture)
}

// Phones returns the phones of an agent that this node can ring now, as far as it knows.
func (d *Dispatcher) Phones(ctx context.Context, agent string) ([]routing.Phone, error) {
	return ask(ctx, d, func(o *owner) (live []routing.Phone) {
		if a := o.view.Agents[agent]; a != nil {
			for _, p := range a.Phones {
				if p.ReachedBy(d.node, o.leases, d.store.Now().Add(-routing.ClaimMargin)) {
					live = append(live, p)
				}
			}
		}
		return live
	})
}

// ask lets the owner answer a question.
func ask[A any](ctx context.Context, d *Dispatcher, question func(*owner) A) (answer A, err error) {
	reply := make(chan A, 1)
	select {
	case d.asks <- func(o *owner) { reply <- question(o) }:
		return <-reply, nil
	case <-ctx.Done():
		return answer, ctx.Err()
	case <-d.stopped:
		return answer, ErrStopped
	}
}

// Events returns a snapshot and all events after it. The channel is closed when the context ends or the reader falls behind:
// then ask again.
func (d *Dispatcher) Events(ctx context.Context) (*routing.View, <-chan routing.Event, error) {
	view, err := d.store.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	events, err := d.store.Subscribe(ctx, view.Seq)
	return view, events, err
}
