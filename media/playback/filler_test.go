package playback

import (
	"math"
	"testing"
	"time"
)

func TestThePeriodOfAVowelIsFound(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, hz := range []float64{80, 100, 125, 160, 200} {
			of := vowel(hz)
			pcm := make([]int16, rate/20)
			for i := range pcm {
				pcm[i] = of(i, rate)
			}
			width := rate / 50
			period, likeness := findPeriod(pcm, len(pcm)-width, width, rate/200, rate*15/1000, -1, rate/8000)
			want := float64(rate) / hz
			if times := math.Round(float64(period) / want); math.Abs(float64(period)-times*want) > 1 || likeness < 0.95 {
				t.Errorf("the period of %v Hz at %d Hz is found to be %d, by a likeness of %.2f", hz, rate, period, likeness)
			}
		}
	}
}

func TestWhatIsMadeUpFadesWithin60ms(t *testing.T) {
	f := newFiller(8000)
	heard := make([]int16, 400)
	of := tone(400, 8000)
	for i := range heard {
		heard[i] = of(i, 8000)
	}
	f.begin(heard)
	made := make([]int16, 640)
	f.fill(made)
	first := level(made[:80])
	if first < 5500 || first > 5800 {
		t.Errorf("the first 10 ms are as loud as %.0f, want as loud as before", first)
	}
	for i := 1; i < 6; i++ {
		if now, before := level(made[80*i:80*i+80]), level(made[80*i-80:80*i]); now >= before {
			t.Errorf("in the 10 ms from %d ms on the level goes from %.0f to %.0f", 10*i, before, now)
		}
	}
	if after := level(made[480:]); after > 0 || !f.faded() {
		t.Errorf("after 60 ms the level is %.0f", after)
	}
	if step := max(largestStep(made), int(made[0])-int(heard[399])); step > steepest(400, 8000, 8000)*11/10 {
		t.Errorf("there is a step of %d", step)
	}
}

// prophet is a decoder that makes up for losses itself.
type prophet struct {
	linear
	asked int
}

func (p *prophet) Conceal(dst []int16) []int16 {
	p.asked++
	for i := range dst {
		dst[i] = 5000
	}
	return dst
}

func TestADecoderThatConcealsIsAskedFirst(t *testing.T) {
	decoder := &prophet{}
	far := farEnd(func(int, int) int16 { return 5000 })
	sent := far.send(2 * time.Second)
	sent = append(sent[:50:50], sent[51:]...)
	format := linearAt(8000, 8000)
	format.Decoder = decoder
	s := New(format, Limits{})
	h := play(s, sent, 7*ms, 2*time.Second)
	if decoder.asked != 2 {
		t.Errorf("it was asked %d times, want twice for 20 ms", decoder.asked)
	}
	if got := s.Stats(); got.Concealed < 1 || got.Concealed > 2 || got.Lost != 1 {
		t.Errorf("the figures are %+v", got)
	}
	for i, x := range h.within() {
		if x < 3900 {
			t.Fatalf("sample %d is %d: what the decoder made is not heard", i, x)
		}
	}
}

func TestAPacketThatCannotBeDecodedIsMadeUpFor(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	sent := far.send(2 * time.Second)
	format := linearAt(8000, 8000)
	format.Samples = func(p []byte) int { return len(p) / 2 }
	sent[50].packet.Payload = sent[50].packet.Payload[:319] // half a sample is missing
	sent[51].packet.Payload = nil
	s := New(format, Limits{})
	h := play(s, sent, 7*ms, 2*time.Second)
	if got := s.Stats(); got.Invalid != 2 || got.Lost != 1 || got.Concealed > 4 {
		t.Errorf("the figures are %+v", got)
	}
	assertAtMost(t, "the silence", longestSilence(h.within(), 8000), 5*ms)
}
