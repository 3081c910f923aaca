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

// talks brings a caller and alice into a conversation, and returns the claim and what tells that she was taken.
func (b *bench) talks(call string) (routing.Claim, <-chan struct{}) {
	b.t.Helper()
	claim := await[dispatch.Offered](b, b.enter(call, "orders")).Claim
	taken, err := b.d.Accept(b.ctx, claim)
	if err != nil {
		b.t.Fatal(err)
	}
	b.pass(0)
	return claim, taken
}

// picture is what a dispatcher sees.
func (b *bench) picture() dispatch.Picture {
	b.t.Helper()
	p, err := b.d.Picture(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func TestAnEmptiedStoreIsToldAgainWhoTalksWhoIsPausedAndWhoIsOutside(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		b.register("alice")
		claim, taken := b.talks("c1")
		b.register("bob", "dave")
		if err := b.d.Pause(b.ctx, "bob", "lunch"); err != nil {
			t.Fatal(err)
		}
		if err := b.d.Outside(b.ctx, "dave", "x1"); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Second)
		before := b.picture().View
		f.empty()
		b.pass(2 * time.Second)
		after := b.picture().View
		for _, name := range []string{"alice", "bob", "dave"} {
			was, is := before.Agents[name], after.Agents[name]
			if is == nil || !is.Registered.Equal(was.Registered) || !is.Seat.Equal(was.Seat) || !is.Paused.Equal(was.Paused) ||
				is.Outside != was.Outside || !is.Idle.Equal(was.Idle) || is.Calls != was.Calls {
				t.Errorf("%s was %+v and is %+v", name, was, is)
			}
		}
		if got := after.Agents["alice"].Claim; !got.Talking() || got.Token != claim.Token {
			t.Errorf("alice's conversation is %+v", got)
		}
		select {
		case <-taken:
			t.Error("her conversation is said to be lost")
		default:
		}
		if err := b.d.Finish(b.ctx, claim); err != nil {
			t.Fatal(err)
		}
		b.pass(0)
		if got := b.agent("alice"); got != routing.WrapUp {
			t.Errorf("after it alice is %s", got)
		}
	})
}

func TestAConversationThatTheStoreNeverHeardOfIsTold(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		b.register("alice")
		claim := await[dispatch.Offered](b, b.enter("c1", "orders")).Claim
		f.down.Store(true)
		if _, err := b.d.Accept(b.ctx, claim); err == nil {
			t.Fatal("the store took it")
		}
		b.pass(time.Second)
		f.down.Store(false)
		b.pass(3 * time.Second)
		if got := b.agent("alice"); got != routing.Talking {
			t.Errorf("alice is %s", got)
		}
		if p := b.picture(); p.View.Callers["c1"] != nil || p.Figures["orders"].Answered != 1 {
			t.Errorf("c1 still waits, or was not counted: %+v", p.Figures["orders"])
		}
	})
}

func TestAConversationWhoseEndTheStoreNeverHeardOfEnds(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		b.register("alice")
		claim, _ := b.talks("c1")
		f.down.Store(true)
		if err := b.d.Finish(b.ctx, claim); err == nil {
			t.Fatal("the store took it")
		}
		b.pass(time.Second)
		f.down.Store(false)
		b.pass(4 * time.Second)
		if got := b.agent("alice"); got != routing.WrapUp {
			t.Errorf("alice is %s", got)
		}
	})
}

func TestAnAgentWhoIsWithSomebodyElseLeavesTheConversationOfANodeThatWasGivenUp(t *testing.T) {
	twoNodes(t, func(syd, mel *bench) {
		syd.register("alice")
		claim, taken := syd.talks("c1")
		other := mel.enter("c2", "orders")
		// As another node does with one that it takes for dead; the heartbeats of the node come too late.
		if err := syd.store.Part(syd.ctx, "syd-1"); err != nil {
			t.Fatal(err)
		}
		if err := syd.store.Reap(syd.ctx, "syd-1"); err != nil {
			t.Fatal(err)
		}
		second := await[dispatch.Offered](mel, other).Claim
		if _, err := mel.d.Accept(mel.ctx, second); err != nil || second.Agent != "alice" {
			t.Fatal(second, err)
		}
		syd.pass(3 * time.Second)
		select {
		case <-taken:
		default:
			t.Error("the first conversation was not told")
		}
		if got := syd.picture().View.Agents["alice"].Claim; got.Token != second.Token {
			t.Errorf("alice is with %+v, and was with %+v", got, claim)
		}
	})
}

func TestWhoComesBackAfterHisNodeDiedHasHisPlace(t *testing.T) {
	for name, test := range map[string]struct {
		incident string
		after    time.Duration
		number   string
		kept     bool
	}{
		"soon":                         {"", 119 * time.Second, "+61491570001", true},
		"too late":                     {"", 121 * time.Second, "+61491570001", false},
		"late, in an incident":         {"kettle-recall", 9 * time.Minute, "+61491570001", true},
		"too late, in an incident too": {"kettle-recall", 11 * time.Minute, "+61491570001", false},
		"from another number":          {"", time.Second, "+61491570002", false},
	} {
		t.Run(name, func(t *testing.T) {
			plan := kettle()
			plan.Queues["orders"].Incident = test.incident
			plan.Agents = nil // nobody takes the calls, nor is anybody judged unstaffed for a while
			plan.Queues["orders"].MaxWait = time.Hour
			inBubble(t, plan, func(b *bench) {
				if _, err := b.store.Heartbeat(b.ctx, "mel-1"); err != nil {
					t.Fatal(err)
				}
				first := b.store.Now()
				if err := b.store.Enter(b.ctx, routing.Caller{Call: "c1", Node: "mel-1", Number: "+61491570001", Queue: "orders"}, 0); err != nil {
					t.Fatal(err)
				}
				b.pass(5 * time.Second) // mel-1 is dead, and taken out
				p := b.picture()
				if p.View.Callers["c1"] != nil || p.View.LostFrom("orders") != 1 {
					t.Fatalf("he is not shown as lost: %+v", p.View.Lost)
				}
				died := p.View.Lost["c1"].At
				b.pass(died.Add(test.after).Sub(b.store.Now()))
				if _, err := b.d.Enter(b.ctx, routing.Caller{Call: "c2", Number: test.number, Queue: "orders"}); err != nil {
					t.Fatal(err)
				}
				b.pass(0)
				c := b.picture().View.Callers["c2"]
				if kept := c.FirstEntry.Equal(first); kept != test.kept {
					t.Errorf("he came at %v and stands as of %v", first, c.FirstEntry)
				}
				if _, err := b.d.Enter(b.ctx, routing.Caller{Call: "c3", Number: test.number, Queue: "orders"}); err != nil {
					t.Fatal(err)
				}
				b.pass(0)
				if c := b.picture().View.Callers["c3"]; c.FirstEntry.Equal(first) {
					t.Error("the place was given twice")
				}
			})
		})
	}
}

func TestANodeThatIsOnlyCutOffIsNotReapedAndNobodyActsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, store: memq.New(memq.Options{}), observed: &observed{}, gone: func(node string) bool { return node != "mel-1" }}
		b.run(kettle(), b.store, "syd-1", func(b *bench) {
			if _, err := b.store.Heartbeat(b.ctx, "mel-1"); err != nil {
				t.Fatal(err)
			}
			if err := b.store.Register(b.ctx, "alice", "mel-1", desk(b.store.Now().Add(time.Hour))); err != nil {
				t.Fatal(err)
			}
			if err := b.store.Enter(b.ctx, routing.Caller{Call: "c1", Node: "mel-1", Queue: "orders"}, 0); err != nil {
				t.Fatal(err)
			}
			b.pass(4 * time.Second)
			b.register("bob")
			claim := await[dispatch.Offered](b, b.enter("c2", "orders")).Claim
			if claim.Agent != "bob" {
				t.Errorf("c2 was offered to %s, whom mel-1 may be ringing", claim.Agent)
			}
			if p := b.picture(); p.View.Callers["c1"] == nil || p.View.LostFrom("orders") != 0 {
				t.Error("mel-1 was reaped")
			}
			if _, err := b.store.Heartbeat(b.ctx, "mel-1"); err != nil {
				t.Fatal(err)
			}
			third := b.enter("c3", "orders")
			b.pass(time.Second)
			if claim := await[dispatch.Offered](b, third).Claim; claim.Agent != "alice" {
				t.Errorf("with mel-1 back c3 was offered to %s", claim.Agent)
			}
		})
	})
}

func TestANodeThatGoesIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memq.New(memq.Options{})
		syd := &bench{t: t, store: store, observed: &observed{}}
		syd.run(kettle(), store, "syd-1", func(syd *bench) {
			mel := &bench{t: t, store: store, observed: &observed{}}
			mel.run(kettle(), store, "mel-1", func(mel *bench) {
				mel.register("alice")
				mel.enter("c1", "orders")
			})
			syd.pass(0)
			p := syd.picture()
			if p.View.Callers["c1"] != nil || p.View.LostFrom("orders") != 1 {
				t.Errorf("its caller still waits: %+v", p.View.Callers["c1"])
			}
			a := p.View.Agents["alice"]
			if !a.ReachedBy("syd-1", nil, p.Now) || a.Node() != "" || a.Claim.Live(p.Now) {
				t.Errorf("alice is %+v", a)
			}
		})
	})
}

func TestAnOfferToAnAgentOfANodeThatIsCutOffIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, store: memq.New(memq.Options{}), observed: &observed{}, gone: func(string) bool { return false }}
		b.run(kettle(), b.store, "syd-1", func(b *bench) {
			if _, err := b.store.Heartbeat(b.ctx, "mel-1"); err != nil {
				t.Fatal(err)
			}
			if err := b.store.Register(b.ctx, "alice", "mel-1", desk(b.store.Now().Add(time.Hour))); err != nil {
				t.Fatal(err)
			}
			b.pass(0)
			notices := b.enter("c1", "orders")
			offer := await[dispatch.Offered](b, notices).Claim
			began := time.Now()
			if gone := await[dispatch.Withdrawn](b, notices); gone.Token != offer.Token {
				t.Errorf("%+v was taken back", gone)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it rang for %v", took)
			}
		})
	})
}

func TestWhoComesWhileTheStoreIsAwayIsToldWhenItAnswersAndAtOnceInAnotherLife(t *testing.T) {
	for name, back := range map[string]func(f *faultyStore){
		"it answers":       func(*faultyStore) {},
		"another answers":  (*faultyStore).empty,
		"another, and one": func(f *faultyStore) { f.empty() },
	} {
		t.Run(name, func(t *testing.T) {
			withFaults(t, func(b *bench, f *faultyStore) {
				f.down.Store(true)
				came := b.d.Now()
				first, err := b.d.Enter(b.ctx, routing.Caller{Call: "c1", Queue: "orders"})
				if err == nil || first == nil {
					t.Fatalf("%v, %v", first, err)
				}
				b.pass(100 * time.Millisecond)
				if _, err := b.d.Enter(b.ctx, routing.Caller{Call: "c2", Queue: "orders"}); err == nil {
					t.Fatal("the store answered")
				}
				b.pass(time.Second)
				f.down.Store(false)
				back(f)
				b.register("alice")
				claim := await[dispatch.Offered](b, first).Claim
				if c := b.picture().View.Callers["c1"]; !c.Entered.Equal(came) || claim.Agent != "alice" {
					t.Errorf("c1 came at %v and is %+v", came, c)
				}
				if took := b.d.Now().Sub(came); took > 4*time.Second {
					t.Errorf("c1 was offered after %v", took)
				}
			})
		})
	}
}

func TestAQueueThatFillsUpWhileTheStoreWasAwayIsFull(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		f.down.Store(true)
		notices, err := b.d.Enter(b.ctx, routing.Caller{Call: "c0", Queue: "orders"})
		if err == nil {
			t.Fatal("the store answered")
		}
		f.down.Store(false)
		for i := range kettle().Queues["orders"].Capacity {
			if err := f.Enter(b.ctx, routing.Caller{Call: fmt.Sprintf("c%d", i+1), Node: "mel-1", Queue: "orders"}, 0); err != nil {
				t.Fatal(err)
			}
		}
		if end := await[dispatch.Ended](b, notices); end.Reason != "full" {
			t.Errorf("the wait ended: %+v", end)
		}
	})
}

func TestACallerWhoseAgentTheStoreDoesNotGiveGetsTheNext(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		b.register("alice")
		b.pass(time.Second)
		b.register("bob")
		refused := 0
		f.refuse = func(agent string) bool { // as while her node may be cut off
			refused++
			return agent == "alice"
		}
		first, second := b.enter("c1", "orders"), b.enter("c2", "orders")
		if claim := await[dispatch.Offered](b, first).Claim; claim.Agent != "bob" {
			t.Errorf("c1 was offered to %s", claim.Agent)
		}
		if got := unread(second); len(got) > 0 {
			if offer, overtook := got[0].(dispatch.Offered); overtook {
				t.Errorf("c2, who stands behind, was offered to %s", offer.Claim.Agent)
			}
		}
		if refused > 8 {
			t.Errorf("the store was asked %d times", refused)
		}
	})
}

func TestAnAgentWhomTheStoreDidNotGiveIsAskedForAgainAsSoonAsSheChanges(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		var denied atomic.Bool
		f.refuse = func(string) bool { return !denied.Swap(true) } // once: she is somebody else's, which the event tells later
		b.register("alice")
		notices := b.enter("c1", "orders")
		for !denied.Load() {
			b.pass(time.Millisecond)
		}
		since := b.d.Now()
		b.pass(10 * time.Millisecond)
		if err := b.d.Pause(b.ctx, "alice", "lunch"); err != nil {
			t.Fatal(err)
		}
		if err := b.d.Resume(b.ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		if took := await[dispatch.Offered](b, notices).Claim.Offered.Sub(since); took > 100*time.Millisecond {
			t.Errorf("c1 was offered after %v", took)
		}
	})
}

// The store is another, and a caller comes to it before the node has told it who waits already.
func TestWhoComesToAnotherStoreFirstStandsBehindThoseWhoWaitedBefore(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		var waited []<-chan dispatch.Notice
		for i := range 5 {
			waited = append(waited, b.enter(fmt.Sprintf("c%d", i+1), "orders"))
			b.pass(200 * time.Millisecond)
		}
		other := memq.New(memq.Options{})
		if err := errors.Join(other.Register(b.ctx, "alice", "syd-1", desk(b.d.Now().Add(time.Hour))), other.Seat(b.ctx, "alice", true, 20, "signed-in")); err != nil {
			t.Fatal(err)
		}
		f.inner.Store(other)
		last, err := b.d.Enter(b.ctx, routing.Caller{Call: "c6", Queue: "orders"})
		if err != nil {
			t.Fatal(err)
		}
		b.register("alice")
		if claim := await[dispatch.Offered](b, waited[0]).Claim; claim.Agent != "alice" {
			t.Errorf("c1 is offered to %s", claim.Agent)
		}
		for _, n := range unread(last) {
			if offer, ok := n.(dispatch.Offered); ok {
				t.Errorf("c6, who came last, was offered to %s first", offer.Claim.Agent)
			}
		}
	})
}

// A caller of this node is in the store, and the call he belongs to is just between two queues.
func TestWhoReturnsStandsWhereHeStood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &unleavable{faultyStore: newFaultyStore()}
		s.fails.Store(2)
		b := &bench{t: t, observed: &observed{}}
		b.run(kettle(), s, "syd-1", func(b *bench) {
			other := memq.New(memq.Options{})
			if err := other.Enter(b.ctx, routing.Caller{Call: "c1", Queue: "orders", Node: "syd-1"}, 0); err != nil {
				t.Fatal(err)
			}
			b.pass(300 * time.Millisecond)
			s.inner.Store(other)
			for s.fails.Load() == 2 { // until he was found to have no call
				b.pass(5 * time.Millisecond)
			}
			first, err := b.d.Return(b.ctx, routing.Caller{Call: "c1", Queue: "orders"})
			if err != nil {
				t.Fatal(err)
			}
			second := b.enter("c2", "orders")
			b.register("alice")
			await[dispatch.Offered](b, first)
			for _, n := range unread(second) {
				if _, offered := n.(dispatch.Offered); offered {
					t.Error("c2, who came last, was offered first")
				}
			}
		})
	})
}

// unleavable is a store that does not take a caller out the first times.
type unleavable struct {
	*faultyStore
	fails  atomic.Int64
	claims atomic.Int64 // for the ghost
}

func (s *unleavable) Leave(ctx context.Context, call, reason string) error {
	if s.fails.Add(-1) >= 0 {
		return errDown
	}
	return s.faultyStore.Leave(ctx, call, reason)
}

func (s *unleavable) Claim(ctx context.Context, call, agent, queue, node string, ring time.Duration) (routing.Claim, error) {
	if call == "ghost" {
		s.claims.Add(1)
	}
	return s.faultyStore.Claim(ctx, call, agent, queue, node, ring)
}

func TestACallerWhoseCallIsOverIsNeverOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &unleavable{faultyStore: newFaultyStore()}
		s.fails.Store(5)
		b := &bench{t: t, observed: &observed{}}
		b.run(kettle(), s, "syd-1", func(b *bench) {
			other := memq.New(memq.Options{})
			if err := other.Enter(b.ctx, routing.Caller{Call: "ghost", Queue: "orders", Node: "syd-1"}, 0); err != nil {
				t.Fatal(err)
			}
			b.pass(time.Second)
			s.inner.Store(other)
			b.pass(time.Second)
			b.register("alice")
			b.pass(3 * time.Second)
			if b.picture().View.Callers["ghost"] != nil {
				t.Error("he is still there")
			}
			if n := s.claims.Load(); n > 0 {
				t.Errorf("%d claims were asked for him", n)
			}
		})
	})
}

func TestAWrapUpBeginsAlthoughNoStoreHeardOfTheEnd(t *testing.T) {
	withFaults(t, func(b *bench, f *faultyStore) {
		b.register("alice")
		claim, _ := b.talks("c1")
		f.down.Store(true)
		if err := b.d.Finish(b.ctx, claim); err == nil {
			t.Fatal("the store heard of it")
		}
		ended := b.d.Now()
		b.pass(300 * time.Millisecond)
		f.empty()
		f.down.Store(false)
		b.pass(2 * time.Second)
		offered := await[dispatch.Offered](b, b.enter("c2", "orders")).Claim.Offered
		if wrapUp := kettle().Queues["orders"].WrapUp; offered.Sub(ended) < wrapUp || offered.Sub(ended) > wrapUp+2*time.Second {
			t.Errorf("c2 was offered after %v, a wrap-up is %v", offered.Sub(ended), wrapUp)
		}
	})
}
