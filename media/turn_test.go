package media

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/sdp"
	"github.com/spillway-voice/spillway/media/socket"
)

// TestClocksThatChangeForEverLeaveAProtectedStream is about the streams under one key, of which there may be sixteen.
func TestClocksThatChangeForEverLeaveAProtectedStream(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		p, s := w.talker(4000, codec.PCMU), w.secured(sdp.Required)
		p.protect(s, sdp.AEADAES128GCM)
		s.Background(Tone(600, -9, 0))
		seen := map[uint32]codec.Codec{}
		for i := range 50 {
			p.speak([]codec.Codec{codec.L16, codec.PCMU}[i%2])
			p.agree(s)
			p.heard()
			time.Sleep(200 * time.Millisecond)
			got := p.heard()
			if len(got) < 9 {
				t.Fatalf("%d packets after %d changes", len(got), i+1)
			}
			assertStream(t, p.codec, got, true)
			if c, known := seen[got[0].SSRC]; known && c != p.codec {
				t.Fatalf("after %d changes a stream has another clock", i+1)
			}
			seen[got[0].SSRC] = p.codec
		}
		if len(seen) != 2 {
			t.Errorf("there were %d streams, want one for each clock", len(seen))
		}
	})
}

func TestTheQualityOfWhatIsSentOutlivesAnotherStream(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		p, s := w.talker(4000, codec.PCMU), w.open()
		p.agree(s)
		for i := range 20 {
			time.Sleep(8 * time.Second)
			p.speak([]codec.Codec{codec.L16, codec.PCMU}[i%2])
			p.agree(s)
		}
		s.reporting.reported = true // as if the far end had told of no losses
		if q := s.Quality(); q.Sent.Packets > 8000 || q.Sent.Packets < 2000 {
			t.Errorf("%d packets are said to have been due, want no more than the 8000 that were sent", q.Sent.Packets)
		}
	})
}

// TestABridgeWithWhoHasAgreedOnNothing has a far end whose sound is decoded for one side bridged with another that is not there yet.
func TestABridgeWithWhoHasAgreedOnNothing(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.G722)
		one, _ := w.bridge(a, b)
		a.talk(200 * time.Millisecond)
		if err := Bridge(one, w.open()); err != nil {
			t.Fatal(err)
		}
		a.talk(200 * time.Millisecond)
		synctest.Wait()
		if one.Stats().PacketsIn != 20 {
			t.Errorf("stats %+v", one.Stats())
		}
	})
}

func TestAKeyOfANewStreamIsANewPress(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		p, s := w.talker(4000, codec.PCMU), w.open()
		p.agree(s)
		p.talk(100 * time.Millisecond)
		stamp := p.header.Timestamp
		p.pressKey('3', 100*time.Millisecond)
		p.header.SSRC++
		p.talk(2 * time.Second)
		p.header.Timestamp = stamp // another device, which may be anywhere
		p.pressKey('3', 100*time.Millisecond)
		if told := digits(said(s)); told != "33" {
			t.Errorf("told were keys %q, want two", told)
		}
	})
}

func TestKeysAsTonesOutliveAnotherCodec(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		p, s := w.talker(4000, codec.PCMU), w.open()
		p.events = 0
		p.agree(s)
		time.Sleep(100 * time.Millisecond)
		for _, digit := range []byte("159") {
			if err := s.SendDigit(digit, 200*time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(300 * time.Millisecond) // the second one is being sent
		narrow := sungKeys(listened(codec.PCMU, p.heard()), SampleRate)
		p.speak(codec.G722)
		p.agree(s)
		time.Sleep(time.Second)
		if wide := sungKeys(listened(codec.G722, p.heard()), WideRate); narrow != "15" || wide != "9" {
			t.Errorf("heard were %q and, in the other codec, %q", narrow, wide)
		}
	})
}

// stubborn is a socket whose kernel takes one filter and no other.
type stubborn struct {
	deaf
	thinned, full int
}

func (s *stubborn) Thin(socket.Stream) error {
	if s.thinned++; s.thinned > 1 {
		return errors.ErrUnsupported
	}
	return nil
}

func (s *stubborn) Full() error { s.full++; return nil }

func TestAKernelThatRefusesAFilterIsAskedForFullSoundAllTheSame(t *testing.T) {
	kernel := &stubborn{}
	a := attention{socket: kernel}
	now := time.Now()
	a.rest(socket.Stream{SSRC: 1}, nil, now)
	a.rest(socket.Stream{SSRC: 2}, nil, now.Add(leastRest))
	a.begin()
	if kernel.full != 1 || a.thinned.Load() {
		t.Errorf("asked %d times, thinned %v", kernel.full, a.thinned.Load())
	}
	a.end()
	a.rest(socket.Stream{SSRC: 3}, nil, now.Add(2*leastRest))
	if kernel.thinned != 2 {
		t.Errorf("%d filters were tried, want no more than the one that was refused", kernel.thinned)
	}
}

// willing is a socket whose kernel takes every filter.
type willing struct {
	deaf
	thinned int
}

func (w *willing) Thin(socket.Stream) error { w.thinned++; return nil }
func (w *willing) Full() error              { return nil }

func TestAFarEndThatChangesItsTypeWithEachPacketCostsNoFilterEachTime(t *testing.T) {
	kernel := &willing{}
	a := attention{socket: kernel}
	now := time.Now()
	for i := range 500 { // ten seconds
		a.rest(socket.Stream{SSRC: 1, Type: uint8(i % 2 * 8)}, nil, now)
		now = now.Add(FrameDuration)
	}
	if kernel.thinned > 11 {
		t.Errorf("the kernel was told %d times in ten seconds", kernel.thinned)
	}
}

// A packet that was heard under an agreement which is over does not have the kernel drop what the next one may mean by its type.
func TestAStreamOfAnAgreementThatIsOverIsNotDropped(t *testing.T) {
	kernel := &willing{}
	var agreed atomic.Pointer[far]
	before, now := new(far), new(far)
	a := attention{socket: kernel, agreed: &agreed}
	agreed.Store(now)
	a.rest(socket.Stream{SSRC: 1}, before, time.Now())
	if kernel.thinned != 0 {
		t.Error("the kernel was told of a stream of before")
	}
	a.rest(socket.Stream{SSRC: 1}, now, time.Now())
	if kernel.thinned != 1 {
		t.Error("the kernel was not told of the stream of now")
	}
}

// A packet that was looked at before its far end changed to another codec is not put into a stream of the new one.
func TestAPacketOfTheCodecBeforeIsNotForwarded(t *testing.T) {
	var o outgoing
	o.ready, o.sends, o.bridged, o.sequence = true, true, true, 100
	o.voice.change(codec.G722, FrameDuration)
	header := rtp.Header{Version: 2, SSRC: 1}
	if packet, _ := o.forward(onItsWay(&header, make([]byte, FrameSize)), time.Unix(0, 0), 0); packet != nil {
		t.Error("G.711 was sent as G.722")
	}
	if o.sequence != 100 {
		t.Errorf("the number went on to %d for nothing", o.sequence)
	}
}

// panicking is a sink that fails.
type panicking struct{ heard atomic.Int32 }

func (p *panicking) Hear(Sound) {
	p.heard.Add(1)
	panic("a sink that fails")
}

func TestAFaultInOneLegsSoundEndsNeitherItNorTheOthers(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, other := w.open(), w.open()
		r, far := w.remote(farAway, 4000), w.remote(farAway, 5000)
		r.call(s, "0")
		far.call(other, "0")
		bad := &panicking{}
		s.Tap(bad)
		r.say(codec.PCMU, 8000, 50)
		if bad.heard.Load() < 10 {
			t.Fatalf("the sink was called %d times", bad.heard.Load())
		}
		if mine, theirs := len(r.heard()), len(far.heard()); mine < 45 || theirs < 45 {
			t.Errorf("in a second %d packets came here and %d there", mine, theirs)
		}
	})
}
