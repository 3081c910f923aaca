package dispatch_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
	"github.com/spillway-voice/spillway/routing/survivable"
)

// cuttable is one node's way to a shared store.
type cuttable struct {
	routing.Store
	cut     atomic.Bool
	refused atomic.Int64 // claims that the store did not grant
}

var errCut = errors.New("cut")

// e is what every step answers while it is cut.
func (c *cuttable) e() error {
	if c.cut.Load() {
		return errCut
	}
	return nil
}

func (c *cuttable) Heartbeat(ctx context.Context, n string) (routing.Beat, error) {
	if e := c.e(); e != nil {
		return routing.Beat{}, e
	}
	return c.Store.Heartbeat(ctx, n)
}
func (c *cuttable) Snapshot(ctx context.Context) (*routing.View, error) {
	if e := c.e(); e != nil {
		return nil, e
	}
	return c.Store.Snapshot(ctx)
}
func (c *cuttable) Enter(ctx context.Context, x routing.Caller, n int) error {
	if e := c.e(); e != nil {
		return e
	}
	return c.Store.Enter(ctx, x, n)
}
func (c *cuttable) Claim(ctx context.Context, call, agent, queue, node string, ring time.Duration) (routing.Claim, error) {
	if e := c.e(); e != nil {
		return routing.Claim{}, e
	}
	claim, err := c.Store.Claim(ctx, call, agent, queue, node, ring)
	if err != nil {
		c.refused.Add(1)
	}
	return claim, err
}
func (c *cuttable) Accept(ctx context.Context, t uint64) error {
	if e := c.e(); e != nil {
		return e
	}
	return c.Store.Accept(ctx, t)
}
func (c *cuttable) Subscribe(ctx context.Context, seq uint64) (<-chan routing.Event, error) {
	if e := c.e(); e != nil {
		return nil, e
	}
	return c.Store.Subscribe(ctx, seq)
}

// A node was cut off and one of its agents talks with one of its callers. When it is back, another node's waiting caller may be offered
// to that agent before the merge: the conversation lives on.
func TestAConversationOfTheTimeAloneSurvivesTheMerge(t *testing.T) {
	cutOff := 0
	const phases = 10
	for phase := range phases {
		synctest.Test(t, func(t *testing.T) {
			shared := memq.New(memq.Options{})
			way := &cuttable{Store: shared}
			s := survivable.New(survivable.Options{Shared: way, Probe: func(context.Context) error { return way.e() }})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go s.Run(ctx)
			syd := &bench{t: t, observed: &observed{}}
			mel := &bench{t: t, store: shared, observed: &observed{}, gone: func(string) bool { return false }} // it answers by SIP
			syd.told = s.Told
			syd.run(kettle(), s, "syd-1", func(syd *bench) {
				time.Sleep(time.Duration(phase) * 50 * time.Millisecond)
				mel.run(kettle(), shared, "mel-1", func(mel *bench) {
					if err := syd.d.Register(ctx, "alice", []routing.Phone{{Place: "desk", Direct: true, Until: syd.d.Now().Add(time.Hour)}}); err != nil {
						t.Fatal(err)
					}
					mel.pass(2 * time.Second)
					way.cut.Store(true)
					mel.pass(4 * time.Second)
					if s.Up() {
						t.Fatal("not alone")
					}
					m1 := mel.enter("m1", "orders") // waits at mel: alice is syd's
					claim := await[dispatch.Offered](syd, syd.enter("c1", "orders")).Claim
					taken, err := syd.d.Accept(ctx, claim)
					if err != nil {
						t.Fatal(err)
					}
					mel.pass(2 * time.Second)
					way.cut.Store(false)
					var rang bool
					for range 30 {
						mel.pass(100 * time.Millisecond)
						for _, n := range unread(m1) {
							if _, ok := n.(dispatch.Offered); ok {
								rang = true
							}
						}
					}
					select {
					case <-taken:
						cutOff++
						t.Logf("phase %d: the conversation is cut; alice rang for m1: %v", phase, rang)
					default:
					}
				})
			})
			cancel()
			synctest.Wait()
		})
	}
	if cutOff > 0 {
		t.Errorf("in %d of %d merges a running conversation was cut for an offer that had just begun to ring", cutOff, phases)
	}
}

// An offer rings when the store is emptied; the agent declines before the Hold of it is carried out.
func TestAnOfferThatEndedIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{faultyStore: newFaultyStore()}
		b := &bench{t: t, observed: &observed{}}
		b.run(kettle(), s, "syd-1", func(b *bench) {
			b.register("alice")
			notices := b.enter("c1", "orders")
			claim := await[dispatch.Offered](b, notices).Claim
			for _, c := range []string{"c2", "c3", "c4", "c5"} {
				b.enter(c, "orders")
			}
			b.pass(time.Second)
			s.delay.Store(int64(90 * time.Millisecond))
			s.empty()
			b.pass(1050 * time.Millisecond) // noticed; the callers are being entered
			if err := b.d.Release(b.ctx, claim, routing.Refused); err != nil {
				t.Fatal(err)
			}
			s.delay.Store(int64(time.Millisecond))
			b.pass(3 * time.Second)
			a := b.picture().View.Agents["alice"]
			t.Logf("alice: %s %+v not before %v", b.agent("alice"), a.Claim, a.NotBefore)
			if a.Claim.Ringing(b.d.Now()) && a.Claim.Token == claim.Token {
				t.Error("3 s after she declined, alice is still recorded as ringing for it")
			}
		})
	})
}

// While a node is alone a caller leaves, and an agent of its talks. He is free again in the moment of the return, when the shared store
// knows the caller still and has not renewed the lease.
func TestWhoIsFreeAtTheReturnIsAskedForNobodyWhoIsGone(t *testing.T) {
	for phase := range 10 {
		synctest.Test(t, func(t *testing.T) {
			way := &cuttable{Store: memq.New(memq.Options{})}
			s := survivable.New(survivable.Options{Shared: way, Probe: func(context.Context) error { return way.e() }})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go s.Run(ctx)
			plan := kettle()
			plan.Queues["orders"].WrapUp = 0
			b := &bench{t: t, observed: &observed{}, told: s.Told}
			b.run(plan, s, "syd-1", func(b *bench) {
				b.enter("gone", "orders")
				b.pass(time.Second)
				way.cut.Store(true)
				b.pass(4 * time.Second)
				if s.Up() {
					t.Fatal("it is not alone")
				}
				if err := b.d.Leave(ctx, "gone", routing.LeftByCaller); err != nil {
					t.Fatal(err)
				}
				talks := b.enter("c1", "orders")
				b.register("alice")
				claim := await[dispatch.Offered](b, talks).Claim
				if _, err := b.d.Accept(ctx, claim); err != nil {
					t.Fatal(err)
				}
				waits := b.enter("c2", "orders")
				way.cut.Store(false)
				for !s.Up() {
					b.pass(10 * time.Millisecond)
				}
				b.pass(time.Duration(phase) * 10 * time.Millisecond)
				if err := b.d.Finish(ctx, claim); err != nil {
					t.Fatal(err)
				}
				free := b.d.Now()
				if offered := await[dispatch.Offered](b, waits).Claim.Offered.Sub(free); offered > 300*time.Millisecond {
					t.Errorf("%d: c2 was offered after %v", phase, offered)
				}
				if n := way.refused.Load(); n > 0 {
					t.Errorf("%d: the store was asked in vain for %d claims", phase, n)
				}
			})
			cancel()
			synctest.Wait()
		})
	}
}
