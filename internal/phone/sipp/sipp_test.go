package sipp

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spillway-voice/spillway/internal/phone"
)

// patience bounds everything that a test waits for and that must happen.
const patience = 45 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newPhone(t *testing.T, o phone.Options) *phone.Phone {
	t.Helper()
	o.Bind = netip.MustParseAddr("127.0.0.1")
	p, err := phone.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// start runs a SIPp that waits for calls.
func start(t *testing.T, o Options) *Process {
	t.Helper()
	o.Dir = t.TempDir()
	p, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// finish waits for the end and checks that all calls went as the scenario says.
func finish(t *testing.T, p *Process, calls int) {
	t.Helper()
	r, err := p.Wait(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if r.Code != 0 || r.Successful != calls || r.Failed != 0 {
		t.Fatalf("status %d, %d successful, %d failed; want %d\n%s", r.Code, r.Successful, r.Failed, calls, r.Log)
	}
}

func TestSIPpCallsAndIsHeard(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			agent := newPhone(t, phone.Options{Network: network, User: "alice", Reply: phone.AnswerAfter(100 * time.Millisecond)})
			p := start(t, Options{
				Scenario: Caller, Target: agent.Addr(), Network: network, Number: "+61280000001", From: "+61291234567",
				Talk: 2 * time.Second, Say: phone.Tone(450, time.Second),
			})
			select {
			case call := <-agent.Incoming():
				if call.From() != "+61291234567" || call.To() != "+61280000001" {
					t.Errorf("a call from %q to %q", call.From(), call.To())
				}
				if err := call.Ear().WaitTone(within(t), 450); err != nil {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Error("no call came in")
			}
			finish(t, p, 1)
		})
	}
}

func TestSIPpAnswersAndIsHeard(t *testing.T) {
	p := start(t, Options{Scenario: Agent, Say: phone.Tone(950, time.Second)})
	caller := newPhone(t, phone.Options{Server: p.Addr()})
	call, err := caller.Dial(within(t), "alice", phone.CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Ear().WaitTone(within(t), 950); err != nil {
		t.Error(err)
	}
	if err := call.Hangup(within(t)); err != nil {
		t.Error(err)
	}
	finish(t, p, 1)
}

func TestSIPpSendsBackWhatItHears(t *testing.T) {
	p := start(t, Options{Scenario: Echo, Echo: true})
	caller := newPhone(t, phone.Options{Server: p.Addr()})
	call, err := caller.Dial(within(t), "alice", phone.CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	call.PlayTone(620)
	if err := call.Ear().WaitTone(within(t), 620); err != nil {
		t.Error(err)
	}
	if err := call.Hangup(within(t)); err != nil {
		t.Error(err)
	}
	finish(t, p, 1)
}

func TestManyCallsFromSIPp(t *testing.T) {
	agent := newPhone(t, phone.Options{Reply: phone.AnswerAfter(0), Sound: phone.Sound{Deaf: true}})
	p := start(t, Options{Scenario: Caller, Target: agent.Addr(), Number: "alice", Calls: 60, Rate: 30})
	finish(t, p, 60)
	if n := len(agent.Calls()); n != 0 {
		t.Errorf("%d calls are left", n)
	}
}

func TestARefusedCallIsReportedAsFailed(t *testing.T) {
	agent := newPhone(t, phone.Options{Reply: phone.RejectWith(486)})
	r, err := Run(within(t), Options{Dir: t.TempDir(), Scenario: Caller, Target: agent.Addr(), Number: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Code == 0 || r.Failed != 1 || r.Successful != 0 || r.Log == "" {
		t.Errorf("%+v", r)
	}
}
