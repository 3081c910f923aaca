package sip

import (
	"testing"
	"testing/synctest"
	"time"
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
