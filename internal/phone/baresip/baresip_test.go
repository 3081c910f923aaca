package baresip

import (
	"bufio"
	"bytes"
	"context"
	"net/netip"
	"strings"
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

// start runs a baresip for the length of a test; its log is shown when the test fails.
func start(t *testing.T, o Options) *Process {
	t.Helper()
	o.Dir = t.TempDir()
	p, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Log(p.Log())
		}
	})
	return p
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

func TestBaresipTakesACallAndBothHear(t *testing.T) {
	for _, codec := range []phone.Codec{phone.PCMU, phone.PCMA} {
		t.Run(codec.String(), func(t *testing.T) {
			peer := start(t, Options{User: "alice", Say: phone.Tone(440, time.Minute)})
			caller := newPhone(t, phone.Options{})
			call, err := caller.Dial(within(t), "alice@"+peer.Addr().String(),
				phone.CallOptions{Sound: phone.Sound{Codecs: []phone.Codec{codec}}})
			if err != nil {
				t.Fatal(err)
			}
			call.PlayTone(800)
			if err := call.Ear().WaitTone(within(t), 440); err != nil {
				t.Error(err)
			}
			if err := peer.WaitTone(within(t), 800); err != nil {
				t.Error(err)
			}
			if err := call.SendDigits("5"); err != nil {
				t.Error(err)
			}
			if e, err := peer.WaitEvent(within(t), "CALL_DTMF_START"); err != nil || e.Param != "5" {
				t.Errorf("digit %q, %v", e.Param, err)
			}
			if err := call.Hangup(within(t)); err != nil {
				t.Error(err)
			}
			if _, err := peer.WaitEvent(within(t), "CALL_CLOSED"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBaresipCallsPressesHoldsAndHangsUp(t *testing.T) {
	agent := newPhone(t, phone.Options{User: "bob", Reply: phone.AnswerAfter(0)})
	peer := start(t, Options{Say: phone.Tone(600, time.Minute)})
	if err := peer.Dial(within(t), "sip:bob@"+agent.Addr().String()); err != nil {
		t.Fatal(err)
	}
	var call *phone.Call
	select {
	case call = <-agent.Incoming():
	case <-time.After(patience):
		t.Fatal("no call came in")
	}
	call.PlayTone(1000)
	if err := call.Ear().WaitTone(within(t), 600); err != nil {
		t.Fatal(err)
	}
	if err := peer.WaitTone(within(t), 1000); err != nil {
		t.Error(err)
	}
	if err := peer.Press(within(t), "42"); err != nil {
		t.Fatal(err)
	}
	for _, want := range "42" {
		select {
		case d := <-call.Digits():
			if rune(d) != want {
				t.Errorf("digit %q, want %q", d, want)
			}
		case <-time.After(patience):
			t.Fatalf("digit %q did not arrive", want)
		}
	}
	if err := peer.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	waitHeld(t, call, true)
	if err := peer.Resume(within(t)); err != nil {
		t.Fatal(err)
	}
	waitHeld(t, call, false)
	call.Ear().Forget()
	if err := call.Ear().WaitTone(within(t), 600); err != nil {
		t.Error(err)
	}
	if err := peer.Hangup(within(t)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-call.Done():
	case <-time.After(patience):
		t.Error("the call did not end")
	}
}

func waitHeld(t *testing.T, c *phone.Call, held bool) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for over := time.After(patience); c.Held() != held; {
		select {
		case <-look.C:
		case <-over:
			t.Fatalf("held is still %v", !held)
		}
	}
}

func FuzzReadNetstring(f *testing.F) {
	f.Add([]byte(`12:{"ok":true},`))
	f.Add([]byte("1048577:x,"))
	f.Add([]byte("0:,"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readNetstring(bufio.NewReader(bytes.NewReader(b)))
		if err == nil && len(got) > len(b) {
			t.Errorf("%d bytes out of %d", len(got), len(b))
		}
	})
}

func TestNetstringsAreBounded(t *testing.T) {
	for _, bad := range []string{"", "5", "x:1,", "-1:", "5:abc", "3:abcd", "99999999:"} {
		if b, err := readNetstring(bufio.NewReader(strings.NewReader(bad))); err == nil {
			t.Errorf("%q was read as %q", bad, b)
		}
	}
	b, err := readNetstring(bufio.NewReader(strings.NewReader("3:abc,")))
	if err != nil || string(b) != "abc" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestTwoProgramsSpeakEveryCodecAndProtectIt has one program call another: what the wrapper sets up is understood by both.
func TestTwoProgramsSpeakEveryCodecAndProtectIt(t *testing.T) {
	for _, codec := range []Codec{PCMA, G722, L16, Opus} {
		for _, srtp := range []SRTP{"", SRTPOptional, SRTPMandatory} {
			t.Run(string(codec)+" "+string(srtp), func(t *testing.T) {
				t.Parallel()
				options := Options{User: "alice", Codecs: []Codec{codec}, SRTP: srtp, Say: phone.ToneAt(500, time.Minute, 16000), SayRate: 16000}
				taking := start(t, options)
				options.User, options.Say = "bob", phone.ToneAt(900, time.Minute, 16000)
				calling := start(t, options)
				if err := calling.Dial(within(t), "sip:alice@"+taking.Addr().String()); err != nil {
					t.Fatal(err)
				}
				if err := calling.WaitTone(within(t), 500); err != nil {
					t.Error(err)
				}
				if err := taking.WaitTone(within(t), 900); err != nil {
					t.Error(err)
				}
				if codec, _, _ := strings.Cut(string(codec), "/"); !strings.Contains(taking.Log(), codec) {
					t.Errorf("the program never speaks of %s", codec)
				}
				if secured := strings.Contains(taking.Log(), "SRTP is Enabled"); secured != (srtp != "") {
					t.Errorf("protected is %v", secured)
				}
			})
		}
	}
}

// TestWhatAProgramTakesDependsOnItsProtection keeps the table of docs/phones.md true.
func TestWhatAProgramTakesDependsOnItsProtection(t *testing.T) {
	for _, c := range []struct {
		srtp          SRTP
		plain, secure bool // whether it takes an offer on RTP/AVP without keys, and one on RTP/SAVP
	}{
		{"", true, false},
		{SRTPOptional, true, true},
		{SRTPMandatory, false, true},
		{SRTPFeedback, false, false},
	} {
		t.Run("mediaenc "+string(c.srtp), func(t *testing.T) {
			t.Parallel()
			peer := start(t, Options{User: "alice", SRTP: c.srtp})
			caller := newPhone(t, phone.Options{})
			for secure, taken := range map[bool]bool{false: c.plain, true: c.secure} {
				call, err := caller.Dial(within(t), "alice@"+peer.Addr().String(), phone.CallOptions{Sound: phone.Sound{Secure: secure}})
				if (err == nil) != taken {
					t.Errorf("an offer, secure: %v: %v, want it taken: %v", secure, err, taken)
				}
				if err == nil {
					if err := call.Hangup(within(t)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}
