package app

import (
	"context"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

// TestEveryPauseIsOnTheDisk has agents pause before anybody reads events, and after; it looks at what a next life would begin with.
func TestEveryPauseIsOnTheDisk(t *testing.T) {
	keep, err := openKeeper(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		store := memq.New(memq.Options{})
		d, err := dispatch.New(dispatch.Options{Store: store, Node: "syd-1", Plan: &routing.Plan{}})
		if err != nil {
			t.Fatal(err)
		}
		a := &App{dispatcher: d, keep: keep, log: zap.NewNop()}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		change := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		change(store.Pause(ctx, "alice", "lunch"))
		go a.keepPauses(ctx)
		synctest.Wait()
		if kept := keep.pauses(); kept["alice"].Reason != "lunch" {
			t.Errorf("kept are %v, want alice's", kept)
		}
		change(store.Pause(ctx, "bob", "no-answer"))
		change(store.Pause(ctx, "carol", "lunch"))
		change(store.Resume(ctx, "carol"))
	})
	kept := keep.pauses()
	if len(kept) != 2 || kept["alice"].Reason != "lunch" || kept["bob"].Reason != "no-answer" {
		t.Errorf("kept are %v, want alice's and bob's", kept)
	}
}
