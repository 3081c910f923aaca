package redisq

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/routing"
)

// reapBatch is how many things of a dead node one script takes out: some milliseconds, in which Redis does nothing else.
const reapBatch = 100

// forgetBatch is how many lost places one heartbeat forgets: far more than are lost between two, as time goes by.
const forgetBatch = 100

// neverRenewed is the lease of an owner who never sent a heartbeat.
const neverRenewed = "0"

// Heartbeat renews a node's lease.
func (s *Store) Heartbeat(ctx context.Context, node string) (routing.Beat, error) {
	if err := named(node); err != nil {
		return routing.Beat{}, fmt.Errorf("heartbeat: %w", err)
	}
	r, err := s.step(ctx, heartbeat, "heartbeat of", node, node,
		routing.Lease.Microseconds(), routing.LostKept.Microseconds(), forgetBatch)
	if err != nil {
		return routing.Beat{}, err
	}
	seq, err := strconv.ParseUint(r.Text(0), 10, 64)
	if err != nil {
		return routing.Beat{}, fmt.Errorf("heartbeat of %s: %w", node, err)
	}
	beat := routing.Beat{Seq: seq, Incarnation: r.Text(1), Nodes: r.List(2), Expired: r.List(3), Leases: make(routing.Leases)}
	for all := r.List(4); len(all) > 1; all = all[2:] {
		if until, err := store.ParseTime(all[1]); err == nil && all[1] != neverRenewed {
			beat.Leases[all[0]] = until
		}
	}
	slices.Sort(beat.Nodes)
	slices.Sort(beat.Expired)
	return beat, nil
}

// Part ends a node's lease.
func (s *Store) Part(ctx context.Context, node string) error {
	if err := named(node); err != nil {
		return fmt.Errorf("part: %w", err)
	}
	_, err := s.step(ctx, part, "part of", node, node)
	return err
}

// Reap takes out all that a dead node owned, some at a time: a node that comes back meanwhile keeps the rest (ErrAlive).
func (s *Store) Reap(ctx context.Context, node string) error {
	for {
		r, err := s.step(ctx, reap, "reap", node, node, reapBatch)
		if err != nil {
			return err
		}
		if taken, _ := r.Values[0].(int64); taken < reapBatch {
			return nil
		}
	}
}
