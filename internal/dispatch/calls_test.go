package dispatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
)

func TestACallerIsOfferedToAReadyAgentAtOnce(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		b.register("alice")
		began := time.Now()
		offered := await[dispatch.Offered](b, b.enter("c1", "orders"))
		if offered.Claim.Agent != "alice" || offered.Offer.Ring != 15*time.Second {
			t.Errorf("offered %+v", offered)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
		if len(b.observed.matched) != 1 || b.observed.matched[0] != 0 {
			t.Errorf("matched %v", b.observed.matched)
		}
	})
}

func TestAConversationEndsInWrapUpAndThenTheNextIsOffered(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		b.register("alice")
		first, second := b.enter("c1", "orders"), b.enter("c2", "orders")
		claim := await[dispatch.Offered](b, first).Claim
		if _, err := b.d.Accept(b.ctx, claim); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Minute)
		if got := b.agent("alice"); got != routing.Talking {
			t.Errorf("alice is %s", got)
		}
		if err := b.d.Finish(b.ctx, claim); err != nil {
			t.Fatal(err)
		}
		finished := time.Now()
		b.pass(0)
		if got := b.agent("alice"); got != routing.WrapUp {
			t.Errorf("alice is %s", got)
		}
		if next := await[dispatch.Offered](b, second); next.Claim.Agent != "alice" {
			t.Errorf("offered %+v", next)
		}
		if wrapUp := time.Since(finished); wrapUp != 10*time.Second {
			t.Errorf("the next came after %v", wrapUp)
		}
	})
}

func TestNobodyAnswersThenTheNextAgentRings(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		b.register("alice", "bob")
		notices := b.enter("c1", "orders")
		first := await[dispatch.Offered](b, notices)
		b.pass(first.Offer.Ring)
		if err := b.d.Release(b.ctx, first.Claim, routing.NoAnswer); err != nil {
			t.Fatal(err)
		}
		if second := await[dispatch.Offered](b, notices); second.Claim.Agent != "bob" {
			t.Errorf("then %s rang", second.Claim.Agent)
		}
		for _, n := range unread(notices) {
			if w, ok := n.(dispatch.Withdrawn); ok {
				t.Errorf("the call's own release came back: %+v", w)
			}
		}
	})
}

func TestAWaitEndsByTimeoutAndUnstaffed(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		notices := b.enter("c1", "orders")
		began := time.Now()
		if end := await[dispatch.Ended](b, notices); end.Reason != routing.LeftUnstaffed || time.Since(began) != routing.UnstaffedGrace {
			t.Errorf("%+v after %v", end, time.Since(began))
		}
		b.register("alice")
		if err := b.d.Pause(b.ctx, "alice", "lunch"); err != nil {
			t.Fatal(err)
		}
		notices = b.enter("c2", "orders")
		began = time.Now()
		if end := await[dispatch.Ended](b, notices); end.Reason != routing.LeftTimeout || time.Since(began) != 30*time.Minute {
			t.Errorf("%+v after %v", end, time.Since(began))
		}
	})
}

func TestEnteringFullAndUnknownQueuesIsRefused(t *testing.T) {
	plan := kettle()
	plan.Queues["orders"].Capacity = 1
	inBubble(t, plan, func(b *bench) {
		b.enter("c1", "orders")
		if _, err := b.d.Enter(b.ctx, routing.Caller{Call: "c2", Queue: "orders"}); !errors.Is(err, routing.ErrFull) {
			t.Errorf("full: %v", err)
		}
		if _, err := b.d.Enter(b.ctx, routing.Caller{Call: "c2", Queue: "sales"}); !errors.Is(err, routing.ErrClosed) {
			t.Errorf("unknown: %v", err)
		}
		if _, err := b.d.Return(b.ctx, routing.Caller{Call: "c2", Queue: "orders"}); err != nil {
			t.Errorf("a caller who comes back: %v", err)
		}
	})
}

func TestLeavingWithdrawsTheOfferAndFreesTheAgent(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		b.register("alice")
		notices := b.enter("c1", "orders")
		claim := await[dispatch.Offered](b, notices).Claim
		if err := b.d.Leave(b.ctx, "c1", routing.LeftByCaller); err != nil {
			t.Fatal(err)
		}
		b.pass(0)
		if got := b.agent("alice"); got != routing.Ready {
			t.Errorf("alice is %s", got)
		}
		if _, err := b.d.Accept(b.ctx, claim); !errors.Is(err, routing.ErrLost) {
			t.Errorf("accept: %v", err)
		}
		if late := unread(notices); len(late) != 0 {
			t.Errorf("told afterwards: %+v", late)
		}
	})
}

// TestFiguresBeginAtTheMidnightOfTheZoneThatIsConfiguredNow moves the centre to where it is midnight three hours later; the fake
// clock begins at midnight in UTC.
func TestFiguresBeginAtTheMidnightOfTheZoneThatIsConfiguredNow(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		offered := func() int {
			b.t.Helper()
			p, err := b.d.Picture(b.ctx)
			if err != nil {
				b.t.Fatal(err)
			}
			return p.Figures["orders"].Offered
		}
		b.enter("c1", "orders")
		b.pass(time.Minute) // and leaves: nobody is there
		b.d.SetZone(time.FixedZone("three hours behind", -3*60*60))
		b.pass(2 * time.Hour)
		if n := offered(); n != 1 {
			b.t.Errorf("%d offered before midnight, want 1", n)
		}
		b.pass(time.Hour)
		if n := offered(); n != 0 {
			b.t.Errorf("%d offered after midnight, want 0", n)
		}
	})
}
