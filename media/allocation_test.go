package media

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/sdp"
	"github.com/spillway-voice/spillway/media/socket"
	"github.com/spillway-voice/spillway/media/srtp"
)

// bench is sessions whose clock and network the test is.
type bench struct {
	t      *testing.T
	engine *Engine
	buffer []byte
	tick   uint32
	now    time.Time
}

// newBench starts an engine that speaks all codecs and does nothing by itself.
func newBench(t *testing.T) *bench {
	t.Helper()
	engine := startEngine(t, func(o *Options) {
		allCodecs(o)
		o.Listen = deafEngine(t).options.Listen
	})
	engine.clock.close()
	engine.clock.workers = []*worker{{clock: engine.clock, wake: make(chan struct{}, 1), quit: make(chan struct{})}}
	for i := range engine.clock.workers[0].phases {
		engine.clock.workers[0].phases[i].Store(&[]*Session{})
	}
	return &bench{t: t, engine: engine, buffer: make([]byte, packetRoom), now: engine.clock.epoch.Add(time.Minute)}
}

// session agrees on a session; secure is the far end's protection when a suite is given.
func (b *bench) session(c codec.Codec, suite sdp.Suite, lines string) (s *Session, secure *srtp.Context) {
	b.t.Helper()
	profile, security := "RTP/AVP", sdp.Off
	var key sdp.Crypto
	if suite != 0 {
		var line string
		key, line = crypto(b.t, suite)
		profile, security, lines = "RTP/SAVP", sdp.Required, lines+line
	}
	s, err := b.engine.Open(SessionOptions{Signalling: loopback, Security: security})
	if err != nil {
		b.t.Fatal(err)
	}
	formats := ""
	if strings.Contains(lines, events) {
		formats = " 101"
	}
	offer := fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 %s %d%s\r\na=rtpmap:%d %s/%d\r\n%s",
		profile, kindOf[c], formats, kindOf[c], c, c.ClockRate(), lines)
	answer, err := s.Answer(offer)
	if err != nil {
		b.t.Fatal(err)
	}
	if suite != 0 {
		if secure, err = srtp.New(key, keyIn(b.t, string(answer))); err != nil {
			b.t.Fatal(err)
		}
	}
	s.nextReport = b.now.Add(24 * time.Hour)
	return s, secure
}

// events is a line by which a far end takes telephone-events, so that no keys are looked for in its sound.
const events = "a=rtpmap:101 telephone-event/8000\r\n"

// farSpeaker is a far end that says a sine.
type farSpeaker struct {
	s       *Session
	codec   codec.Codec
	header  rtp.Header
	secure  *srtp.Context
	payload []byte
	packets [][]byte
}

func newFarSpeaker(s *Session, c codec.Codec, secure *srtp.Context) *farSpeaker {
	payload, err := c.NewEncoder().Encode(make([]byte, 4096), sineOf(c.SampleRate(), 20*time.Millisecond))
	if err != nil {
		panic(err)
	}
	return &farSpeaker{s: s, codec: c, secure: secure, payload: payload,
		header: rtp.Header{Version: 2, SSRC: 7, PayloadType: kindOf[c]}}
}

// sineOf is 1 kHz at a rate.
func sineOf(rate int, d time.Duration) []int16 {
	p := talker{codec: codec.PCMU, hz: 1000, amp: 12000}
	if rate == WideRate {
		p.codec = codec.L16
	}
	return p.next(d)
}

// prepare makes so many packets.
func (f *farSpeaker) prepare(packets int) {
	for range packets {
		f.header.SequenceNumber++
		f.header.Timestamp += uint32(f.codec.ClockRate() / framesPerSecond)
		packet := make([]byte, rtpHeader+len(f.payload), socket.LargestDatagram)
		if _, err := f.header.MarshalTo(packet); err != nil {
			panic(err)
		}
		copy(packet[rtpHeader:], f.payload)
		if f.secure != nil {
			var err error
			if packet, err = f.secure.Protect(packet[:0], packet); err != nil {
				panic(err)
			}
		}
		f.packets = append(f.packets, packet)
	}
}

// speak has the session receive the next packet.
func (f *farSpeaker) speak(now time.Time) {
	f.s.receive(f.packets[0], netip.AddrPortFrom(loopback, 4000), now)
	f.packets = f.packets[1:]
}

// frame lets a frame's time pass.
func (b *bench) frame(sessions ...*Session) {
	for _, s := range sessions {
		s.playout(b.now, b.tick, b.buffer)
	}
	b.now, b.tick = b.now.Add(FrameDuration), b.tick+1
}

func TestNoFrameOfAnyCodecCostsAnAllocation(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.L16} {
		for _, ptime := range []int{10, 20, 30, 60} {
			b := newBench(t)
			s, _ := b.session(c, 0, fmt.Sprintf("a=ptime:%d\r\n", ptime))
			s.Background(NewMusic(sines(400, 12000, time.Second)).Source())
			assertNoAllocations(t, fmt.Sprintf("a frame of music in %v, %d ms", c, ptime), func() { b.frame(s) })
			s.Background(Tone(400, -9, 0))
			assertNoAllocations(t, fmt.Sprintf("a frame of a tone in %v, %d ms", c, ptime), func() { b.frame(s) })
		}
	}
}

// TestNoPacketThatIsTranslatedOrProtectedCostsAnAllocation leaves the other suites to package srtp, which asserts it of each by itself:
// their library has pools that forget at random under the race detector.
func TestNoPacketThatIsTranslatedOrProtectedCostsAnAllocation(t *testing.T) {
	for _, codecs := range []pair{{codec.PCMU, codec.PCMU}, {codec.PCMU, codec.G722}, {codec.G722, codec.L16}, {codec.L16, codec.PCMA}} {
		for _, suites := range [][2]sdp.Suite{{0, 0}, {sdp.AEADAES128GCM, 0}, {0, sdp.AEADAES128GCM}, {sdp.AEADAES128GCM, sdp.AEADAES128GCM}} {
			b := newBench(t)
			one, secure := b.session(codecs.a, suites[0], "")
			other, _ := b.session(codecs.b, suites[1], "")
			if err := Bridge(one, other); err != nil {
				t.Fatal(err)
			}
			far := newFarSpeaker(one, codecs.a, secure)
			far.prepare(1200)
			step := func() {
				far.speak(b.now)
				b.frame(one, other)
			}
			for range 100 {
				step()
			}
			assertNoAllocations(t, fmt.Sprintf("a packet from %v to %v, suites %v", codecs.a, codecs.b, suites), step)
			if stats := other.Stats(); stats.PacketsOut < 1000 {
				t.Errorf("%v, suites %v: stats %+v", codecs, suites, stats)
			}
		}
	}
}

func TestNoFrameThatIsListenedToCostsAnAllocation(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722} {
		for name, lines := range map[string]string{"a sink": events, "a sink and the detector of keys": ""} {
			b := newBench(t)
			s, _ := b.session(c, 0, lines)
			heard := 0
			defer s.Tap(sinkFunc(func(Sound) { heard++ }))()
			far := newFarSpeaker(s, c, nil)
			far.prepare(1200)
			step := func() {
				far.speak(b.now)
				b.frame(s)
			}
			for range 100 {
				step()
			}
			assertNoAllocations(t, fmt.Sprintf("a frame of %v for %s", c, name), step)
			if heard < 1000 {
				t.Errorf("%d frames were heard", heard)
			}
		}
	}
}
