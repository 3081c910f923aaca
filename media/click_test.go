package media

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

// changes are all the ways in which one sound follows on another, for a session and a far end that a loud sine of 400 Hz is played
// to, and another of which comes over a bridge. Moments are such that sines meet at any phase.
var changes = []struct {
	name string
	do   func(t *testing.T, s, other *Session, agent *talker)
}{
	{"music, prompt, music", func(_ *testing.T, s, _ *Session, _ *talker) {
		s.Background(NewMusic(sines(400, 16000, time.Second)).Source())
		for i := range 10 {
			time.Sleep(time.Duration(103+7*i) * time.Millisecond)
			s.Play(1, sines(410, 16000, 260*time.Millisecond).Source())
			time.Sleep(400 * time.Millisecond)
		}
	}},
	{"prompt, prompt", func(_ *testing.T, s, _ *Session, _ *talker) {
		for range 10 {
			s.Play(1, sines(403, 16000, 140*time.Millisecond).Source(), sines(397, 16000, 80*time.Millisecond).Source(), Tone(402, -6, 200*time.Millisecond))
			time.Sleep(500 * time.Millisecond)
		}
	}},
	{"a prompt that is stopped", func(_ *testing.T, s, _ *Session, _ *talker) {
		for i := range 10 {
			s.Play(1, sines(403, 16000, time.Second).Source())
			time.Sleep(time.Duration(105+20*i) * time.Millisecond)
			s.Stop()
			time.Sleep(100 * time.Millisecond)
		}
	}},
	{"music that comes and goes", func(_ *testing.T, s, _ *Session, _ *talker) {
		for i := range 10 {
			s.Background(NewMusic(sines(403, 16000, time.Second)).Source())
			time.Sleep(time.Duration(105+20*i) * time.Millisecond)
			s.Background(nil)
			time.Sleep(100 * time.Millisecond)
		}
	}},
	{"music, bridge, music", func(t *testing.T, s, other *Session, agent *talker) {
		s.Background(NewMusic(sines(400, 16000, time.Second)).Source())
		for i := range 8 {
			time.Sleep(time.Duration(103+7*i) * time.Millisecond)
			if err := Bridge(s, other); err != nil {
				t.Fatal(err)
			}
			agent.talk(200 * time.Millisecond)
			Unbridge(s)
		}
	}},
	{"a bridge, a whisper, the bridge", func(t *testing.T, s, other *Session, agent *talker) {
		if err := Bridge(s, other); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			agent.talk(300 * time.Millisecond)
			s.Play(1, sines(407, 16000, 200*time.Millisecond).Source())
			agent.talk(300 * time.Millisecond)
		}
		Unbridge(s)
	}},
	{"music, a key as tones, music", func(t *testing.T, s, _ *Session, _ *talker) {
		s.Background(NewMusic(sines(403, 16000, time.Second)).Source())
		for i := range 8 {
			time.Sleep(time.Duration(105+20*i) * time.Millisecond)
			for _, digit := range []byte("15") {
				if err := s.SendDigit(digit, 0); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(400 * time.Millisecond)
		}
	}},
}

// mostStep bounds the greatest step from one sample to the next: at 8 kHz the sines have steps of up to 5000, and the ramps of 5 ms a
// slope of their own; the tones of a key have up to 15,700. G.711 rounds by up to 512 up there. What a decoder of G.722 makes of a change
// is bounded by what was measured: it is joined as well as the others are, but for packets of another encoder that begin to be relayed.
func mostStep(c, agent codec.Codec, change string) int {
	tones := strings.Contains(change, "tones")
	switch {
	case c == codec.G722 && agent == c && strings.Contains(change, "bridge"):
		return 1<<16 - 1 // whoever encodes for the other side knows nothing of what was heard before: this does crack, measured up to 21,400
	case c == codec.G722 && !tones:
		return 5000
	case tones && c.SampleRate() == WideRate:
		return 8800
	case tones:
		return 17500
	case c.SampleRate() == WideRate:
		return 3200
	}
	return 6800
}

// TestNothingClicks plays loud sines one after another in all ways.
func TestNothingClicks(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.PCMA, codec.L16, codec.G722} {
		for _, agents := range slices.Compact([]codec.Codec{c, codec.L16, codec.PCMU}) {
			for _, change := range changes {
				if agents != c && !strings.Contains(change.name, "bridge") {
					continue // it has no say in it
				}
				t.Run(c.String()+" and "+agents.String()+": "+change.name, func(t *testing.T) {
					onWire(t, allCodecs, func(w *wire) {
						p, agent := w.talker(4000, c), w.talker(5000, agents)
						agent.hz, agent.amp = 395, 16000
						p.events = 0
						s, other := w.open(), w.open()
						p.agree(s)
						agent.agree(other)
						time.Sleep(100 * time.Millisecond)
						change.do(t, s, other, agent)
						time.Sleep(100 * time.Millisecond)
						got := p.heard()
						assertStream(t, c, got, false)
						if step, most := greatestStep(listened(c, got)), mostStep(c, agents, change.name); step > most {
							t.Errorf("the greatest step is %d, want %d at most", step, most)
						}
						if loud := loudness(listened(c, got)); loud < 2000 {
							t.Errorf("all together the loudness is %d", loud)
						}
					})
				})
			}
		}
	}
}
