package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

// errDown is what a store says that does not answer.
var errDown = errors.New("the store is down")

// faultyStore is a store in memory that can be emptied, taken down, and made to lose events and every claim.
type faultyStore struct {
	inner  atomic.Pointer[memq.Store]
	down   atomic.Bool
	lose   atomic.Bool                         // claims
	refuse func(agent string) bool             // claims of whom are lost; nil: of nobody
	after  atomic.Pointer[func(routing.Claim)] // what happens between a claim and its answer
	mu     sync.Mutex
	skip   int // events still to be lost
}

func newFaultyStore() *faultyStore {
	f := &faultyStore{}
	f.empty()
	return f
}

// empty replaces the store by one that knows nothing; those who read the old one hear nothing more.
func (f *faultyStore) empty() { f.inner.Store(memq.New(memq.Options{})) }

func (f *faultyStore) err() error {
	if f.down.Load() {
		return errDown
	}
	return nil
}

func (f *faultyStore) Now() time.Time { return f.inner.Load().Now() }

func (f *faultyStore) Enter(ctx context.Context, c routing.Caller, capacity int) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Enter(ctx, c, capacity) }))
}

func (f *faultyStore) Leave(ctx context.Context, call, reason string) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Leave(ctx, call, reason) }))
}

func (f *faultyStore) Spill(ctx context.Context, call string, to []string, rule string) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Spill(ctx, call, to, rule) }))
}

func (f *faultyStore) Open(ctx context.Context, queue, rule string, open bool) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Open(ctx, queue, rule, open) }))
}

func (f *faultyStore) Claim(ctx context.Context, call, agent, queue, node string, ring time.Duration) (routing.Claim, error) {
	if f.lose.Load() || f.refuse != nil && f.refuse(agent) {
		return routing.Claim{}, routing.ErrLost
	}
	if err := f.err(); err != nil {
		return routing.Claim{}, err
	}
	claim, err := f.inner.Load().Claim(ctx, call, agent, queue, node, ring)
	if after := f.after.Load(); after != nil && err == nil {
		(*after)(claim)
	}
	return claim, err
}

func (f *faultyStore) Accept(ctx context.Context, token uint64) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Accept(ctx, token) }))
}

func (f *faultyStore) Release(ctx context.Context, token uint64, outcome routing.Outcome) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Release(ctx, token, outcome) }))
}

func (f *faultyStore) Finish(ctx context.Context, token uint64, wrapUp time.Duration) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Finish(ctx, token, wrapUp) }))
}

func (f *faultyStore) Register(ctx context.Context, agent, node string, phones []routing.Phone) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Register(ctx, agent, node, phones) }))
}

func (f *faultyStore) Seat(ctx context.Context, agent string, grant bool, limit int, reason string) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Seat(ctx, agent, grant, limit, reason) }))
}

func (f *faultyStore) Pause(ctx context.Context, agent, reason string) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Pause(ctx, agent, reason) }))
}

func (f *faultyStore) Resume(ctx context.Context, agent string) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Resume(ctx, agent) }))
}

func (f *faultyStore) Outside(ctx context.Context, agent, node, call string) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Outside(ctx, agent, node, call) }))
}

func (f *faultyStore) Hold(ctx context.Context, c routing.Claim) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Hold(ctx, c) }))
}

func (f *faultyStore) Recall(ctx context.Context, agents []*routing.AgentState) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Recall(ctx, agents) }))
}

func (f *faultyStore) Part(ctx context.Context, node string) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Part(ctx, node) }))
}

func (f *faultyStore) Heartbeat(ctx context.Context, node string) (routing.Beat, error) {
	if err := f.err(); err != nil {
		return routing.Beat{}, err
	}
	return f.inner.Load().Heartbeat(ctx, node)
}

func (f *faultyStore) Reap(ctx context.Context, node string) error {
	return errors.Join(f.err(), unless(f, func() error { return f.inner.Load().Reap(ctx, node) }))
}

func (f *faultyStore) Snapshot(ctx context.Context) (*routing.View, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.inner.Load().Snapshot(ctx)
}

// Subscribe passes events on, but for those that are to be lost.
func (f *faultyStore) Subscribe(ctx context.Context, seq uint64) (<-chan routing.Event, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	inner, err := f.inner.Load().Subscribe(ctx, seq)
	if err != nil {
		return nil, err
	}
	outer := make(chan routing.Event, 1024)
	go func() {
		defer close(outer)
		for e := range inner {
			if !f.loses() {
				outer <- e
			}
		}
	}()
	return outer, nil
}

// loses reports whether the next event gets lost.
func (f *faultyStore) loses() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.skip == 0 {
		return false
	}
	f.skip--
	return true
}

// loseEvents loses the next events.
func (f *faultyStore) loseEvents(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.skip = n
}

// unless does a step unless the store is down.
func unless(f *faultyStore, do func() error) error {
	if f.down.Load() {
		return nil
	}
	return do()
}

// withFaults runs a test with a dispatcher over a faulty store.
func withFaults(t *testing.T, test func(b *bench, f *faultyStore)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFaultyStore()
		b := &bench{t: t, observed: &observed{}}
		b.run(kettle(), f, "syd-1", func(b *bench) { test(b, f) })
	})
}

func TestALostEventIsNoticedAndNothingIsMissed(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		b.register("alice")
		f.loseEvents(1)
		lost := b.enter("c1", "orders")
		if got := unread(lost); len(got) != 0 {
			t.Fatalf("the event was not lost: %+v", got)
		}
		await[dispatch.Offered](b, lost) // noticed by the next heartbeats, as nothing else happens
		f.loseEvents(1)
		b.enter("c2", "orders")
		if got := await[dispatch.Moved](b, b.enter("c3", "orders")); got.Position != 3 {
			t.Errorf("c3 stands at %d", got.Position)
		}
	})
}

func TestAnEmptiedStoreIsToldAgainWhoWaitsAndWhoIsThere(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		first := b.enter("c1", "orders")
		b.register("bob", "dave")
		claim := await[dispatch.Offered](b, first).Claim
		b.enter("c2", "orders")
		before, err := b.d.Picture(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		b.pass(10 * time.Second)
		f.empty()
		b.pass(2 * time.Second)
		after, err := b.d.Picture(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{"c1", "c2"} {
			was, is := before.View.Callers[call], after.View.Callers[call]
			if is == nil || !is.FirstEntry.Equal(was.FirstEntry) || !is.Entered.Equal(was.Entered) {
				t.Errorf("%s was %+v and is %+v", call, was, is)
			}
		}
		for _, n := range unread(first) {
			if gone, withdrawn := n.(dispatch.Withdrawn); withdrawn {
				t.Errorf("the offer that rings was taken back: %+v", gone)
			}
		}
		if _, err := b.d.Accept(b.ctx, claim); err != nil {
			t.Errorf("an offer of the lost store that still rang: %v", err)
		}
		b.pass(0)
		if got := b.agent("bob"); got != routing.Talking {
			t.Errorf("bob is %s", got)
		}
		if got := b.agent("dave"); got != routing.Ready {
			t.Errorf("dave is %s", got)
		}
	})
}

func TestAStoreThatIsDownForAWhileCostsNobodyHisPlace(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		notices := b.enter("c1", "orders")
		b.register("alice")
		claim := await[dispatch.Offered](b, notices).Claim
		waiting := b.enter("c2", "orders")
		f.down.Store(true)
		b.pass(10 * time.Second)
		if _, err := b.d.Accept(b.ctx, claim); !errors.Is(err, errDown) {
			t.Fatalf("accept: %v", err)
		}
		b.pass(10 * time.Second)
		if _, err := b.d.Enter(b.ctx, routing.Caller{Call: "c3", Queue: "orders"}); !errors.Is(err, errDown) {
			t.Fatalf("enter: %v", err)
		}
		f.down.Store(false)
		b.pass(2 * time.Second)
		if got := b.agent("alice"); got != routing.Talking {
			t.Errorf("alice talks, and is %s", got)
		}
		for _, n := range unread(waiting) {
			if end, ended := n.(dispatch.Ended); ended {
				t.Errorf("c2 was given up: %+v", end)
			}
		}
	})
}

func TestANodeThatWasGivenUpPutsItsCallersBack(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		b.register("alice")
		if err := b.d.Pause(b.ctx, "alice", "lunch"); err != nil {
			t.Fatal(err)
		}
		notices := b.enter("c1", "orders")
		first := f.inner.Load().Now()
		f.down.Store(true)
		b.pass(3 * time.Second)
		if err := f.inner.Load().Reap(b.ctx, "syd-1"); err != nil {
			t.Fatal(err)
		}
		f.down.Store(false)
		b.pass(2 * time.Second)
		picture, err := b.d.Picture(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if c := picture.View.Callers["c1"]; c == nil || !c.FirstEntry.Equal(first) {
			t.Errorf("c1 is %+v, came at %v", c, first)
		}
		if got := b.agent("alice"); got != routing.Paused {
			t.Errorf("alice is %s", got)
		}
		for _, n := range unread(notices) {
			if _, moved := n.(dispatch.Moved); !moved {
				t.Errorf("c1 was told %+v", n)
			}
		}
	})
}

func TestCallersBesideReadyAgentsRaiseTheAlarm(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		b.register("alice")
		f.lose.Store(true)
		notices := b.enter("c1", "orders")
		b.pass(3 * time.Second)
		if b.observed.stuck() != 0 {
			t.Errorf("the alarm came too early")
		}
		b.pass(3 * time.Second)
		if b.observed.stuck() == 0 {
			t.Errorf("no alarm")
		}
		f.lose.Store(false)
		await[dispatch.Offered](b, notices)
		raised := b.observed.stuck()
		b.pass(5 * time.Second)
		if b.observed.stuck() != raised {
			t.Errorf("the alarm goes on")
		}
	})
}

func TestAClaimThatEndsBeforeItsAnswerHoldsUpNobody(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		vanish := func(c routing.Claim) {
			if c.Agent == "alice" {
				f.after.Store(nil)
				if err := f.Register(b.ctx, "alice", "syd-1", nil); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Millisecond) // the owner hears of the end first
			}
		}
		for i := range 3 {
			b.register("alice", "bob")
			f.after.Store(&vanish)
			call := fmt.Sprintf("c%02d", i)
			notices := b.enter(call, "orders")
			began := time.Now()
			for agent := ""; agent != "bob"; {
				agent = await[dispatch.Offered](b, notices).Claim.Agent
			}
			if took := time.Since(began); took > time.Second {
				t.Fatalf("%s was held up for %v", call, took)
			}
			if err := b.d.Leave(b.ctx, call, routing.LeftByCaller); err != nil {
				t.Fatal(err)
			}
			b.pass(2 * time.Minute) // alice's back-off is over
		}
	})
}

// TestNobodyIsLeftInAQueueByALeaveThatTheStoreDidNotTake has a call hang up while the store is down, and never say so again.
func TestNobodyIsLeftInAQueueByALeaveThatTheStoreDidNotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaultyStore()
		b := &bench{t: t, observed: &observed{}}
		b.run(kettle(), store, "syd-1", func(b *bench) {
			b.enter("c1", "orders")
			b.enter("c2", "orders")
			store.down.Store(true)
			if err := b.d.Leave(b.ctx, "c1", routing.LeftByCaller); err == nil {
				t.Error("a store that is down took a request")
			}
			b.pass(time.Second)
			store.down.Store(false)
			b.pass(3 * time.Second) // before they count as unstaffed
			p, err := b.d.Picture(b.ctx)
			if err != nil {
				t.Fatal(err)
			}
			if p.View.Callers["c1"] != nil || p.View.Callers["c2"] == nil {
				t.Errorf("waiting are %v, want c2 alone", p.View.Callers)
			}
		})
	})
}
