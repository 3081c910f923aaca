package queuetest

import (
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var lostPromises = []promise{
	{name: "The place of a caller whose node died is kept, and he no longer waits", keep: func(s *stage) {
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n1", Number: "0412", Queue: "orders", Priority: 3}, 0))
		c := *s.caller("c1")
		s.must(s.store.Spill(s.ctx, "c1", []string{"support"}, "rule"))
		before := s.store.Now()
		s.must(s.store.Reap(s.ctx, "n1"))
		v := s.view()
		lost := v.Lost["c1"]
		if lost == nil {
			s.Fatalf("the lost are %v", v.Lost)
		}
		s.check(lost.Caller.Number == "0412" && lost.Caller.FirstEntry.Equal(c.FirstEntry) && lost.Caller.SpillRule == "rule", "he was %+v", lost.Caller)
		s.check(!lost.At.Before(before) && !lost.At.After(s.store.Now()), "he is lost since %v", lost.At)
		s.check(len(v.Callers) == 0 && v.Waiting("orders") == 0 && v.LostFrom("orders") == 1, "he still waits: %v", v.Callers)
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n2", Queue: "orders"}, 1))
	}},
	{name: "Who left otherwise left no place", keep: func(s *stage) {
		s.enter("c1")
		s.must(s.store.Leave(s.ctx, "c1", routing.LeftByCaller))
		s.talking("c2", "alice")
		s.must(s.store.Reap(s.ctx, "n1"))
		s.check(len(s.view().Lost) == 0, "the lost are %v", s.view().Lost)
	}},
	{name: "One who Returns takes the lost place, once", keep: func(s *stage) {
		first := s.lose("c1")
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n2", Queue: "orders", Returns: "c1"}, 0))
		c := s.caller("c2")
		s.check(c.Returns == "c1" && c.FirstEntry.Equal(first) && c.Entered.After(first), "he is %+v", c)
		s.check(len(s.view().Lost) == 0, "the lost are %v", s.view().Lost)
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c3", Node: "n2", Queue: "orders", Returns: "c1"}, 0))
		other := s.caller("c3")
		s.check(other.Returns == "" && other.FirstEntry.Equal(other.Entered), "he is %+v", other)
	}},
	{name: "One who Returns to another queue, or is in one already, takes the place too", keep: func(s *stage) {
		first := s.lose("c1")
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n2", Queue: "billing"}, 0))
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n2", Queue: "support", Returns: "c1"}, 0))
		c := s.caller("c2")
		s.check(c.Returns == "c1" && c.FirstEntry.Equal(first) && c.Queue == "support", "he is %+v", c)
	}},
	{name: "One who finds the queue full takes no place", keep: func(s *stage) {
		s.lose("c1")
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n2", Queue: "orders"}, 0))
		s.want(routing.ErrFull, s.store.Enter(s.ctx, routing.Caller{Call: "c3", Node: "n2", Queue: "orders", Returns: "c1"}, 1))
		s.check(len(s.view().Lost) == 1, "the lost are %v", s.view().Lost)
	}},
	{name: "A lost call that enters again is no longer lost", keep: func(s *stage) {
		first := s.lose("c1")
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n2", Queue: "orders", FirstEntry: first}, 0))
		s.check(len(s.view().Lost) == 0 && s.caller("c1").FirstEntry.Equal(first), "he is %+v", s.caller("c1"))
		s.must(s.store.Leave(s.ctx, "c1", routing.LeftByCaller))
		s.check(len(s.view().Lost) == 0, "the lost are %v", s.view().Lost)
	}},
	{name: "Who is lost twice is kept as he waited last", keep: func(s *stage) {
		first := s.lose("c1")
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "billing", Returns: "c1"}, 0))
		s.must(s.store.Reap(s.ctx, "n1"))
		lost := s.view().Lost
		s.check(len(lost) == 1 && lost["c2"] != nil && lost["c2"].Caller.FirstEntry.Equal(first), "the lost are %v", lost)
	}},
	{name: "A place that nobody came back for is forgotten", long: true, keep: func(s *stage) {
		s.lose("c1")
		since := s.view().Lost["c1"].At
		s.lose("c2")
		time.Sleep(since.Add(routing.LostKept - time.Millisecond).Sub(s.store.Now()))
		s.unchanged(func() { s.beat("n2") })
		s.check(len(s.view().Lost) == 2, "the lost are %v", s.view().Lost)
		time.Sleep(time.Millisecond)
		s.unchanged(func() { s.beat("n2") })
		s.check(s.view().Lost["c1"] == nil && s.view().Lost["c2"] != nil, "the lost are %v", s.view().Lost)
		time.Sleep(time.Minute)
		s.beat("n2")
		s.check(len(s.view().Lost) == 0, "the lost are %v", s.view().Lost)
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c3", Node: "n2", Queue: "orders", Returns: "c2"}, 0))
		s.check(s.caller("c3").Returns == "", "he took it")
	}},
}

// lose lets a caller of orders wait and lose his node, and returns when he entered first. Some time has passed since.
func (s *stage) lose(call string) time.Time {
	s.Helper()
	s.enter(call)
	first := s.caller(call).FirstEntry
	time.Sleep(5 * time.Millisecond)
	s.must(s.store.Reap(s.ctx, "n1"))
	return first
}
