package playback

import (
	"math"
	"slices"
	"testing"
	"time"
)

// talkspurts sends talk of a second and pauses of 1.5 s, in which what describe returns is sent at the beginning.
func talkspurts(far *sender, n int, describe func() []arrival) []arrival {
	var sent []arrival
	for range n {
		spurt := far.send(time.Second)
		spurt[0].packet.Marker = true
		sent = append(append(sent, spurt...), describe()...)
		far.pass(1500 * ms)
	}
	return sent
}

func TestAPauseIsFilledWithTheNoiseThatWasDescribed(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		far := farEnd(tone(1000, 8000))
		far.rate = rate
		sent := talkspurts(far, 8, func() []arrival { return []arrival{far.noise(45)} })
		s := New(linearAt(rate, 8000), Limits{})
		h := play(s, sent, 7*ms, far.at)
		if stats := s.Stats(); stats.Concealed+stats.Lost+stats.Restarts > 0 {
			t.Errorf("the figures are %+v", stats)
		}
		if n := h.count(Nothing); n > 17 {
			t.Errorf("%d frames are nothing, want those before the first packet", n)
		}
		var pauses []int16
		for i, kind := range h.kinds {
			if i > 0 && kind == Noise && h.kinds[i-1] == Noise {
				pauses = append(pauses, h.pcm[i*rate/50:(i+1)*rate/50]...)
			}
		}
		if got := 20 * math.Log10(fullScale/float64(level(pauses))); math.Abs(got-45) > 1 {
			t.Errorf("the noise is at -%.1f dBov, want -45", got)
		}
		if n := h.count(Sound); n < 8*50 || n > 8*52 {
			t.Errorf("%d frames are sound, want 8 s", n)
		}
		assertAtMost(t, "the delay", slices.Max(h.delays), 40*ms)
		if step := largestStep(h.within()); step > steepest(1000, 8000, rate)*12/10 {
			t.Errorf("there is a step of %d", step)
		}
	}
}

func TestAPauseThatNothingDescribesIsNoLoss(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	sent := talkspurts(far, 8, func() []arrival { return nil })
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, far.at)
	stats := s.Stats()
	if stats.Lost+stats.Late+stats.Restarts > 0 || stats.Concealed > 8*4 {
		t.Errorf("the figures are %+v", stats)
	}
	if n := h.count(Sound); n < 8*50-10 || n > 8*52 {
		t.Errorf("%d frames are sound, want 8 s", n)
	}
	if n := h.count(Noise); n > 0 {
		t.Errorf("%d frames are noise, but nobody knows of any", n)
	}
	assertAtMost(t, "the delay", slices.Max(h.delays), 40*ms)
}

func TestAPauseSoundsLikeTheBackgroundWas(t *testing.T) {
	far := farEnd(hiss(60))
	sent := far.send(5 * time.Second)
	far.pass(3 * time.Second)
	sent = append(sent, far.send(time.Second)...)
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, far.at)
	pause := h.pcm[6*8000 : 8*8000]
	if got, want := float64(level(pause)), 60/math.Sqrt(3); got < want/2 || got > want*1.5 {
		t.Errorf("the pause is as loud as %.0f, the background was %.0f", got, want)
	}
	if kind := h.kinds[7*50]; kind != Noise {
		t.Errorf("the pause is of kind %d", kind)
	}
}

func TestNoiseFollowsItsDescription(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	sent := far.send(time.Second)
	for _, level := range []byte{40, 60, 30} {
		sent = append(sent, far.noise(level))
		far.pass(time.Second)
	}
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, far.at)
	for i, want := range []float64{40, 60, 30} {
		from := 8000*(i+1) + 8000*6/10
		if got := 20 * math.Log10(fullScale/float64(level(h.pcm[from:from+4000]))); math.Abs(got-want) > 1 {
			t.Errorf("the noise is at -%.1f dBov, want -%v", got, want)
		}
	}
}

func TestTheDelayIsMendedInAPause(t *testing.T) {
	far := farEnd(hiss(4000)) // nothing to stretch in
	spurt := far.send(5 * time.Second)
	sent := delayed(spurt, 60*ms, 9)
	sent = append(sent, arrival{far.at + 60*ms, far.noise(60).packet})
	far.pass(30 * time.Second)
	sent = append(sent, far.send(5*time.Second)...)
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, far.at)
	assertAtMost(t, "the delay after the pause", h.delays[39*50], 110*ms)
	if stats := s.Stats(); stats.Lost+stats.Restarts > 0 {
		t.Errorf("the figures are %+v", stats)
	}
}

func TestALossAtTheEndOfAPauseIsNoPause(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	sent := talkspurts(far, 4, func() []arrival { return []arrival{far.noise(50)} })
	sent = slices.DeleteFunc(sent, func(a arrival) bool { return a.packet.Marker && a.at > time.Second })
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, far.at)
	if stats := s.Stats(); stats.Lost != 3 || stats.Restarts > 0 {
		t.Errorf("the figures are %+v", stats)
	}
	assertAtMost(t, "the delay", slices.Max(h.delays), 40*ms)
}
