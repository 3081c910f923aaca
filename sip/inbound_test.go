package sip

import (
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
