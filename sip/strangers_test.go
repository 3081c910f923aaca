package sip

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestFloodOfAStrangerIsNotReadAndOthersAreServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, _ := handed()
		w := newWorld(t, UDP, h)
		w.wire.sent = make(chan packet, 5*strangerBurst)
		flood := w.from(strangerAddress)
		for range 4 * strangerBurst {
			flood.request("OPTIONS", "sip:192.0.2.1", "")
		}
		if n := len(w.wire.sent); n != strangerBurst {
			t.Errorf("%d of %d were answered", n, 4*strangerBurst)
		}
		for len(w.wire.sent) > 0 {
			w.next()
		}
		other := w.from(phoneAddress)
		other.request("OPTIONS", "sip:192.0.2.1", "")
		other.expect(200)
		call := w.from(carrierAddress)
		call.invite()
		call.expect(100)
		time.Sleep(time.Second)
		for range 2 * strangerRate {
			flood.request("OPTIONS", "sip:192.0.2.1", "")
		}
		if n := len(w.wire.sent); n != strangerRate {
			t.Errorf("%d were answered a second later, want %d", n, strangerRate)
		}
	})
}

func TestStrangersAreCountedWithinBounds(t *testing.T) {
	s := newStrangers()
	now := time.Now()
	addr := netip.MustParseAddr("10.0.0.0")
	for range maxStrangers + 10 {
		s.admit(addr, now)
		addr = addr.Next()
	}
	if len(s.paid) != maxStrangers {
		t.Errorf("%d are counted", len(s.paid))
	}
	s.forget(now.Add(time.Second))
	if len(s.paid) != 0 {
		t.Errorf("%d are remembered", len(s.paid))
	}
}

// Calls of every kind, and then nothing: all tables must be empty in the end.
func TestNothingIsLeftBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		legs := make(chan *Leg, 10)
		w := newWorld(t, UDP, staff{invite: func(l *Leg) { legs <- l }})
		phone := w.from(phoneAddress)
		phone.register("alice", "alice-has-a-secret", 200, aliceContact)
		binding := w.server.Bindings("alice")[0]

		refused := w.from(carrierAddress)
		refused.invite()
		(<-legs).Reject(486, "")
		cancelled := w.from(carrierAddress)
		cancelled.invite()
		<-legs
		cancelled.send("CANCEL", "sip:+61280000001@192.0.2.1", cancelled.branch, 1, "")
		unacknowledged := w.from(carrierAddress)
		unacknowledged.invite()
		_ = (<-legs).Answer([]byte(answerSDP))
		gone := w.from(carrierAddress)
		gone.invite()
		(<-legs).Hangup()

		var dialled []*Leg
		for range 3 {
			leg, err := w.server.Dial(context.Background(), Invite{Binding: binding, SDP: []byte(offerSDP)})
			if err != nil {
				t.Fatal(err)
			}
			dialled = append(dialled, leg)
		}
		synctest.Wait()
		for len(w.wire.sent) > 0 {
			m, sent := w.next()
			if sent.to != phoneAddress {
				continue
			}
			invite, ok := m.(interface{ IsInvite() bool })
			if ok && invite.IsInvite() && string(*m.CallID()) == dialled[0].ID() {
				phone.reply(w.asRequest(m), 180, "ringing-for-ever", "") // and never a final answer
			}
		}
		synctest.Wait()
		dialled[0].Hangup()
		dialled[1].Hangup()

		time.Sleep(10 * time.Minute)
		s := w.server
		if left := s.remains(); left != "" {
			t.Errorf("left behind: %s", left)
		}
		if len(s.nonces.used)+len(s.guesses.count)+len(s.strangers.paid)+len(s.registrar.agents)+len(s.registrar.flows) != 0 {
			t.Error("strangers, nonces or bindings are remembered")
		}
	})
}
