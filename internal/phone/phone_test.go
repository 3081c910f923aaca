package phone

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// freeAddress is one that nobody answers at (RFC 5737).
var freeAddress = netip.MustParseAddrPort("192.0.2.1:4000")

// patience bounds everything that a test waits for and that must happen.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// within returns a context that outlasts everything that must happen.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// newPhone opens a phone for the length of a test.
func newPhone(t *testing.T, o Options) *Phone {
	t.Helper()
	o.Bind = loopback
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// twoPhones opens a caller whose numbers all lead to the second phone.
func twoPhones(t *testing.T, network string, reply Reply) (caller, agent *Phone) {
	t.Helper()
	agent = newPhone(t, Options{Network: network, User: "alice", Reply: reply})
	caller = newPhone(t, Options{Network: network, User: "+61291234567", Display: "A Caller", Server: agent.Addr()})
	return caller, agent
}

// taken waits for the agent's side of a call.
func taken(t *testing.T, agent *Phone) *Call {
	t.Helper()
	select {
	case c := <-agent.Incoming():
		return c
	case <-time.After(patience):
		t.Fatal("no call came in")
		return nil
	}
}

// await waits for a channel to be closed.
func await(t *testing.T, what string, closed <-chan struct{}) {
	t.Helper()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatalf("waited in vain: %s", what)
	}
}

// talk makes an established call and returns both sides of it.
func talk(t *testing.T, caller, agent *Phone, o CallOptions) (placed, took *Call) {
	t.Helper()
	placed, err := caller.Dial(within(t), "+61280000001", o)
	if err != nil {
		t.Fatal(err)
	}
	took = taken(t, agent)
	await(t, "the ACK", took.Answered())
	return placed, took
}

func TestBothSidesHearEachOther(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for _, codec := range []Codec{PCMU, PCMA} {
			t.Run(network+" "+codec.String(), func(t *testing.T) {
				caller, agent := twoPhones(t, network, AnswerAfter(0))
				placed, took := talk(t, caller, agent, CallOptions{Sound: Sound{Codecs: []Codec{codec}}})
				placed.PlayTone(440)
				took.PlayTone(1000)
				if err := took.Ear().WaitTone(within(t), 440); err != nil {
					t.Error(err)
				}
				if err := placed.Ear().WaitTone(within(t), 1000); err != nil {
					t.Error(err)
				}
				if placed.Ear().HasTone(440, toneWindow) || took.Ear().HasTone(1000, toneWindow) {
					t.Error("a phone hears itself")
				}
				if took.From() != "+61291234567" || took.Display() != "A Caller" || took.To() != "+61280000001" {
					t.Errorf("from %q %q to %q", took.Display(), took.From(), took.To())
				}
				if err := placed.Hangup(within(t)); err != nil {
					t.Error(err)
				}
				await(t, "the end of the call", took.Done())
				if e := took.Ending(); e.By != Remote || e.Code != 0 {
					t.Errorf("the agent's side ended with %+v", e)
				}
			})
		}
	}
}

func TestTheAgentHangsUp(t *testing.T) {
	caller, agent := twoPhones(t, "udp", AnswerAfter(0))
	placed, took := talk(t, caller, agent, CallOptions{})
	if err := took.Hangup(within(t)); err != nil {
		t.Error(err)
	}
	await(t, "the end of the call", placed.Done())
	if e := placed.Ending(); e.By != Remote {
		t.Errorf("the caller's side ended with %+v", e)
	}
	if at := placed.Times(); at.Began.After(at.Answered) || at.Answered.After(at.Ended) || at.Ended.IsZero() {
		t.Errorf("the stages are out of order: %+v", at)
	}
	if n := len(caller.Calls()) + len(agent.Calls()); n != 0 {
		t.Errorf("%d calls are left", n)
	}
}

func TestARefusalSaysWhy(t *testing.T) {
	for _, code := range []int{486, 480, 404, 603} {
		caller, _ := twoPhones(t, "udp", RejectWith(code))
		_, err := caller.Dial(within(t), "alice", CallOptions{})
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("reject with %d: %v", code, err)
		}
		if err == nil || err.Error() != fmt.Sprintf("dial alice: refused: %d %s", code, phrase(code)) {
			t.Errorf("reject with %d says %q", code, err)
		}
	}
}

func TestACallThatNobodyAnswersIsCancelled(t *testing.T) {
	caller, agent := twoPhones(t, "udp", RingForever())
	placed, err := caller.Start(within(t), "alice", CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "ringing", placed.Ringing())
	took := taken(t, agent)
	if err := placed.Hangup(within(t)); err != nil {
		t.Error(err)
	}
	await(t, "the end at the agent", took.Done())
	if e := placed.Ending(); e.Code != 487 {
		t.Errorf("the caller's side ended with %+v, want 487", e)
	}
	if e := took.Ending(); e.By != Remote || e.Code != 487 {
		t.Errorf("the agent's side ended with %+v, want 487 by the caller", e)
	}
}

func TestTheContextCancelsACall(t *testing.T) {
	caller, agent := twoPhones(t, "udp", RingForever())
	ctx, cancel := context.WithCancel(t.Context())
	placed, err := caller.Start(ctx, "alice", CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	took := taken(t, agent)
	await(t, "ringing", placed.Ringing())
	cancel()
	await(t, "the end at the caller", placed.Done())
	await(t, "the end at the agent", took.Done())
}

func TestHandedOverCallsWaitForAWord(t *testing.T) {
	caller, agent := twoPhones(t, "udp", HandOver())
	placed, err := caller.Start(within(t), "alice", CallOptions{Headers: map[string]string{"X-Spillway-Call": "0198"}})
	if err != nil {
		t.Fatal(err)
	}
	took := taken(t, agent)
	if took.Header("X-Spillway-Call") != "0198" || took.Header("X-Missing") != "" {
		t.Errorf("headers: %q, %q", took.Header("X-Spillway-Call"), took.Header("X-Missing"))
	}
	if err := took.Ring(); err != nil {
		t.Fatal(err)
	}
	await(t, "ringing", placed.Ringing())
	if err := took.Answer(within(t)); err != nil {
		t.Fatal(err)
	}
	await(t, "the answer", placed.Answered())
	if err := took.Reject(486); !errors.Is(err, ErrNotTalking) {
		t.Errorf("rejecting an answered call: %v", err)
	}
}

func TestDigitsArriveOnceEach(t *testing.T) {
	caller, agent := twoPhones(t, "udp", AnswerAfter(0))
	placed, took := talk(t, caller, agent, CallOptions{})
	const dialled = "1159*#0D"
	if err := placed.SendDigits(dialled); err != nil {
		t.Fatal(err)
	}
	got := readDigits(t, took, len(dialled))
	if err := placed.SendInfoDigit(within(t), '7'); err != nil {
		t.Fatal(err)
	}
	if got += readDigits(t, took, 1); got != dialled+"7" {
		t.Errorf("got %q, want %q", got, dialled+"7")
	}
	if err := placed.SendDigits("x"); err == nil {
		t.Error("a digit that is on no keypad was sent")
	}
}

func readDigits(t *testing.T, c *Call, count int) (digits string) {
	t.Helper()
	for range count {
		select {
		case d := <-c.Digits():
			digits += string(d)
		case <-time.After(patience):
			t.Fatalf("only %q arrived", digits)
		}
	}
	return digits
}

func TestHoldStopsTheOtherSideAndResumeStartsIt(t *testing.T) {
	caller, agent := twoPhones(t, "udp", AnswerAfter(0))
	placed, took := talk(t, caller, agent, CallOptions{})
	took.PlayTone(700)
	if err := placed.Ear().WaitTone(within(t), 700); err != nil {
		t.Fatal(err)
	}
	if err := placed.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	if !took.Held() {
		t.Error("the agent does not know that it is held")
	}
	settled(t, placed.Ear())
	if err := placed.Resume(within(t)); err != nil {
		t.Fatal(err)
	}
	placed.Ear().Forget()
	if err := placed.Ear().WaitTone(within(t), 700); err != nil {
		t.Error(err)
	}
	if took.Held() {
		t.Error("the agent still thinks that it is held")
	}
}

// settled waits until nothing is heard any more for a quarter of a second.
func settled(t *testing.T, e *Ear) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		news := e.news()
		select {
		case <-news:
		case <-time.After(250 * time.Millisecond):
			return
		}
	}
	t.Fatal("sound still arrives")
}

func TestAnOfferlessCallIsAnsweredInTheAck(t *testing.T) {
	caller, agent := twoPhones(t, "udp", AnswerAfter(0))
	placed, took := talk(t, caller, agent, CallOptions{Offerless: true, Sound: Sound{Codecs: []Codec{PCMA}}})
	placed.PlayTone(500)
	took.PlayTone(600)
	if err := errors.Join(took.Ear().WaitTone(within(t), 500), placed.Ear().WaitTone(within(t), 600)); err != nil {
		t.Error(err)
	}
}

func TestARecordingIsRecognisedInACall(t *testing.T) {
	caller, agent := twoPhones(t, "udp", AnswerAfter(0))
	placed, took := talk(t, caller, agent, CallOptions{})
	message, music := speech(11, 4*time.Second), speech(12, 4*time.Second)
	took.Play(music, true)
	if h, err := placed.Ear().WaitFor(within(t), music); err != nil || h.Score < 0.9 {
		t.Fatalf("%+v, %v", h, err)
	}
	if h, sure := placed.Ear().Find(message); sure {
		t.Errorf("the message was recognised before it was played: %+v", h)
	}
	before := time.Now()
	took.Play(message, false)
	h, err := placed.Ear().WaitFor(within(t), message)
	if err != nil {
		t.Fatal(err)
	}
	if late := h.First.Sub(before); late < -frame || late > 2*time.Second || h.Began.After(h.First) {
		t.Errorf("the message was first heard %v after it began, its beginning at %v", late, h.Began.Sub(before))
	}
}

func TestAMutedCallSendsNothing(t *testing.T) {
	caller, agent := twoPhones(t, "udp", AnswerAfter(0))
	placed, took := talk(t, caller, agent, CallOptions{})
	if err := took.Ear().WaitSound(within(t)); err != nil {
		t.Fatal(err)
	}
	placed.Mute(true)
	settled(t, took.Ear())
	placed.Mute(false)
	if err := wait(within(t), took.Ear().news()); err != nil {
		t.Errorf("nothing is heard after the mute: %v", err)
	}
}

func TestAVanishedCallAnswersNothing(t *testing.T) {
	caller, agent := twoPhones(t, "udp", AnswerAfter(0))
	placed, took := talk(t, caller, agent, CallOptions{})
	took.Vanish()
	settled(t, placed.Ear())
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	if err := placed.Hangup(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hanging up on a vanished call: %v", err)
	}
}

func TestAVanishedPhoneAnswersNothing(t *testing.T) {
	caller, agent := twoPhones(t, "udp", AnswerAfter(0))
	agent.Vanish()
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	placed, err := caller.Start(ctx, "alice", CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if got := placed.Provisionals(); len(got) != 0 {
		t.Errorf("a vanished phone answered with %v", got)
	}
	placed.End()
}

func TestNoCommonCodecIsRefusedWith488(t *testing.T) {
	agent := newPhone(t, Options{Reply: AnswerAfter(0), Sound: Sound{Codecs: []Codec{PCMA}}})
	caller := newPhone(t, Options{Server: agent.Addr()})
	_, err := caller.Dial(within(t), "alice", CallOptions{Sound: Sound{Codecs: []Codec{PCMU}}})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Code != 488 {
		t.Errorf("want 488, got %v", err)
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	caller, agent := twoPhones(t, "udp", AnswerAfter(0))
	const calls = 60
	failed := make(chan error, calls)
	for range calls {
		go func() {
			c, err := caller.Dial(within(t), "alice", CallOptions{Sound: Sound{Deaf: true}})
			if err == nil {
				err = c.Ear().WaitSound(within(t))
			}
			if err == nil {
				err = c.Hangup(within(t))
			}
			failed <- err
		}()
	}
	for range calls {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	for range calls {
		await(t, "the end at the agent", taken(t, agent).Done())
	}
}
