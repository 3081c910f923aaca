package memq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// The reasons of AgentChanged that this room gives itself.
const (
	reasonRegistered   = "registered"
	reasonUnregistered = "unregistered"
	reasonResumed      = "resumed"
	reasonOutside      = "outside"
	reasonOutsideOver  = "outside over"
)

// Register tells that an agent's phone is reachable until a time.
func (s *Store) Register(ctx context.Context, agent, node string, until time.Time) error {
	if agent == "" {
		return errors.New("register: an agent needs a name")
	}
	return s.step(ctx, func(now time.Time) error {
		if !until.After(now) {
			s.unregister(agent, now)
			return nil
		}
		state := s.agent(agent)
		fresh := !state.SignedUp(now)
		state.Node, state.Until = node, plain(until)
		if fresh {
			state.Registered, state.Changed = now, now
			if state.Idle.Before(now) {
				state.Idle = now
			}
			if state.Cause == routing.Unreachable { // the phone has just shown that it is there
				state.Misses, state.Cause, state.NotBefore = 0, "", time.Time{}
			}
		}
		s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reasonRegistered, Agent: state})
		return nil
	})
}

// unregister ends a registration, and an offer that rings at the phone.
func (s *Store) unregister(agent string, now time.Time) {
	a := s.view.Agents[agent]
	if a == nil || a.Registered.IsZero() {
		return
	}
	if a.Claim.Ringing(now) {
		s.release(a.Claim, routing.Unreachable, now)
	}
	state := s.agent(agent)
	state.Registered, state.Until, state.Changed = time.Time{}, time.Time{}, now
	s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reasonUnregistered, Agent: state})
}

// Seat gives an agent a seat, or takes it back.
func (s *Store) Seat(ctx context.Context, agent string, grant bool, limit int, reason string) error {
	return s.step(ctx, func(now time.Time) error {
		a := s.view.Agents[agent]
		switch {
		case a == nil:
			return fmt.Errorf("seat for %s: %w", agent, routing.ErrGone)
		case a.Seat.IsZero() != grant:
			return nil
		case grant && s.seated() >= limit:
			return fmt.Errorf("seat for %s: %w", agent, routing.ErrFull)
		case !grant && a.InCall(now):
			return fmt.Errorf("take back the seat of %s: %w", agent, routing.ErrLost)
		}
		state := s.agent(agent)
		state.Changed = now
		if grant {
			state.Seat, state.Idle = now, now
		} else {
			state.Seat = time.Time{}
		}
		s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reason, Agent: state})
		return nil
	})
}

// seated counts the seats that are taken.
func (s *Store) seated() int {
	n := 0
	for _, a := range s.view.Agents {
		if !a.Seat.IsZero() {
			n++
		}
	}
	return n
}

// Pause keeps an agent from offers.
func (s *Store) Pause(ctx context.Context, agent, reason string) error {
	if agent == "" {
		return errors.New("pause: an agent needs a name")
	}
	return s.step(ctx, func(now time.Time) error {
		state := s.agent(agent)
		if !state.Paused.IsZero() && state.PauseReason == reason {
			return nil
		}
		if state.Paused.IsZero() {
			state.Paused, state.Changed = now, now
		}
		state.PauseReason = reason
		s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reason, Agent: state})
		return nil
	})
}

// Resume ends a pause. Whoever asks for it is there, so misses before it are forgotten.
func (s *Store) Resume(ctx context.Context, agent string) error {
	return s.step(ctx, func(now time.Time) error {
		a := s.view.Agents[agent]
		if a == nil {
			return fmt.Errorf("resume %s: %w", agent, routing.ErrGone)
		}
		if a.Paused.IsZero() {
			return nil
		}
		state := s.agent(agent)
		state.Paused, state.PauseReason, state.Changed = time.Time{}, "", now
		state.Misses, state.Cause, state.NotBefore = 0, "", time.Time{}
		if state.Idle.Before(now) {
			state.Idle = now
		}
		s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reasonResumed, Agent: state})
		return nil
	})
}

// Outside says that an agent is in a call outside the queues, or no longer.
func (s *Store) Outside(ctx context.Context, agent, call string) error {
	return s.step(ctx, func(now time.Time) error {
		a := s.view.Agents[agent]
		if a == nil {
			return fmt.Errorf("outside call of %s: %w", agent, routing.ErrGone)
		}
		if a.Outside == call {
			return nil
		}
		state := s.agent(agent)
		state.Outside, state.Changed = call, now
		reason := reasonOutside
		if call == "" {
			reason = reasonOutsideOver
			if state.Idle.Before(now) {
				state.Idle = now
			}
		}
		s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reason, Agent: state})
		return nil
	})
}

// agent returns a copy of an agent's state to be changed, or that of one who was never seen.
func (s *Store) agent(name string) *routing.AgentState {
	if a := s.view.Agents[name]; a != nil {
		next := *a
		return &next
	}
	return &routing.AgentState{Name: name}
}
