package survivable_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
	"github.com/spillway-voice/spillway/routing/queuetest"
	"github.com/spillway-voice/spillway/routing/survivable"
)

func TestItIsTheSharedStoreWhileThatAnswers(t *testing.T) {
	queuetest.Run(t, queuetest.Suite{Fake: true, New: func(t *testing.T) routing.Store {
		return survivable.New(survivable.Options{Shared: memq.New(memq.Options{}), Probe: func(context.Context) error { return nil }})
	}})
}

// errAway is what a store says that is away.
var errAway = errors.New("away")

// flaky is a shared store whose heartbeats and snapshots fail at will.
type flaky struct {
	*memq.Store
	away atomic.Bool
	dim  atomic.Bool  // it gives no snapshot
	slow atomic.Int64 // how long a heartbeat takes, in nanoseconds
}

func (f *flaky) Heartbeat(ctx context.Context, node string) (routing.Beat, error) {
	time.Sleep(time.Duration(f.slow.Load()))
	if f.away.Load() {
		return routing.Beat{}, errAway
	}
	return f.Store.Heartbeat(ctx, node)
}

func (f *flaky) Snapshot(ctx context.Context) (*routing.View, error) {
	if f.dim.Load() || f.away.Load() {
		return nil, errAway
	}
	return f.Store.Snapshot(ctx)
}

// Probe says whether it is away.
func (f *flaky) Probe(context.Context) error {
	if f.away.Load() {
		return errAway
	}
	return nil
}

// beats sends heartbeats, a tenth of a second apart.
func beats(t *testing.T, s *survivable.Store, n int) {
	t.Helper()
	for range n {
		_, err := s.Heartbeat(t.Context(), "n1")
		if err != nil && !errors.Is(err, errAway) {
			t.Fatal(err)
		}
		s.Told() // as soon as it can be
		time.Sleep(100 * time.Millisecond)
	}
}

// watched runs a test on fake time with a store that looks for its way back, and what it told.
func watched(t *testing.T, test func(t *testing.T, shared *flaky, s *survivable.Store, told func() []bool)) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var changes []bool
		shared := &flaky{Store: memq.New(memq.Options{})}
		s := survivable.New(survivable.Options{Shared: shared, Probe: shared.Probe, Changed: func(up bool, cause error) {
			mu.Lock()
			defer mu.Unlock()
			if changes = append(changes, up); !up && cause == nil {
				t.Errorf("the cause is told as %v", cause)
			}
		}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		test(t, shared, s, func() []bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(changes)
		})
	})
}

func TestItGoesAloneOnlyWhenItsLeaseIsOver(t *testing.T) {
	watched(t, func(t *testing.T, shared *flaky, s *survivable.Store, told func() []bool) {
		beats(t, s, 1)
		renewed := time.Now().Add(-100 * time.Millisecond)
		shared.away.Store(true)
		for time.Since(renewed) < routing.Lease {
			if !s.Up() {
				t.Fatalf("it went alone %v after it renewed its lease", time.Since(renewed))
			}
			beats(t, s, 1)
		}
		beats(t, s, 1)
		if s.Up() || !slices.Equal(told(), []bool{false}) {
			t.Errorf("it is not alone %v after its last heartbeat: %v", time.Since(renewed), told())
		}
	})
}

func TestAHeartbeatThatTheProcessSleptThroughProvesNothing(t *testing.T) {
	watched(t, func(t *testing.T, shared *flaky, s *survivable.Store, _ func() []bool) {
		beats(t, s, 1)
		shared.away.Store(true)
		shared.slow.Store(int64(10 * time.Second)) // as after SIGSTOP and SIGCONT: the answer is late, and the lease over
		beats(t, s, 1)
		shared.slow.Store(0)
		beats(t, s, 2)
		if !s.Up() {
			t.Error("it went alone before three heartbeats of its own failed")
		}
		shared.away.Store(false)
		beats(t, s, 1)
		shared.away.Store(true)
		beats(t, s, 3)
		if !s.Up() {
			t.Error("it went alone although its lease was renewed")
		}
	})
}

func TestItFindsBackAfterTwoGoodAnswers(t *testing.T) {
	watched(t, func(t *testing.T, shared *flaky, s *survivable.Store, told func() []bool) {
		shared.away.Store(true)
		beats(t, s, 3) // it never had a lease
		if s.Up() {
			t.Fatal("it is not alone")
		}
		shared.away.Store(false)
		time.Sleep(250 * time.Millisecond)
		shared.away.Store(true)
		time.Sleep(250 * time.Millisecond)
		if s.Up() {
			t.Error("one answer was enough")
		}
		shared.away.Store(false)
		back := time.Now()
		for !s.Up() {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(back); took > 500*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		synctest.Wait()
		if !slices.Equal(told(), []bool{false, true}) {
			t.Errorf("told were %v", told())
		}
	})
}

func TestTheLeaseIsRenewedOnlyWhenTheStoreThatIsBackWasTold(t *testing.T) {
	watched(t, func(t *testing.T, shared *flaky, s *survivable.Store, _ func() []bool) {
		beats(t, s, 1)
		if err := s.Register(t.Context(), "alice", "n1", []routing.Phone{{Place: "desk", Direct: true, Until: s.Now().Add(time.Hour)}}); err != nil {
			t.Fatal(err)
		}
		shared.away.Store(true)
		for s.Up() {
			beats(t, s, 1)
		}
		shared.away.Store(false)
		time.Sleep(time.Second)
		beat := func() routing.Beat {
			t.Helper()
			beat, err := shared.Store.Heartbeat(t.Context(), "n2")
			if err != nil {
				t.Fatal(err)
			}
			return beat
		}
		if _, err := s.Heartbeat(t.Context(), "n1"); err == nil || !s.Up() || !slices.Contains(beat().Expired, "n1") {
			t.Errorf("the lease was renewed although nothing was told: %v, %+v", err, beat())
		}
		s.Told() // of what was told to the memory
		if _, err := s.Heartbeat(t.Context(), "n1"); err == nil {
			t.Error("it is renewed before the store was even looked at")
		}
		if _, err := s.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Told()
		if _, err := s.Heartbeat(t.Context(), "n1"); err != nil || !slices.Contains(beat().Nodes, "n1") {
			t.Errorf("it is not renewed: %v, %+v", err, beat())
		}
	})
}

func TestAStoreThatIsNeverToldIsNotWaitedForForEver(t *testing.T) {
	watched(t, func(t *testing.T, shared *flaky, s *survivable.Store, _ func() []bool) {
		shared.away.Store(true)
		beats(t, s, 3)
		shared.away.Store(false)
		time.Sleep(11 * time.Second)
		if _, err := s.Heartbeat(t.Context(), "n1"); err != nil {
			t.Error(err)
		}
	})
}

func TestANodeThatSeesNothingLetsGoOfItsLeaseAndServesAlone(t *testing.T) {
	watched(t, func(t *testing.T, shared *flaky, s *survivable.Store, _ func() []bool) {
		beats(t, s, 1)
		shared.dim.Store(true)
		began := time.Now()
		for s.Up() && time.Since(began) < time.Minute {
			if _, err := s.Snapshot(t.Context()); err == nil {
				t.Fatal("it sees")
			}
			_, _ = s.Heartbeat(t.Context(), "n1") // whether it is renewed is what Up shows
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("it served nobody for %v", took)
		}
		time.Sleep(5 * time.Second)
		if s.Up() {
			t.Error("it is back although it sees nothing")
		}
		shared.dim.Store(false)
		time.Sleep(time.Second)
		if !s.Up() {
			t.Error("it is not back")
		}
	})
}

func TestAStoreThatGoesAgainBeforeItWasToldIsNoticed(t *testing.T) {
	watched(t, func(t *testing.T, shared *flaky, s *survivable.Store, told func() []bool) {
		shared.away.Store(true)
		beats(t, s, 3)
		shared.away.Store(false)
		time.Sleep(time.Second)
		if !s.Up() {
			t.Fatal("it is not back")
		}
		shared.away.Store(true)
		beats(t, s, 3)
		if s.Up() || !slices.Equal(told(), []bool{false, true, false}) {
			t.Errorf("it is not alone again: %v", told())
		}
	})
}

func TestAChangeEndsTheEventsAndBeginsAnotherLife(t *testing.T) {
	watched(t, func(t *testing.T, shared *flaky, s *survivable.Store, _ func() []bool) {
		before, err := s.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		events, err := s.Subscribe(t.Context(), before.Seq)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Enter(t.Context(), routing.Caller{Call: "c1", Node: "n1", Queue: "orders"}, 0); err != nil {
			t.Fatal(err)
		}
		if e := <-events; e.Kind != routing.CallerEntered {
			t.Errorf("%+v", e)
		}
		shared.away.Store(true)
		beats(t, s, 3)
		if e, open := <-events; open {
			t.Errorf("the events go on: %+v", e)
		}
		alone, err := s.Snapshot(t.Context())
		if err != nil || alone.Incarnation == before.Incarnation || len(alone.Callers) != 0 {
			t.Errorf("alone it sees %+v, %v", alone, err)
		}
		shared.away.Store(false)
		time.Sleep(time.Second)
		back, err := s.Snapshot(t.Context())
		if err != nil || back.Incarnation != before.Incarnation || back.Callers["c1"] == nil {
			t.Errorf("back it sees %+v, %v", back, err)
		}
	})
}

func TestAloneItServesWithItsOwnPhonesAndTokensThatNobodyElseHas(t *testing.T) {
	watched(t, func(t *testing.T, shared *flaky, s *survivable.Store, _ func() []bool) {
		phone := func(node string) []routing.Phone {
			return []routing.Phone{{Place: "desk", Node: node, Direct: true, Until: s.Now().Add(time.Hour)}}
		}
		shared.away.Store(true)
		beats(t, s, 3)
		now := s.Now()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(s.Hold(t.Context(), routing.Claim{Token: 1 << 61, Call: "c0", Agent: "carol", Node: "n1", Offered: now, Answered: now}))
		must(s.Recall(t.Context(), []*routing.AgentState{
			{Name: "alice", Phones: phone("n1"), Registered: now, Seat: now}, {Name: "bob", Phones: phone("n2"), Registered: now, Seat: now},
		}))
		must(s.Enter(t.Context(), routing.Caller{Call: "c1", Node: "n1", Queue: "orders"}, 0))
		if _, err := s.Claim(t.Context(), "c1", "bob", "orders", "n1", time.Minute); !errors.Is(err, routing.ErrLost) {
			t.Errorf("an agent of another node: %v", err)
		}
		claim, err := s.Claim(t.Context(), "c1", "alice", "orders", "n1", time.Minute)
		if err != nil || claim.Token <= 1<<61 {
			t.Errorf("%+v, %v", claim, err)
		}
	})
}
