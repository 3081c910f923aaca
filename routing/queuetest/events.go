package queuetest

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// eventWait is how long an event may take to arrive: it is there at once, or something is wrong.
const eventWait = 10 * time.Second

var eventPromises = []promise{
	{name: "Every change appends an event, numbered without a hole", keep: func(s *stage) {
		events := s.subscribe(s.ctx, 0)
		playAll(s)
		kinds := make(map[routing.Kind]bool)
		last := s.view().Seq
		for seq := uint64(1); seq <= last; seq++ {
			e := s.next(events)
			s.check(e.Seq == seq && e.Incarnation == s.view().Incarnation && !e.At.IsZero(), "%+v", e)
			kinds[e.Kind] = true
		}
		for _, kind := range []routing.Kind{
			routing.CallerEntered, routing.CallerSpilled, routing.CallerLeft, routing.CallerOffered, routing.CallerReleased,
			routing.CallerAnswered, routing.CallFinished, routing.AgentChanged, routing.QueueChanged,
		} {
			s.check(kinds[kind], "no event tells %s", kind)
		}
	}},
	{name: "Folding the events over a snapshot gives the next snapshot", keep: func(s *stage) {
		view := s.view()
		events := s.subscribe(s.ctx, view.Seq)
		playAll(s)
		want := s.view()
		for view.Seq < want.Seq {
			if e := s.next(events); !view.Fold(e) {
				s.Fatalf("%+v does not follow %d", e, view.Seq)
			}
		}
		for call, c := range want.Callers {
			s.check(reflect.DeepEqual(c, view.Callers[call]), "%+v is folded into %+v", c, view.Callers[call])
		}
		for name, a := range want.Agents {
			s.check(reflect.DeepEqual(a, view.Agents[name]), "%+v is folded into %+v", a, view.Agents[name])
		}
		for call, lost := range want.Lost {
			s.check(reflect.DeepEqual(lost, view.Lost[call]), "%+v is folded into %+v", lost, view.Lost[call])
		}
		s.check(len(view.Callers) == len(want.Callers) && len(view.Agents) == len(want.Agents), "there are others")
		s.check(len(view.Lost) == 1 && len(want.Lost) == 1, "the lost are %v, and folded %v", want.Lost, view.Lost)
		s.check(view.Queues["orders"].LastOffered == want.Queues["orders"].LastOffered, "the queue differs")
	}},
	{name: "Events about a caller say who he was", keep: func(s *stage) {
		s.talking("c1", "alice")
		s.enter("c2")
		s.must(s.store.Leave(s.ctx, "c2", "caller"))
		events := s.subscribe(s.ctx, 0)
		answered := s.await(events, routing.CallerAnswered)
		s.check(answered.Call == "c1" && answered.Caller == nil && answered.Was != nil && answered.Was.Claim != nil, "%+v", answered)
		left := s.await(events, routing.CallerLeft)
		s.check(left.Call == "c2" && left.Caller == nil && left.Was != nil && left.Reason == "caller", "%+v", left)
	}},
	{name: "Subscribe gives the events after a number, then those that come", keep: func(s *stage) {
		s.enter("c1")
		s.enter("c2")
		events := s.subscribe(s.ctx, s.view().Seq-1)
		s.check(s.next(events).Call == "c2", "it begins elsewhere")
		s.enter("c3")
		s.check(s.next(events).Call == "c3", "the next is another")
	}},
	{name: "The channel is closed when the context ends", keep: func(s *stage) {
		ctx, cancel := context.WithCancel(s.ctx)
		events := s.subscribe(ctx, 0)
		cancel()
		s.closed(events)
	}},
	{name: "The channel is closed for a number that the store never reached", keep: func(s *stage) {
		s.closed(s.subscribe(s.ctx, 4711))
	}},
	{name: "A reader who falls behind is cut off and can begin anew", long: true, keep: func(s *stage) {
		ctx, cancel := context.WithCancel(s.ctx)
		defer cancel()
		slow := s.subscribe(ctx, 0)
		for range 10_000 { // more than any store holds for one reader
			s.must(s.store.Pause(s.ctx, "alice", "lunch"))
			s.must(s.store.Resume(s.ctx, "alice"))
		}
		s.closed(slow)
		view := s.view()
		events := s.subscribe(ctx, view.Seq)
		s.enter("c1")
		s.check(view.Fold(s.next(events)) && view.Callers["c1"] != nil, "the new subscription has a gap")
		s.closed(s.subscribe(ctx, 1))
	}},
	{name: "What an event tells stays what it was", keep: func(s *stage) {
		events := s.subscribe(s.ctx, 0)
		s.offered("c1", "alice")
		s.must(s.store.Open(s.ctx, "orders", "first", true))
		last := s.view().Seq
		var told []routing.Event
		for uint64(len(told)) < last {
			told = append(told, s.next(events))
		}
		before := fmt.Sprintf("%+v", spelled(told))
		s.must(s.store.Open(s.ctx, "orders", "second", true))
		s.must(s.store.Spill(s.ctx, "c1", []string{"support"}, "rule"))
		s.must(s.store.Accept(s.ctx, s.caller("c1").Claim.Token))
		s.must(s.store.Pause(s.ctx, "alice", "lunch"))
		s.check(fmt.Sprintf("%+v", spelled(told)) == before, "it was changed")
	}},
	{name: "A snapshot is the caller's own", keep: func(s *stage) {
		s.offered("c1", "alice")
		v := s.view()
		v.Callers["c1"].Claim.Agent = "nobody"
		v.Callers["c1"].Priority = 9
		v.Agents["alice"].Claim = nil
		v.Agents["alice"].Phones[0].Node = "nowhere"
		v.Queues["orders"].LastOffered = "nobody"
		delete(v.Callers, "c1")
		c := s.caller("c1")
		s.check(c.Priority == 0 && c.Claim.Agent == "alice" && s.agent("alice").Claim != nil, "the store was changed through it")
		s.check(s.agent("alice").Node() == "n1", "the store was changed through it")
		s.check(s.view().Queues["orders"].LastOffered == "alice", "the store was changed through it")
	}},
}

// spelled returns all that events tell, without a pointer between.
func spelled(events []routing.Event) []any {
	var words []any
	for _, e := range events {
		if e.Caller != nil {
			words = append(words, *e.Caller)
			if e.Caller.Claim != nil {
				words = append(words, *e.Caller.Claim)
			}
		}
		if e.Agent != nil {
			words = append(words, *e.Agent)
			if e.Agent.Claim != nil {
				words = append(words, *e.Agent.Claim)
			}
		}
		if e.Queue != nil {
			words = append(words, *e.Queue)
		}
	}
	return words
}

// playAll brings about every kind of event.
func playAll(s *stage) {
	s.talking("c1", "alice")
	refused := s.offered("c2", "bob")
	s.must(s.store.Spill(s.ctx, "c2", []string{"support"}, "rule"))
	s.must(s.store.Release(s.ctx, refused.Token, routing.Refused))
	s.must(s.store.Open(s.ctx, "orders", "rule", true))
	s.enter("c3")
	s.must(s.store.Leave(s.ctx, "c3", "caller"))
	s.must(s.store.Finish(s.ctx, s.agent("alice").Claim.Token, time.Second))
	s.must(s.store.Pause(s.ctx, "alice", "lunch"))
	s.must(s.store.Outside(s.ctx, "bob", "n1", "x1"))
	s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "billing"}, 0))
	s.unregister("bob", "n1")
	s.must(s.store.Recall(s.ctx, []*routing.AgentState{{Name: "carol", Phones: []routing.Phone{s.phone("desk", s.hour())}}, {Name: "alice", Calls: 7}}))
	s.must(s.store.Hold(s.ctx, s.made(4711, "c4", "carol", talks)))
	for _, call := range []string{"l1", "l2"} {
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: call, Node: "gone", Queue: "orders"}, 0))
	}
	s.must(s.store.Register(s.ctx, "dave", "gone", []routing.Phone{s.phone("desk", s.hour()), s.direct("mobile", s.hour())}))
	s.must(s.store.Outside(s.ctx, "dave", "gone", "x2"))
	s.must(s.store.Reap(s.ctx, "gone"))
	s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c5", Node: "n1", Queue: "orders", Returns: "l1"}, 0))
}

// subscribe reads from after a number.
func (s *stage) subscribe(ctx context.Context, seq uint64) <-chan routing.Event {
	s.Helper()
	events, err := s.store.Subscribe(ctx, seq)
	s.must(err)
	return events
}

// next returns the next event.
func (s *stage) next(events <-chan routing.Event) routing.Event {
	s.Helper()
	timeout := time.NewTimer(eventWait)
	defer timeout.Stop()
	select {
	case e, open := <-events:
		if !open {
			s.Fatal("the events ended")
		}
		return e
	case <-timeout.C:
		s.Fatal("no event came")
		return routing.Event{}
	}
}

// await returns the next event of a kind.
func (s *stage) await(events <-chan routing.Event, kind routing.Kind) routing.Event {
	s.Helper()
	for {
		if e := s.next(events); e.Kind == kind {
			return e
		}
	}
}

// closed checks that a channel ends, whatever it still holds.
func (s *stage) closed(events <-chan routing.Event) {
	s.Helper()
	timeout := time.NewTimer(eventWait)
	defer timeout.Stop()
	for {
		select {
		case _, open := <-events:
			if !open {
				return
			}
		case <-timeout.C:
			s.Fatal("the channel stays open")
		}
	}
}
