package dispatch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

func TestACallThatDoesNotTakeItsOfferIsPassedOver(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		b.register("alice")
		hung := b.enter("c1", "orders")
		began := time.Now()
		next := await[dispatch.Offered](b, b.enter("c2", "orders"))
		if took := time.Since(began); took != 250*time.Millisecond {
			t.Errorf("c2 was offered after %v", took)
		}
		if err := b.d.Release(b.ctx, next.Claim, routing.Withdrawn); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Second)
		notices := unread(hung)
		if _, withdrawn := notices[len(notices)-1].(dispatch.Withdrawn); !withdrawn {
			t.Errorf("c1 was told %+v", notices)
		}
	})
}

func TestACallThatReadsNothingHoldsUpNobody(t *testing.T) {
	plan := kettle()
	plan.Queues["orders"].MaxWait = 0
	inBubble(t, plan, func(b *bench) {
		b.register("alice")
		hung := b.enter("c1", "orders")
		b.pass(5 * time.Minute) // many offers come and go
		if b.observed.stuck() == 0 {
			t.Errorf("no alarm says that a caller waits beside a ready agent")
		}
		if err := b.store.Leave(b.ctx, "c1", routing.LeftTimeout); err != nil {
			t.Fatal(err)
		}
		b.pass(0)
		notices := unread(hung)
		if len(notices) > 16 {
			t.Errorf("%d notices", len(notices))
		}
		if end, ended := notices[len(notices)-1].(dispatch.Ended); !ended || end.Reason != routing.LeftTimeout {
			t.Errorf("the last is %+v", notices[len(notices)-1])
		}
		await[dispatch.Offered](b, b.enter("c2", "orders"))
	})
}

func TestMovesAreToldAsOne(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		for _, call := range []string{"c1", "c2", "c3", "c4"} {
			b.enter(call, "orders")
		}
		last := b.enter("c5", "orders")
		if got := await[dispatch.Moved](b, last); got != (dispatch.Moved{Queue: "orders", Position: 5, Waiting: 5}) {
			t.Errorf("%+v", got)
		}
		for _, call := range []string{"c1", "c2", "c3"} {
			if err := b.d.Leave(b.ctx, call, routing.LeftByCaller); err != nil {
				t.Fatal(err)
			}
		}
		b.pass(time.Second)
		if got := unread(last); len(got) != 1 || got[0] != (dispatch.Moved{Queue: "orders", Position: 2, Waiting: 2}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestAPhoneThatGoesAwayWithdrawsTheOffer(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		b.register("alice", "bob")
		notices := b.enter("c1", "orders")
		first := await[dispatch.Offered](b, notices)
		if err := b.d.Register(b.ctx, "alice", nil); err != nil {
			t.Fatal(err)
		}
		if got := await[dispatch.Withdrawn](b, notices); got.Token != first.Claim.Token || got.Reason != string(routing.Unreachable) {
			t.Errorf("%+v", got)
		}
		if second := await[dispatch.Offered](b, notices); second.Claim.Agent != "bob" {
			t.Errorf("then %s rang", second.Claim.Agent)
		}
	})
}

func TestAPlanHoldsAtOnceForThoseWhoWait(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		b.register("alice", "dave")
		if err := b.d.Pause(b.ctx, "alice", "lunch"); err != nil {
			t.Fatal(err)
		}
		notices := b.enter("c1", "orders")
		b.pass(time.Minute)
		recall := kettle()
		recall.Queues["orders"].Incident = "kettle-recall"
		recall.Queues["orders"].Overflow = []routing.OverflowRule{
			{AfterWait: time.Minute, To: []string{"support"}, Incident: "kettle-recall"},
		}
		b.d.SetPlan(recall)
		began := time.Now()
		if offered := await[dispatch.Offered](b, notices); offered.Claim.Agent != "dave" || time.Since(began) != 0 {
			t.Errorf("%+v after %v", offered, time.Since(began))
		}
	})
}

func TestARemovedQueueServesThoseInItAndTakesNoMore(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		notices := b.enter("c1", "support")
		without := kettle()
		delete(without.Queues, "support")
		without.Agents[2].Queues = map[string]int{"orders": 2}
		b.d.SetPlan(without)
		b.pass(0)
		if _, err := b.d.Enter(b.ctx, routing.Caller{Call: "c2", Queue: "support"}); !errors.Is(err, routing.ErrClosed) {
			t.Errorf("enter: %v", err)
		}
		if b.d.Plan().Queue("support") == nil {
			t.Errorf("the queue is gone although somebody waits in it")
		}
		b.register("dave")
		claim := await[dispatch.Offered](b, notices).Claim
		if claim.Agent != "dave" || claim.Queue != "support" {
			t.Errorf("%+v", claim)
		}
		if _, err := b.d.Accept(b.ctx, claim); err != nil {
			t.Fatal(err)
		}
		b.pass(2 * time.Second)
		if b.d.Plan().Queue("support") != nil {
			t.Errorf("the queue is still there although nobody waits in it")
		}
	})
}

func TestACallerWhoComesBackToARemovedQueueIsServed(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		without := kettle()
		delete(without.Queues, "support")
		without.Agents[2].Queues = nil
		b.d.SetPlan(without)
		b.pass(0)
		notices, err := b.d.Return(b.ctx, routing.Caller{Call: "c1", Queue: "support"})
		if err != nil {
			t.Fatal(err)
		}
		b.pass(0)
		b.register("dave")
		if got := await[dispatch.Offered](b, notices); got.Claim.Agent != "dave" {
			t.Errorf("%+v", got)
		}
	})
}

func TestAPictureIsOfOneMoment(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		b.register("alice")
		await[dispatch.Offered](b, b.enter("c1", "orders"))
		p, err := b.d.Picture(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if p.View.Waiting("orders") != 1 || p.Figures["orders"].Offered != 1 || p.Plan.Queue("orders") == nil || !p.Now.Equal(b.store.Now()) {
			t.Errorf("%+v", p)
		}
		if err := b.d.Leave(b.ctx, "c1", routing.LeftByCaller); err != nil {
			t.Fatal(err)
		}
		b.pass(0)
		if p.View.Waiting("orders") != 1 {
			t.Errorf("the picture changed")
		}
		if len(b.observed.waited) != 1 || b.observed.waited[0].Result != routing.WaitAbandoned {
			t.Errorf("observed %+v", b.observed.waited)
		}
	})
}

func TestAfterItsEndADispatcherSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := dispatch.New(dispatch.Options{Store: memq.New(memq.Options{}), Node: "syd-1", Plan: kettle()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
		if _, err := d.Picture(t.Context()); !errors.Is(err, dispatch.ErrStopped) {
			t.Errorf("picture: %v", err)
		}
		if d.Run(t.Context()) == nil {
			t.Error("it ran twice")
		}
		if _, err := dispatch.New(dispatch.Options{}); err == nil {
			t.Error("a dispatcher without a store")
		}
	})
}
