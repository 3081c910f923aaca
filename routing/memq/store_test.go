package memq_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
	"github.com/spillway-voice/spillway/routing/queuetest"
)

func TestTheContract(t *testing.T) {
	queuetest.Run(t, queuetest.Suite{
		New:  func(*testing.T) routing.Store { return memq.New(memq.Options{}) },
		Fake: true,
	})
}

func TestTheContractInRealTime(t *testing.T) {
	queuetest.Run(t, queuetest.Suite{
		New: func(*testing.T) routing.Store { return memq.New(memq.Options{}) },
	})
}

// snapshot is what a store holds.
func snapshot(t *testing.T, s *memq.Store) *routing.View {
	t.Helper()
	view, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return view
}

func TestPausesOutliveTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := memq.New(memq.Options{})
		if err := first.Pause(t.Context(), "alice", "lunch"); err != nil {
			t.Fatal(err)
		}
		since := first.Now()
		time.Sleep(time.Hour)
		second := memq.New(memq.Options{Pauses: memq.Pauses(snapshot(t, first))})
		view, err := second.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		alice := view.Agents["alice"]
		if alice == nil || !alice.Paused.Equal(since) || alice.PauseReason != "lunch" {
			t.Errorf("alice is %+v", alice)
		}
	})
}
