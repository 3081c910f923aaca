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

// Picture returns what the owner sees, without disturbing it for longer than a copy of three maps takes.
func (d *Dispatcher) Picture(ctx context.Context) (Picture, error) {
	reply := make(chan Picture, 1)
	select {
	case d.asks <- reply:
		return <-reply, nil
	case <-ctx.Done():
		return Picture{}, ctx.Err()
	case <-d.stopped:
		return Picture{}, ErrStopped
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
