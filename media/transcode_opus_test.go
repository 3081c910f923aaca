//go:build opus

package media

import (
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

func init() {
	pairs = append(pairs, pair{codec.PCMU, codec.Opus}, pair{codec.G722, codec.Opus}, pair{codec.L16, codec.Opus})
}

// TestAnotherClockIsAnotherStream is RFC 7160: from PCMU to Opus the timestamps count at six times the pace.
func TestAnotherClockIsAnotherStream(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMU)
		_, other := w.bridge(a, b)
		talkAll(500*time.Millisecond, a, b)
		before := b.heard()
		b.speak(codec.Opus)
		b.header.SSRC++
		b.agree(other)
		talkAll(time.Second, a, b)
		got := b.heard()
		assertStream(t, codec.Opus, got, false)
		if got[0].SSRC == before[0].SSRC || !got[0].Marker {
			t.Errorf("SSRC %#x after %#x, marker %v", got[0].SSRC, before[0].SSRC, got[0].Marker)
		}
		assertTone(t, "b", listened(codec.Opus, got)[WideRate/5:], 1000, WideRate, 10, 20)
		assertTone(t, "a", listened(codec.PCMU, a.heard())[3*SampleRate/4:], 1000, SampleRate, 10, 20)
	})
}

func TestOpusStaysWithPacketsOf20Milliseconds(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		p, s := w.talker(4000, codec.Opus), w.open()
		p.more = "a=ptime:60\r\n"
		p.agree(s)
		s.Background(Tone(1000, -6, 0))
		time.Sleep(time.Second)
		got := p.heard()
		assertStream(t, codec.Opus, got, true)
		if len(got) < 49 {
			t.Errorf("%d packets in a second, want 50", len(got))
		}
	})
}
