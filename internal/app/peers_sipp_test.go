package app

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/sipp"
)

// sipp starts a scenario of testdata/sipp against the node. With Echo it sends back what it hears, else it says Say.
func (f *fixture) sipp(scenario string, o sipp.Options) *sipp.Process {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "sipp", scenario+".xml"))
	if err != nil {
		f.t.Fatal(err)
	}
	media, speak := "[rtpstream_audio_port]", `<nop><action><exec rtp_stream="say.ulaw,-1,0"/></action></nop>`
	if o.Echo {
		media, speak = "[media_port]", ""
	}
	o.Scenario = strings.NewReplacer("MEDIA", media, "SPEAK", speak).Replace(string(text))
	o.Dir, o.Target, o.Limit = f.t.TempDir(), f.at(o.Network), 3*time.Minute
	p, err := sipp.Start(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(p.Stop)
	return p
}

// shops starts a caller who presses a key by INFO and waits.
func (f *fixture) shops(from, key string, o sipp.Options) *sipp.Process {
	f.t.Helper()
	o.From, o.Number, o.Arguments = from, mainNumber, append(o.Arguments, "-key", "key", key)
	return f.sipp("shopper", o)
}

// nudge sends an OPTIONS in a call of a scenario, which waits for it to go on.
func (f *fixture) nudge(p *sipp.Process, from string) {
	f.t.Helper()
	conn, err := net.Dial("udp4", p.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "OPTIONS sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bKnudge\r\nFrom: <sip:test@%[2]s>;tag=1\r\n"+
		"To: <sip:%[1]s>\r\nCall-ID: %[3]s\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		p.Addr(), conn.LocalAddr(), f.callNow(from).SIPCallID)
	if err != nil {
		f.t.Fatal(err)
	}
}

// went waits until a scenario is over and checks that every call went as it says.
func (f *fixture) went(p *sipp.Process, calls int) {
	f.t.Helper()
	r, err := p.Wait(f.within(2 * patience))
	if err != nil {
		f.t.Fatal(err)
	}
	if r.Code != 0 || r.Successful != calls || r.Failed != 0 {
		f.t.Errorf("sipp: status %d, %d successful, %d failed; want %d\n%s", r.Code, r.Successful, r.Failed, calls, r.Log)
	}
}

func TestSIPpIsHeardAndHears(t *testing.T) {
	for _, c := range []struct{ name, scenario, network string }{
		{"over udp", "shopper", "udp"},
		{"over tcp", "shopper", "tcp"},
		{"without an offer", "offerless", "udp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter)
			alice := f.agent("alice", phone.Reply{})
			p := f.sipp(c.scenario, sipp.Options{Network: c.network, Echo: true, From: callerNumber, Number: mainNumber, Arguments: []string{"-key", "key", "1"}})
			atAgent := f.picksUp(alice)
			atAgent.PlayTone(agentTone)
			f.hears(atAgent, agentTone) // there and back again: SIPp returns what it hears
			if err := atAgent.Hangup(f.within(patience)); err != nil {
				t.Fatal(err)
			}
			f.went(p, 1)
			f.endsAs(callerNumber, "answered/agent")
			f.nothingLeft()
		})
	}
}

func TestACallerWithSIPpHoldsAndResumes(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	alice := f.agent("alice", phone.Reply{})
	p := f.sipp("holder", sipp.Options{Echo: true, From: callerNumber, Number: mainNumber, Arguments: []string{"-key", "key", "1"}})
	atAgent := f.picksUp(alice)
	atAgent.PlayTone(agentTone)
	f.hears(atAgent, agentTone)
	f.nudge(p, callerNumber) // hold
	f.eventually("nothing comes back from who holds", func() bool { return !atAgent.Ear().HasTone(agentTone, 200*time.Millisecond) })
	f.nudge(p, callerNumber) // resume
	atAgent.Ear().Forget()
	f.hears(atAgent, agentTone)
	f.nudge(p, callerNumber) // hang up
	f.went(p, 1)
	select {
	case <-atAgent.Done():
	case <-time.After(patience):
		t.Error("the agent's leg outlived the caller's")
	}
	f.endsAs(callerNumber, "answered/caller")
	f.nothingLeft()
}

// TestSIPpRegistersAsAnAgentAndIsHeardAndHears has the agent's side by SIPp: it answers the challenge, and the call finds it.
func TestSIPpRegistersAsAnAgentAndIsHeardAndHears(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	answering := filepath.Join(t.TempDir(), "answering.xml")
	if err := os.WriteFile(answering, []byte(sipp.Echo), 0o600); err != nil {
		t.Fatal(err)
	}
	p := f.sipp("agent", sipp.Options{Echo: true, From: "alice", Number: "alice", Calls: 1,
		Arguments: []string{"-au", "alice", "-ap", secret, "-oocsf", answering}})
	f.agentIs("alice", "ready")
	caller := f.waitsFor(callerNumber, "1")
	caller.PlayTone(callerTone)
	f.callIs(callerNumber, "talking")
	caller.Ear().Forget()
	f.hears(caller, callerTone)
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.endsAs(callerNumber, "answered/caller")
	p.Stop()
	f.nothingLeft()
}
