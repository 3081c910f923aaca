// Package queuetest is the conformance suite of routing.Store: each case is named after a sentence of its contract, and every
// implementation has to pass them all.
//
// A store whose clock is the time package's (Fake) is tested in a testing/synctest bubble, where waiting costs nothing. A store
// with a clock of its own is tested in real time, with short rings; the cases that need minutes are then left to the fake clock.
package queuetest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// Suite says how to make the store that is tested.
type Suite struct {
	New  func(t *testing.T) routing.Store // an empty store, gone when t ends
	Fake bool                             // its time is the time package's, so it may run in a bubble
}

// promise is one case.
type promise struct {
	name string
	long bool // it needs minutes
	keep func(s *stage)
}

// Run holds a store to the contract.
func Run(t *testing.T, suite Suite) {
	var promises []promise
	for _, group := range [][]promise{
		callerPromises, lostPromises, claimPromises, holdPromises, agentPromises, phonePromises, recallPromises, nodePromises, eventPromises,
	} {
		promises = append(promises, group...)
	}
	for _, p := range promises {
		if p.long && !suite.Fake {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			if suite.Fake {
				synctest.Test(t, func(t *testing.T) { p.keep(newStage(t, suite.New(t))) })
				return
			}
			t.Parallel()
			p.keep(newStage(t, suite.New(t)))
		})
	}
}

// ring is how long offers ring here: short enough to wait for in real time, long enough for a slow machine.
const ring = 4 * time.Second

// stage is a store with the means to act on it and look at it.
type stage struct {
	*testing.T
	store routing.Store
	ctx   context.Context

	tokens uint64 // how many were made up
}

// newStage checks that the store is empty.
func newStage(t *testing.T, store routing.Store) *stage {
	s := &stage{T: t, store: store, ctx: t.Context()}
	if v := s.view(); len(v.Callers)+len(v.Agents) != 0 {
		t.Fatalf("the store is not empty: %+v", v)
	}
	return s
}

// must fails the test when a step fails.
func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// want fails the test unless a step failed in this way.
func (s *stage) want(target, err error) {
	s.Helper()
	if !errors.Is(err, target) {
		s.Errorf("the error is %v, not %v", err, target)
	}
}

// check fails the test, and goes on, unless something holds.
func (s *stage) check(holds bool, format string, args ...any) {
	s.Helper()
	if !holds {
		s.Errorf(format, args...)
	}
}

// view returns a snapshot.
func (s *stage) view() *routing.View {
	s.Helper()
	v, err := s.store.Snapshot(s.ctx)
	s.must(err)
	return v
}

// caller returns a waiting caller as the store has him.
func (s *stage) caller(call string) *routing.Caller {
	s.Helper()
	c := s.view().Callers[call]
	if c == nil {
		s.Fatalf("%s does not wait", call)
	}
	return c
}

// agent returns an agent as the store has him.
func (s *stage) agent(name string) *routing.AgentState {
	s.Helper()
	a := s.view().Agents[name]
	if a == nil {
		s.Fatalf("nobody knows %s", name)
	}
	return a
}

// enter puts a caller of node n1 into orders.
func (s *stage) enter(call string) {
	s.Helper()
	s.must(s.store.Enter(s.ctx, routing.Caller{Call: call, Node: "n1", Queue: "orders"}, 0))
}

// phone is a place that is registered just now, until a time.
func (s *stage) phone(place string, until time.Time) routing.Phone {
	now := s.store.Now()
	return routing.Phone{Place: place, Since: now, Refreshed: now, Until: until, Record: "sip:" + place}
}

// register tells of an agent's one phone at a node.
func (s *stage) register(agent, node string, until time.Time) {
	s.Helper()
	s.must(s.store.Register(s.ctx, agent, node, []routing.Phone{s.phone(agent+"'s desk", until)}))
}

// unregister tells that an agent has no phone at a node.
func (s *stage) unregister(agent, node string) {
	s.Helper()
	s.must(s.store.Register(s.ctx, agent, node, nil))
}

// hour is a time that no test reaches.
func (s *stage) hour() time.Time { return s.store.Now().Add(time.Hour) }

// signIn registers an agent through node n1 and seats him.
func (s *stage) signIn(agents ...string) {
	s.Helper()
	for _, agent := range agents {
		s.register(agent, "n1", s.hour())
		s.must(s.store.Seat(s.ctx, agent, true, 100, "signed-in"))
	}
}

// claim binds a caller and an agent.
func (s *stage) claim(call, agent string) routing.Claim {
	s.Helper()
	c, err := s.store.Claim(s.ctx, call, agent, "orders", "n1", ring)
	s.must(err)
	return c
}

// lost checks that a claim is not to be had.
func (s *stage) lost(call, agent string) {
	s.Helper()
	_, err := s.store.Claim(s.ctx, call, agent, "orders", "n1", ring)
	s.want(routing.ErrLost, err)
}

// offered enters a caller and binds him to a signed-in agent.
func (s *stage) offered(call, agent string) routing.Claim {
	s.Helper()
	s.enter(call)
	s.signIn(agent)
	return s.claim(call, agent)
}

// talking brings about a conversation.
func (s *stage) talking(call, agent string) routing.Claim {
	s.Helper()
	c := s.offered(call, agent)
	s.must(s.store.Accept(s.ctx, c.Token))
	return c
}

// unchanged checks that a step appended no event.
func (s *stage) unchanged(step func()) {
	s.Helper()
	before := s.view().Seq
	step()
	s.check(s.view().Seq == before, "the step appended events")
}

// untilAfter lets time pass until a moment of store time is over.
func (s *stage) untilAfter(at time.Time) {
	for !s.store.Now().After(at) {
		time.Sleep(at.Sub(s.store.Now()) + time.Millisecond)
	}
}
