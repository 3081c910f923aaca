package app

import (
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

const (
	mainNumber    = "+61280000001"
	billingNumber = "+61280000002"
	callerNumber  = "+61491570156"
)

// open makes the sample's office open at all hours, whenever the test runs.
func open(dir string) {
	replace(dir, "centre.yaml", `weekly: {mon-fri: "09:00-12:30, 13:00-17:30", sat: closed}`, `weekly: {mon-sun: "00:00-24:00"}`)
	replace(dir, "centre.yaml", `dates: {2026-12-25: closed, 2026-12-24: "09:00-12:00"}`, `dates: {}`)
}

func TestACallerReachesAnAgentAndBothHearEachOther(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	agent := f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	caller := f.dial(callerNumber, mainNumber)
	if _, err := caller.Ear().WaitFor(f.within(patience), f.recording("welcome.wav")); err != nil {
		t.Fatalf("the caller never heard the welcome: %v", err)
	}
	if err := caller.SendDigits("1"); err != nil {
		t.Fatal(err)
	}
	f.callIs(callerNumber, "ringing")
	ringing := <-agent.Incoming()
	if ringing.From() != callerNumber || ringing.Display() != "orders" || ringing.Header("X-Spillway-Call") != f.callNow(callerNumber).ID {
		t.Errorf("the agent is shown %q %q, call %q", ringing.From(), ringing.Display(), ringing.Header("X-Spillway-Call"))
	}
	if err := ringing.Answer(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	caller.PlayTone(440)
	ringing.PlayTone(620)
	f.hears(caller, 620)
	f.hears(ringing, 440)
	f.callIs(callerNumber, "talking")
	f.agentIs("alice", "talking")
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ringing.Done():
	case <-time.After(patience):
		t.Fatal("the agent's leg outlived the caller's")
	}
	f.callIs(callerNumber, "ended")
	if ended := f.callNow(callerNumber); ended.Result != "answered" || ended.Reason != "caller" {
		t.Errorf("the call ended as %s/%s", ended.Result, ended.Reason)
	}
	f.agentIs("alice", "wrapup")
	f.nothingLeft()
}
