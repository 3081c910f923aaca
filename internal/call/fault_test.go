package call_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/sip"
)

// errAway is what a store says that is not there.
var errAway = errors.New("the store is away")

// requests are all that a call asks of the queue.
var requests = []string{"enter", "return", "leave", "accept", "release", "finish", "outside", "picture"}

func TestAQueueThatIsAwayEndsNoCall(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", answers(time.Second, "sdp"))
		b.queue.disturb("enter", errAway, 0)
		v := b.dial(ordersNumber)
		b.pass(500 * time.Millisecond)
		v.is(call.Waiting)
		b.hears(1, "jazz.wav")
		b.pass(3 * time.Second) // the dispatcher tells the store again
		v.is(call.Talking)
		b.queue.disturb("return", errAway, 0)
		b.agentSound(1).reports(media.Silent{})
		b.pass(500 * time.Millisecond)
		v.is(call.Waiting)
		b.pass(15 * time.Second) // with the agent's wrap-up
		v.is(call.Talking)
		v.hangsUp()
		if got := v.over(); got != "answered/caller" {
			t.Error(got)
		}
	})
}

func TestAPlaceIsStampedInStoreTimeWhenTheCallerCame(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings))
		if err := b.queue.Dispatcher.Pause(b.ctx, "alice", "lunch"); err != nil {
			t.Fatal(err)
		}
		b.queue.disturb("enter", errAway, 0)
		came := b.queue.Now()
		v := b.dial(ordersNumber)
		b.pass(10 * time.Second)
		b.queue.disturb("enter", nil, 0)
		b.pass(time.Second)
		for _, c := range b.picture().View.Callers {
			if !c.Entered.Equal(came) || !c.FirstEntry.Equal(came) {
				t.Errorf("entered %v, first %v; he came %v", c.Entered, c.FirstEntry, came)
			}
		}
		v.hangsUp()
		v.over()
	})
}

func TestWhatTheQueueWasNotToldIsToldLater(t *testing.T) {
	for _, what := range requests {
		for _, how := range []struct {
			name string
			err  error
			slow time.Duration
		}{{"away", errAway, 0}, {"slow", nil, time.Minute}} {
			t.Run(what+" "+how.name, func(t *testing.T) {
				inBubble(t, func(b *bench) {
					b.signIn("alice", answers(time.Second, "sdp"), "bob", phone(rings))
					b.queue.disturb(what, how.err, how.slow)
					caller, colleague := b.dial(ordersNumber), b.agentDials("dave", "bob")
					b.pass(5 * time.Second)
					colleague.is(call.Ringing)
					caller.is(call.Talking)
					b.legOf("alice-1").ends(lineLost)
					b.pass(time.Second)
					caller.hangsUp()
					colleague.hangsUp()
					b.pass(10 * time.Second)
					b.queue.disturb(what, nil, 0)
					b.pass(2 * time.Second)
					caller.over()
					colleague.over()
				})
			})
		}
	}
}

func TestAnAcceptThatIsNotAnsweredPartsNobody(t *testing.T) {
	for _, slow := range []time.Duration{0, time.Minute} {
		inBubble(t, func(b *bench) {
			var err error
			if slow == 0 {
				err = errAway
			}
			b.queue.disturb("accept", err, slow)
			v := talk(b)
			b.queue.disturb("accept", nil, 0)
			b.pass(time.Second)
			b.agentIs("alice", routing.Talking)
			if waiting := len(b.picture().View.Callers); waiting != 0 {
				t.Errorf("%d wait", waiting)
			}
			v.hangsUp()
			v.over()
			b.agentIs("alice", routing.WrapUp)
		})
	}
}

func TestAStoreThatHeardTooLateOfAConversationLetsGoOfTheCaller(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.queue.disturb("accept", errAway, 0)
		v := talk(b)
		b.pass(30 * time.Second) // past the offer's deadline
		b.queue.disturb("accept", nil, 0)
		b.pass(time.Second)
		v.is(call.Talking)
		if waiting := len(b.picture().View.Callers); waiting != 0 {
			t.Errorf("%d wait", waiting)
		}
		v.hangsUp()
		v.over()
	})
}

func TestAStoreThatNeverComesBackKeepsNoCall(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := talk(b)
		b.queue.disturb("finish", errAway, 0)
		began := time.Now()
		v.hangsUp()
		v.over()
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
		if !b.legOf("alice-1").over() || !b.callerSound(1).closed {
			t.Error("the phones were not let go of")
		}
		b.tidy("alice")
	})
}

// tidy ends by hand what a store that was away for good still holds.
func (b *bench) tidy(agent string) {
	b.t.Helper()
	claim := b.picture().View.Agents[agent].Claim
	if claim == nil {
		b.t.Fatal("nothing was held")
	}
	if err := b.queue.Dispatcher.Finish(b.ctx, *claim); err != nil {
		b.t.Error(err)
	}
	b.pass(0)
}

func TestAPanicEndsItsCallAlone(t *testing.T) {
	for _, at := range []struct {
		name   string
		strike func(b *bench, v *visit)
	}{
		{"talking", func(b *bench, v *visit) { b.callerSound(1).reports(nil); v.says(breakingOffer) }},
		{"in a queue", func(b *bench, v *visit) {
			b.agentSound(1).reports(media.Silent{})
			b.pass(time.Second)
			v.says(breakingOffer)
		}},
	} {
		t.Run(at.name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				v := talk(b)
				other := b.dial(ordersNumber)
				at.strike(b, v)
				if got := v.over(); got != "failed/internal" || v.panic == nil {
					t.Errorf("%s, the front door saw %v", got, v.panic)
				}
				other.is(call.Waiting)
				other.hangsUp()
				other.over()
			})
		})
	}
}

// breakingOffer breaks whoever answers it.
var breakingOffer = sip.Reoffer{SDP: []byte("sdp"), Answer: func([]byte) { panic("an answer that breaks the program") }}

func TestAPanicBeforeTheAnswerLeavesNothing(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.change(func(p *call.Plan) { p.Prompts = recordings{broken: true} })
		v := b.dial(mainNumber)
		if got := v.over(); got != "failed/internal" || v.panic == nil {
			t.Errorf("%s, the front door saw %v", got, v.panic)
		}
	})
}

func TestTheTimeForFinishingEndsInEveryState(t *testing.T) {
	for _, state := range []struct {
		name  string
		begin func(b *bench) *visit
		heard string // last
		want  string
	}{
		{"message", func(b *bench) *visit { b.incident("leak", leak); return b.dial(mainNumber) }, "draining.wav", "refused/drain"},
		{"menu", func(b *bench) *visit { v := b.dial(mainNumber); b.pass(3 * time.Second); return v }, "draining.wav", "refused/drain"},
		{"waiting", func(b *bench) *visit { return wait(b, 25*time.Second) }, "draining.wav", "refused/drain"},
		{"ringing", func(b *bench) *visit {
			b.signIn("alice", phone(rings))
			v := b.dial(ordersNumber)
			b.pass(time.Second)
			return v
		}, "draining.wav", "refused/drain"},
		{"whisper", pickedUp, "draining.wav", "refused/drain"},
		{"talking", talk, "", "answered/drain"},
		{"back in the queue", func(b *bench) *visit {
			v := talk(b)
			b.agentSound(1).reports(media.Silent{})
			b.pass(time.Second)
			return v
		}, "draining.wav", "answered/drain"},
		{"dialling", func(b *bench) *visit {
			b.signIn("bob", phone(rings))
			return b.agentDials("alice", "bob")
		}, "", "refused/drain"},
		{"apology", func(b *bench) *visit { v := b.dial(ordersNumber); b.pass(6 * time.Second); return v }, "draining.wav", "refused/drain"},
	} {
		t.Run(state.name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				v := state.begin(b)
				close(b.closes)
				b.pass(0)
				if state.heard != "" {
					b.hears(1, state.heard)
				}
				began := time.Now()
				if got := v.over(); got != state.want || time.Since(began) > 3*time.Second {
					t.Errorf("%s after %v", got, time.Since(began))
				}
				if state.name == "dialling" && v.rejected != 503 {
					t.Errorf("the phone was told %d", v.rejected)
				}
			})
		})
	}
}

func TestACallCostsOneGoroutineAndEachRingingPhoneAnother(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings))
		b.setPhones("alice", rings, rings)
		v := b.dial(ordersNumber)
		b.pass(time.Second)
		v.is(call.Ringing)
		if n := goroutines(); n != 3 {
			t.Errorf("%d while two phones ring", n)
		}
		b.legOf("alice-1").says(sip.Answered{SDP: []byte("sdp")})
		b.pass(0)
		v.is(call.Talking)
		if n := goroutines(); n != 1 {
			t.Errorf("%d in a conversation", n)
		}
		v.hangsUp()
		v.over()
	})
}

// goroutines counts those that are in package call.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	n := 0
	for _, stack := range strings.Split(string(stacks), "\n\n") {
		if strings.Contains(stack, "internal/call.(*") {
			n++
		}
	}
	return n
}

func TestACallerMayHangUpAtAnyMoment(t *testing.T) {
	for after := time.Duration(0); after < 40*time.Second; after += 700 * time.Millisecond {
		inBubble(t, func(b *bench) {
			b.signIn("alice", answers(4*time.Second, "sdp"))
			b.incident("leak", leak)
			v := b.dial(mainNumber)
			v.later(after)
			press := time.AfterFunc(13*time.Second, func() { b.callerSound(1).reports(digit('1')) })
			defer press.Stop()
			vanish := time.AfterFunc(25*time.Second, func() { b.agentSound(1).reports(media.Silent{}) })
			defer vanish.Stop()
			got := v.over()
			if !strings.HasSuffix(got, "/caller") && got != "abandoned/short" {
				t.Errorf("hanging up after %v ends as %s", after, got)
			}
		})
	}
}

func TestACallerWhoseAgentWasGivenToSomebodyElseIsBackAtTheHead(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.queue.lost = make(chan struct{})
		v := talk(b)
		b.setPhones("alice", rings)
		close(b.queue.lost)
		b.pass(time.Second)
		v.is(call.Waiting)
		if !b.legOf("alice-1").over() {
			t.Error("the agent's phone is not hung up")
		}
		if !strings.Contains(strings.Join(b.timeline, "\n"), "returning.wav") {
			t.Errorf("the caller is told nothing:\n%s", strings.Join(b.timeline, "\n"))
		}
		v.hangsUp()
		if got := v.over(); got != "answered/caller" {
			t.Error(got)
		}
	})
}
