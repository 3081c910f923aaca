package call_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/sip"
)

func TestOneOfSeveralPhonesAnswersAndTheOthersStop(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings))
		b.setPhones("alice", rings, answers(2*time.Second, "sdp"), refuses(time.Second, 486))
		v := b.dial(ordersNumber)
		b.pass(time.Second)
		v.is(call.Ringing) // one phone is busy, the others ring on
		b.pass(time.Second)
		v.is(call.Talking)
		if !b.legOf("alice-1").over() || b.legOf("alice-2").over() {
			t.Error("the wrong phone was hung up")
		}
		if i := v.info(); i.Agent != "alice" || i.Queue != "orders" || i.Position != 0 {
			t.Errorf("told as %+v", i)
		}
		if from := b.rung()[0].From; from.Number != caller || from.Display != "orders" || b.rung()[0].Call != v.info().ID {
			t.Errorf("the phone was told %+v", b.rung()[0])
		}
		v.hangsUp()
		if got := v.over(); got != "answered/caller" {
			t.Error(got)
		}
		b.agentIs("alice", routing.WrapUp)
	})
}

func TestAnOfferThatFailsLeadsToTheNextAgent(t *testing.T) {
	for _, how := range []struct {
		name  string
		alice phone
		after time.Duration // until bob rings
	}{
		{"busy", refuses(time.Second, 486), time.Second},
		{"busy everywhere", refuses(time.Second, 600), time.Second},
		{"declined", refuses(time.Second, 603), time.Second},
		{"gone", refuses(time.Second, 404), time.Second},
		{"no answer", rings, 15 * time.Second},
		{"a sound that cannot be joined", answers(time.Second, "bad"), time.Second},
	} {
		t.Run(how.name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.signIn("alice", how.alice, "bob", answers(time.Second, "sdp"))
				v := b.dial(ordersNumber)
				b.pass(how.after - time.Millisecond)
				v.is(call.Ringing)
				b.agentIs("bob", routing.Ready)
				b.pass(2*time.Second + time.Millisecond)
				v.is(call.Talking)
				if v.info().Agent != "bob" {
					t.Errorf("talks to %s", v.info().Agent)
				}
				v.hangsUp()
				v.over()
			})
		})
	}
}

func TestAnAgentWhoDeclinedIsNotAskedForThatCallerAgainForAMinute(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", refuses(time.Second, 603))
		v := b.dial(ordersNumber)
		b.pass(60 * time.Second)
		if n := len(b.rung()); n != 1 {
			t.Errorf("rang %d times in the first minute", n)
		}
		b.pass(2 * time.Second)
		if n := len(b.rung()); n != 2 {
			t.Errorf("rang %d times after it", n)
		}
		v.hangsUp()
		v.over()
	})
}

func TestAPhoneWithoutAnAddressIsAskedEverLessOften(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings))
		b.setPhones("alice") // none to ring
		v := b.dial(ordersNumber)
		b.pass(time.Minute)
		v.is(call.Waiting)
		if n := len(b.rung()); n < 3 || n > 5 {
			t.Errorf("tried %d times in a minute", n)
		}
		v.hangsUp()
		v.over()
	})
}

func TestWithoutAPortForTheAgentTheCallerWaitsOn(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := wait(b, time.Second)
		b.outOfPorts()
		if err := b.queue.Dispatcher.Resume(b.ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		b.pass(30 * time.Second)
		v.is(call.Waiting)
		if n := b.queue.times("release"); n < 1 || n > 4 {
			t.Errorf("%d offers were given back in 30 s", n)
		}
		v.hangsUp()
		v.over()
	})
}

func TestAnOfferIsWithdrawnWhenThePhoneSignsOff(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings))
		v := b.dial(ordersNumber)
		b.pass(time.Second)
		v.is(call.Ringing)
		if err := b.queue.Register(b.ctx, "alice", nil); err != nil {
			t.Fatal(err)
		}
		b.pass(0)
		v.is(call.Waiting)
		if !b.legOf("alice-1").over() || v.info().Agent != "" {
			t.Error("the phone rings on")
		}
		v.hangsUp()
		v.over()
	})
}

func TestAnAnswerToAnOfferThatIsLostHangsUpThePhoneAlone(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings))
		v := b.dial(ordersNumber)
		b.pass(time.Second)
		b.queue.disturb("accept", fmt.Errorf("accept: %w", routing.ErrLost), 0)
		phone := b.legOf("alice-1")
		phone.says(sip.Answered{SDP: []byte("sdp")})
		b.setPhones("alice", rings)
		b.pass(0)
		if !phone.over() {
			t.Error("the phone that answered too late was not hung up")
		}
		if s := v.info().State; s == call.Talking || b.callerSound(1).heard() != "jazz.wav" {
			t.Errorf("the caller is %s and hears %s", s, b.callerSound(1).heard())
		}
		v.hangsUp()
		v.over()
	})
}

func TestWhoeverIsFasterInTheRaceOfAnswerAndHangUpNothingIsLeft(t *testing.T) {
	for n := range 20 { // the select chooses among both by chance
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.signIn("alice", phone(rings))
				v := b.dial(ordersNumber)
				b.pass(10 * time.Second)
				b.legOf("alice-1").says(sip.Answered{SDP: []byte("sdp")})
				v.hangsUp()
				if got := v.over(); got != "answered/caller" && got != "abandoned/caller" {
					t.Error(got)
				}
			})
		})
	}
}

func TestACallerWhoseAgentVanishesComesBackToTheHeadOfTheQueue(t *testing.T) {
	for _, how := range []struct {
		name   string
		vanish func(b *bench)
	}{
		{"the leg is lost", func(b *bench) { b.legOf("alice-1").ends(sip.Ended{By: sip.ByNobody, Code: 408}) }},
		{"the leg is unknown there", func(b *bench) { b.legOf("alice-1").ends(sip.Ended{By: sip.ByFarEnd, Code: 481}) }},
		{"the sound is silent", func(b *bench) { b.agentSound(1).reports(media.Silent{}) }},
	} {
		t.Run(how.name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				v := talk(b)
				other := b.dial(ordersNumber)
				b.pass(5 * time.Second)
				other.is(call.Waiting)
				b.setPhones("alice", rings)
				how.vanish(b)
				b.pass(time.Second)
				v.is(call.Waiting)
				if i := v.info(); i.Position != 1 || i.Agent != "" {
					t.Errorf("told as %+v", i)
				}
				if heard := b.callerSound(1).heard(); heard != "returning.wav" {
					t.Errorf("hears %s", heard)
				}
				b.signIn("bob", answers(time.Second, "sdp"))
				b.pass(2 * time.Second)
				v.is(call.Talking)
				other.is(call.Waiting)
				v.hangsUp()
				other.hangsUp()
				if got := v.over(); got != "answered/caller" {
					t.Error(got)
				}
				other.over()
			})
		})
	}
}

func TestHoldGivesTheCallerMusicAndResumeJoinsAgain(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := talk(b)
		phone, sound := b.legOf("alice-1"), b.callerSound(1)
		var said []byte
		offer := func(sdp []byte) {
			said = nil
			phone.says(sip.Reoffer{SDP: sdp, Answer: func(a []byte) { said = a }, Refuse: func(int) { said = []byte("refused") }})
			b.pass(0)
		}
		hears := func(want string) {
			t.Helper()
			if got := sound.heard(); got != want {
				t.Errorf("the caller hears %s, not %s", got, want)
			}
		}
		hears("the other")
		offer([]byte("hold"))
		hears("jazz.wav")
		offer([]byte("bad"))
		hears("jazz.wav")
		if string(said) != "refused" {
			t.Errorf("a bad offer was answered with %q", said)
		}
		offer(nil) // ours; the answer comes with the ACK
		if string(said) != "our offer" {
			t.Errorf("answered %q", said)
		}
		phone.says(sip.Confirmed{SDP: []byte("sdp")})
		b.pass(0)
		hears("the other")
		phone.says(sip.Confirmed{SDP: []byte("bad")})
		phone.says(sip.Confirmed{})
		b.pass(0)
		v.is(call.Talking)
		hears("the other")
		v.says(sip.Reoffer{SDP: []byte("hold"), Answer: func(a []byte) { said = a }, Refuse: func(int) {}})
		b.pass(0)
		hears("the other")
		offer([]byte("hold"))
		v.hangsUp()
		if got := v.over(); got != "answered/caller" {
			t.Error(got)
		}
	})
}

func TestAnInviteWithoutAnOfferIsServedOnceItsAnswerIsThere(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.callerLeg(mainNumber)
		l.offer = nil
		v := b.take(l)
		if string(l.answer) != "our offer" || b.callerSound(1).agreed {
			t.Errorf("answered with %q", l.answer)
		}
		l.says(sip.Confirmed{SDP: []byte("sdp")})
		b.pass(time.Second)
		if v.is(call.InIVR); !b.callerSound(1).agreed {
			t.Error("the answer was not taken")
		}
		v.hangsUp()
		v.over()
	})
}

func TestKeysByInfoReachTheMenuAndThenTheOtherSide(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", answers(time.Second, "sdp"))
		v := b.dial(mainNumber)
		b.pass(3 * time.Second)
		v.says(sip.Digit{Digit: '1'})
		b.pass(2 * time.Second)
		v.is(call.Talking)
		v.says(sip.Digit{Digit: '4', Duration: 200 * time.Millisecond})
		b.legOf("alice-1").says(sip.Digit{Digit: '5'})
		b.presses(1, '6') // in the sound: that passes by itself
		if got := b.agentSound(1).digits + "/" + b.callerSound(1).digits; got != "4/5" {
			t.Errorf("passed on %s", got)
		}
		v.hangsUp()
		v.over()
	})
}

func TestNoKeyIsEverLogged(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := b.dial(mainNumber)
		b.presses(1, '7') // before the menu
		b.pass(3 * time.Second)
		v.over()
		for _, e := range b.logs.All() {
			if path, ok := e.ContextMap()["path"]; ok && fmt.Sprint(path) != "[main.start main.ask main.goodbye]" {
				t.Errorf("logged %s: %v", e.Message, path)
			}
		}
	})
}

func TestASilentCallerIsAskedAndAgainAfterAWhile(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := wait(b, time.Second)
		b.callerSound(1).reports(media.Silent{})
		b.pass(time.Second)
		if v.is(call.Waiting); v.questions() != 1 {
			t.Errorf("asked %d times", v.questions())
		}
		v.vanishes()
		if got := v.over(); got != "failed/no_media" || v.questions() != 2 {
			t.Errorf("%s after %d questions", got, v.questions())
		}
	})
}

func TestAnAgentPausesAndResumesByPhone(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings))
		for n, dialled := range []struct {
			number, heard string
			state         routing.State
		}{{call.PauseNumber, "paused.wav", routing.Paused}, {call.ResumeNumber, "resumed.wav", routing.Ready}} {
			v := b.agentDials("alice", dialled.number)
			b.hears(n+1, dialled.heard)
			b.agentIs("alice", dialled.state)
			if got := v.over(); got != "routed_out/key" {
				t.Errorf("%s: %s", dialled.number, got)
			}
		}
	})
}

func TestAnAgentTalksToAColleagueOutsideTheQueues(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings), "bob", answers(2*time.Second, "sdp"))
		v := b.agentDials("alice", "bob")
		if v.is(call.Ringing); !v.rang || v.answer != nil {
			t.Error("alice does not hear ringing")
		}
		if shown := b.rung()[0].From; shown != (sip.Party{Number: "alice", Display: "Alice Nguyen"}) {
			t.Errorf("bob is shown %+v", shown)
		}
		b.agentIs("alice", routing.Talking)
		b.agentIs("bob", routing.Talking) // nobody else is offered to him
		b.pass(3 * time.Second)
		if v.is(call.Talking); string(v.answer) != "our answer" {
			t.Errorf("alice was answered with %q", v.answer)
		}
		if third := b.agentDials("dave", "bob"); third.over() != "refused/agent" || third.rejected != 486 {
			t.Errorf("dave was told %d", third.rejected)
		}
		if self := b.agentDials("bob", "bob"); self.over() != "refused/agent" {
			t.Error("bob rings himself")
		}
		b.agentIs("bob", routing.Talking)
		b.legOf("bob-1").hangsUp()
		if got := v.over(); got != "answered/agent" {
			t.Error(got)
		}
		b.agentIs("alice", routing.Ready)
	})
}

func TestWhatADialledColleagueSaysIsToldToThePhone(t *testing.T) {
	for _, how := range []struct {
		bob  phone
		code int
	}{{refuses(time.Second, 486), 486}, {refuses(time.Second, 603), 603}, {refuses(time.Second, 404), 480}, {rings, 480}} {
		t.Run(fmt.Sprint(how.code), func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.signIn("bob", how.bob)
				v := b.agentDials("alice", "bob")
				if v.over(); v.rejected != how.code {
					t.Errorf("alice was told %d", v.rejected)
				}
			})
		})
	}
}

func TestAColleagueWhoVanishesEndsTheCall(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("bob", answers(time.Second, "sdp"))
		v := b.agentDials("alice", "bob")
		b.pass(2 * time.Second)
		b.agentSound(1).reports(media.Silent{})
		if got := v.over(); got != "answered/no_media" {
			t.Error(got)
		}
	})
}

func TestAnAgentWaitsInAQueueLikeACaller(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", phone(rings), "dave", answers(time.Second, "sdp"))
		v := b.agentDials("alice", "support")
		b.agentIs("alice", routing.Talking)
		b.pass(2 * time.Second)
		v.is(call.Talking)
		v.hangsUp()
		v.over()
		b.agentIs("alice", routing.Ready)
		b.agentIs("dave", routing.WrapUp)
	})
}
