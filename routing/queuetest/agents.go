package queuetest

import (
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var agentPromises = []promise{
	{name: "Register tells through which node an agent is reachable, until when", keep: func(s *stage) {
		until := s.store.Now().Add(time.Minute)
		s.must(s.store.Register(s.ctx, "alice", "n1", until))
		a := s.agent("alice")
		s.check(a.Node == "n1" && a.Until.Equal(until) && !a.Registered.IsZero() && a.SignedUp(s.store.Now()), "she is %+v", a)
	}},
	{name: "Refreshing keeps the order of registration", keep: func(s *stage) {
		s.must(s.store.Register(s.ctx, "alice", "n1", s.store.Now().Add(time.Minute)))
		since := s.agent("alice").Registered
		time.Sleep(5 * time.Millisecond)
		s.must(s.store.Register(s.ctx, "alice", "n2", s.store.Now().Add(time.Hour)))
		a := s.agent("alice")
		s.check(a.Registered.Equal(since) && a.Node == "n2", "she is %+v", a)
	}},
	{name: "A registration after a break is new", keep: func(s *stage) {
		until := s.store.Now().Add(20 * time.Millisecond)
		s.must(s.store.Register(s.ctx, "alice", "n1", until))
		s.untilAfter(until)
		s.must(s.store.Register(s.ctx, "alice", "n1", s.store.Now().Add(time.Hour)))
		s.check(s.agent("alice").Registered.After(until), "it is the old one")
	}},
	{name: "A zero until ends a registration and releases a ringing claim as unreachable", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.must(s.store.Register(s.ctx, "alice", "n1", time.Time{}))
		a := s.agent("alice")
		s.check(a.Registered.IsZero() && a.Claim == nil && a.Cause == routing.Unreachable, "she is %+v", a)
		s.check(s.caller("c1").Claim == nil, "he is still bound")
		s.want(routing.ErrLost, s.store.Accept(s.ctx, claim.Token))
		s.unchanged(func() { s.must(s.store.Register(s.ctx, "alice", "n1", time.Time{})) })
	}},
	{name: "A conversation goes on when the registration ends", keep: func(s *stage) {
		claim := s.talking("c1", "alice")
		s.must(s.store.Register(s.ctx, "alice", "n1", time.Time{}))
		s.check(s.agent("alice").Claim.Talking(), "it does not")
		s.must(s.store.Finish(s.ctx, claim.Token, 0))
		s.check(s.agent("alice").Claim == nil, "it cannot be finished")
	}},
	{name: "Seats are limited", keep: func(s *stage) {
		for _, agent := range []string{"alice", "bob"} {
			s.must(s.store.Register(s.ctx, agent, "n1", s.store.Now().Add(time.Hour)))
		}
		s.must(s.store.Seat(s.ctx, "alice", true, 1, "signed-in"))
		s.unchanged(func() {
			s.want(routing.ErrFull, s.store.Seat(s.ctx, "bob", true, 1, "signed-in"))
			s.must(s.store.Seat(s.ctx, "alice", true, 1, "signed-in"))
			s.want(routing.ErrGone, s.store.Seat(s.ctx, "nobody", true, 9, "signed-in"))
		})
		s.must(s.store.Seat(s.ctx, "alice", false, 1, "limit"))
		s.must(s.store.Seat(s.ctx, "bob", true, 1, "signed-in"))
		s.check(s.agent("alice").Seat.IsZero() && !s.agent("bob").Seat.IsZero(), "the seat was not passed on")
	}},
	{name: "A seat is not taken back in a call", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.want(routing.ErrLost, s.store.Seat(s.ctx, "alice", false, 0, "limit"))
		s.must(s.store.Accept(s.ctx, claim.Token))
		s.want(routing.ErrLost, s.store.Seat(s.ctx, "alice", false, 0, "limit"))
		s.must(s.store.Finish(s.ctx, claim.Token, time.Minute))
		s.must(s.store.Seat(s.ctx, "alice", false, 0, "limit"))
	}},
	{name: "A pause survives registrations and keeps the seat", keep: func(s *stage) {
		s.signIn("alice")
		s.must(s.store.Pause(s.ctx, "alice", "lunch"))
		s.must(s.store.Register(s.ctx, "alice", "n1", time.Time{}))
		s.must(s.store.Register(s.ctx, "alice", "n1", s.store.Now().Add(time.Hour)))
		a := s.agent("alice")
		s.check(!a.Paused.IsZero() && a.PauseReason == "lunch" && !a.Seat.IsZero(), "she is %+v", a)
		s.unchanged(func() { s.must(s.store.Pause(s.ctx, "alice", "lunch")) })
		s.must(s.store.Resume(s.ctx, "alice"))
		s.check(s.agent("alice").Paused.IsZero(), "she is still paused")
		s.unchanged(func() { s.must(s.store.Resume(s.ctx, "alice")) })
		s.want(routing.ErrGone, s.store.Resume(s.ctx, "nobody"))
	}},
	{name: "A pause lets a ringing offer go on", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.must(s.store.Pause(s.ctx, "alice", "lunch"))
		s.must(s.store.Accept(s.ctx, claim.Token))
	}},
	{name: "Outside keeps an agent busy until it is over", keep: func(s *stage) {
		s.signIn("alice")
		s.must(s.store.Outside(s.ctx, "alice", "x1"))
		s.check(s.agent("alice").Outside == "x1", "she is not in it")
		s.unchanged(func() { s.must(s.store.Outside(s.ctx, "alice", "x1")) })
		before := s.store.Now()
		s.must(s.store.Outside(s.ctx, "alice", ""))
		a := s.agent("alice")
		s.check(a.Outside == "" && !a.Idle.Before(before), "she is %+v", a)
		s.want(routing.ErrGone, s.store.Outside(s.ctx, "nobody", "x1"))
	}},
}
