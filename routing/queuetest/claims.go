package queuetest

import (
	"errors"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var claimPromises = []promise{
	{name: "Claim binds a caller and an agent until the deadline", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.check(claim.Token != 0 && claim.Call == "c1" && claim.Agent == "alice" && claim.Queue == "orders" && claim.Node == "n1", "%+v", claim)
		s.check(claim.Deadline.Sub(claim.Offered) == ring+routing.ClaimGrace, "it lives for %v", claim.Deadline.Sub(claim.Offered))
		c, a := s.caller("c1"), s.agent("alice")
		s.check(c.Claim != nil && c.Claim.Token == claim.Token && c.Offers == 1, "he is %+v", c)
		s.check(a.Claim != nil && a.Claim.Token == claim.Token, "she is %+v", a)
		s.check(s.view().Queues["orders"].LastOffered == "alice", "the queue does not remember whom it offered to")
	}},
	{name: "Claim is ErrLost when either is no longer free", keep: func(s *stage) {
		s.offered("c1", "alice")
		s.enter("c2")
		s.signIn("bob")
		s.lost("c1", "bob")
		s.lost("c2", "alice")
		s.lost("c9", "bob")
		s.lost("c2", "nobody")
	}},
	{name: "Claim needs an agent who is registered, seated, neither paused nor in a call", keep: func(s *stage) {
		s.enter("c1")
		s.must(s.store.Pause(s.ctx, "alice", "lunch"))
		s.lost("c1", "alice")
		s.must(s.store.Resume(s.ctx, "alice"))
		s.lost("c1", "alice")
		s.register("alice", "n1", s.hour())
		s.lost("c1", "alice")
		s.signIn("alice")
		s.must(s.store.Pause(s.ctx, "alice", "lunch"))
		s.lost("c1", "alice")
		s.must(s.store.Resume(s.ctx, "alice"))
		s.must(s.store.Outside(s.ctx, "alice", "n1", "x1"))
		s.lost("c1", "alice")
		s.must(s.store.Outside(s.ctx, "alice", "n1", ""))
		s.claim("c1", "alice")
	}},
	{name: "Claim of an agent whose registration is over is ErrLost", keep: func(s *stage) {
		s.enter("c1")
		s.signIn("alice")
		until := s.store.Now().Add(100 * time.Millisecond)
		s.register("alice", "n1", until)
		s.untilAfter(until)
		s.lost("c1", "alice")
	}},
	{name: "Claim for a node whose lease was renewed once and is over is ErrLost", keep: func(s *stage) {
		s.enter("c1")
		s.signIn("alice")
		s.beat("n2")
		s.untilAfter(s.store.Now().Add(routing.Lease))
		_, err := s.store.Claim(s.ctx, "c1", "alice", "orders", "n2", ring)
		s.want(routing.ErrLost, err)
		s.claim("c1", "alice")
	}},
	{name: "Claim of an agent whom only such nodes reach is ErrLost, until they are reaped", keep: func(s *stage) {
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n2", Queue: "orders"}, 0))
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{s.direct("desk", s.hour())}))
		s.must(s.store.Seat(s.ctx, "alice", true, 9, "signed-in"))
		s.lapse("n1")
		_, err := s.store.Claim(s.ctx, "c1", "alice", "orders", "n2", ring)
		s.want(routing.ErrLost, err)
		s.must(s.store.Reap(s.ctx, "n1"))
		_, err = s.store.Claim(s.ctx, "c1", "alice", "orders", "n2", ring)
		s.must(err)
	}},
	{name: "Claim of an agent whom another node reaches too is granted", keep: func(s *stage) {
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n2", Queue: "orders"}, 0))
		s.signIn("alice")
		s.must(s.store.Register(s.ctx, "alice", "n2", []routing.Phone{s.phone("mobile", s.hour())}))
		s.lapse("n1")
		_, err := s.store.Claim(s.ctx, "c1", "alice", "orders", "n2", ring)
		s.must(err)
	}},
	{name: "A node that beats again claims again", keep: func(s *stage) {
		s.enter("c1")
		s.signIn("alice")
		s.lapse("n1")
		s.lost("c1", "alice")
		began := s.store.Now()
		s.beat("n1")
		if _, err := s.store.Claim(s.ctx, "c1", "alice", "orders", "n1", ring); s.store.Now().Sub(began) < routing.Lease {
			s.must(err)
		}
	}},
	{name: "Claim of an agent of another node needs ClaimMargin of that node's lease", keep: func(s *stage) {
		s.enter("c1")
		s.register("alice", "n2", s.hour())
		s.must(s.store.Seat(s.ctx, "alice", true, 100, "signed-in"))
		beat := s.store.Now()
		_, err := s.store.Heartbeat(s.ctx, "n2")
		s.must(err)
		s.untilAfter(s.store.Now().Add(routing.Lease - routing.ClaimMargin))
		s.lost("c1", "alice")
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n2", Queue: "orders"}, 0))
		if s.store.Now().Sub(beat) < routing.Lease*3/4 { // unless this machine is so slow that its own lease is over
			own, err := s.store.Claim(s.ctx, "c2", "alice", "orders", "n2", ring)
			s.must(err)
			s.must(s.store.Release(s.ctx, own.Token, routing.Withdrawn))
		}
		_, err = s.store.Heartbeat(s.ctx, "n2")
		s.must(err)
		s.claim("c1", "alice")
	}},
	{name: "A claim that rings is returned again to a node whose lease is over", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.lapse("n1")
		s.check(s.claim("c1", "alice").Token == claim.Token, "it is another")
		s.must(s.store.Accept(s.ctx, claim.Token))
	}},
	{name: "Claim asked for again is the same claim", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.unchanged(func() {
			again := s.claim("c1", "alice")
			s.check(again.Token == claim.Token, "the tokens are %d and %d", claim.Token, again.Token)
		})
	}},
	{name: "A dead claim frees both sides and cannot be accepted", keep: func(s *stage) {
		dead := s.offered("c1", "alice")
		s.untilAfter(dead.Deadline)
		s.want(routing.ErrLost, s.store.Accept(s.ctx, dead.Token))
		next := s.claim("c1", "alice")
		s.check(next.Token > dead.Token, "the tokens are %d and %d", dead.Token, next.Token)
		s.want(routing.ErrLost, s.store.Accept(s.ctx, dead.Token))
		s.must(s.store.Accept(s.ctx, next.Token))
	}},
	{name: "Many claimers have one winner", keep: func(s *stage) {
		const callers = 16
		s.signIn("alice")
		names := []string{"c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "c13", "c14", "c15", "c16"}
		for _, call := range names[:callers] {
			s.enter(call)
		}
		var claiming sync.WaitGroup
		errs := make(chan error, callers)
		for _, call := range names[:callers] {
			claiming.Go(func() {
				_, err := s.store.Claim(s.ctx, call, "alice", "orders", "n1", time.Minute)
				errs <- err
			})
		}
		claiming.Wait()
		close(errs)
		winners := 0
		for err := range errs {
			if err == nil {
				winners++
			} else if !errors.Is(err, routing.ErrLost) {
				s.Error(err)
			}
		}
		s.check(winners == 1, "%d won", winners)
	}},
	{name: "Accept turns a claim into a conversation", keep: func(s *stage) {
		claim := s.talking("c1", "alice")
		s.check(len(s.view().Callers) == 0, "the caller still waits")
		a := s.agent("alice")
		s.check(a.Claim.Talking() && a.Claim.Token == claim.Token && a.Claim.Deadline.IsZero() && a.Calls == 1, "she is %+v", a)
		s.unchanged(func() { s.must(s.store.Accept(s.ctx, claim.Token)) })
	}},
	{name: "A conversation does not die by the deadline of its offer", keep: func(s *stage) {
		claim := s.talking("c1", "alice")
		s.untilAfter(claim.Deadline)
		s.enter("c2")
		s.lost("c2", "alice")
	}},
	{name: "Accept of no live claim is ErrLost", keep: func(s *stage) {
		s.want(routing.ErrLost, s.store.Accept(s.ctx, 4711))
		claim := s.offered("c1", "alice")
		s.must(s.store.Release(s.ctx, claim.Token, routing.Refused))
		s.want(routing.ErrLost, s.store.Accept(s.ctx, claim.Token))
	}},
	{name: "Release puts the caller back in his place, and the agent backs off by the outcome", keep: func(s *stage) {
		for _, outcome := range []routing.Outcome{routing.Busy, routing.Refused, routing.Unreachable, routing.Failed} {
			call, agent := "c-"+string(outcome), "agent-"+string(outcome)
			claim := s.offered(call, agent)
			entered := s.caller(call).Entered
			s.must(s.store.Release(s.ctx, claim.Token, outcome))
			c, a := s.caller(call), s.agent(agent)
			s.check(c.Claim == nil && c.Entered.Equal(entered), "%s: he is %+v", outcome, c)
			wait, _ := routing.BackOff(outcome, 1)
			s.check(a.Claim == nil && a.Cause == outcome && !a.NotBefore.Before(claim.Offered.Add(wait)), "%s: she is %+v", outcome, a)
			s.lost(call, agent)
		}
	}},
	{name: "Withdrawn leads to no back-off", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.must(s.store.Release(s.ctx, claim.Token, routing.Withdrawn))
		s.claim("c1", "alice")
	}},
	{name: "A claim that is gone already is no error for Release and Finish", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.must(s.store.Release(s.ctx, claim.Token, routing.Withdrawn))
		s.unchanged(func() {
			s.must(s.store.Release(s.ctx, claim.Token, routing.Busy))
			s.must(s.store.Finish(s.ctx, claim.Token, time.Second))
			s.must(s.store.Release(s.ctx, 4711, routing.Busy))
		})
	}},
	{name: "Release does not end a conversation, nor Finish an offer", keep: func(s *stage) {
		talk := s.talking("c1", "alice")
		s.unchanged(func() { s.must(s.store.Release(s.ctx, talk.Token, routing.Refused)) })
		offer := s.offered("c2", "bob")
		s.unchanged(func() { s.want(routing.ErrLost, s.store.Finish(s.ctx, offer.Token, time.Second)) })
	}},
	{name: "Who refused a caller is not bound to him again for 60 s", long: true, keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.must(s.store.Release(s.ctx, claim.Token, routing.Refused))
		time.Sleep(routing.RefusalMemory - time.Millisecond)
		s.lost("c1", "alice")
		s.enter("c2")
		other := s.claim("c2", "alice")
		s.must(s.store.Release(s.ctx, other.Token, routing.Withdrawn))
		time.Sleep(time.Millisecond)
		s.claim("c1", "alice")
	}},
	{name: "Two offers in a row that nobody answers pause the agent", keep: func(s *stage) {
		first := s.offered("c1", "alice")
		s.must(s.store.Release(s.ctx, first.Token, routing.NoAnswer))
		s.check(s.agent("alice").Paused.IsZero(), "one was enough")
		s.must(s.store.Release(s.ctx, s.claim("c1", "alice").Token, routing.NoAnswer))
		a := s.agent("alice")
		s.check(!a.Paused.IsZero() && a.PauseReason == routing.PausedNoAnswer && a.PauseSaid.Equal(a.Paused), "she is %+v", a)
		s.check(len(s.caller("c1").Missed) == 1, "he is %+v", s.caller("c1"))
	}},
	{name: "A conversation between them forgets the misses", keep: func(s *stage) {
		first := s.offered("c1", "alice")
		s.must(s.store.Release(s.ctx, first.Token, routing.NoAnswer))
		second := s.claim("c1", "alice")
		s.must(s.store.Accept(s.ctx, second.Token))
		s.must(s.store.Finish(s.ctx, second.Token, 0))
		s.enter("c2")
		s.must(s.store.Release(s.ctx, s.claim("c2", "alice").Token, routing.NoAnswer))
		s.check(s.agent("alice").Paused.IsZero(), "she is paused")
	}},
	{name: "An unreachable phone is asked ever less often, up to 60 s", long: true, keep: func(s *stage) {
		s.enter("c1")
		s.signIn("alice")
		for _, want := range []time.Duration{5, 10, 20, 40, 60, 60} {
			claim := s.claim("c1", "alice")
			s.must(s.store.Release(s.ctx, claim.Token, routing.Unreachable))
			wait := s.agent("alice").NotBefore.Sub(s.store.Now())
			s.check(wait == want*time.Second, "the wait is %v, not %v s", wait, int(want))
			time.Sleep(wait)
		}
	}},
	{name: "Finish begins wrap-up, and idleness after it", keep: func(s *stage) {
		claim := s.talking("c1", "alice")
		before := s.store.Now()
		s.must(s.store.Finish(s.ctx, claim.Token, ring))
		a := s.agent("alice")
		s.check(a.Claim == nil && !a.WrapUp.Before(before.Add(ring)) && a.Idle.Equal(a.WrapUp), "she is %+v", a)
		s.enter("c2")
		s.lost("c2", "alice")
		s.unchanged(func() { s.must(s.store.Finish(s.ctx, claim.Token, time.Hour)) })
		s.untilAfter(a.WrapUp)
		s.claim("c2", "alice")
	}},
	{name: "Finish takes no caller out who waits again already", keep: func(s *stage) {
		claim := s.talking("c1", "alice")
		s.enter("c1")
		s.must(s.store.Finish(s.ctx, claim.Token, 0))
		s.check(s.view().Callers["c1"] != nil, "he no longer waits")
		s.claim("c1", "alice")
	}},
}
