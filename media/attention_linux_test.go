package media

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
	"github.com/spillway-voice/spillway/media/sdp"
	"github.com/spillway-voice/spillway/media/srtp"
)

// A key that is pressed marks a place in what a phone sends: its Digit event says that all before it was taken in.
func (p *phone) mark(session *Session) {
	p.t.Helper()
	p.press(digitMark)
	if got := expect[Digit](p.t, session); got.Digit != '9' {
		p.t.Fatalf("digit %c, want 9", got.Digit)
	}
}

const digitMark = 9

// press sends one report of a key.
func (p *phone) press(code uint8) {
	p.t.Helper()
	p.stamp += 10 * SampleRate // far from any other press
	payload := make([]byte, dtmf.EventSize)
	dtmf.Event{Code: code, End: true, Duration: 800}.Put(payload)
	p.write(&rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, PayloadType: 101, SequenceNumber: p.seq, Timestamp: p.stamp, SSRC: p.ssrc}, Payload: payload})
	p.seq++
}

// talk sends packets of sound.
func (p *phone) talk(packets int) {
	p.t.Helper()
	for range packets {
		p.say(0, make([]byte, FrameSize))
	}
}

// resting is a session whose far end talks and is heard by nobody, and its phone.
func resting(t *testing.T) (*Session, *phone) {
	t.Helper()
	engine := startEngine(t, func(o *Options) { o.Timeout = shortestSilence })
	s, p := open(t, engine), newPhone(t)
	p.call(s, "0")
	p.talk(latchPackets + 1)
	p.mark(s)
	if !s.attention.thinned.Load() {
		t.Fatal("the kernel still gives us all the sound that nobody hears")
	}
	return s, p
}

func TestSoundThatNobodyHearsIsCountedByItsSample(t *testing.T) {
	s, p := resting(t)
	before := s.Stats()
	p.talk(50) // few enough for the allowance
	p.mark(s)
	after := s.Stats()
	if n := after.PacketsIn - before.PacketsIn; n != 51 || after.Lost != 0 {
		t.Errorf("%d packets counted and %d lost, want 51 and none", n, after.Lost)
	}
}

func TestEveryKeyIsHeardWhileTheSoundIsNot(t *testing.T) {
	s, p := resting(t)
	for code := range uint8(9) {
		p.talk(3)
		p.press(code)
		if got := expect[Digit](t, s); got.Digit != dtmf.Keys[code] {
			t.Fatalf("digit %c, want %c", got.Digit, dtmf.Keys[code])
		}
	}
}

func TestABridgeGetsEveryPacketFromTheFirst(t *testing.T) {
	s, p := resting(t)
	other, agent := open(t, s.engine), newPhone(t)
	agent.call(other, "0")
	for round := range 3 {
		if err := Bridge(s, other); err != nil {
			t.Fatal(err)
		}
		loud := encode(codec.PCMU, full(int16(8000+1000*round)))
		for range 20 {
			p.say(0, loud)
		}
		for range 20 {
			agent.until("every packet", func(got rtp.Packet) bool { return got.Payload[0] == loud[0] })
		}
		Unbridge(s)
		p.talk(1)
		p.mark(s)
		if !s.attention.thinned.Load() {
			t.Fatal("the sound is read on although nobody hears it")
		}
	}
}

func TestASinkHearsEverythingWhileItListens(t *testing.T) {
	s, p := resting(t)
	heard := make(chan int, 100)
	end := s.Tap(sinkFunc(func(sound Sound) { heard <- len(sound.PCM) }))
	p.talk(20)
	for range 20 {
		select {
		case <-heard:
		case <-time.After(patience):
			t.Fatal("the sink missed packets")
		}
	}
	end()
	end() // ending twice is ending once
	if n := s.attention.hearing.Load(); n != 0 {
		t.Errorf("%d are said to hear, want none", n)
	}
}

func TestAFarEndThatGoesQuietIsNoticedThoughItsSoundIsNotRead(t *testing.T) {
	s, p := resting(t)
	p.talk(40)
	expect[Silent](t, s)
}

func TestANewAgreementIsHeardInFull(t *testing.T) {
	s, p := resting(t)
	p.call(s, "0") // again: hold, resume, another address
	if s.attention.thinned.Load() {
		t.Error("the kernel still drops by the old agreement")
	}
	p.talk(latchPackets)
	p.mark(s)
	if !s.attention.thinned.Load() {
		t.Error("the sound is read on although nobody hears it")
	}
}

// sinkFunc is a sink of one function.
type sinkFunc func(Sound)

func (f sinkFunc) Hear(sound Sound) { f(sound) }

// TestAProtectedStreamThatWasDroppedOpensWhenItIsHeard has a far end whose numbers wrap around while the kernel drops all but a
// sample of its sound.
func TestAProtectedStreamThatWasDroppedOpensWhenItIsHeard(t *testing.T) {
	for _, suite := range everySuite {
		engine := startEngine(t, func(o *Options) { o.Timeout = shortestSilence })
		s, err := engine.Open(SessionOptions{Signalling: loopback, Security: sdp.Required})
		if err != nil {
			t.Fatal(err)
		}
		p := newPhone(t)
		p.seq = 65400
		key, line := crypto(t, suite)
		offer := strings.Replace(string(p.offer("0")), "RTP/AVP", "RTP/SAVP", 1) + line
		answer, err := s.Answer([]byte(offer))
		if err != nil {
			t.Fatal(err)
		}
		p.to = net.UDPAddrFromAddrPort(s.Local())
		secure, err := srtp.New(key, keyIn(t, string(answer)))
		if err != nil {
			t.Fatal(err)
		}
		p.secure.Store(secure)
		p.talk(latchPackets + 1)
		p.mark(s)
		if !s.attention.thinned.Load() {
			t.Fatal("the kernel still gives us all the sound that nobody hears")
		}
		for range 8 { // over the end of the numbers
			p.talk(40)
			p.mark(s)
		}
		other, agent := open(t, engine), newPhone(t)
		agent.call(other, "0")
		if err := Bridge(s, other); err != nil {
			t.Fatal(err)
		}
		loud := encode(codec.PCMU, full(12000))
		for range 21 {
			p.say(0, loud)
		}
		for range 20 {
			agent.until("every packet", func(got rtp.Packet) bool { return got.Payload[0] == loud[0] })
		}
		if stats := s.Stats(); stats.Invalid > 0 {
			t.Errorf("%v: stats %+v", suite, stats)
		}
	}
}
