package call_test

import (
	"slices"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/routing"
)

// leak is an incident that every caller hears of, also who waits, and then goes on.
var leak = incident.Effects{Message: "leak.wav", Then: incident.Continue, WaitingCallers: true}

// hears checks what the nth caller hears now.
func (b *bench) hears(n int, want string) {
	b.t.Helper()
	b.pass(0)
	if got := b.callerSound(n).heard(); got != want {
		b.t.Fatalf("caller %d hears %s, not %s:\n%s", n, got, want, b.story())
	}
}

func TestAMessageComesBeforeTheFlowAndTheFlowGoesOn(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.incident("leak", leak)
		v := b.dial(mainNumber)
		b.hears(1, "leak.wav")
		b.presses(1, '7') // kept for the menu
		b.pass(10 * time.Second)
		b.hears(1, "welcome.wav")
		b.pass(2 * time.Second)
		b.hears(1, "goodbye.wav")
		if got := v.over(); got != "routed_out/key" || !slices.Equal(b.heardOf("caller-1"), []string{"leak"}) {
			t.Errorf("%s, incidents %v", got, b.heardOf("caller-1"))
		}
		again := b.dial(mainNumber)
		b.hears(2, "welcome.wav") // heard once is enough
		again.hangsUp()
		again.over()
	})
}

func TestAMessageThatWasNotHeardToItsEndComesAgainInTheNextCall(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.incident("leak", leak)
		v := b.dial(mainNumber)
		b.pass(9 * time.Second)
		v.hangsUp()
		v.over()
		again := b.dial(mainNumber)
		b.hears(2, "leak.wav")
		again.hangsUp()
		again.over()
	})
}

func TestWhoeverWaitsHearsOfAnIncidentAtOnceAndOnce(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := wait(b, 10*time.Second)
		b.hears(1, "jazz.wav")
		b.incident("leak", leak)
		b.hears(1, "leak.wav")
		if !slices.Equal(b.told, []string{"leak"}) {
			t.Errorf("told %v", b.told)
		}
		b.change(func(p *call.Plan) {}) // any other change of the centre
		b.pass(10 * time.Second)
		b.hears(1, "jazz.wav")
		b.change(func(p *call.Plan) {})
		b.hears(1, "jazz.wav")
		v.hangsUp()
		if got := v.over(); got != "abandoned/caller" {
			t.Error(got)
		}
	})
}

func TestALaterIncidentIsHeardAsWell(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.incident("leak", leak)
		v := wait(b, 15*time.Second)
		b.hears(1, "jazz.wav")
		fire := leak
		fire.Message, fire.Queues = "fire.wav", []string{"orders"}
		b.incident("fire", fire)
		b.hears(1, "fire.wav")
		v.hangsUp()
		v.over()
		if got := b.heardOf("caller-1"); !slices.Equal(got, []string{"leak", "fire"}) {
			t.Errorf("heard %v", got)
		}
	})
}

func TestAnAnonymousCallerHearsTheSameMessageOncePerCall(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.incident("leak", leak)
		b.signIn("alice", phone(rings))
		if err := b.queue.Dispatcher.Pause(b.ctx, "alice", "lunch"); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 2; n++ {
			l := b.callerLeg(ordersNumber)
			l.from.Number = "anonymous"
			v := b.take(l)
			b.hears(n, "leak.wav")
			b.pass(12 * time.Second)
			b.hears(n, "jazz.wav")
			b.incident("leak", leak) // off and on again
			b.hears(n, "jazz.wav")
			v.hangsUp()
			v.over()
		}
	})
}

func TestACallerInAMenuHearsItAtTheNextQueue(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings))
		if err := b.queue.Dispatcher.Pause(b.ctx, "alice", "lunch"); err != nil {
			t.Fatal(err)
		}
		v := b.dial(mainNumber)
		b.pass(3 * time.Second)
		b.incident("leak", leak)
		b.hears(1, "menu.wav")
		b.presses(1, '1')
		b.hears(1, "leak.wav")
		v.is(call.Waiting)
		v.hangsUp()
		v.over()
	})
}

func TestBeingConnectedBeatsTheMessage(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := wait(b, 10*time.Second)
		b.incident("leak", leak)
		b.hears(1, "leak.wav")
		b.signIn("bob", answers(time.Second, "sdp"))
		b.pass(2 * time.Second)
		v.is(call.Talking)
		b.hears(1, "the other")
		b.incident("fire", incident.Effects{Message: "fire.wav", WaitingCallers: true})
		b.hears(1, "the other")
		v.hangsUp()
		v.over()
		if b.heard.Has(caller, "leak.wav") {
			t.Error("a message that was cut off counts as heard")
		}
	})
}

func TestAMessageWithoutItsRecordingHangsUpOnNobody(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.change(func(p *call.Plan) { p.Prompts = recordings{missing: map[string]bool{"recall.wav": true}} })
		b.incident("kettle-recall", recall)
		v := b.dial(mainNumber)
		b.hears(1, "welcome.wav")
		if heard := v.info().Incidents; len(heard) != 0 {
			t.Errorf("counts as having heard %v", heard)
		}
		v.hangsUp()
		if got := v.over(); got != "abandoned/caller" {
			t.Error(got)
		}
	})
}

func TestAFlowThatRefusesStillTellsOfAnIncident(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.incident("leak", leak)
		v := b.dial(engagedNumber)
		b.hears(1, "leak.wav")
		v.over()
		if next := b.dial(engagedNumber); next.rejected != 486 {
			t.Errorf("who has heard it is told %d", next.rejected)
		}
		if declined := b.dial(declinedNumber); declined.rejected != 603 {
			t.Errorf("a flow that declines says %d", declined.rejected)
		}
	})
}

func TestACallKeepsTheRecordingsOfItsFlow(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := b.dial(mainNumber)
		b.change(func(p *call.Plan) { p.Prompts = recordings{missing: map[string]bool{"menu.wav": true}} })
		b.pass(2 * time.Second)
		b.hears(1, "menu.wav")
		v.hangsUp()
		v.over()
	})
}

func TestAMissingRecordingIsLeftOut(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.change(func(p *call.Plan) {
			p.Prompts = recordings{missing: map[string]bool{"welcome.wav": true, "jazz.wav": true, "apology.wav": true}}
		})
		v := b.dial(mainNumber)
		b.hears(1, "silence")
		b.pass(time.Second)
		b.hears(1, "menu.wav")
		b.presses(1, '1')
		b.hears(1, "silence")
		if got := v.over(); got != "refused/unstaffed" {
			t.Error(got)
		}
	})
}

func TestWhoWaitsIsToldHisPlace(t *testing.T) {
	inBubble(t, func(b *bench) {
		first := wait(b, 5*time.Second)
		second := b.dial(ordersNumber)
		b.pass(15 * time.Second) // 20 s after the first came
		b.hears(1, "place-1.wav")
		b.hears(2, "jazz.wav")
		b.pass(5 * time.Second)
		b.hears(2, "place-2.wav")
		first.hangsUp()
		first.over()
		b.incident("leak", leak)
		b.pass(30 * time.Second)
		b.hears(2, "place-1.wav") // he moved up, and again after 30 s
		if i := second.info(); i.Position != 1 {
			t.Errorf("told as %+v", i)
		}
		second.hangsUp()
		second.over()
	})
}

func TestAPlaceThatAMessageCoversIsSaidAfterIt(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := wait(b, 15*time.Second)
		b.incident("leak", leak)
		b.pass(5 * time.Second)
		b.hears(1, "leak.wav")
		b.pass(10 * time.Second)
		b.hears(1, "place-1.wav")
		v.hangsUp()
		v.over()
	})
}

func TestAQueueThatGivesNoAgentLeadsToTheNext(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", answers(time.Second, "sdp"))
		v := b.dial(supportNumber)
		v.is(call.Waiting)
		b.pass(routing.UnstaffedGrace + 2*time.Second)
		if v.is(call.Talking); v.info().Queue != "orders" {
			t.Errorf("told as %+v", v.info())
		}
		v.hangsUp()
		v.over()
	})
}

func TestARemovedQueueTakesNoMoreCallers(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.change(func(p *call.Plan) {
			rest := *p.Routing
			rest.Queues = map[string]*routing.Queue{"support": p.Routing.Queues["support"]}
			p.Routing = &rest
			b.queue.SetPlan(&rest)
		})
		if got := b.dial(ordersNumber).over(); got != "refused/closed" {
			t.Error(got)
		}
	})
}

func TestWhoCallsAgainDuringAnIncidentThatEndsCallsIsToldAgain(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.incident("kettle-recall", recall)
		for n := 1; n <= 2; n++ {
			v := b.take(b.callerLeg(ordersNumber))
			b.hears(n, "recall.wav")
			b.pass(12 * time.Second)
			v.over()
		}
	})
}
