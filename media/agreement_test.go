package media

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

func TestOnHoldNothingIsSentAndEverythingGoesOn(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		s.Play(1, level(4000, time.Second).Source())
		time.Sleep(100 * time.Millisecond)
		answer, err := s.Answer(r.offer("0", "a=sendonly\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(answer), "a=recvonly") || !s.Held() {
			t.Errorf("held: %v, answer:\n%s", s.Held(), answer)
		}
		r.heard()
		time.Sleep(2 * time.Second)
		if got := r.heard(); len(got) != 0 {
			t.Errorf("%d packets were sent on hold", len(got))
		}
		if got := said(s); !slices.Equal(got, []Event{Played{1}}) {
			t.Errorf("events %v, want Played", got)
		}
		if _, err := s.Answer(r.offer("0", "a=sendrecv\r\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		got := r.heard()
		if s.Held() || len(got) == 0 || !got[0].Marker {
			t.Errorf("held: %v, %d packets after the hold", s.Held(), len(got))
		}
	})
}

func version(t *testing.T, description []byte) string {
	t.Helper()
	for line := range strings.Lines(string(description)) {
		if strings.HasPrefix(line, "o=") {
			return strings.Fields(line)[2]
		}
	}
	t.Fatalf("no o= line in\n%s", description)
	return ""
}

func TestADescriptionHasANewVersionWhenItSaysSomethingNew(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		var versions []string
		for _, attribute := range []string{"", "", "a=sendonly\r\n", "a=sendonly\r\n", "", ""} {
			answer, err := s.Answer(r.offer("0", attribute))
			if err != nil {
				t.Fatal(err)
			}
			versions = append(versions, version(t, answer))
		}
		if want := []string{"1", "1", "2", "2", "3", "3"}; !slices.Equal(versions, want) {
			t.Errorf("versions %v, want %v", versions, want)
		}
		offer, err := s.Offer()
		if err != nil || version(t, offer) != "4" {
			t.Errorf("the offer has version %s, want 4", version(t, offer))
		}
	})
}

func TestARefusedOfferChangesNothing(t *testing.T) {
	onWire(t, func(o *Options) { o.Own = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:5060")} }, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		before, _ := s.Answer(r.offer("0", ""))
		for name, offer := range map[string]string{
			"no codec":            strings.Replace(string(r.offer("0", "")), "RTP/AVP 0", "RTP/AVP 18", 1),
			"no SDP":              "x",
			"multicast":           strings.ReplaceAll(string(r.offer("0", "")), farAway.String(), "224.0.0.1"),
			"our SIP":             strings.Replace(strings.ReplaceAll(string(r.offer("0", "")), farAway.String(), ours.String()), "4000", "5060", 1),
			"our SIP for reports": strings.ReplaceAll(string(r.offer("0", "a=rtcp:5060\r\n")), farAway.String(), ours.String()),
			"encryption":          strings.Replace(string(r.offer("0", "")), "RTP/AVP", "RTP/SAVP", 1),
		} {
			var refusal *Refusal
			if _, err := s.Answer([]byte(offer)); !errors.As(err, &refusal) || refusal.Code != 488 {
				t.Errorf("%s: %v, want a 488", name, err)
			}
		}
		after, err := s.Answer(r.offer("0", ""))
		if err != nil || string(after) != string(before) {
			t.Errorf("the session changed: %v\n%s", err, after)
		}
		r.heard()
		time.Sleep(time.Second)
		if got := r.heard(); len(got) < 49 {
			t.Errorf("only %d packets in a second", len(got))
		}
	})
}

func TestAnInviteWithoutAnOfferGetsOneAndItsAnswerHolds(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		offer, err := s.Offer()
		if err != nil || !strings.Contains(string(offer), "RTP/AVP 0 8 13 101") {
			t.Fatalf("offer %v\n%s", err, offer)
		}
		time.Sleep(time.Second)
		if len(r.heard()) != 0 {
			t.Error("sound was sent before anything was agreed")
		}
		if err := s.Accept(r.offer("8", "")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		if got := r.heard(); len(got) < 4 || got[0].PayloadType != 8 {
			t.Errorf("%d packets", len(got))
		}
		if s.Accept([]byte("nonsense")) == nil {
			t.Error("nonsense was accepted")
		}
	})
}

func TestAnotherAddressIsSentToFromTheNextPacketOn(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s := w.open()
		before, after := w.remote(farAway, 4000), w.remote(farAway, 6000)
		before.call(s, "0")
		time.Sleep(time.Second)
		before.heard()
		after.call(s, "0")
		time.Sleep(time.Second)
		if n := len(before.heard()); n != 0 {
			t.Errorf("%d packets went to the old address", n)
		}
		if n := len(after.heard()); n < 49 {
			t.Errorf("%d packets went to the new address", n)
		}
	})
}

// TestThePhoneThatAnswersMaySendFromWhereItsSignallingComesFrom is about calls that we place: who answers, and from where, is
// known only after the offer was made.
func TestThePhoneThatAnswersMaySendFromWhereItsSignallingComesFrom(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, err := w.engine.Open(SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		claimed, actual := w.remote(stranded, 4000), w.remote(farAway, 7000)
		if _, err := s.Offer(); err != nil {
			t.Fatal(err)
		}
		s.SetSignalling(farAway)
		if err := s.Accept(claimed.offer("0", "")); err != nil {
			t.Fatal(err)
		}
		actual.to = s.Local()
		actual.say(codec.PCMU, 1000, latchPackets)
		synctest.Wait()
		if stats := s.Stats(); stats.Strangers != 0 || stats.PacketsIn != 1 {
			t.Errorf("stats %+v, want the packet that proved it and no strangers", stats)
		}
	})
}
