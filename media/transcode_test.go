package media

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/internal/memnet"
	"github.com/spillway-voice/spillway/media/codec"
)

// pair is two codecs that a bridge has to translate between.
type pair struct{ a, b codec.Codec }

// pairs are those of every build; those of Opus are added where it is built in.
var pairs = []pair{{codec.PCMU, codec.G722}, {codec.PCMU, codec.L16}, {codec.G722, codec.L16}, {codec.PCMA, codec.G722}}

// eachPair runs a test for each pair of codecs.
func eachPair(t *testing.T, run func(t *testing.T, w *wire, a, b *talker)) {
	t.Helper()
	for _, p := range pairs {
		t.Run(fmt.Sprint(p.a, " and ", p.b), func(t *testing.T) {
			onWire(t, allCodecs, func(w *wire) { run(t, w, w.talker(4000, p.a), w.talker(5000, p.b)) })
		})
	}
}

// assertTone checks that what was heard is a tone.
func assertTone(t *testing.T, who string, pcm []int16, hz float64, rate int, least, median float64) {
	t.Helper()
	if l, m := toneToNoise(pcm, hz, rate); l < least || m < median {
		t.Errorf("%s hears a tone to noise ratio of %.1f dB in the median and %.1f at the worst, want %.0f and %.0f", who, m, l, median, least)
	}
}

func TestABridgeBetweenCodecsCarriesATone(t *testing.T) {
	eachPair(t, func(t *testing.T, w *wire, a, b *talker) {
		w.bridge(a, b)
		b.hz = 600
		talkAll(300*time.Millisecond, a, b)
		a.heard()
		b.heard()
		talkAll(2*time.Second, a, b)
		toA, toB := a.heard(), b.heard()
		assertStream(t, a.codec, toA, true)
		assertStream(t, b.codec, toB, true)
		if len(toA) != 100 || len(toB) != 100 {
			t.Errorf("%d and %d packets in 2 s, want 100", len(toA), len(toB))
		}
		assertTone(t, "a", listened(a.codec, toA)[a.codec.SampleRate()/10:], 600, a.codec.SampleRate(), 15, 25)
		assertTone(t, "b", listened(b.codec, toB)[b.codec.SampleRate()/10:], 1000, b.codec.SampleRate(), 15, 25)
	})
}

// TestABridgeBetweenCodecsAddsLittleDelay has a far end that falls silent at each phase of our clock, and looks when the other side
// hears the end of its sound.
func TestABridgeBetweenCodecsAddsLittleDelay(t *testing.T) {
	eachPair(t, func(t *testing.T, w *wire, a, b *talker) {
		w.bridge(a, b)
		a.talk(500 * time.Millisecond)
		for phase := range 4 {
			pause := time.Duration(phase)*5*time.Millisecond + 500*time.Millisecond
			a.header.Timestamp += uint32(pause * time.Duration(a.codec.ClockRate()) / time.Second)
			time.Sleep(pause)
			b.heard()
			a.amp = 0
			a.talk(200 * time.Millisecond)
			a.amp = 12000
			a.phase = 0
			a.talk(100 * time.Millisecond)
			began := time.Now().Add(-100 * time.Millisecond)
			a.talk(100 * time.Millisecond)
			decoder, room := b.codec.NewDecoder(), make([]int16, 4096)
			for _, packet := range soundIn(b.codec, b.heard()) {
				pcm, err := decoder.Decode(room, packet.Payload)
				if err != nil {
					t.Fatal(err)
				}
				if packet.at.Before(began) || loudness(pcm) < 3000 {
					continue
				}
				if delay := packet.at.Sub(began); delay > 40*time.Millisecond {
					t.Errorf("phase %d: the sound comes %v later", phase, delay)
				}
				break
			}
		}
	})
}

func TestABridgeBetweenCodecsMakesUpForABadLine(t *testing.T) {
	eachPair(t, func(t *testing.T, w *wire, a, b *talker) {
		w.bridge(a, b)
		w.network.SetLink(a.sound.AddrPort(), a.to, memnet.Conditions{Delay: 20 * time.Millisecond, Jitter: 60 * time.Millisecond, Loss: 0.05, Reorder: 0.05})
		a.talk(time.Second)
		b.heard()
		a.talk(10 * time.Second)
		got := b.heard()
		assertStream(t, b.codec, got, false)
		if len(got) < 495 || len(got) > 501 {
			t.Errorf("%d packets in 10 s, want 500", len(got))
		}
		pcm := listened(b.codec, got)
		_, median := toneToNoise(pcm, 1000, b.codec.SampleRate())
		quiet := 0
		for n := b.codec.SampleRate() / 50; len(pcm) >= n; pcm = pcm[n:] {
			if loudness(pcm[:n]) < 2000 {
				quiet++
			}
		}
		if median < 20 || quiet > 10 {
			t.Errorf("a tone to noise ratio of %.1f dB in the median, and %d of 500 frames without the tone", median, quiet)
		}
	})
}

func TestABridgeBetweenCodecsFollowsAFarEndsClock(t *testing.T) {
	for _, drift := range []time.Duration{-4 * time.Microsecond, 4 * time.Microsecond} { // 200 ppm
		onWire(t, allCodecs, func(w *wire) {
			a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.G722)
			w.bridge(a, b)
			for range 6000 { // two minutes
				a.utter()
				time.Sleep(FrameDuration + drift)
			}
			got := b.heard()
			assertStream(t, codec.G722, got[10:], false)
			pcm := listened(codec.G722, got[10:])[WideRate/10:]
			least, median := toneToNoise(pcm, 1000, WideRate)
			if median < 25 || least < 3 || len(got) < 5980 {
				t.Errorf("drift %v: %d packets, a tone to noise ratio of %.1f dB in the median and %.1f at the worst", drift, len(got), median, least)
			}
		})
	}
}

func TestABridgeBetweenCodecsOutlivesANewStreamOfTheFarEnd(t *testing.T) {
	eachPair(t, func(t *testing.T, w *wire, a, b *talker) {
		w.bridge(a, b)
		a.talk(time.Second)
		b.heard()
		a.header.SSRC, a.header.SequenceNumber, a.header.Timestamp = 77, 12345, 99
		a.encoder = a.codec.NewEncoder()
		a.talk(time.Second)
		got := b.heard()
		assertStream(t, b.codec, got, false)
		pcm := listened(b.codec, got)
		assertTone(t, "b", pcm[len(pcm)/2:], 1000, b.codec.SampleRate(), 10, 25)
		if len(got) < 48 {
			t.Errorf("%d packets in a second", len(got))
		}
	})
}

func TestAPauseOnABridgeBetweenCodecsIsFilled(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.G722)
		a.comfort = true
		w.bridge(a, b)
		a.talk(time.Second)
		b.heard()
		for range 10 {
			a.send(13, []byte{40, 10}, 8*FrameSize)
			time.Sleep(8 * FrameDuration)
		}
		got := b.heard()
		assertStream(t, codec.G722, got, false)
		if len(got) < 70 {
			t.Errorf("%d packets in a pause of 1.6 s with comfort noise, want about 80", len(got))
		}
		pcm := listened(codec.G722, got)
		if l := loudness(pcm[len(pcm)/2:]); l == 0 || l > 1000 {
			t.Errorf("the noise has a loudness of %d", l)
		}
		a.header.Marker = true
		a.talk(FrameDuration)
		a.header.Marker = false
		a.talk(480 * time.Millisecond)
		pcm = listened(codec.G722, b.heard())
		assertTone(t, "b", pcm[WideRate/10:], 1000, WideRate, 15, 25)
		time.Sleep(2 * time.Second)
		if got = b.heard(); len(got) < 85 {
			t.Errorf("%d packets in 2 s in which the other side says nothing at all", len(got))
		}
	})
}

func TestHoldOnEitherSideOfABridgeBetweenCodecs(t *testing.T) {
	eachPair(t, func(t *testing.T, w *wire, a, b *talker) {
		one, other := w.bridge(a, b)
		for side, p := range []*talker{a, b} {
			s := []*Session{one, other}[side]
			talkAll(500*time.Millisecond, a, b)
			p.more = "a=sendonly\r\n"
			p.agree(s)
			p.heard()
			talkAll(500*time.Millisecond, a, b)
			if n := len(p.heard()); n != 0 {
				t.Errorf("%d packets to a side that has us on hold", n)
			}
			p.more = ""
			p.agree(s)
			talkAll(500*time.Millisecond, a, b)
			got := p.heard()
			assertStream(t, p.codec, got, false)
			if !got[0].Marker || len(got) < 24 {
				t.Errorf("after the hold %d packets, the first with marker %v", len(got), got[0].Marker)
			}
			assertTone(t, "who resumed", listened(p.codec, got)[p.codec.SampleRate()/10:], 1000, p.codec.SampleRate(), 15, 25)
		}
	})
}

func TestACodecThatChangesInTheMiddleOfABridge(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMU)
		one, other := w.bridge(a, b)
		talkAll(500*time.Millisecond, a, b)
		ssrc := uint32(0)
		for i, c := range []codec.Codec{codec.G722, codec.PCMA, codec.L16, codec.PCMU, codec.G722, codec.PCMU} {
			clock := b.codec.ClockRate() != c.ClockRate()
			b.heard()
			a.heard()
			b.speak(c)
			b.agree(other)
			talkAll(time.Second, a, b)
			toA, toB := a.heard(), b.heard()
			assertStream(t, codec.PCMU, toA, false)
			assertStream(t, c, toB, false)
			if i > 0 && (toB[0].SSRC != ssrc) != clock {
				t.Errorf("%v: SSRC %#x after %#x; another clock: %v", c, toB[0].SSRC, ssrc, clock)
			}
			ssrc = toB[0].SSRC
			assertTone(t, "a", listened(codec.PCMU, toA)[SampleRate/5:], 1000, SampleRate, 10, 25)
			assertTone(t, "b", listened(c, toB)[c.SampleRate()/5:], 1000, c.SampleRate(), 10, 25)
			same := c.SampleRate() == SampleRate
			synctest.Wait()
			if one.hearing.active.Load() == same || other.hearing.active.Load() == same {
				t.Errorf("%v: the sound is decoded: %v and %v", c, one.hearing.active.Load(), other.hearing.active.Load())
			}
		}
	})
}

func TestACodecThatChangesWhileMusicPlays(t *testing.T) {
	music := NewMusic(sines(400, 12000, time.Second))
	onWire(t, allCodecs, func(w *wire) {
		p, s := w.talker(4000, codec.PCMU), w.open()
		p.agree(s)
		s.Background(music.Source())
		for _, c := range []codec.Codec{codec.G722, codec.L16, codec.PCMA, codec.PCMU} {
			p.speak(c)
			p.agree(s)
			p.heard()
			time.Sleep(time.Second)
			got := p.heard()
			assertStream(t, c, got, true)
			assertTone(t, fmt.Sprint("with ", c, " who waits"), listened(c, got)[c.SampleRate()/25:], 400, c.SampleRate(), 15, 30)
		}
	})
}

// What a caller said to one agent and is still on its way to him is not heard by the next.
func TestWhatWasSaidToOneIsNotHeardByTheNext(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		a, first, second := w.talker(4000, codec.G722), w.talker(5000, codec.PCMU), w.talker(6000, codec.PCMU)
		caller, one := w.bridge(a, first)
		next := w.open()
		second.agree(next)
		a.talk(time.Second)
		if len(first.heard()) == 0 {
			t.Fatal("the first heard nothing")
		}
		Unbridge(one)
		if err := Bridge(caller, next); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if l := loudness(listened(codec.PCMU, second.heard())); l > 200 {
			t.Errorf("the next one hears a loudness of %d", l)
		}
	})
}
