package memq

import (
	"context"
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
	reasonRecalled     = "recalled"
	reasonHeld         = "held"
)

// Register tells which phones of an agent are registered through a node.
func (s *Store) Register(ctx context.Context, agent, node string, phones []routing.Phone) error {
	if agent == "" {
		return fmt.Errorf("register: an agent needs a name: %w", routing.ErrMalformed)
	}
	return s.step(ctx, func(now time.Time) error {
		s.phones(agent, s.view.Agents[agent].Registering(node, phones, now), reasonRegistered, now)
		return nil
	})
}

// phones makes these the phones of an agent; none ends his registration.
func (s *Store) phones(agent string, phones []routing.Phone, reason string, now time.Time) {
	if len(phones) == 0 {
		s.unregister(agent, now)
		return
	}
	state := s.agent(agent)
	fresh := !state.SignedUp(now)
	state.Phones = nil
	since := now
	for _, p := range phones {
		p.Since, p.Refreshed, p.Until = plain(p.Since), plain(p.Refreshed), plain(p.Until)
		if !p.Since.IsZero() && p.Since.Before(since) {
			since = p.Since
		}
		state.Phones = append(state.Phones, p)
	}
	if fresh {
		state.Registered, state.Changed = since, now
		if state.Idle.Before(since) {
			state.Idle = since
		}
		if state.Cause == routing.Unreachable { // the phone has just shown that it is there
			state.Misses, state.Cause, state.NotBefore = 0, "", time.Time{}
		}
	}
	s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reason, Agent: state})
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
	state.Phones, state.Registered, state.Changed = nil, time.Time{}, now
	s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reasonUnregistered, Agent: state})
}

// Recall tells what a node remembers of agents.
func (s *Store) Recall(ctx context.Context, agents []*routing.AgentState) error {
	return s.step(ctx, func(now time.Time) error {
		for _, told := range agents {
			known := s.view.Agents[told.Name]
			next := known.Recalled(copyAgent(told), now)
			if next == known {
				continue
			}
			if claim := next.Claim; known == nil && claim != nil {
				s.outnumber(claim.Token, now)
				s.claims[claim.Token] = claim
			}
			s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reasonRecalled, Agent: next})
		}
		return nil
	})
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
		return fmt.Errorf("pause: an agent needs a name: %w", routing.ErrMalformed)
	}
	return s.step(ctx, func(now time.Time) error {
		state := s.agent(agent)
		if !state.Paused.IsZero() && state.PauseReason == reason {
			return nil
		}
		if state.Paused.IsZero() {
			state.Paused, state.Changed = now, now
		}
		state.PauseReason, state.PauseSaid = reason, now
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
		state.Paused, state.PauseReason, state.PauseSaid, state.Changed = time.Time{}, "", now, now
		state.Misses, state.Cause, state.NotBefore = 0, "", time.Time{}
		if state.Idle.Before(now) {
			state.Idle = now
		}
		s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reasonResumed, Agent: state})
		return nil
	})
}

// Outside says that an agent is in a call outside the queues, or no longer.
func (s *Store) Outside(ctx context.Context, agent, node, call string) error {
	return s.step(ctx, func(now time.Time) error {
		if s.view.Agents[agent] == nil {
			return fmt.Errorf("outside call of %s: %w", agent, routing.ErrGone)
		}
		if a := s.view.Agents[agent]; call == "" && a.OutsideNode != node {
			return nil // it is over already, or he is in another's
		}
		s.outside(agent, node, call, now)
		return nil
	})
}

// outside notes an agent's call outside the queues, or ("") its end.
func (s *Store) outside(agent, node, call string, now time.Time) {
	state := s.agent(agent)
	if state.Outside == call {
		return
	}
	state.Outside, state.OutsideNode, state.Changed = call, node, now
	reason := reasonOutside
	if call == "" {
		state.OutsideNode, reason = "", reasonOutsideOver
		if state.Idle.Before(now) {
			state.Idle = now
		}
	}
	s.emit(now, routing.Event{Kind: routing.AgentChanged, Reason: reason, Agent: state})
}

// agent returns a copy of an agent's state to be changed, or that of one who was never seen.
func (s *Store) agent(name string) *routing.AgentState {
	if a := s.view.Agents[name]; a != nil {
		next := *a
		return &next
	}
	return &routing.AgentState{Name: name}
}
