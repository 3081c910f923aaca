package redisq_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store/redistest"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/redisq"
)

// patience is how long something may take that happens at once on a machine with nothing else to do.
const patience = 20 * time.Second

// must fails the test when a step fails.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// desk is an agent's phone, registered for an hour from now, with as much to be kept of it as a registrar keeps.
func desk(s *redisq.Store) []routing.Phone {
	now := s.Now()
	return []routing.Phone{{
		Place: "desk", Direct: true, Since: now, Refreshed: now, Until: now.Add(time.Hour),
		Record: `{"contact":"<sip:alice@192.0.2.17:5060;transport=udp>","path":[],"source":"192.0.2.17:5060","agent":"a phone"}`,
	}}
}

// ready registers an agent and gives him a seat.
func ready(t testing.TB, s *redisq.Store, agent string) {
	t.Helper()
	must(t, s.Register(t.Context(), agent, "n1", desk(s)))
	must(t, s.Seat(t.Context(), agent, true, 100, "signed-in"))
}

func TestClaimersOnManyNodesHaveOneWinner(t *testing.T) {
	const nodes, rounds = 4, 25
	server := redistest.Start(t)
	var stores []*redisq.Store
	for range nodes {
		stores = append(stores, opened(t, server, "kettle"))
	}
	ready(t, stores[0], "alice")
	must(t, stores[0].Enter(t.Context(), routing.Caller{Call: "c1", Node: "n1", Queue: "orders"}, 0))
	var last uint64
	for round := range rounds {
		won := make(chan routing.Claim, nodes)
		var claiming sync.WaitGroup
		for i, s := range stores {
			claiming.Go(func() {
				c, err := s.Claim(t.Context(), "c1", "alice", "orders", fmt.Sprintf("n%d", i), time.Minute)
				switch {
				case err == nil:
					won <- c
				case !errors.Is(err, routing.ErrLost):
					t.Error(err)
				}
			})
		}
		claiming.Wait()
		if len(won) != 1 {
			t.Fatalf("round %d has %d winners", round, len(won))
		}
		winner := <-won
		if winner.Token <= last {
			t.Errorf("token %d follows %d", winner.Token, last)
		}
		last = winner.Token
		must(t, stores[round%nodes].Release(t.Context(), last, routing.Withdrawn))
	}
}

func TestSeatsAreCountedOverAllNodes(t *testing.T) {
	const limit = 5
	server := redistest.Start(t)
	stores := []*redisq.Store{opened(t, server, "kettle"), opened(t, server, "kettle")}
	granted := make(chan string, 20)
	var asking sync.WaitGroup
	for i := range 20 {
		agent, s := fmt.Sprintf("agent-%d", i), stores[i%2]
		must(t, s.Register(t.Context(), agent, "n1", desk(s)))
		asking.Go(func() {
			if s.Seat(t.Context(), agent, true, limit, "signed-in") == nil {
				granted <- agent
			}
		})
	}
	asking.Wait()
	if len(granted) != limit {
		t.Errorf("%d seats were granted of %d", len(granted), limit)
	}
}

func TestTwoNodesSeeTheSameEventsInTheSameOrder(t *testing.T) {
	const callers = 50
	server := redistest.Start(t)
	stores := []*redisq.Store{opened(t, server, "kettle"), opened(t, server, "kettle")}
	var views []*routing.View
	var streams []<-chan routing.Event
	for _, s := range stores {
		v, err := s.Snapshot(t.Context())
		must(t, err)
		events, err := s.Subscribe(t.Context(), v.Seq)
		must(t, err)
		views, streams = append(views, v), append(streams, events)
	}
	var entering sync.WaitGroup
	for i, s := range stores {
		entering.Go(func() {
			for n := range callers {
				c := routing.Caller{Call: fmt.Sprintf("c%d-%d", i, n), Node: fmt.Sprintf("n%d", i), Queue: "orders"}
				if err := s.Enter(t.Context(), c, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	entering.Wait()
	for range 2 * callers {
		first, second := next(t, streams[0]), next(t, streams[1])
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("one sees %+v, the other %+v", first, second)
		}
		if !views[0].Fold(first) {
			t.Fatalf("%d does not follow %d", first.Seq, views[0].Seq)
		}
	}
	want, err := stores[1].Snapshot(t.Context())
	must(t, err)
	if !reflect.DeepEqual(views[0].Callers, want.Callers) {
		t.Error("the events do not lead to the snapshot")
	}
}

func TestADeadNodeWithManyCallersIsReapedWhole(t *testing.T) {
	const callers = 250 // more than two scripts take out
	s := opened(t, redistest.Start(t), "kettle")
	for n := range callers {
		must(t, s.Enter(t.Context(), routing.Caller{Call: fmt.Sprintf("c%d", n), Node: "n1", Queue: "orders"}, 0))
	}
	must(t, s.Enter(t.Context(), routing.Caller{Call: "other", Node: "n2", Queue: "orders"}, 0))
	must(t, s.Reap(t.Context(), "n1"))
	v, err := s.Snapshot(t.Context())
	must(t, err)
	if len(v.Callers) != 1 || v.Callers["other"] == nil || len(v.Lost) != callers {
		t.Errorf("%d callers are left, %d are lost", len(v.Callers), len(v.Lost))
	}
	if err := s.Enter(t.Context(), routing.Caller{Call: "next", Node: "n2", Queue: "orders"}, 2); err != nil {
		t.Errorf("the queue still counts them: %v", err)
	}
}

// A heartbeat that finds many places to forget holds nobody up.
func TestLostPlacesAreForgottenSomeAtATime(t *testing.T) {
	const callers = 250 // more than two heartbeats forget
	server := redistest.Start(t)
	s := opened(t, server, "kettle")
	for n := range callers {
		must(t, s.Enter(t.Context(), routing.Caller{Call: fmt.Sprintf("c%d", n), Node: "n1", Queue: "orders"}, 0))
	}
	must(t, s.Reap(t.Context(), "n1"))
	lost := func(want int) {
		t.Helper()
		_, err := s.Heartbeat(t.Context(), "n2")
		must(t, err)
		v, err := s.Snapshot(t.Context())
		must(t, err)
		if len(v.Lost) != want {
			t.Errorf("%d are lost, not %d", len(v.Lost), want)
		}
	}
	lost(callers)
	must(t, server.Client().HIncrBy(t.Context(), "spillway:{kettle}:meta", "shift", routing.LostKept.Microseconds()).Err()) // so much time has passed
	lost(150)
	lost(50)
	lost(0)
}

// failing is a test that can fail.
type failing interface {
	Helper()
	Fatal(args ...any)
}

// next returns the next event.
func next(t failing, events <-chan routing.Event) routing.Event {
	t.Helper()
	select {
	case e, open := <-events:
		if !open {
			t.Fatal("the events ended")
		}
		return e
	case <-time.After(patience):
		t.Fatal("no event came")
		return routing.Event{}
	}
}
