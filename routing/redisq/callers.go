package redisq

import (
	"context"
	"fmt"

	"github.com/spillway-voice/spillway/routing"
)

// highestPriority is the top of the range of priorities, 0 being the bottom.
const highestPriority = 9

// Enter puts a caller into his home queue, or moves him there.
func (s *Store) Enter(ctx context.Context, c routing.Caller, capacity int) error {
	if c.Call == "" || c.Queue == "" {
		return fmt.Errorf("a caller needs a call id and a queue: %w", routing.ErrMalformed)
	}
	if c.Priority < 0 || c.Priority > highestPriority {
		return fmt.Errorf("priority %d is not in 0 to %d: %w", c.Priority, highestPriority, routing.ErrMalformed)
	}
	if err := named(c.Call, c.Queue, c.Node, c.Returns); err != nil {
		return fmt.Errorf("enter %q: %w", c.Queue, err)
	}
	record, err := enteringJSON(c)
	if err != nil {
		return err
	}
	_, err = s.step(ctx, enter, "enter", c.Queue, record, capacity)
	return err
}

// Leave takes a caller out.
func (s *Store) Leave(ctx context.Context, call, reason string) error {
	_, err := s.step(ctx, leave, "leave", call, call, words(reason))
	return err
}

// Spill opens further queues to a caller.
func (s *Store) Spill(ctx context.Context, call string, to []string, rule string) error {
	if err := named(to...); err != nil {
		return fmt.Errorf("spill %s: %w", call, err)
	}
	args := []any{call, words(rule)}
	for _, queue := range to {
		args = append(args, queue)
	}
	_, err := s.step(ctx, spill, "spill", call, args...)
	return err
}

// Open records whether an overflow rule stands open.
func (s *Store) Open(ctx context.Context, queue, rule string, isOpen bool) error {
	if err := named(queue, rule); err != nil {
		return fmt.Errorf("overflow of %q: %w", queue, err)
	}
	_, err := s.step(ctx, open, "overflow of", queue, queue, rule, flag(isOpen))
	return err
}
