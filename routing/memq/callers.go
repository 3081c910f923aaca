package memq

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

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
	return s.step(ctx, func(now time.Time) error {
		was := s.view.Callers[c.Call]
		if was != nil && was.Queue == c.Queue && was.Priority == c.Priority && was.Node == c.Node {
			return nil
		}
		staying := was != nil && was.Queue == c.Queue
		if capacity > 0 && !staying && s.view.Waiting(c.Queue) >= capacity {
			return fmt.Errorf("enter %s: %w", c.Queue, routing.ErrFull)
		}
		e := routing.Event{Kind: routing.CallerEntered, Call: c.Call, Was: was}
		switch {
		case staying:
			next := *was
			next.Priority, next.Node = c.Priority, c.Node
			e.Caller = &next
		default:
			e.Caller = s.entered(c, was, now)
			e.Agent = s.withdraw(was, now)
		}
		s.emit(now, e)
		return nil
	})
}

// entered is a caller as he begins to wait. A caller who comes back, or whose node tells of him again, brings the times of his
// entries with him; they cannot lie ahead.
func (s *Store) entered(c routing.Caller, was *routing.Caller, now time.Time) *routing.Caller {
	next := routing.Caller{
		Call: c.Call, Node: c.Node, Number: c.Number, Queue: c.Queue, Priority: c.Priority,
		FirstEntry: plain(c.FirstEntry), Entered: plain(c.Entered),
		Spilled: slices.Clone(c.Spilled), SpillRule: c.SpillRule,
		Refused: maps.Clone(c.Refused), Missed: slices.Clone(c.Missed), Offers: c.Offers,
	}
	if was != nil {
		next.FirstEntry, next.Entered = was.FirstEntry, now
		next.Refused, next.Missed, next.Offers = was.Refused, was.Missed, was.Offers
	}
	if lost := s.view.Lost[c.Returns]; lost != nil {
		next.Returns, next.FirstEntry = c.Returns, lost.Caller.FirstEntry
	}
	if next.Entered.IsZero() || next.Entered.After(now) {
		next.Entered = now
	}
	if next.FirstEntry.IsZero() || next.FirstEntry.After(next.Entered) {
		next.FirstEntry = next.Entered
	}
	return &next
}

// plain is a time without the reading of a machine's own clock, as all times of the store are.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }

// Leave takes a caller out.
func (s *Store) Leave(ctx context.Context, call, reason string) error {
	return s.step(ctx, func(now time.Time) error {
		s.leave(call, reason, now)
		return nil
	})
}

// leave takes a caller out, if he waits.
func (s *Store) leave(call, reason string, now time.Time) {
	was := s.view.Callers[call]
	if was == nil {
		return
	}
	s.emit(now, routing.Event{
		Kind: routing.CallerLeft, Reason: reason, Call: call, Was: was, Agent: s.withdraw(was, now),
	})
}

// withdraw frees the agent whom a caller is recorded with, and returns the agent's new state, or nil.
func (s *Store) withdraw(c *routing.Caller, now time.Time) *routing.AgentState {
	if c == nil || c.Claim == nil {
		return nil
	}
	a := s.view.Agents[c.Claim.Agent]
	if a == nil || a.Claim == nil || a.Claim.Token != c.Claim.Token {
		return nil
	}
	delete(s.claims, c.Claim.Token)
	if !a.Claim.Live(now) {
		now = a.Claim.Deadline // free since then
	}
	return a.Released(routing.Withdrawn, now)
}

// Spill opens further queues to a caller.
func (s *Store) Spill(ctx context.Context, call string, to []string, rule string) error {
	return s.step(ctx, func(now time.Time) error {
		c := s.view.Callers[call]
		if c == nil {
			return fmt.Errorf("spill %s: %w", call, routing.ErrGone)
		}
		next := *c
		next.Spilled = slices.Clone(c.Spilled)
		for _, queue := range to {
			if queue != c.Queue && !slices.Contains(next.Spilled, queue) {
				next.Spilled = append(next.Spilled, queue)
			}
		}
		if len(next.Spilled) == len(c.Spilled) {
			return nil
		}
		next.SpillRule = routing.JoinRules(c.SpillRule, rule)
		s.emit(now, routing.Event{Kind: routing.CallerSpilled, Reason: rule, Call: call, Caller: &next})
		return nil
	})
}

// Open records whether an overflow rule stands open.
func (s *Store) Open(ctx context.Context, queue, rule string, open bool) error {
	return s.step(ctx, func(now time.Time) error {
		next := s.queue(queue)
		if next.Open[rule] == open {
			return nil
		}
		next.Open = maps.Clone(next.Open)
		if next.Open == nil {
			next.Open = make(map[string]bool)
		}
		reason := "overflow closed: "
		if open {
			next.Open[rule] = true
			reason = "overflow open: "
		} else {
			delete(next.Open, rule)
		}
		s.emit(now, routing.Event{Kind: routing.QueueChanged, Reason: reason + rule, Queue: next})
		return nil
	})
}

// queue returns a copy of a queue's state to be changed; its map is still shared.
func (s *Store) queue(name string) *routing.QueueState {
	if q := s.view.Queues[name]; q != nil {
		next := *q
		return &next
	}
	return &routing.QueueState{Name: name}
}
