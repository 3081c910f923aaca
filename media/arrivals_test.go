package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// flow sends packets to be counted, each a frame of 20 ms after the one before.
type flow struct {
	arrivals
	header rtp.Header
	at     time.Duration
	rate   uint32
}

func newFlow(rate uint32) *flow {
	return &flow{header: rtp.Header{SSRC: 7, SequenceNumber: 65500, Timestamp: 0xFFFFFF00}, at: time.Hour, rate: rate}
}

// pass lets the time of so many packets pass; they arrive, late by some time, or are lost.
func (f *flow) pass(packets int, arrive bool, late time.Duration) {
	for range packets {
		if arrive {
			f.count(&f.header, f.at+late, f.rate, true, false)
		}
		f.header.SequenceNumber++
		f.header.Timestamp += f.rate / 50
		f.at += FrameDuration
	}
}

func TestJitterIsMeasuredByTheClockOfTheCodec(t *testing.T) {
	for _, rate := range []uint32{8000, 16000, 48000} {
		f := newFlow(rate)
		for range 500 { // every other packet is 10 ms late: the transit changes by 10 ms each time
			f.pass(1, true, 0)
			f.pass(1, true, 10*time.Millisecond)
		}
		if got := f.meanJitter(); got < 9900*time.Microsecond || got > 10100*time.Microsecond {
			t.Errorf("at %d Hz the jitter is %v, want 10 ms", rate, got)
		}
		if got, want := f.jitter.Load()>>4, rate/100; got < want-1 || got > want {
			t.Errorf("at %d Hz the report's jitter is %d timestamps, want %d", rate, got, want)
		}
	}
}

func TestKeysAndAJumpOfTheTimestampsAreNoJitter(t *testing.T) {
	f := newFlow(8000)
	f.pass(100, true, 0)
	for range 10 { // a key's packets all have the time of its beginning
		f.count(&f.header, f.at, f.rate, false, false)
		f.header.SequenceNumber++
		f.at += FrameDuration
	}
	f.header.Timestamp += 10 * FrameSize
	f.pass(100, true, 0)
	f.header.Timestamp += 1 << 31
	f.pass(100, true, 0)
	f.header.Timestamp -= 12345
	f.pass(100, true, 0)
	f.rate = 48000 // another codec
	f.header.Timestamp *= 3
	f.pass(100, true, 0)
	if f.meanJitter() != 0 || f.jitter.Load() != 0 {
		t.Errorf("jitter %v, %d sixteenths", f.meanJitter(), f.jitter.Load())
	}
	if received, lost := f.total(); received != 510 || lost != 0 {
		t.Errorf("%d received, %d lost", received, lost)
	}
}

func TestLossOfAllStreamsOfALegIsCounted(t *testing.T) {
	f := newFlow(8000)
	f.pass(100, true, 0)
	f.pass(3, false, 0)
	f.pass(100, true, 0)
	f.header.SSRC = 8
	f.pass(50, true, 0)
	f.pass(1, false, 0)
	f.pass(50, true, 0)
	f.header.SequenceNumber += 20000 // begins anew without saying so
	f.pass(10, true, 0)
	if received, lost := f.total(); received != 310 || lost != 4 {
		t.Errorf("%d received, %d lost; want 310 and 4", received, lost)
	}
	if expected, received := f.stream(); expected != 10 || received != 10 {
		t.Errorf("the stream has %d of %d", received, expected)
	}
}

func TestGapsAreToldFromSingleLosses(t *testing.T) {
	single, bursts := newFlow(8000), newFlow(8000)
	for range 50 {
		single.pass(9, true, 0)
		single.pass(1, false, 0)
		bursts.pass(36, true, 0)
		bursts.pass(4, false, 0)
	}
	single.pass(1, true, 0)
	bursts.pass(1, true, 0)
	if got := single.burst(0.1); got != 1 {
		t.Errorf("single losses have a burst ratio of %.2f, want 1", got)
	}
	if got := bursts.burst(0.1); got < 3.59 || got > 3.61 {
		t.Errorf("gaps of four have a burst ratio of %.2f, want 3.6", got)
	}
}

func TestTimestampsGoOnForYears(t *testing.T) {
	for _, rate := range []uint32{8000, 48000, 65536} {
		year := 365 * 24 * time.Hour
		before, after := timestamps(10*year, rate), timestamps(10*year+FrameDuration, rate)
		if step := after - before; step != rate/50 {
			t.Errorf("20 ms at %d Hz are %d timestamps", rate, step)
		}
	}
}
