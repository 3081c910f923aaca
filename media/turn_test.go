package media

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

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
