package app

import (
	"net/netip"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/sip"
)

// TestAWallClockThatWasSetEndsNoRegistration has store time an hour ahead of the wall clock, and behind it; and another node, whose wall
// clock is a day off, dials the phone.
func TestAWallClockThatWasSetEndsNoRegistration(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	at := netip.MustParseAddrPort("127.0.0.1:5070")
	live := []sip.Binding{{
		Agent: "alice", Contact: "sip:alice@127.0.0.1:5070", Transport: sip.UDP, Source: at,
		Registered: now.Add(-time.Hour), Refreshed: now.Add(-time.Second), Expires: now.Add(2 * time.Minute),
	}}
	for _, store := range []time.Time{now, now.Add(time.Hour), now.Add(-time.Hour)} {
		phones, err := phonesOf(live, now, store)
		if err != nil || len(phones) != 1 {
			t.Fatal(phones, err)
		}
		p := phones[0]
		if !p.Until.Equal(store.Add(2*time.Minute)) || !p.Since.Equal(store.Add(-time.Hour)) || !p.Refreshed.Equal(store.Add(-time.Second)) || !p.Direct {
			t.Errorf("at %v in store time the phone is %+v", store, p)
		}
		elsewhere := now.Add(24 * time.Hour)
		b, err := bindingOf(p, elsewhere, store.Add(30*time.Second))
		if err != nil || !b.Expires.Equal(elsewhere.Add(90*time.Second)) || b.Contact != live[0].Contact || b.Source != at {
			t.Errorf("dialled as %+v, %v", b, err)
		}
	}
	if phones, err := phonesOf(nil, now, now); err != nil || len(phones) != 0 {
		t.Errorf("without a binding: %+v, %v", phones, err)
	}
}
