package app

import (
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/baresip"
)

// This file and its neighbours peers_*_test.go hold the node to programs that nobody of us wrote: baresip, a softphone, at
// both ends of a call, and SIPp. What was heard is recognised in what they recorded or sent back.

// The tones that tell the two sides of a conversation apart, in Hz.
const (
	callerTone = 440
	agentTone  = 620
)

// talk is longer than any conversation of these tests: baresip says a file once.
const talk = 2 * time.Minute

// baresip starts a softphone; it is stopped at the end of the test, and its log is shown when the test fails.
func (f *fixture) baresip(o baresip.Options) *baresip.Process {
	f.t.Helper()
	o.Dir = f.t.TempDir()
	p, err := baresip.Start(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		p.Stop()
		if f.t.Failed() {
			f.t.Logf("%s:\n%s", o.User, p.Log())
		}
	})
	return p
}

// desk starts a softphone that registers as an agent and says the agent's tone.
func (f *fixture) desk(agent string, o baresip.Options) *baresip.Process {
	f.t.Helper()
	o.User, o.Secret, o.Say = agent, secret, phone.Tone(agentTone, talk)
	o.Server = f.at(o.Network)
	p := f.baresip(o)
	f.eventually(agent+" is registered", func() bool { return f.agentNow(agent).Node != "" })
	return p
}

// outside starts a softphone somewhere outside, which calls a number and says the caller's tone.
func (f *fixture) outside(from, number string, o baresip.Options) *baresip.Process {
	f.t.Helper()
	o.User, o.Say = from, phone.Tone(callerTone, talk)
	p := f.baresip(o)
	f.calls(p, number)
	f.tells(p, "CALL_ESTABLISHED")
	return p
}

// calls lets a softphone dial a number at the node.
func (f *fixture) calls(p *baresip.Process, number string) {
	f.t.Helper()
	if err := p.Dial(f.within(patience), "sip:"+number+"@"+f.at("").String()); err != nil {
		f.t.Fatal(err)
	}
}

// outsideWaits starts a softphone outside, which presses a key in the menu and is in the queue then.
func (f *fixture) outsideWaits(from, key string) *baresip.Process {
	f.t.Helper()
	p := f.outside(from, mainNumber, baresip.Options{})
	f.presses(p, key)
	f.queued(from)
	return p
}

func (f *fixture) presses(p *baresip.Process, keys string) {
	f.t.Helper()
	if err := p.Press(f.within(patience), keys); err != nil {
		f.t.Fatal(err)
	}
}

// tells waits until a softphone says that something happened.
func (f *fixture) tells(p *baresip.Process, event string) baresip.Event {
	f.t.Helper()
	e, err := p.WaitEvent(f.within(patience), event)
	if err != nil {
		f.t.Fatal(err)
	}
	return e
}

func (f *fixture) hangsUp(p *baresip.Process) {
	f.t.Helper()
	if err := p.Hangup(f.within(patience)); err != nil {
		f.t.Fatal(err)
	}
}

// hearTone waits until a softphone hears a tone.
func (f *fixture) hearTone(p *baresip.Process, who string, frequency float64) {
	f.t.Helper()
	if err := p.WaitTone(f.within(patience), frequency); err != nil {
		f.t.Fatalf("%s never heard %.0f Hz: %v", who, frequency, err)
	}
}

// recognises waits until a recording is recognised in what a softphone heard.
func (f *fixture) recognises(p *baresip.Process, who, what string, recording []int16) {
	f.t.Helper()
	length := time.Duration(len(recording)) * time.Second / phone.SampleRate
	err := p.WaitHeard(f.within(patience), func(heard []int16) bool { return phone.Correlate(heard, recording).Sure(length) })
	if err != nil {
		f.t.Fatalf("%s never heard %s: %v", who, what, err)
	}
}

// endsAs waits until the node says how a caller's call ended.
func (f *fixture) endsAs(from, ending string) {
	f.t.Helper()
	f.callIs(from, "ended")
	if c := f.callNow(from); c.Result+"/"+c.Reason != ending {
		f.t.Errorf("the call of %s ended as %s/%s, not %s", from, c.Result, c.Reason, ending)
	}
}

func TestBaresipReachesBaresip(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run("an agent over "+network, func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter)
			agent := f.desk("alice", baresip.Options{Network: network})
			f.agentIs("alice", "ready")
			caller := f.outside(callerNumber, mainNumber, baresip.Options{Codecs: []baresip.Codec{baresip.PCMU}})
			f.recognises(caller, "the caller", "the welcome", f.recording("welcome.wav"))
			f.presses(caller, "1")
			f.tells(agent, "CALL_ESTABLISHED")
			f.callIs(callerNumber, "talking")
			f.hearTone(caller, "the caller", agentTone)
			f.hearTone(agent, "the agent", callerTone)
			if c := f.callNow(callerNumber); c.Agent != "alice" || c.Queue != "orders" {
				t.Errorf("the call is with %q in %q", c.Agent, c.Queue)
			}
			f.hangsUp(agent)
			f.tells(caller, "CALL_CLOSED")
			f.endsAs(callerNumber, "answered/agent")
			f.agentIs("alice", "ready")
			f.nothingLeft()
		})
	}
}

// holdsAndResumes has the agent put a caller on hold, who hears music, and go on.
func (f *fixture) holdsAndResumes(agent *baresip.Process, caller *phone.Call) {
	f.t.Helper()
	if err := agent.Hold(f.within(patience)); err != nil {
		f.t.Fatal(err)
	}
	if _, err := caller.Ear().WaitFor(f.within(patience), f.builtIn("hold.wav")); err != nil {
		f.t.Fatalf("the caller heard no music while he was held: %v", err)
	}
	if err := agent.Resume(f.within(patience)); err != nil {
		f.t.Fatal(err)
	}
	caller.Ear().Forget()
	f.hears(caller, agentTone)
}

func TestBaresipHoldsAndResumesAndTheCallerHearsMusicMeanwhile(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	agent := f.desk("alice", baresip.Options{})
	caller := f.waitsFor(callerNumber, "1")
	f.tells(agent, "CALL_ESTABLISHED")
	caller.PlayTone(callerTone)
	f.hears(caller, agentTone)
	f.hearTone(agent, "the agent", callerTone)
	f.holdsAndResumes(agent, caller)
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.tells(agent, "CALL_CLOSED")
	f.endsAs(callerNumber, "answered/caller")
	f.nothingLeft()
}

func TestAnAgentPausesAndResumesFromBaresip(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	agent := f.desk("alice", baresip.Options{})
	f.agentIs("alice", "ready")
	for _, step := range []struct{ number, said, state string }{{"*1", "paused.wav", "paused"}, {"*2", "resumed.wav", "ready"}} {
		f.calls(agent, step.number)
		f.agentIs("alice", step.state)
		f.tells(agent, "CALL_CLOSED") // by the node, after it said so
		f.recognises(agent, "the agent", step.said, f.builtIn(step.said))
	}
	f.nothingLeft()
}

func TestAnAgentWithAWrongPasswordIsNotRegistered(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	p := f.baresip(baresip.Options{User: "alice", Secret: "not her password", Server: f.at("")})
	f.eventually("alice is refused", func() bool { return strings.Contains(p.Log(), "403 Forbidden") })
	if state := f.agentNow("alice").State; state != "offline" {
		t.Errorf("alice is %s", state)
	}
	f.nothingLeft()
}
