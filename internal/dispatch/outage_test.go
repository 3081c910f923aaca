package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

// An offer of the time alone is refused by the shared store (its agent was taken in the meantime): later, lower tokens are deaf.
func TestAnOfferThatTheStoreWillNotHoldLeavesItsCallerToOthers(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		// alone: tokens run up to 19 h ahead
		f.inner.Store(memq.New(memq.Options{Token: uint64(time.Now().UnixMicro()) + 1<<35}))
		b.pass(2 * time.Second)
		b.register("alice")
		notices := b.enter("c1", "orders")
		await[dispatch.Offered](b, notices)
		// back: the shared store has alice with a caller of mel-1
		shared := memq.New(memq.Options{})
		_, beat := shared.Heartbeat(b.ctx, "syd-1")
		_, otherBeat := shared.Heartbeat(b.ctx, "mel-1")
		if err := errors.Join(beat, otherBeat,
			shared.Register(b.ctx, "alice", "syd-1", desk(shared.Now().Add(time.Hour))),
			shared.Seat(b.ctx, "alice", true, 20, "signed-in"),
			shared.Enter(b.ctx, routing.Caller{Call: "m1", Node: "mel-1", Queue: "orders"}, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := shared.Claim(b.ctx, "m1", "alice", "orders", "mel-1", 15*time.Second); err != nil {
			t.Fatal(err)
		}
		f.inner.Store(shared)
		b.pass(2 * time.Second)
		unread(notices)
		// mel's caller hangs up: alice is free for c1
		if err := shared.Leave(b.ctx, "m1", routing.LeftByCaller); err != nil {
			t.Fatal(err)
		}
		deadline := time.After(10 * time.Minute)
		for {
			select {
			case n := <-notices:
				if _, ok := n.(dispatch.Offered); ok {
					return
				}
				continue
			case <-deadline:
			}
			break
		}
		t.Errorf("c1 is told of no offer in ten minutes beside a free agent; alice is %s, c1 %+v", b.agent("alice"), b.picture().View.Callers["c1"])
	})
}

// slowly is a store whose steps take a while.
type slowly struct {
	*faultyStore
	delay  atomic.Int64
	enters atomic.Int64
}

func (s *slowly) nap() { time.Sleep(time.Duration(s.delay.Load())) }
func (s *slowly) Enter(ctx context.Context, c routing.Caller, n int) error {
	s.nap()
	s.enters.Add(1)
	return s.faultyStore.Enter(ctx, c, n)
}
func (s *slowly) Claim(ctx context.Context, call, agent, queue, node string, ring time.Duration) (routing.Claim, error) {
	s.nap()
	return s.faultyStore.Claim(ctx, call, agent, queue, node, ring)
}

func TestWhatIsBeingToldIsNotToldTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{faultyStore: newFaultyStore()}
		b := &bench{t: t, observed: &observed{}}
		b.run(kettle(), s, "syd-1", func(b *bench) {
			const n = 100
			var all []<-chan dispatch.Notice
			for i := range n {
				all = append(all, b.enter(fmt.Sprintf("c%03d", i), "orders"))
			}
			b.register("dave", "alice")
			c := await[dispatch.Offered](b, all[0])
			if _, err := b.d.Accept(b.ctx, c.Claim); err != nil {
				t.Fatal(err)
			}
			b.pass(time.Second)
			s.delay.Store(int64(90 * time.Millisecond))
			s.enters.Store(0)
			s.empty()
			began := time.Now()
			b.pass(12 * time.Second)
			// alice is free: who is offered, and when?
			if err := b.d.Finish(b.ctx, c.Claim); err != nil {
				t.Fatal(err)
			}
			offered := time.Time{}
			for time.Since(began) < 10*time.Minute && offered.IsZero() {
				b.pass(100 * time.Millisecond)
				for _, ch := range all[1:] {
					for _, n := range unread(ch) {
						if _, ok := n.(dispatch.Offered); ok {
							offered = time.Now()
						}
					}
				}
			}
			if s.enters.Load() > 2*n || offered.Sub(began) > 40*time.Second {
				t.Errorf("%d callers were entered %d times, the next was offered after %v", n-1, s.enters.Load(), offered.Sub(began))
			}
		})
	})
}

// The store's clock is heard for the first time and lies behind the wall clock that stood in for it.
func TestStoreTimeThatGoesBackStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var back atomic.Int64
		began := time.Now()
		now := func() time.Time { return began.Add(time.Since(began)).Add(-time.Duration(back.Load())).Round(0).UTC() }
		f := newFaultyStore()
		f.inner.Store(memq.New(memq.Options{Now: now}))
		b := &bench{t: t, observed: &observed{}}
		b.run(kettle(), f, "syd-1", func(b *bench) {
			b.enter("c0", "support")
			b.pass(3 * time.Second)
			back.Store(int64(10 * time.Minute))
			f.inner.Store(memq.New(memq.Options{Now: now}))
			b.pass(3 * time.Second)
			b.register("alice")
			b.pass(2 * time.Second)
			notices := b.enter("c1", "orders")
			start := time.Now()
			await[dispatch.Offered](b, notices)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("c1 was offered after %v beside a ready agent", took)
			}
		})
	})
}

// A failover forgot that a caller moved to another queue.
func TestAForgottenMoveIsToldAgain(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		b.enter("c1", "orders")
		b.pass(time.Second)
		b.enter("c1", "support")
		b.pass(time.Second)
		old := memq.New(memq.Options{}) // as the replica had it
		if _, err := old.Heartbeat(b.ctx, "syd-1"); err != nil {
			t.Fatal(err)
		}
		if err := old.Enter(b.ctx, routing.Caller{Call: "c1", Node: "syd-1", Queue: "orders"}, 0); err != nil {
			t.Fatal(err)
		}
		f.inner.Store(old)
		b.pass(4 * time.Second)
		if c := b.picture().View.Callers["c1"]; c == nil || c.Queue != "support" {
			t.Errorf("the call waits for support, the store has him in %+v", c)
		}
	})
}

// slowSnap is a store whose snapshot takes longer than 500 ms but less than store.CopyLimit.
type slowSnap struct {
	*faultyStore
	d atomic.Int64
}

func (s *slowSnap) Snapshot(ctx context.Context) (*routing.View, error) {
	select {
	case <-time.After(time.Duration(s.d.Load())):
		return s.faultyStore.Snapshot(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestASnapshotThatTakesItsTimeIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowSnap{faultyStore: newFaultyStore()}
		b := &bench{t: t, observed: &observed{}}
		b.run(kettle(), s, "syd-1", func(b *bench) {
			b.register("alice")
			s.d.Store(int64(600 * time.Millisecond))
			s.loseEvents(1)
			notices := b.enter("c1", "orders")
			b.pass(5 * time.Minute)
			if got := unread(notices); len(got) == 0 {
				t.Error("in five minutes c1 was told nothing; heartbeats succeed, the node never goes alone")
			}
		})
	})
}
