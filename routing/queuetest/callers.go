package queuetest

import (
	"slices"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var callerPromises = []promise{
	{name: "Enter puts a caller into his home queue", keep: func(s *stage) {
		before := s.store.Now()
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n1", Number: "0412", Queue: "orders", Priority: 3}, 0))
		c := s.caller("c1")
		s.check(c.Queue == "orders" && c.Node == "n1" && c.Number == "0412" && c.Priority == 3, "he is %+v", c)
		s.check(!c.Entered.Before(before) && !c.Entered.After(s.store.Now()), "he entered at %v", c.Entered)
		s.check(c.FirstEntry.Equal(c.Entered), "his first entry is %v", c.FirstEntry)
	}},
	{name: "Enter is ErrFull when capacity callers wait there already", keep: func(s *stage) {
		s.enter("c1")
		err := s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "orders"}, 1)
		s.want(routing.ErrFull, err)
		s.check(len(s.view().Callers) == 1, "he is in all the same")
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c3", Node: "n1", Queue: "billing"}, 1))
	}},
	{name: "Enter counts a caller in his home queue alone", keep: func(s *stage) {
		s.enter("c1")
		s.must(s.store.Spill(s.ctx, "c1", []string{"support"}, "rule"))
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "support"}, 1))
	}},
	{name: "Enter repeated is harmless, also in a full queue", keep: func(s *stage) {
		s.enter("c1")
		s.unchanged(func() {
			s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "orders"}, 1))
		})
	}},
	{name: "Enter keeps the times that a returning caller brings", long: true, keep: func(s *stage) {
		first := s.store.Now()
		time.Sleep(time.Minute)
		entered := s.store.Now()
		time.Sleep(time.Minute)
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "orders", FirstEntry: first}, 0))
		c := s.caller("c1")
		s.check(c.FirstEntry.Equal(first) && c.Entered.Equal(s.store.Now()), "he is %+v", c)
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "orders", FirstEntry: first, Entered: entered}, 0))
		s.check(s.caller("c2").Entered.Equal(entered), "he is %+v", s.caller("c2"))
	}},
	{name: "Enter takes no time ahead of now", keep: func(s *stage) {
		ahead := s.store.Now().Add(time.Hour)
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "orders", FirstEntry: ahead, Entered: ahead}, 0))
		c := s.caller("c1")
		s.check(!c.FirstEntry.After(s.store.Now()) && !c.Entered.After(s.store.Now()), "he is %+v", c)
	}},
	{name: "Enter moves who is already in and keeps his first entry", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		first := s.caller("c1").FirstEntry
		s.must(s.store.Spill(s.ctx, "c1", []string{"support"}, "rule"))
		time.Sleep(10 * time.Millisecond)
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "billing"}, 0))
		c := s.caller("c1")
		s.check(c.Queue == "billing" && c.FirstEntry.Equal(first) && c.Entered.After(first), "he is %+v", c)
		s.check(c.Claim == nil && len(c.Spilled) == 0, "he kept his claim or overflow: %+v", c)
		s.check(s.agent("alice").Claim == nil, "the agent is still bound")
		s.want(routing.ErrLost, s.store.Accept(s.ctx, claim.Token))
	}},
	{name: "Enter refuses what makes no sense", keep: func(s *stage) {
		for _, c := range []routing.Caller{{Queue: "orders"}, {Call: "c1"}, {Call: "c1", Queue: "orders", Priority: 10}, {Call: "c1", Queue: "orders", Priority: -1}} {
			s.check(s.store.Enter(s.ctx, c, 0) != nil, "%+v is in", c)
		}
	}},
	{name: "Leave takes a caller out and withdraws a ringing claim", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.must(s.store.Leave(s.ctx, "c1", "caller"))
		s.check(len(s.view().Callers) == 0, "he still waits")
		a := s.agent("alice")
		s.check(a.Claim == nil && a.Misses == 0 && !a.NotBefore.After(s.store.Now()), "the agent is not free: %+v", a)
		s.want(routing.ErrLost, s.store.Accept(s.ctx, claim.Token))
	}},
	{name: "Leaving twice is no error", keep: func(s *stage) {
		s.enter("c1")
		s.must(s.store.Leave(s.ctx, "c1", "caller"))
		s.unchanged(func() { s.must(s.store.Leave(s.ctx, "c1", "caller")) })
	}},
	{name: "Spill adds queues and keeps those he has", keep: func(s *stage) {
		s.enter("c1")
		s.must(s.store.Spill(s.ctx, "c1", []string{"support"}, "first"))
		s.must(s.store.Spill(s.ctx, "c1", []string{"billing", "support", "orders"}, "second"))
		c := s.caller("c1")
		s.check(slices.Equal(c.Spilled, []string{"support", "billing"}), "he is offered to %v", c.Spilled)
		s.check(c.SpillRule == "first; second", "the rules are %q", c.SpillRule)
		s.unchanged(func() { s.must(s.store.Spill(s.ctx, "c1", []string{"billing"}, "second")) })
		s.want(routing.ErrGone, s.store.Spill(s.ctx, "c9", []string{"billing"}, "rule"))
	}},
	{name: "Open records that a rule stands open, or no longer does", keep: func(s *stage) {
		s.must(s.store.Open(s.ctx, "orders", "rule", true))
		s.check(s.view().Queues["orders"].Open["rule"], "it is not open")
		s.unchanged(func() { s.must(s.store.Open(s.ctx, "orders", "rule", true)) })
		s.must(s.store.Open(s.ctx, "orders", "rule", false))
		s.check(!s.view().Queues["orders"].Open["rule"], "it is still open")
		s.unchanged(func() { s.must(s.store.Open(s.ctx, "orders", "rule", false)) })
	}},
}
