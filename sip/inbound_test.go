package sip

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// bubble runs a test on fake time.
func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

// handed is a handler that hands legs to the test.
func handed() (staff, chan *Leg) {
	legs := make(chan *Leg, 10)
	return staff{invite: func(l *Leg) { legs <- l }}, legs
}

func TestCallFromTrunkIsAnsweredAndHungUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, legs := handed()
		w := newWorld(t, UDP, h)
		p := w.from(carrierAddress)
		p.invite()
		p.expect(100)
		leg := <-legs
		if leg.Peer() != (Peer{PeerTrunk, "carrier"}) || leg.To() != "+61280000001" ||
			leg.From() != (Party{"+61400111222", "Kim"}) || string(leg.Offer()) != offerSDP || leg.Source() != carrierAddress {
			t.Fatalf("leg of %v from %+v to %q", leg.Peer(), leg.From(), leg.To())
		}
		if err := leg.Ring(); err != nil {
			t.Fatal(err)
		}
		ringing := p.expect(180)
		tag := tagOf(ringing.To().Params)
		if err := leg.Answer([]byte(answerSDP)); err != nil {
			t.Fatal(err)
		}
		ok := p.expect(200)
		if string(description(ok)) != answerSDP || tagOf(ok.To().Params) != tag || len(tag) < 16 {
			t.Fatalf("answer:\n%s", ok)
		}
		p.ack("")
		event[Confirmed](t, leg)
		if leg.State().Phase != PhaseConfirmed {
			t.Fatalf("state %+v", leg.State())
		}
		p.request("BYE", p.inside(), "")
		p.expect(200)
		finished(t, leg, ByFarEnd, 200)
		w.quiet(time.Minute)
		if w.server.Calls() != 0 {
			t.Fatal("a call is left behind")
		}
	})
}

// ringing is a call that was handed over and is not decided.
func ringing(t *testing.T) (*world, *peer, *Leg) {
	h, legs := handed()
	w := newWorld(t, UDP, h)
	p := w.from(carrierAddress)
	p.invite()
	p.expect(100)
	return w, p, <-legs
}

// connected is a call that is up.
func connected(t *testing.T) (*world, *peer, *Leg) {
	w, p, leg := ringing(t)
	if err := leg.Answer([]byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	p.expect(200)
	p.ack("")
	event[Confirmed](t, leg)
	return w, p, leg
}

func TestRFC3261_9_2_CancelEndsWhatIsUndecided(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := ringing(t)
		_ = leg.Ring()
		tag := tagOf(p.expect(180).To().Params)
		p.theirs = ""
		p.send("CANCEL", "sip:+61280000001@192.0.2.1", p.branch, 1, "")
		if got := tagOf(p.expect(200).To().Params); got != tag {
			t.Errorf("200 to CANCEL under tag %s, the dialog has %s", got, tag)
		}
		if got := tagOf(p.expect(487).To().Params); got != tag {
			t.Errorf("487 under tag %s, the dialog has %s", got, tag)
		}
		p.send("ACK", "sip:+61280000001@192.0.2.1", p.branch, 1, "")
		finished(t, leg, ByFarEnd, 487)
		if err := leg.Answer([]byte(answerSDP)); err != ErrEnded {
			t.Errorf("Answer after CANCEL: %v", err)
		}
		w.quiet(time.Minute) // above all no 200
	})
}

func TestRFC3261_9_2_CancelAfterAnswerChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		if err := leg.Answer([]byte(answerSDP)); err != nil {
			t.Fatal(err)
		}
		p.expect(200)
		p.send("CANCEL", "sip:+61280000001@192.0.2.1", p.branch, 1, "")
		p.expect(200)
		p.ack("")
		event[Confirmed](t, leg)
		leg.Hangup()
		p.expectRequest("BYE")
	})
}

func TestCancelThatOvertakesItsInviteIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, legs := handed()
		w := newWorld(t, UDP, h)
		p := w.from(carrierAddress)
		branch := cookie + newTag()
		p.send("CANCEL", "sip:+61280000001@192.0.2.1", branch, 1, "")
		w.quiet(50 * time.Millisecond)
		p.send("INVITE", "sip:+61280000001@192.0.2.1", branch, 1, offerSDP)
		p.expect(200) // to the CANCEL
		p.expect(487)
		finished(t, <-legs, ByFarEnd, 487)
	})
}

func TestRFC3261_9_2_CancelOfNothingGets481(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(carrierAddress)
		p.send("CANCEL", "sip:+61280000001@192.0.2.1", cookie+"guessed", 1, "")
		p.expect(481)
	})
}

func TestCancelWithGuessedBranchAloneIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := ringing(t)
		attacker := w.from(carrierAddress)
		attacker.send("CANCEL", "sip:+61280000001@192.0.2.1", p.branch, 1, "")
		attacker.expect(481)
		if leg.State().Phase != PhaseProceeding {
			t.Error("the call was cancelled")
		}
	})
}

func TestRFC3261_13_3_1_4_AnswerIsRepeatedUntilAcknowledged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := ringing(t)
		_ = leg.Answer([]byte(answerSDP))
		first := p.expect(200).String()
		start := time.Now()
		for _, due := range []time.Duration{500, 1500, 3500, 7500, 11500, 15500} {
			if copied := p.expect(200).String(); copied != first {
				t.Fatalf("another answer:\n%s", copied)
			}
			if at := time.Since(start); at != due*time.Millisecond {
				t.Errorf("copy after %v, want %v ms", at, int(due))
			}
		}
		p.ack("")
		event[Confirmed](t, leg)
		p.ack("") // a copy
		w.quiet(time.Minute)
	})
}

func TestRFC3261_13_3_1_4_NoAckEndsTheSessionWithBye(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		_ = leg.Answer([]byte(answerSDP))
		start := time.Now()
		for {
			m, _ := p.next()
			if req, ok := m.(*sipgo.Request); ok {
				if req.Method != "BYE" || time.Since(start) != 32*time.Second {
					t.Fatalf("%s after %v", req.Method, time.Since(start))
				}
				p.reply(req, 200, "", "")
				break
			}
		}
		finished(t, leg, ByNobody, 408)
	})
}

func TestRFC6026_LateCopiesOfAnAnsweredInviteMakeNoSecondCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, legs := handed()
		w := newWorld(t, UDP, h)
		p := w.from(carrierAddress)
		p.invite()
		copied := p.last
		p.expect(100)
		leg := <-legs
		_ = leg.Answer([]byte(answerSDP))
		p.expect(200)
		p.raw(copied)
		p.ack("")
		event[Confirmed](t, leg)
		p.raw(copied)
		w.quiet(10 * time.Second)
		p.request("BYE", p.inside(), "")
		p.expect(200)
		for range 3 {
			p.raw(copied)
			w.quiet(10 * time.Second)
		}
		if len(legs) != 0 {
			t.Error("a second call was made")
		}
	})
}

func TestRFC3261_8_2_2_2_MergedRequestIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, _ := ringing(t)
		p.send("INVITE", "sip:+61280000001@192.0.2.1", cookie+"another-way", 1, offerSDP)
		p.expect(482)
	})
}

func TestRFC3261_17_2_1_CopyOfAnUndecidedInviteGetsTheLastProvisional(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		_ = leg.Ring()
		p.expect(180)
		p.theirs = ""
		p.again()
		p.expect(180)
	})
}

func TestRFC3261_15_1_2_ByeEndsAnEarlyDialog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		_ = leg.Ring()
		p.expect(180)
		p.request("BYE", p.inside(), "")
		p.expect(200)
		p.expect(487)
		finished(t, leg, ByFarEnd, 200)
	})
}

func TestHangupInEveryPhaseOfAnInboundCall(t *testing.T) {
	t.Run("proceeding", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, p, leg := ringing(t)
			leg.Hangup()
			leg.Hangup()
			p.expect(480)
			finished(t, leg, ByUs, 200)
		})
	})
	t.Run("accepted: not before the ACK", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w, p, leg := ringing(t)
			_ = leg.Answer([]byte(answerSDP))
			p.expect(200)
			leg.Hangup()
			finished(t, leg, ByUs, 200)
			w.quiet(400 * time.Millisecond)
			p.ack("")
			p.reply(p.expectRequest("BYE"), 200, "", "")
			w.quiet(time.Minute)
		})
	})
	t.Run("confirmed", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w, p, leg := connected(t)
			leg.Hangup()
			leg.Hangup()
			bye := p.expectRequest("BYE")
			if tagOf(bye.To().Params) != p.tag || tagOf(bye.From().Params) != p.theirs {
				t.Errorf("BYE in another dialog:\n%s", bye)
			}
			p.reply(bye, 200, "", "")
			finished(t, leg, ByUs, 200)
			w.quiet(time.Minute)
		})
	})
	t.Run("closing: both at once", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, p, leg := connected(t)
			leg.Hangup()
			bye := p.expectRequest("BYE")
			p.request("BYE", p.inside(), "")
			p.expect(200)
			p.reply(bye, 481, "", "")
			finished(t, leg, ByUs, 200)
		})
	})
}

func TestByeToAFarEndThatIsGoneIsRepeatedAndGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := connected(t)
		leg.Hangup()
		copies := 0
		deadline := time.After(2 * time.Minute)
		for wait := true; wait; {
			select {
			case <-w.wire.sent:
				copies++
			case <-deadline:
				wait = false
			}
		}
		if copies < 8 || copies > 12 {
			t.Errorf("%d copies of the BYE", copies)
		}
		if d := w.server.dialogs.find(p.theirs); d != nil {
			t.Error("the dialog is still there")
		}
	})
}

func TestRejectSendsCodeAndReason(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		leg.Reject(486, "All lines\r\nInjected: yes")
		res := p.expect(486)
		if res.Reason != "All linesInjected: yes" {
			t.Errorf("reason %q", res.Reason)
		}
		finished(t, leg, ByUs, 486)
	})
}

func TestOfferlessInviteGetsOurOfferAndTheAckBringsTheAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, legs := handed()
		w := newWorld(t, UDP, h)
		p := w.from(carrierAddress)
		p.request("INVITE", "sip:+61280000001@192.0.2.1", "")
		p.expect(100)
		leg := <-legs
		if leg.Offer() != nil {
			t.Fatal("an offer from nowhere")
		}
		_ = leg.Answer([]byte(offerSDP))
		p.expect(200)
		p.ack(answerSDP)
		if e := event[Confirmed](t, leg); string(e.SDP) != answerSDP {
			t.Errorf("answer %q", e.SDP)
		}
	})
}

func TestPanicInACallEndsThatCallAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		other := make(chan *Leg, 1)
		w := newWorld(t, UDP, staff{invite: func(l *Leg) {
			if l.To() == "bad" {
				panic("kettle boiled over")
			}
			other <- l
		}})
		p := w.from(carrierAddress)
		p.invite()
		p.expect(100)
		good := <-other
		q := w.from(carrierAddress)
		q.request("INVITE", "sip:bad@192.0.2.1", offerSDP)
		q.expect(500)
		if err := good.Answer([]byte(answerSDP)); err != nil {
			t.Fatal(err)
		}
		p.expect(200)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.panics != 1 {
			t.Errorf("%d panics counted", w.panics)
		}
	})
}

func TestCallThatNobodyDecidesIsRefusedInTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		synctest.Wait()
		time.Sleep(3 * time.Minute)
		p.expect(480)
		finished(t, leg, ByUs, 480)
	})
}

func TestRFC3261_12_1_1_RouteSetAndTargetOfAnInboundCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, legs := handed()
		w := newWorld(t, UDP, h)
		p := w.from(carrierAddress)
		p.invite("Record-Route: <sip:192.0.2.77:5080;lr>", "Record-Route: <sip:192.0.2.78;lr>, <sip:192.0.2.79;lr>",
			"Contact: <sip:kim@192.0.2.80:5099>")
		p.expect(100)
		leg := <-legs
		_ = leg.Answer([]byte(answerSDP))
		if got := len(p.expect(200).GetHeaders("Record-Route")); got != 3 {
			t.Errorf("%d Record-Routes in the 200", got)
		}
		p.ack("")
		event[Confirmed](t, leg)
		leg.Hangup()
		m, sent := p.next()
		bye := m.(*sipgo.Request)
		if sent.to.String() != "192.0.2.77:5080" || bye.Recipient.String() != "sip:kim@192.0.2.80:5099" {
			t.Errorf("BYE for %s to %s", bye.Recipient.String(), sent.to)
		}
		var set []string
		for _, r := range bye.GetHeaders("Route") {
			set = append(set, r.Value())
		}
		if strings.Join(set, " ") != "<sip:192.0.2.77:5080;lr> <sip:192.0.2.78;lr> <sip:192.0.2.79;lr>" {
			t.Errorf("route %v", set)
		}
	})
}

func TestInDialogRequests(t *testing.T) {
	for _, c := range []struct {
		name, method, body string
		headers            []string
		code               int
	}{
		{"options", "OPTIONS", "", nil, 200},
		{"update is not built", "UPDATE", "", nil, 405},
		{"refer is not built", "REFER", "", []string{"Refer-To: <sip:bob@192.0.2.1>"}, 405},
		{"subscribe", "SUBSCRIBE", "", []string{"Event: presence"}, 489},
		{"unknown", "NEWMETHOD", "", nil, 405},
		{"info without body", "INFO", "", nil, 200},
		{"info of another kind", "INFO", "x", []string{"Content-Type: text/plain"}, 415},
		{"info with no digit", "INFO", "Signal=z\r\n", []string{"Content-Type: application/dtmf-relay"}, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, p, leg := connected(t)
				p.request(c.method, p.inside(), c.body, c.headers...)
				p.expect(c.code)
				if leg.State().Phase != PhaseConfirmed {
					t.Error("the call did not survive")
				}
			})
		})
	}
}

func TestRFC3261_12_2_2_NumbersMustRise(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, _ := connected(t)
		p.request("OPTIONS", p.inside(), "")
		p.expect(200)
		p.send("OPTIONS", p.inside(), cookie+newTag(), 1, "")
		p.expect(500)
	})
}

func TestRequestWithAnotherTagIsOutsideOfTheDialog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := connected(t)
		attacker := w.from(strangerAddress)
		attacker.id, attacker.theirs = p.id, "guessed"
		attacker.request("BYE", p.inside(), "")
		attacker.expect(481)
		attacker.theirs = p.theirs // sniffed, but not the caller's own
		attacker.request("BYE", p.inside(), "")
		attacker.expect(481)
		if leg.State().Phase != PhaseConfirmed {
			t.Error("the call was ended by a stranger")
		}
	})
}

func TestDigitsByInfo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		p.request("INFO", p.inside(), "Signal=5\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay")
		p.expect(200)
		if d := event[Digit](t, leg); d != (Digit{'5', 160 * time.Millisecond}) {
			t.Errorf("%+v", d)
		}
		p.again() // a copy is no second key
		p.expect(200)
		p.request("INFO", p.inside(), "#", "Content-Type: application/dtmf")
		p.expect(200)
		if d := event[Digit](t, leg); d != (Digit{Digit: '#'}) {
			t.Errorf("%+v", d)
		}
	})
}

func TestReaderWhoFallsBehindLosesDigitsNotTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		for range 2 * eventBuffer {
			p.request("INFO", p.inside(), "1", "Content-Type: application/dtmf")
			p.expect(200)
		}
		p.request("BYE", p.inside(), "")
		p.expect(200)
		var last Event
		for e := range leg.Events() {
			last = e
		}
		if e, ok := last.(Ended); !ok || e.By != ByFarEnd {
			t.Errorf("the last event is %#v", last)
		}
	})
}

func TestAckIsToldHoweverManyDigitsWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		if err := leg.Answer([]byte(answerSDP)); err != nil {
			t.Fatal(err)
		}
		p.expect(200)
		for range 2 * eventBuffer {
			p.request("INFO", p.inside(), "1", "Content-Type: application/dtmf")
			p.expect(200)
		}
		p.send("ACK", p.inside(), cookie+newTag(), 1, "")
		synctest.Wait()
		for len(leg.Events()) > 0 {
			if _, confirmed := (<-leg.Events()).(Confirmed); confirmed {
				return
			}
		}
		t.Error("the ACK was not told")
	})
}

func TestCancelIsHeardHoweverMuchElseIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		busy := make(chan struct{})
		leg.d.box.post(func(*dialog) { <-busy })
		synctest.Wait()
		for leg.d.box.offer(func(*dialog) {}) {
		}
		for range 3 {
			p.send("CANCEL", "sip:+61280000001@192.0.2.1", p.branch, 1, "")
			p.expect(200)
			p.theirs = ""
		}
		close(busy)
		p.expect(487)
		finished(t, leg, ByFarEnd, 487)
	})
}

func TestPing(t *testing.T) {
	for _, c := range []struct {
		code int
		want error
	}{{200, nil}, {405, nil}, {481, ErrGone}, {408, ErrGone}, {0, ErrGone}} {
		bubble(t, func(t *testing.T) {
			_, p, leg := connected(t)
			result := make(chan error)
			go func() { result <- leg.Ping(t.Context()) }()
			req := p.expectRequest("OPTIONS")
			if c.code != 0 {
				p.reply(req, c.code, "", "")
			}
			if err := <-result; err != c.want {
				t.Errorf("after %d: %v, want %v", c.code, err, c.want)
			}
		})
	}
}

func TestCloseSaysGoodByeToEveryCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, up := connected(t)
		q := w.from(carrierAddress)
		q.invite()
		q.expect(100)
		w.server.Close()
		seen := map[string]bool{}
		for range 2 {
			m, _ := p.next()
			switch m := m.(type) {
			case *sipgo.Request:
				seen[string(m.Method)] = true
			case *sipgo.Response:
				seen[phrase(m.StatusCode)] = true
			}
		}
		if !seen["BYE"] || !seen[phrase(480)] {
			t.Errorf("good-byes: %v", seen)
		}
		finished(t, up, ByUs, 503)
	})
}

func TestPanicOfADialogsOwnerEndsThatCallWithBye(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := connected(t)
		p.reinvite(holdSDP)
		event[Reoffer](t, leg)
		result := make(chan error, 1)
		leg.d.box.post(func(*dialog) {
			leg.d.box.post(func(d *dialog) { d.ping(result) }) // finds the dialog over
			panic("kettle boiled over")
		})
		p.expect(487) // the re-INVITE
		p.reply(p.expectRequest("BYE"), 200, "", "")
		finished(t, leg, ByUs, 500)
		if err := <-result; err != ErrState {
			t.Errorf("ping: %v", err)
		}
		if err := leg.Ring(); err != ErrEnded {
			t.Errorf("Ring: %v", err)
		}
		if leg.State().Phase != PhaseOver {
			t.Errorf("phase %s", leg.State().Phase)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.panics != 1 {
			t.Errorf("%d panics counted", w.panics)
		}
	})
}

func TestLegRefusesWhatItsStateDoesNotAllow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		if err := leg.Answer([]byte(answerSDP)); err != ErrState {
			t.Errorf("Answer: %v", err)
		}
		if err := leg.Ring(); err != ErrState {
			t.Errorf("Ring: %v", err)
		}
		leg.Reject(486, "")
		if leg.State().Phase != PhaseConfirmed {
			t.Error("Reject ended a call that was up")
		}
		p.request("BYE", p.inside(), "")
		p.expect(200)
		finished(t, leg, ByFarEnd, 200)
		if err := leg.Ping(t.Context()); err != ErrEnded {
			t.Errorf("Ping: %v", err)
		}
	})
}

func TestMailboxIsBoundedForTheNetworkAlone(t *testing.T) {
	box := newMailbox()
	for range maxInputs {
		if !box.offer(func(*dialog) {}) {
			t.Fatal("refused too early")
		}
	}
	if box.offer(func(*dialog) {}) || !box.post(func(*dialog) {}) {
		t.Error("the bound is not kept, or kept for our own")
	}
	if n := len(box.close()); n != maxInputs+1 {
		t.Errorf("%d inputs were waiting", n)
	}
	if box.post(func(*dialog) {}) || box.next() != nil {
		t.Error("a closed mailbox takes inputs")
	}
}

func TestSignal(t *testing.T) {
	for text, want := range map[string]byte{"5": '5', " 0\r\n": '0', "10": '*', "11": '#', "*": '*', "d": 'D', "12": 0, "": 0, "x": 0} {
		if got, ok := signal(text); got != want || ok != (want != 0) {
			t.Errorf("signal(%q) = %q, %v", text, got, ok)
		}
	}
}

func TestStateAndBindingAreValuesThatAStoreCanHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, _, leg := connected(t)
		state := leg.State()
		var backState DialogState
		roundTrip(t, state, &backState)
		if !reflect.DeepEqual(state, backState) {
			t.Errorf("%+v became %+v", state, backState)
		}
		binding := phoneBinding()
		var backBinding Binding
		roundTrip(t, binding, &backBinding)
		if !backBinding.Expires.Equal(binding.Expires) || backBinding.Source != binding.Source || backBinding.Contact != binding.Contact {
			t.Errorf("%+v became %+v", binding, backBinding)
		}
	})
}

func roundTrip(t *testing.T, value, back any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
}

func TestStrictRouteTakesThePlaceOfTheTarget(t *testing.T) {
	st := DialogState{RemoteTarget: "sip:kim@192.0.2.9", RouteSet: []string{"sip:strict.example", "sip:192.0.2.78;lr"}}
	req := st.request("BYE", 1, newMemoryWire(UDP))
	var set []string
	for _, r := range req.GetHeaders("Route") {
		set = append(set, r.Value())
	}
	if req.Recipient.String() != "sip:strict.example" || strings.Join(set, " ") != "<sip:192.0.2.78;lr> <sip:kim@192.0.2.9>" {
		t.Errorf("%s\n%v", req.Recipient.String(), set)
	}
}
