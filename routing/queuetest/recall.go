package queuetest

import (
	"reflect"
	"slices"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var recallPromises = []promise{
	{name: "Recall of an agent whom the store does not know takes all that is not over", keep: func(s *stage) {
		told := s.remembered("alice")
		told.Phones = append(told.Phones, s.phone("over", s.store.Now()))
		s.recall(told)
		a := s.agent("alice")
		s.check(len(a.Phones) == 1 && a.Phones[0].Place == "desk" && a.Phones[0].Node == "n2", "her phones are %+v", a.Phones)
		s.check(a.Claim != nil && *a.Claim == *told.Claim, "her claim is %+v", a.Claim)
		a.Phones, a.Claim, told.Phones, told.Claim = nil, nil, nil, nil
		s.check(reflect.DeepEqual(a, told), "she is %+v, not %+v", a, told)
	}},
	{name: "Recall leaves out phones and offers that are over", keep: func(s *stage) {
		told := s.remembered("alice")
		told.Phones[0].Until = s.store.Now()
		told.Claim.Answered, told.Claim.Deadline = time.Time{}, s.store.Now()
		s.recall(told)
		a := s.agent("alice")
		s.check(a.Registered.IsZero() && len(a.Phones) == 0 && a.Claim == nil && !a.Seat.IsZero(), "she is %+v", a)
	}},
	{name: "What is recalled counts as if it had happened here", keep: func(s *stage) {
		told := s.remembered("alice")
		s.recall(told)
		s.register("bob", "n1", s.hour())
		s.want(routing.ErrFull, s.store.Seat(s.ctx, "bob", true, 1, "signed-in"))
		s.check(slices.Equal(s.expired(), []string{"n1", "n2", "n3"}), "%v own something", s.expired())
		s.unchanged(func() { s.must(s.store.Hold(s.ctx, *told.Claim)) })
		s.must(s.store.Finish(s.ctx, told.Claim.Token, 0))
		s.must(s.store.Reap(s.ctx, "n2"))
		s.must(s.store.Reap(s.ctx, "n3"))
		a := s.agent("alice")
		s.check(a.Claim == nil && a.Outside == "" && a.Registered.IsZero() && !a.Paused.IsZero(), "she is %+v", a)
		s.must(s.store.Seat(s.ctx, "alice", false, 1, "limit"))
		s.must(s.store.Seat(s.ctx, "bob", true, 1, "signed-in"))
	}},
	{name: "Tokens granted after Recall are higher", keep: func(s *stage) {
		told := s.remembered("alice")
		told.Claim.Token += uint64(time.Hour.Microseconds())
		s.recall(told)
		s.check(s.offered("c2", "bob").Token > told.Claim.Token, "they are not")
	}},
	{name: "An offer that was recalled with its agent can be held for its caller", keep: func(s *stage) {
		s.enter("c1")
		told := s.remembered("alice")
		told.Claim.Answered, told.Claim.Deadline = time.Time{}, s.hour()
		s.recall(told)
		s.must(s.store.Hold(s.ctx, *told.Claim))
		s.check(s.caller("c1").Claim != nil, "he is free")
		s.must(s.store.Accept(s.ctx, told.Claim.Token))
	}},
	{name: "Recall of nothing new changes nothing", keep: func(s *stage) {
		s.talking("c1", "alice")
		s.must(s.store.Pause(s.ctx, "alice", "lunch"))
		told := s.agent("alice")
		s.unchanged(func() {
			s.recall(told)
			s.recall()
			s.recall(&routing.AgentState{Name: "alice"})
		})
		told.Claim, told.Seat, told.Outside, told.Phones = nil, time.Time{}, "x1", nil
		s.unchanged(func() { s.recall(told) })
	}},
	{name: "Recall appends one event for each agent who changed", keep: func(s *stage) {
		events := s.subscribe(s.ctx, 0)
		s.recall(&routing.AgentState{Name: "alice", Calls: 1}, &routing.AgentState{Name: "bob"}, &routing.AgentState{Name: "alice", Calls: 2})
		for _, name := range []string{"alice", "bob", "alice"} {
			e := s.next(events)
			s.check(e.Kind == routing.AgentChanged && e.Reason == "recalled" && e.Agent != nil && e.Agent.Name == name, "%+v", e)
		}
		s.check(s.agent("alice").Calls == 2, "she is %+v", s.agent("alice"))
	}},
	{name: "Of two words on a pause the later holds", keep: func(s *stage) {
		s.must(s.store.Pause(s.ctx, "alice", "lunch"))
		paused := s.agent("alice")
		time.Sleep(5 * time.Millisecond)
		s.must(s.store.Resume(s.ctx, "alice"))
		resumed := s.agent("alice")
		s.recall(paused)
		s.check(s.agent("alice").Paused.IsZero(), "the earlier pause holds: %+v", s.agent("alice"))
		time.Sleep(5 * time.Millisecond)
		s.must(s.store.Pause(s.ctx, "alice", "training"))
		s.recall(resumed)
		s.check(s.agent("alice").PauseReason == "training", "the earlier end holds: %+v", s.agent("alice"))
		time.Sleep(5 * time.Millisecond)
		paused.PauseSaid = s.store.Now()
		s.recall(paused)
		a := s.agent("alice")
		s.check(a.Paused.Equal(paused.Paused) && a.PauseReason == "lunch" && a.PauseSaid.Equal(paused.PauseSaid), "the later pause does not hold: %+v", a)
		time.Sleep(5 * time.Millisecond)
		resumed.PauseSaid = s.store.Now()
		s.recall(resumed)
		s.check(s.agent("alice").Paused.IsZero() && s.agent("alice").PauseReason == "", "the later end does not hold: %+v", s.agent("alice"))
	}},
	{name: "Of wrap-up, idleness and calls the more holds", keep: func(s *stage) {
		claim := s.talking("c1", "alice")
		s.must(s.store.Finish(s.ctx, claim.Token, time.Minute))
		a := s.agent("alice")
		more := *a
		more.WrapUp, more.Idle, more.Calls = a.WrapUp.Add(time.Second), a.Idle.Add(time.Minute), 7
		less := *a
		less.WrapUp, less.Idle, less.Calls = a.WrapUp.Add(-time.Second), a.Idle.Add(-time.Minute), 0
		s.unchanged(func() { s.recall(&less) })
		s.recall(&more)
		s.check(reflect.DeepEqual(s.agent("alice"), &more), "she is %+v, not %+v", s.agent("alice"), more)
	}},
	{name: "Of two back-offs that of the later change holds", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.must(s.store.Release(s.ctx, claim.Token, routing.Busy))
		a := s.agent("alice")
		told := *a
		told.NotBefore, told.Cause, told.Misses = s.hour(), routing.Refused, 3
		s.unchanged(func() { s.recall(&told) })
		told.Changed = a.Changed.Add(time.Second)
		s.recall(&told)
		s.check(reflect.DeepEqual(s.agent("alice"), &told), "she is %+v, not %+v", s.agent("alice"), told)
		told.NotBefore, told.Cause, told.Misses, told.Changed = time.Time{}, "", 0, told.Changed.Add(time.Second)
		s.recall(&told)
		s.check(reflect.DeepEqual(s.agent("alice"), &told), "she is %+v, not %+v", s.agent("alice"), told)
	}},
	{name: "Many agents are recalled as few are", keep: func(s *stage) {
		var told []*routing.AgentState
		for i := range 250 {
			told = append(told, s.remembered("agent-"+string(rune('a'+i/26))+string(rune('a'+i%26))))
		}
		s.recall(told...)
		s.check(len(s.view().Agents) == len(told) && s.view().Seq == uint64(len(told)), "there are %d of %d", len(s.view().Agents), len(told))
		s.unchanged(func() { s.recall(told...) })
	}},
}

// remembered is an agent as a node remembers him who has all that an agent can have: in a conversation of node n1 with a phone at n2 and a
// call outside of n3, paused and seated.
func (s *stage) remembered(name string) *routing.AgentState {
	now := s.store.Now()
	claim := s.made(s.above(), "c1", name, talks)
	desk := s.phone("desk", s.hour())
	desk.Node = "n2"
	return &routing.AgentState{
		Name: name, Phones: []routing.Phone{desk}, Registered: now.Add(-time.Hour), Seat: now.Add(-time.Minute),
		Paused: now.Add(-time.Second), PauseReason: "lunch", PauseSaid: now.Add(-time.Second), Claim: &claim,
		Outside: "x1", OutsideNode: "n3", WrapUp: now, Idle: now, NotBefore: now.Add(time.Second),
		Cause: routing.Busy, Misses: 2, Calls: 5, Changed: now.Add(-time.Second),
	}
}

// recall tells of agents.
func (s *stage) recall(agents ...*routing.AgentState) {
	s.Helper()
	s.must(s.store.Recall(s.ctx, agents))
}
