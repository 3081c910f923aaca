package queuetest

import (
	"slices"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// What a claim that is made here does.
const (
	rings = false
	talks = true
)

var holdPromises = []promise{
	{name: "Hold makes an offer that rings stand for a caller who waits", keep: func(s *stage) {
		s.enter("c1")
		s.signIn("alice")
		events := s.subscribe(s.ctx, s.view().Seq)
		claim := s.made(s.above(), "c1", "alice", rings)
		s.must(s.store.Hold(s.ctx, claim))
		c, a := s.caller("c1"), s.agent("alice")
		s.check(c.Claim != nil && *c.Claim == claim && a.Claim != nil && *a.Claim == claim, "he has %+v, she %+v", c.Claim, a.Claim)
		e := s.next(events)
		s.check(e.Kind == routing.CallerOffered && e.Call == "c1" && e.Reason == "orders" && e.Caller != nil && e.Agent != nil, "%+v", e)
		s.unchanged(func() { s.must(s.store.Hold(s.ctx, claim)) })
		s.must(s.store.Accept(s.ctx, claim.Token))
		s.must(s.store.Finish(s.ctx, claim.Token, 0))
	}},
	{name: "Hold makes a conversation stand, with an agent whom the store does not know", keep: func(s *stage) {
		events := s.subscribe(s.ctx, 0)
		claim := s.made(s.above(), "c1", "alice", talks)
		s.must(s.store.Hold(s.ctx, claim))
		a := s.agent("alice")
		s.check(a.Claim != nil && *a.Claim == claim && len(s.view().Callers) == 0, "she is %+v", a)
		e := s.next(events)
		s.check(e.Kind == routing.AgentChanged && e.Call == "" && e.Reason == "held" && e.Agent != nil, "%+v", e)
		s.unchanged(func() { s.must(s.store.Hold(s.ctx, claim)) })
		s.check(slices.Equal(s.expired(), []string{"n1"}), "%v own something", s.expired())
		s.must(s.store.Finish(s.ctx, claim.Token, 0))
		s.check(s.agent("alice").Claim == nil && len(s.expired()) == 0, "it cannot be finished")
	}},
	{name: "Hold of a conversation takes its caller out", keep: func(s *stage) {
		s.enter("c1")
		events := s.subscribe(s.ctx, s.view().Seq)
		s.must(s.store.Hold(s.ctx, s.made(s.above(), "c1", "alice", talks)))
		e := s.next(events)
		s.check(e.Kind == routing.CallerAnswered && e.Call == "c1" && e.Reason == "orders" && e.Caller == nil && e.Was != nil && e.Agent != nil, "%+v", e)
		s.check(len(s.view().Callers) == 0, "he still waits")
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "orders"}, 1))
	}},
	{name: "Hold of a conversation that the store has as an offer turns it into one", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		claim.Answered, claim.Deadline = s.store.Now(), time.Time{}
		s.must(s.store.Hold(s.ctx, claim))
		s.check(s.agent("alice").Claim.Talking() && len(s.view().Callers) == 0, "she is %+v", s.agent("alice"))
		s.unchanged(func() { s.must(s.store.Accept(s.ctx, claim.Token)) })
	}},
	{name: "Hold of an offer that the store has as a conversation changes nothing", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.must(s.store.Accept(s.ctx, claim.Token))
		s.unchanged(func() { s.must(s.store.Hold(s.ctx, claim)) })
		s.check(s.agent("alice").Claim.Talking(), "she is %+v", s.agent("alice"))
	}},
	{name: "Hold of a conversation withdraws another offer of its caller", keep: func(s *stage) {
		other := s.offered("c1", "bob")
		events := s.subscribe(s.ctx, s.view().Seq)
		s.must(s.store.Hold(s.ctx, s.made(s.above(), "c1", "alice", talks)))
		released, answered := s.next(events), s.next(events)
		s.check(released.Kind == routing.CallerReleased && released.Reason == string(routing.Withdrawn) && released.Caller != nil, "%+v", released)
		s.check(answered.Kind == routing.CallerAnswered && answered.Was != nil && answered.Was.Claim == nil, "%+v", answered)
		b := s.agent("bob")
		s.check(b.Claim == nil && b.Misses == 0 && s.agent("alice").Claim.Talking(), "bob is %+v", b)
		s.want(routing.ErrLost, s.store.Accept(s.ctx, other.Token))
	}},
	{name: "Hold of a conversation withdraws another's offer that rings at its agent", keep: func(s *stage) {
		offer := s.offered("c2", "alice")
		s.enter("c1")
		s.must(s.store.Hold(s.ctx, s.made(s.above(), "c1", "alice", talks)))
		a := s.agent("alice")
		s.check(a.Claim.Talking() && a.Claim.Call == "c1" && s.caller("c2").Claim == nil, "she is %+v", a)
		s.want(routing.ErrLost, s.store.Accept(s.ctx, offer.Token))
	}},
	{name: "Hold is ErrLost when the offer is dead or either side is bound otherwise", keep: func(s *stage) {
		s.offered("c1", "alice")
		s.enter("c2")
		s.signIn("bob")
		dead := s.made(s.above(), "c2", "bob", rings)
		dead.Offered, dead.Deadline = dead.Offered.Add(-time.Hour), dead.Deadline.Add(-time.Hour)
		s.unchanged(func() {
			for _, c := range []routing.Claim{
				dead,
				s.made(s.above(), "c1", "bob", rings),
				s.made(s.above(), "c2", "alice", rings),
				s.made(s.above(), "c9", "bob", rings),
			} {
				s.want(routing.ErrLost, s.store.Hold(s.ctx, c))
			}
		})
	}},
	{name: "Hold of a conversation is ErrLost when its agent talks with another", keep: func(s *stage) {
		s.talking("c1", "alice")
		s.enter("c2")
		s.unchanged(func() { s.want(routing.ErrLost, s.store.Hold(s.ctx, s.made(s.above(), "c2", "alice", talks))) })
	}},
	{name: "Hold of claims that were granted after each other alone leaves no token between them to anybody", keep: func(s *stage) {
		first, second := s.made(s.above(), "c1", "alice", talks), s.made(s.above()+1, "c2", "bob", talks)
		s.must(s.store.Hold(s.ctx, first))
		between := s.offered("c3", "carol")
		s.check(between.Token > second.Token, "the store granted %d, after it was told of %d", between.Token, first.Token)
		s.must(s.store.Hold(s.ctx, second))
		s.check(s.agent("carol").Claim != nil && s.agent("bob").Claim.Talking(), "carol is %+v, bob %+v", s.agent("carol"), s.agent("bob"))
	}},
	{name: "tokens move on with the time after a Hold of one that is ahead", keep: func(s *stage) {
		s.must(s.store.Hold(s.ctx, s.made(s.above()+1<<36, "c1", "alice", talks)))
		first := s.offered("c2", "bob")
		const wait = 50 * time.Millisecond
		s.untilAfter(first.Offered.Add(wait))
		second := s.offered("c3", "carol")
		s.check(second.Token-first.Token >= uint64(wait/time.Microsecond), "%d, then %d: a store that went back would grant it again", first.Token, second.Token)
	}},
	{name: "an end of a call outside the queues is told by the node that it was at, alone", keep: func(s *stage) {
		s.signIn("alice")
		s.must(s.store.Outside(s.ctx, "alice", "n2", "x2"))
		s.unchanged(func() { s.must(s.store.Outside(s.ctx, "alice", "n1", "")) })
		s.check(s.agent("alice").Outside == "x2", "she is %+v", s.agent("alice"))
		s.must(s.store.Outside(s.ctx, "alice", "n2", ""))
		s.check(s.agent("alice").Outside == "", "she is %+v", s.agent("alice"))
	}},
	{name: "Hold takes the place of an offer that is dead, of either side", keep: func(s *stage) {
		dead := s.offered("c1", "alice")
		s.untilAfter(dead.Deadline)
		s.enter("c2")
		s.signIn("bob")
		others := []routing.Claim{s.made(s.above(), "c2", "alice", rings), s.made(s.above(), "c1", "bob", rings)}
		for _, claim := range others {
			s.must(s.store.Hold(s.ctx, claim))
			s.unchanged(func() { s.must(s.store.Release(s.ctx, dead.Token, routing.Busy)) })
			s.want(routing.ErrLost, s.store.Accept(s.ctx, dead.Token))
		}
		for _, claim := range others {
			s.must(s.store.Accept(s.ctx, claim.Token))
		}
	}},
	{name: "Hold is ErrLost when the store granted the token again to others", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.enter("c2")
		s.unchanged(func() { s.want(routing.ErrLost, s.store.Hold(s.ctx, s.made(claim.Token, "c2", "bob", talks))) })
		s.must(s.store.Accept(s.ctx, claim.Token))
	}},
	{name: "Tokens granted after Hold are higher", keep: func(s *stage) {
		high := s.above() + uint64(time.Hour.Microseconds())
		s.must(s.store.Hold(s.ctx, s.made(high, "c1", "alice", talks)))
		next := s.offered("c2", "bob")
		s.check(next.Token > high, "the tokens are %d and %d", high, next.Token)
		s.must(s.store.Hold(s.ctx, s.made(high-1, "c3", "carol", talks)))
		s.must(s.store.Release(s.ctx, next.Token, routing.Withdrawn))
		s.check(s.claim("c2", "bob").Token > next.Token, "the tokens went back")
	}},
	{name: "A claim that is held is its node's", keep: func(s *stage) {
		s.signIn("bob")
		claim := s.made(s.above(), "c1", "alice", talks)
		claim.Node = "n9"
		s.must(s.store.Hold(s.ctx, claim))
		s.must(s.store.Reap(s.ctx, "n9"))
		s.check(s.agent("alice").Claim == nil, "she is %+v", s.agent("alice"))
	}},
}

// above is a token that the store has not granted.
func (s *stage) above() uint64 {
	s.tokens++
	return uint64(s.store.Now().Add(time.Minute).UnixMicro()) + s.tokens
}

// made is a claim of node n1 that the store did not grant, for orders.
func (s *stage) made(token uint64, call, agent string, talking bool) routing.Claim {
	now := s.store.Now()
	c := routing.Claim{Token: token, Call: call, Agent: agent, Queue: "orders", Node: "n1", Offered: now, Deadline: now.Add(time.Hour)}
	if talking {
		c.Answered, c.Deadline = now, time.Time{}
	}
	return c
}
