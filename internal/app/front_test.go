package app

import (
	"testing"
	"time"

	"github.com/spillway-voice/spillway/sip"
)

// TestAWallClockThatWasSetEndsNoRegistration has store time an hour ahead of the wall clock, and behind it.
func TestAWallClockThatWasSetEndsNoRegistration(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	live := []sip.Binding{{Expires: now.Add(time.Minute)}, {Expires: now.Add(2 * time.Minute)}, {Expires: now.Add(30 * time.Second)}}
	for _, store := range []time.Time{now, now.Add(time.Hour), now.Add(-time.Hour)} {
		if until := lastOf(live, now, store); !until.Equal(store.Add(2 * time.Minute)) {
			t.Errorf("at %v in store time the agent is reachable until %v, want 2 minutes on", store, until)
		}
	}
	if until := lastOf(nil, now, now); !until.IsZero() {
		t.Errorf("without a binding the agent is reachable until %v", until)
	}
}
