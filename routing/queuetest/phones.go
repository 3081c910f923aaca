package queuetest

import (
	"slices"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var phonePromises = []promise{
	{name: "Register tells through which node an agent is reachable, until when", keep: func(s *stage) {
		until := s.hour()
		desk := s.direct("desk", until)
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{desk}))
		desk.Node = "n1"
		a := s.agent("alice")
		s.check(slices.Equal(a.Phones, []routing.Phone{desk}), "she is %+v", a)
		s.check(a.Node() == "n1" && a.Until().Equal(until) && a.SignedUp(s.store.Now()), "she is %+v", a)
	}},
	{name: "Refreshing keeps the order of registration", keep: func(s *stage) {
		s.register("alice", "n1", s.store.Now().Add(time.Minute))
		since := s.agent("alice").Registered
		time.Sleep(5 * time.Millisecond)
		s.register("alice", "n2", s.hour())
		a := s.agent("alice")
		s.check(a.Registered.Equal(since) && a.Node() == "n2", "she is %+v", a)
	}},
	{name: "A registration after a break is new", keep: func(s *stage) {
		until := s.store.Now().Add(20 * time.Millisecond)
		s.register("alice", "n1", until)
		s.untilAfter(until)
		s.register("alice", "n1", s.hour())
		s.check(s.agent("alice").Registered.After(until), "it is the old one")
	}},
	{name: "Who signs up is registered since his earliest phone is, and idle since then unless he was busy", keep: func(s *stage) {
		early, late := s.phone("desk", s.hour()), s.phone("mobile", s.hour())
		early.Since = early.Since.Add(-time.Minute)
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{late, early}))
		a := s.agent("alice")
		s.check(a.Registered.Equal(early.Since) && a.Idle.Equal(early.Since), "she is %+v", a)
		claim := s.talking("c1", "bob")
		s.must(s.store.Finish(s.ctx, claim.Token, time.Minute))
		s.unregister("bob", "n1")
		s.must(s.store.Register(s.ctx, "bob", "n1", []routing.Phone{early}))
		b := s.agent("bob")
		s.check(b.Registered.Equal(early.Since) && b.Idle.Equal(b.WrapUp), "he is %+v", b)
	}},
	{name: "No phone is registered since later than now", keep: func(s *stage) {
		desk := s.phone("desk", s.hour())
		desk.Since = desk.Since.Add(time.Minute)
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{desk}))
		s.check(!s.agent("alice").Registered.After(s.store.Now()), "she is %+v", s.agent("alice"))
	}},
	{name: "Register replaces the node's phones, and lets those of other nodes be", keep: func(s *stage) {
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{s.phone("desk", s.hour()), s.phone("mobile", s.hour())}))
		s.must(s.store.Register(s.ctx, "alice", "n2", []routing.Phone{s.phone("home", s.hour())}))
		s.places("alice", "desk n1", "home n2", "mobile n1")
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{s.phone("mobile", s.hour()), s.phone("over", s.store.Now())}))
		s.places("alice", "home n2", "mobile n1")
		claim := s.offeredAtHome("c1", "alice")
		s.unregister("alice", "n1")
		s.places("alice", "home n2")
		s.must(s.store.Accept(s.ctx, claim.Token))
	}},
	{name: "A place that another node took later stays that node's", keep: func(s *stage) {
		old := s.phone("desk", s.hour())
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{old}))
		time.Sleep(5 * time.Millisecond)
		s.must(s.store.Register(s.ctx, "alice", "n2", []routing.Phone{s.phone("desk", s.hour())}))
		s.places("alice", "desk n2")
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{old}))
		s.places("alice", "desk n2")
		s.unregister("alice", "n1")
		s.places("alice", "desk n2")
		s.check(slices.Equal(s.expired(), []string{"n2"}), "%v still own something", s.expired())
		time.Sleep(5 * time.Millisecond)
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{s.phone("desk", s.hour())}))
		s.places("alice", "desk n1")
	}},
	{name: "A phone whose registration is over is left out, and one that still runs takes its place", keep: func(s *stage) {
		until := s.store.Now().Add(20 * time.Millisecond)
		late := s.phone("desk", until)
		late.Refreshed = late.Refreshed.Add(time.Minute)
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{late}))
		s.untilAfter(until)
		s.must(s.store.Register(s.ctx, "alice", "n2", []routing.Phone{s.phone("desk", s.hour())}))
		s.places("alice", "desk n2")
	}},
	{name: "Who signs up again is asked again though the phone was unreachable", keep: func(s *stage) {
		claim := s.offered("c1", "alice")
		s.must(s.store.Release(s.ctx, claim.Token, routing.Unreachable))
		s.register("alice", "n1", s.hour())
		s.lost("c1", "alice")
		s.unregister("alice", "n1")
		s.register("alice", "n1", s.hour())
		s.claim("c1", "alice")
	}},
	{name: "Reap makes a dead node's direct phones anybody's, and drops its others", keep: func(s *stage) {
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{s.phone("desk", s.hour()), s.direct("mobile", s.hour())}))
		s.must(s.store.Register(s.ctx, "bob", "n1", []routing.Phone{s.phone("desk", s.hour())}))
		s.must(s.store.Seat(s.ctx, "alice", true, 9, "signed-in"))
		since := s.agent("alice").Registered
		s.must(s.store.Reap(s.ctx, "n1"))
		s.places("alice", "mobile ")
		s.places("bob")
		a := s.agent("alice")
		s.check(a.Registered.Equal(since) && a.SignedUp(s.store.Now()) && a.Node() == "", "she is %+v", a)
		s.check(len(s.expired()) == 0, "%v still own something", s.expired())
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n2", Queue: "orders"}, 0))
		_, err := s.store.Claim(s.ctx, "c1", "alice", "orders", "n2", ring)
		s.must(err)
	}},
	{name: "A phone that is anybody's is the next node's that registers it", keep: func(s *stage) {
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{s.direct("desk", s.hour()), s.direct("mobile", s.hour())}))
		s.must(s.store.Reap(s.ctx, "n1"))
		s.must(s.store.Register(s.ctx, "alice", "n2", []routing.Phone{s.direct("desk", s.hour())}))
		s.places("alice", "desk n2", "mobile ")
		s.unregister("alice", "n2")
		s.places("alice", "mobile ")
	}},
	{name: "A dead node's direct phone that is over is gone with it", keep: func(s *stage) {
		until := s.store.Now().Add(20 * time.Millisecond)
		s.must(s.store.Register(s.ctx, "alice", "n1", []routing.Phone{s.direct("desk", until)}))
		s.untilAfter(until)
		s.must(s.store.Reap(s.ctx, "n1"))
		s.check(s.agent("alice").Registered.IsZero() && len(s.agent("alice").Phones) == 0, "she is %+v", s.agent("alice"))
	}},
}

// direct is a phone that every node reaches.
func (s *stage) direct(place string, until time.Time) routing.Phone {
	p := s.phone(place, until)
	p.Direct = true
	return p
}

// places checks where an agent can be reached: the places, each with its node, in alphabetical order.
func (s *stage) places(agent string, want ...string) {
	s.Helper()
	var have []string
	for _, p := range s.agent(agent).Phones {
		have = append(have, p.Place+" "+p.Node)
	}
	slices.Sort(have)
	s.check(slices.Equal(have, want), "%s is reached at %q, not %q", agent, have, want)
}

// offeredAtHome enters a caller and binds him to an agent who is registered already.
func (s *stage) offeredAtHome(call, agent string) routing.Claim {
	s.Helper()
	s.enter(call)
	s.must(s.store.Seat(s.ctx, agent, true, 9, "signed-in"))
	return s.claim(call, agent)
}
