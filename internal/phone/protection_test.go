package phone

import (
	"bytes"
	"errors"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestProtectedSoundIsHeardAndIsNoSoundOnTheWire(t *testing.T) {
	var (
		mu   sync.Mutex
		wire []int16
	)
	tap := func(packet []byte) {
		mu.Lock()
		defer mu.Unlock()
		wire = PCMU.decode(wire, packet[12:172])
	}
	agent := newPhone(t, Options{User: "alice", Reply: AnswerAfter(0), Sound: Sound{Secure: true}})
	caller := newPhone(t, Options{Server: agent.Addr()})
	placed, took := talk(t, caller, agent, CallOptions{Sound: Sound{Secure: true, Codecs: []Codec{PCMU}, Tap: tap}})
	placed.PlayTone(500)
	took.PlayTone(900)
	if err := placed.Ear().WaitTone(within(t), 900); err != nil {
		t.Error(err)
	}
	if err := took.Ear().WaitTone(within(t), 500); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if p := Goertzel(wire, 900); p.Purity > 0.05 {
		t.Errorf("%.2f of what is on the wire is the tone", p.Purity)
	}
	if !bytes.Contains(placed.FarDescription(), []byte("RTP/SAVP")) {
		t.Errorf("the far end says\n%s", placed.FarDescription())
	}
}

func TestAPhoneWithPlainSoundTakesNoProtectedCallAndTheOtherWayRound(t *testing.T) {
	for _, secure := range []bool{true, false} {
		agent := newPhone(t, Options{User: "alice", Reply: AnswerAfter(0), Sound: Sound{Secure: secure}})
		caller := newPhone(t, Options{Server: agent.Addr()})
		_, err := caller.Dial(within(t), "alice", CallOptions{Sound: Sound{Secure: !secure}})
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Code != 488 {
			t.Errorf("%v, want a refusal with 488", err)
		}
	}
}

func TestSoundMayBeOverIPv6(t *testing.T) {
	six := Sound{Bind: netip.IPv6Loopback()}
	agent := newPhone(t, Options{User: "alice", Reply: AnswerAfter(0), Sound: six})
	caller := newPhone(t, Options{Server: agent.Addr()})
	placed, took := talk(t, caller, agent, CallOptions{Sound: six})
	placed.PlayTone(500)
	if err := took.Ear().WaitTone(within(t), 500); err != nil {
		t.Error(err)
	}
	if took.Ear().PacketTime() != 20*time.Millisecond {
		t.Errorf("packets of %v", took.Ear().PacketTime())
	}
}

func TestKeysAreHeardByTheirTones(t *testing.T) {
	const keys = "1234567890*#ABCD55"
	if heard := HeardKeys(KeyTones(keys)); heard != keys {
		t.Errorf("heard %q, want %q", heard, keys)
	}
	if heard := HeardKeys(append(Tone(697, time.Second), Tone(1209, time.Second)...)); heard != "" {
		t.Errorf("two tones after each other are heard as %q", heard)
	}
}

func TestAPhoneWithoutEventsOffersAndTakesNone(t *testing.T) {
	agent := newPhone(t, Options{User: "alice", Reply: AnswerAfter(0)})
	caller := newPhone(t, Options{Server: agent.Addr()})
	placed, took := talk(t, caller, agent, CallOptions{Sound: Sound{Eventless: true}})
	if placed.SendDigits("1") == nil || took.SendDigits("1") == nil {
		t.Error("an event was agreed on")
	}
}

func TestSoundOfAnotherRateIsWrittenReadAndJudgedAtIt(t *testing.T) {
	const rate, high = 16000, 5000
	path := filepath.Join(t.TempDir(), "high.wav")
	if err := WriteWAVAt(path, ToneAt(high, time.Second, rate), rate); err != nil {
		t.Fatal(err)
	}
	pcm, read, err := ReadWAVAsItIs(path)
	if err != nil || read != rate || len(pcm) != rate {
		t.Fatalf("%d samples at %d, %v", len(pcm), read, err)
	}
	if !HasToneAt(pcm, high, rate) || HasToneAt(pcm, high/2, rate) {
		t.Error("the tone is not heard as what it is")
	}
	low, err := ReadWAV(path)
	if err != nil || len(low) != SampleRate {
		t.Fatalf("%d samples, %v", len(low), err)
	}
	if p := Goertzel(low, SampleRate-high); p.Level > -60 {
		t.Errorf("folded down it is heard at %.0f dB", p.Level)
	}
}

func FuzzUnderstandADescriptionWithKeys(f *testing.F) {
	secure, err := newProtection()
	if err != nil {
		f.Fatal(err)
	}
	d := description{local: netip.MustParseAddrPort("[::1]:4000"), codecs: []Codec{PCMU}, direction: sendrecv, packet: frame, tag: "1", key: secure.master}
	b, err := d.marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(bytes.Replace(b, []byte("inline:"), []byte("inline:|"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		terms, err := understand(b, []Codec{PCMU, PCMA}, true)
		if err == nil && (len(terms.key) != masterBytes || terms.tag == "") {
			t.Errorf("a key of %d bytes with the tag %q", len(terms.key), terms.tag)
		}
	})
}
