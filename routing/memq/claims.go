package memq

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// Claim binds a waiting caller and a ready agent.
func (s *Store) Claim(ctx context.Context, call, agent, queue, node string, ring time.Duration) (routing.Claim, error) {
	var granted routing.Claim
	err := s.step(ctx, func(now time.Time) error {
		c, a := s.view.Callers[call], s.view.Agents[agent]
		if c == nil || a == nil {
			return fmt.Errorf("claim %s for %s: %w", agent, call, routing.ErrLost)
		}
		if old := c.Claim; old.Ringing(now) && old.Agent == agent && old.Queue == queue && old.Node == node {
			granted = *old
			return nil
		}
		if c.Claim.Live(now) || !s.claimable(a, node, now) || now.Before(c.Refused[agent]) || s.lapsed(node, now) {
			return fmt.Errorf("claim %s for %s: %w", agent, call, routing.ErrLost)
		}
		s.token = max(s.token+1, uint64(now.UnixMicro())+s.lead) // above those of a time that another store has forgotten, too
		granted = routing.Claim{
			Token: s.token, Call: call, Agent: agent, Queue: queue, Node: node,
			Offered: now, Deadline: now.Add(ring + routing.ClaimGrace),
		}
		s.grant(granted, c, a, now)
		return nil
	})
	return granted, err
}

// grant records a claim with both sides.
func (s *Store) grant(claim routing.Claim, c *routing.Caller, a *routing.AgentState, now time.Time) {
	caller, state, queue := *c, *a, s.queue(claim.Queue)
	s.forget(c.Claim)
	s.forget(a.Claim)
	caller.Claim = &claim
	caller.Offers++
	state.Claim = &claim
	state.Changed = now
	queue.LastOffered = claim.Agent
	s.claims[claim.Token] = &claim
	s.emit(now, routing.Event{
		Kind: routing.CallerOffered, Reason: claim.Queue, Call: claim.Call, Caller: &caller, Agent: &state, Queue: queue,
	})
}

// claimable reports whether an agent may be bound now for a call of a node, as far as the store knows: what the plan says of him is
// the decision's part.
func (s *Store) claimable(a *routing.AgentState, node string, now time.Time) bool {
	reached := slices.ContainsFunc(a.Phones, func(p routing.Phone) bool {
		return p.Live(now) && (p.Node == node || !s.lapsed(p.Node, now.Add(routing.ClaimMargin)))
	})
	return a.SignedUp(now) && reached && !a.Seat.IsZero() && a.Paused.IsZero() && !a.InCall(now) &&
		!now.Before(a.WrapUp) && !now.Before(a.NotBefore)
}

// lapsed reports whether a node's lease was renewed once and is over.
func (s *Store) lapsed(node string, now time.Time) bool {
	until, known := s.leases[node]
	return known && !now.Before(until)
}

// Hold makes a claim stand that the store lacks.
func (s *Store) Hold(ctx context.Context, c routing.Claim) error {
	return s.step(ctx, func(now time.Time) error {
		have := s.claims[c.Token]
		if have != nil && (have.Call != c.Call || have.Agent != c.Agent || have.Node != c.Node) { // the store granted it again after it went back
			return fmt.Errorf("hold: %w", routing.ErrLost)
		}
		was, a := s.view.Callers[c.Call], s.view.Agents[c.Agent]
		theirs := was != nil && was.Claim != nil && was.Claim.Token == c.Token
		if have.Talking() || have.Ringing(now) && theirs && !c.Talking() {
			return nil
		}
		bound := a != nil && a.Claim.Live(now) && a.Claim.Token != c.Token && (a.Claim.Talking() || !c.Talking())
		other := was != nil && was.Claim.Live(now) && !theirs
		if !c.Live(now) || bound || !c.Talking() && (was == nil || other) {
			return fmt.Errorf("hold: %w", routing.ErrLost)
		}
		if a != nil && a.Claim.Ringing(now) && a.Claim.Token != c.Token { // a conversation is more than an offer
			s.release(a.Claim, routing.Withdrawn, now)
		}
		if was := s.view.Callers[c.Call]; was != nil && was.Claim.Ringing(now) && was.Claim.Token != c.Token {
			s.release(was.Claim, routing.Withdrawn, now)
		}
		s.hold(copyClaim(&c), now)
		return nil
	})
}

// outnumber sees to it that tokens granted later are higher, and none of those that are still to be told.
func (s *Store) outnumber(token uint64, now time.Time) {
	if token > s.token {
		s.token = routing.LeapOver(token, now)
		s.lead = s.token - min(s.token, uint64(now.UnixMicro()))
	}
}

// hold records a claim with its agent, and with its caller if he still waits.
func (s *Store) hold(c *routing.Claim, now time.Time) {
	s.outnumber(c.Token, now)
	was, state := s.view.Callers[c.Call], s.agent(c.Agent)
	s.forget(state.Claim)
	state.Claim, state.Changed = c, now
	e := routing.Event{Kind: routing.AgentChanged, Reason: reasonHeld, Agent: state}
	if was != nil {
		s.forget(was.Claim)
		e.Call, e.Reason = c.Call, c.Queue
		if c.Talking() {
			e.Kind, e.Was = routing.CallerAnswered, was
		} else {
			caller := *was
			caller.Claim = c
			e.Kind, e.Caller = routing.CallerOffered, &caller
		}
	}
	s.claims[c.Token] = c
	s.emit(now, e)
}

// forget drops the record of a claim; nil has none.
func (s *Store) forget(c *routing.Claim) {
	if c != nil {
		delete(s.claims, c.Token)
	}
}

// Accept turns a live claim into a conversation.
func (s *Store) Accept(ctx context.Context, token uint64) error {
	return s.step(ctx, func(now time.Time) error {
		claim := s.claims[token]
		if claim.Talking() {
			return nil
		}
		if !claim.Ringing(now) {
			return fmt.Errorf("accept: %w", routing.ErrLost)
		}
		was, a := s.view.Callers[claim.Call], s.view.Agents[claim.Agent]
		if was == nil || was.Claim == nil || was.Claim.Token != token {
			return fmt.Errorf("accept: %w", routing.ErrLost)
		}
		talking := *claim
		talking.Deadline, talking.Answered = time.Time{}, now
		state := *a
		state.Claim, state.Changed = &talking, now
		state.Calls++
		state.Misses, state.Cause, state.NotBefore = 0, "", time.Time{}
		s.claims[token] = &talking
		s.emit(now, routing.Event{
			Kind: routing.CallerAnswered, Reason: claim.Queue, Call: claim.Call, Was: was, Agent: &state,
		})
		return nil
	})
}

// Release ends an offer without a conversation.
func (s *Store) Release(ctx context.Context, token uint64, outcome routing.Outcome) error {
	return s.step(ctx, func(now time.Time) error {
		if claim := s.claims[token]; claim != nil && !claim.Talking() {
			s.release(claim, outcome, now)
		}
		return nil
	})
}

// release ends an offer with both sides that are still recorded with it. A claim that died by its deadline still tells how it
// ended, as long as neither side has another.
func (s *Store) release(claim *routing.Claim, outcome routing.Outcome, now time.Time) {
	delete(s.claims, claim.Token)
	e := routing.Event{Kind: routing.CallerReleased, Reason: string(outcome), Call: claim.Call}
	e.Caller = s.view.Callers[claim.Call]
	if c := e.Caller; c != nil && c.Claim != nil && c.Claim.Token == claim.Token {
		e.Caller = c.Released(claim.Agent, outcome, now)
	}
	if a := s.view.Agents[claim.Agent]; a != nil && a.Claim != nil && a.Claim.Token == claim.Token {
		e.Agent = a.Released(outcome, now)
	}
	s.emit(now, e)
}

// Finish ends a conversation.
func (s *Store) Finish(ctx context.Context, token uint64, wrapUp time.Duration) error {
	return s.step(ctx, func(now time.Time) error {
		claim := s.claims[token]
		switch {
		case claim == nil:
			return nil
		case !claim.Talking():
			return fmt.Errorf("finish: the claim is still an offer: %w", routing.ErrLost)
		}
		s.finish(claim, wrapUp, "", now)
		return nil
	})
}

// finish ends a conversation, and begins the agent's wrap-up. The caller may wait again already: then he goes on to.
func (s *Store) finish(claim *routing.Claim, wrapUp time.Duration, reason string, now time.Time) {
	delete(s.claims, claim.Token)
	state := *s.view.Agents[claim.Agent]
	state.Claim, state.Changed = nil, now
	state.WrapUp = now.Add(max(0, wrapUp))
	state.Idle = state.WrapUp
	s.emit(now, routing.Event{
		Kind: routing.CallFinished, Reason: reason, Call: claim.Call, Caller: s.view.Callers[claim.Call], Agent: &state,
	})
}
