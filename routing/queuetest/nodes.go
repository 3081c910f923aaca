package queuetest

import (
	"context"
	"slices"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var nodePromises = []promise{
	{name: "Now never goes back", keep: func(s *stage) {
		last := s.store.Now()
		for range 1000 {
			now := s.store.Now()
			s.check(!now.Before(last), "%v after %v", now, last)
			last = now
		}
	}},
	{name: "Heartbeat reports where the store stands", keep: func(s *stage) {
		s.enter("c1")
		beat, err := s.store.Heartbeat(s.ctx, "n1")
		s.must(err)
		v := s.view()
		s.check(beat.Seq == v.Seq && beat.Incarnation == v.Incarnation && beat.Incarnation != "", "%+v", beat)
		s.check(slices.Equal(beat.Nodes, []string{"n1"}) && len(beat.Expired) == 0, "%+v", beat)
	}},
	{name: "A node without heartbeats expires after its lease, as long as it owns something", keep: func(s *stage) {
		s.enter("c1")
		_, err := s.store.Heartbeat(s.ctx, "idle")
		s.must(err)
		s.alive("n1")
		s.untilAfter(s.store.Now().Add(routing.Lease))
		beat, err := s.store.Heartbeat(s.ctx, "n2")
		s.must(err)
		s.check(slices.Equal(beat.Nodes, []string{"n2"}) && slices.Equal(beat.Expired, []string{"n1"}), "%+v", beat)
		s.must(s.store.Reap(s.ctx, "n1"))
		beat, err = s.store.Heartbeat(s.ctx, "n2")
		s.must(err)
		s.check(len(beat.Expired) == 0, "%+v", beat)
	}},
	{name: "Reap takes out all that a dead node owned, and nothing else", keep: func(s *stage) {
		ringing := s.offered("c1", "alice")
		s.talking("c2", "bob")
		s.register("dave", "n2", s.hour())
		s.register("alice", "n2", s.hour())
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c3", Node: "n2", Queue: "orders"}, 0))
		s.must(s.store.Reap(s.ctx, "n1"))
		v := s.view()
		s.check(v.Callers["c1"] == nil && v.Callers["c3"] != nil, "the callers are %v", v.Callers)
		s.check(v.Agents["alice"].Claim == nil && v.Agents["alice"].SignedUp(s.store.Now()), "alice is %+v", v.Agents["alice"])
		s.check(v.Agents["bob"].Claim == nil && !v.Agents["bob"].SignedUp(s.store.Now()), "bob is %+v", v.Agents["bob"])
		s.check(v.Agents["dave"].SignedUp(s.store.Now()), "dave is %+v", v.Agents["dave"])
		s.want(routing.ErrLost, s.store.Accept(s.ctx, ringing.Token))
		s.unchanged(func() { s.must(s.store.Reap(s.ctx, "n1")) })
	}},
	{name: "An offer to an agent of a dead node is released as unreachable", keep: func(s *stage) {
		s.must(s.store.Enter(s.ctx, routing.Caller{Call: "c1", Node: "n2", Queue: "orders"}, 0))
		s.signIn("alice")
		_, err := s.store.Claim(s.ctx, "c1", "alice", "orders", "n2", time.Minute)
		s.must(err)
		s.must(s.store.Reap(s.ctx, "n1"))
		s.check(s.caller("c1").Claim == nil, "he is still bound")
		s.check(s.agent("alice").Cause == routing.Unreachable, "she is %+v", s.agent("alice"))
	}},
	{name: "Reap ends calls outside of a dead node, and no others", keep: func(s *stage) {
		for agent, node := range map[string]string{"alice": "n1", "bob": "n2"} {
			s.register(agent, "n3", s.hour())
			s.must(s.store.Outside(s.ctx, agent, node, "x-"+agent))
		}
		before := s.store.Now()
		s.must(s.store.Reap(s.ctx, "n1"))
		a := s.agent("alice")
		s.check(a.Outside == "" && a.OutsideNode == "" && !a.Idle.Before(before) && a.SignedUp(s.store.Now()), "alice is %+v", a)
		s.check(s.agent("bob").Outside == "x-bob", "bob is %+v", s.agent("bob"))
	}},
	{name: "A node owns its calls outside and phones alone", keep: func(s *stage) {
		s.register("alice", "n1", s.hour())
		s.register("bob", "n2", s.hour())
		s.must(s.store.Outside(s.ctx, "alice", "n3", "x1"))
		s.check(slices.Equal(s.expired(), []string{"n1", "n2", "n3"}), "they are %v", s.expired())
		s.must(s.store.Outside(s.ctx, "alice", "n3", ""))
		s.register("alice", "n2", s.hour())
		s.check(slices.Equal(s.expired(), []string{"n2"}), "they are %v", s.expired())
		s.unregister("bob", "n2")
		s.unregister("alice", "n2")
		s.check(len(s.expired()) == 0, "they are %v", s.expired())
	}},
	{name: "Part ends a lease now", keep: func(s *stage) {
		s.enter("c1")
		s.beat("n1")
		s.must(s.store.Part(s.ctx, "n1"))
		s.check(slices.Equal(s.expired(), []string{"n1"}), "they are %v", s.expired())
		s.must(s.store.Reap(s.ctx, "n1"))
		s.check(len(s.view().Callers) == 0, "he still waits")
		s.must(s.store.Part(s.ctx, "n1"))
		s.must(s.store.Part(s.ctx, "stranger"))
		s.check(len(s.expired()) == 0, "they are %v", s.expired())
	}},
	{name: "A context that has ended changes nothing", keep: func(s *stage) {
		ended, cancel := context.WithCancel(s.ctx)
		cancel()
		s.unchanged(func() {
			s.want(context.Canceled, s.store.Enter(ended, routing.Caller{Call: "c1", Node: "n1", Queue: "orders"}, 0))
			s.want(context.Canceled, s.store.Register(ended, "alice", "n1", []routing.Phone{s.phone("desk", s.hour())}))
			s.want(context.Canceled, s.store.Recall(ended, []*routing.AgentState{{Name: "alice"}}))
			s.want(context.Canceled, s.store.Hold(ended, s.made(4711, "c1", "alice", talks)))
			s.want(context.Canceled, s.store.Part(ended, "n1"))
			s.want(context.Canceled, s.store.Pause(ended, "alice", "lunch"))
		})
	}},
}

// beat sends a heartbeat.
func (s *stage) beat(node string) routing.Beat {
	s.Helper()
	beat, err := s.store.Heartbeat(s.ctx, node)
	s.must(err)
	return beat
}

// lapse lets a node's lease be renewed, and be over.
func (s *stage) lapse(node string) {
	s.Helper()
	s.beat(node)
	s.must(s.store.Part(s.ctx, node))
}

// expired are the nodes whose lease is over and that still own something, as another node is told.
func (s *stage) expired() []string {
	s.Helper()
	return s.beat("watcher").Expired
}

// alive checks that a node is not reaped which has just sent a heartbeat, unless this machine is so slow that its lease is over.
func (s *stage) alive(node string) {
	s.Helper()
	began := s.store.Now()
	_, err := s.store.Heartbeat(s.ctx, node)
	s.must(err)
	if err := s.store.Reap(s.ctx, node); s.store.Now().Sub(began) < routing.Lease {
		s.want(routing.ErrAlive, err)
		return
	}
	s.enter("c1")
}
