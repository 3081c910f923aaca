package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/phone"
)

// limits changes what spillway.yaml lets the node take on.
func limits(old, new string) func(dir string) {
	return func(dir string) { replace(dir, "spillway.yaml", old, new) }
}

func TestBeyondTheLimitOfCallsTheNextIsToldToComeLater(t *testing.T) {
	t.Parallel()
	f := start(t, open, limits("calls: 2000", "calls: 1"))
	first := f.dial("+61491570001", mainNumber)
	_, err := f.phone(phone.Options{User: "+61491570002"}).Dial(f.within(patience), mainNumber, phone.CallOptions{})
	if refused, ok := errors.AsType[*phone.RefusedError](err); !ok || refused.Code != 503 || refused.RetryAfter <= 0 {
		t.Errorf("the second call: %v", err)
	}
	if err := first.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
	f.dial("+61491570003", mainNumber)
}

func TestACallForWhichNoMediaPortIsFreeIsToldToComeLater(t *testing.T) {
	t.Parallel()
	first, err := phone.FreePorts(4)
	for err == nil && first%2 == 1 {
		first, err = phone.FreePorts(4)
	}
	if err != nil {
		t.Fatal(err)
	}
	f := start(t, open, limits("ports: 10000-29999", fmt.Sprintf("ports: %d-%d", first, first+3))) // two legs
	one, two := f.dial("+61491570001", mainNumber), f.dial("+61491570002", mainNumber)
	_, err = f.phone(phone.Options{User: "+61491570003"}).Dial(f.within(patience), mainNumber, phone.CallOptions{})
	if refused, ok := errors.AsType[*phone.RefusedError](err); !ok || refused.Code != 503 {
		t.Errorf("the third call: %v", err)
	}
	f.endsAs("+61491570003", "refused/overload")
	for _, c := range []*phone.Call{one, two} {
		if err := c.Hangup(f.within(patience)); err != nil {
			t.Fatal(err)
		}
	}
	f.nothingLeft()
	logged, err := os.ReadFile(filepath.Join(t.ArtifactDir(), "node.log"))
	if err != nil || strings.Contains(string(logged), "panic") {
		t.Errorf("the log tells of a panic, or of nothing: %v", err)
	}
}

func TestACallIsEndedAtTheLongestDuration(t *testing.T) {
	t.Parallel()
	f := start(t, open, limits("call_duration: 4h", "call_duration: 1s"))
	caller := f.dial(callerNumber, mainNumber)
	if ended := f.ends(caller); ended != "failed/timeout" {
		t.Errorf("the call ended as %s", ended)
	}
	f.nothingLeft()
}

// TestWhoStillWaitsWhenTheDrainIsOverHearsWhy also has a caller in a conversation, which is ended.
func TestWhoStillWaitsWhenTheDrainIsOverHearsWhy(t *testing.T) {
	t.Parallel()
	f := start(t, open, limits("drain: 120s", "drain: 1s"))
	talking, _ := f.talks()
	waiting := f.waitsFor("+61491570002", "1")
	f.callIs("+61491570002", "waiting")
	drained := make(chan struct{})
	go func() { defer close(drained); f.app.Drain(t.Context()) }()
	if _, err := waiting.Ear().WaitFor(f.within(patience), f.builtIn("draining.wav")); err != nil {
		t.Errorf("who waits never heard why: %v", err)
	}
	if ended := f.ends(waiting); ended != "refused/drain" {
		t.Errorf("the wait ended as %s", ended)
	}
	if ended := f.ends(talking); ended != "answered/drain" {
		t.Errorf("the conversation ended as %s", ended)
	}
	<-drained
	f.nothingLeft()
}
