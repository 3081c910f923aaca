package queuetest

import (
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var agentPromises = []promise{
	{name: "When no phone is left, a registration ends and a ringing claim is released as unreachable", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.unregister("alice", "n1")
		a := s.agent("alice")
		s.check(a.Registered.IsZero() && a.Claim == nil && a.Cause == routing.Unreachable, "she is %+v", a)
		s.check(s.caller("c1").Claim == nil, "he is still bound")
		s.want(routing.ErrLost, s.store.Accept(s.ctx, claim.Token))
		s.unchanged(func() { s.unregister("alice", "n1") })
	}},
	{name: "A conversation goes on when the registration ends", keep: func(s *stage) {
		claim := s.talking("c1", "alice")
		s.unregister("alice", "n1")
		s.check(s.agent("alice").Claim.Talking(), "it does not")
		s.must(s.store.Finish(s.ctx, claim.Token, 0))
		s.check(s.agent("alice").Claim == nil, "it cannot be finished")
	}},
	{name: "Seats are limited", keep: func(s *stage) {
		for _, agent := range []string{"alice", "bob"} {
			s.register(agent, "n1", s.hour())
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
		s.unregister("alice", "n1")
		s.register("alice", "n1", s.hour())
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
	{name: "Of a pause and its end the store remembers when they were said", keep: func(s *stage) {
		s.must(s.store.Pause(s.ctx, "alice", "lunch"))
		paused := s.agent("alice")
		s.check(paused.PauseSaid.Equal(paused.Paused), "she is %+v", paused)
		time.Sleep(5 * time.Millisecond)
		s.must(s.store.Pause(s.ctx, "alice", "training"))
		again := s.agent("alice")
		s.check(again.PauseSaid.After(paused.PauseSaid) && again.Paused.Equal(paused.Paused), "she is %+v", again)
		time.Sleep(5 * time.Millisecond)
		s.must(s.store.Resume(s.ctx, "alice"))
		s.check(s.agent("alice").PauseSaid.After(again.PauseSaid), "she is %+v", s.agent("alice"))
	}},
	{name: "Outside keeps an agent busy until it is over", keep: func(s *stage) {
		s.signIn("alice")
		s.must(s.store.Outside(s.ctx, "alice", "n2", "x1"))
		a := s.agent("alice")
		s.check(a.Outside == "x1" && a.OutsideNode == "n2", "she is %+v", a)
		s.unchanged(func() { s.must(s.store.Outside(s.ctx, "alice", "n2", "x1")) })
		before := s.store.Now()
		s.must(s.store.Outside(s.ctx, "alice", "n2", ""))
		a = s.agent("alice")
		s.check(a.Outside == "" && a.OutsideNode == "" && !a.Idle.Before(before), "she is %+v", a)
		s.want(routing.ErrGone, s.store.Outside(s.ctx, "nobody", "n1", "x1"))
	}},
}
