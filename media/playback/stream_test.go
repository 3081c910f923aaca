package playback

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// steepest is the largest step between two samples of a tone.
func steepest(hz, peak float64, rate int) int {
	return int(math.Ceil(2*peak*math.Sin(math.Pi*hz/float64(rate)))) + 2
}

func TestACleanLineIsHeardAsItWasSent(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, phase := range []time.Duration{0, 7 * ms, 19*ms + 900*time.Microsecond} {
			for _, length := range []time.Duration{10 * ms, 20 * ms, 30 * ms, 40 * ms, 60 * ms} {
				if rate == 16000 && length == 60*ms {
					continue // too large for a packet without compression
				}
				t.Run(fmt.Sprint(rate, phase, length), func(t *testing.T) {
					far := farEnd(tone(1000, 8000))
					far.rate, far.packet = rate, length
					s := New(linearAt(rate, 8000), Limits{})
					h := play(s, far.send(10*time.Second), phase, 10*time.Second)
					assertAtLeast(t, "tone to noise", toneToNoise(h.within(), 1000, rate, 100*ms), 70)
					assertAtMost(t, "the delay", slices.Max(h.delays), 40*ms)
					if s.Stats() != (Stats{Delay: s.Stats().Delay}) || h.count(Concealed) > 0 {
						t.Errorf("the figures are %+v with %d frames concealed, want none", s.Stats(), h.count(Concealed))
					}
					assertAtMost(t, "the time to the first sound", time.Duration(slices.Index(h.kinds, Sound))*frameDuration+phase-300*ms, 40*ms)
				})
			}
		}
	}
}

func TestPacketsOfAllLengthsMayBeMixed(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	var sent []arrival
	for i := range 500 {
		far.packet = []time.Duration{10, 20, 60, 30}[i%4] * ms
		p := far.next()
		sent = append(sent, arrival{far.at, p}) // when its sound has been taken
	}
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 3*ms, far.at)
	assertAtLeast(t, "tone to noise", toneToNoise(h.within()[8000:], 1000, 8000, 100*ms), 40)
	if stats := s.Stats(); stats.Lost+stats.Late+stats.Dropped+stats.Restarts > 0 || stats.Concealed > 8 {
		t.Errorf("the figures are %+v", stats)
	}
}

func TestLossesAreMadeUpFor(t *testing.T) {
	// What is reached, at both rates: 39.4, 30.5 and 19.7 dB.
	for _, c := range []struct{ share, ratio float64 }{{0.01, 37}, {0.05, 28}, {0.2, 18}} {
		for _, rate := range []int{8000, 16000} {
			t.Run(fmt.Sprint(c.share, rate), func(t *testing.T) {
				far := farEnd(tone(1000, 8000))
				far.rate = rate
				arrivals, lost := lose(far.send(30*time.Second), c.share, 3)
				s := New(linearAt(rate, 8000), Limits{})
				h := play(s, arrivals, 7*ms, 30*time.Second)
				assertAtLeast(t, "tone to noise", toneToNoise(h.within(), 1000, rate, 100*ms), c.ratio)
				assertAtMost(t, "the delay", slices.Max(h.delays), 40*ms)
				if step := largestStep(h.within()); step > steepest(1000, 8000, rate)*11/10 {
					t.Errorf("there is a step of %d", step)
				}
				if got := int(s.Stats().Lost); got < lost-15 || got > lost {
					t.Errorf("%d packets count as lost, %d are", got, lost)
				}
			})
		}
	}
}

func TestALossWithinAVowelIsHardlyHeard(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, hz := range []float64{90, 143, 210} {
			far := farEnd(vowel(hz))
			far.rate = rate
			sent := far.send(2 * time.Second)
			whole := play(New(linearAt(rate, 8000), Limits{}), slices.Clone(sent), 7*ms, 2*time.Second)
			gap := play(New(linearAt(rate, 8000), Limits{}), slices.Delete(sent, 40, 41), 7*ms, 2*time.Second)
			var signal, difference float64
			for i, kind := range gap.kinds {
				if kind != Concealed {
					continue
				}
				for n := i * rate / 50; n < (i+1)*rate/50; n++ {
					d := float64(whole.pcm[n]) - float64(gap.pcm[n])
					signal += float64(whole.pcm[n]) * float64(whole.pcm[n])
					difference += d * d
				}
			}
			assertAtLeast(t, fmt.Sprintf("the vowel of %v Hz at %d Hz where a packet is lost", hz, rate), 10*math.Log10(signal/difference), 8)
		}
	}
}

func TestALongLossFadesWithin60ms(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		far := farEnd(tone(1000, 8000))
		far.rate = rate
		sent := far.send(3 * time.Second)
		sent = slices.Delete(sent, 50, 60)
		s := New(linearAt(rate, 8000), Limits{})
		h := play(s, sent, 7*ms, 3*time.Second)
		silence := longestSilence(h.within(), rate)
		if silence < 120*ms || silence > 140*ms {
			t.Errorf("of 200 ms, %v are silent, want 60 ms of fading less", silence)
		}
		if step := largestStep(h.within()); step > steepest(1000, 8000, rate)*11/10 {
			t.Errorf("there is a step of %d", step)
		}
		if stats := s.Stats(); stats.Lost != 10 || stats.Restarts != 0 {
			t.Errorf("the figures are %+v", stats)
		}
	}
}

func TestALossOf60msLeavesNoLongSilence(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	sent := slices.Delete(far.send(3*time.Second), 50, 53)
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, 3*time.Second)
	assertAtMost(t, "the silence", longestSilence(h.within(), 8000), 10*ms)
	if stats := s.Stats(); stats.Lost != 3 || stats.Concealed > 4 {
		t.Errorf("the figures are %+v", stats)
	}
}

func TestJitterIsWaitedFor(t *testing.T) {
	for _, most := range []time.Duration{5 * ms, 20 * ms, 40 * ms, 60 * ms} {
		t.Run(most.String(), func(t *testing.T) {
			far := farEnd(tone(1000, 8000))
			s := New(linearAt(8000, 8000), Limits{})
			h := play(s, delayed(far.send(60*time.Second), most, 5), 7*ms, 60*time.Second)
			assertAtMost(t, "the delay", slices.Max(h.delays), most+40*ms)
			assertAtMost(t, "the greatest gap", longestSilence(h.within(), 8000), 10*ms)
			assertAtLeast(t, "tone to noise", toneToNoise(h.within()[8000:], 1000, 8000, 100*ms), 35)
			if stats := s.Stats(); stats.Concealed > 5 || stats.Late > 2 {
				t.Errorf("the figures are %+v", stats)
			}
		})
	}
}

func TestTheDelayGrowsAtOnceAndShrinksSlowly(t *testing.T) {
	far := farEnd(vowel(120))
	quiet, rough, after := far.send(10*time.Second), far.send(10*time.Second), far.send(30*time.Second)
	arrivals := slices.Concat(quiet, delayed(rough, 60*ms, 6), after)
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, arrivals, 7*ms, far.at)
	at := func(d time.Duration) time.Duration { return h.delays[d/frameDuration] }
	assertAtMost(t, "the delay on the quiet line", at(10*time.Second), 40*ms)
	if d := at(12 * time.Second); d < 60*ms {
		t.Errorf("two seconds into jitter of 60 ms the delay is %v", d)
	}
	if d := at(22 * time.Second); d < 60*ms {
		t.Errorf("two seconds after jitter the delay is %v already", d)
	}
	assertAtMost(t, "the delay half a minute after jitter", at(49*time.Second), 45*ms)
}

func TestPacketsOutOfOrderArePutInOrder(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	sent := far.send(20 * time.Second)
	for i := 10; i+1 < len(sent); i += 10 {
		sent[i].packet, sent[i+1].packet = sent[i+1].packet, sent[i].packet
	}
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, 20*time.Second)
	assertAtLeast(t, "tone to noise", toneToNoise(h.within()[8000:], 1000, 8000, 100*ms), 40)
	if stats := s.Stats(); stats.Concealed > 3 || stats.Lost+stats.Doubled+stats.Restarts > 0 {
		t.Errorf("the figures are %+v", stats)
	}
}

func TestDoublesAreHeardOnce(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	sent := far.send(10 * time.Second)
	copies := slices.Clone(sent)
	for i := range copies {
		copies[i].at += time.Duration(i%5) * 20 * ms
	}
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, append(sent, copies...), 7*ms, 11*time.Second)
	assertAtLeast(t, "tone to noise", toneToNoise(h.within(), 1000, 8000, 100*ms), 70)
	if stats := s.Stats(); int(stats.Doubled) != len(copies) || stats.Late+stats.Lost+stats.Restarts > 0 {
		t.Errorf("the figures are %+v, want %d doubled", stats, len(copies))
	}
}

func TestWhatIsTooLateIsDroppedAndCounted(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	sent := far.send(10 * time.Second)
	late := 0
	for i := 100; i < len(sent)-20; i += 100 {
		sent[i].at += 250 * ms
		late++
	}
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, 10*time.Second)
	if stats := s.Stats(); int(stats.Late) != late || int(stats.Lost) != late {
		t.Errorf("%d packets were late: the figures are %+v", late, stats)
	}
	assertAtMost(t, "the delay", slices.Max(h.delays), 60*ms)
}

func TestAnotherClockIsFollowed(t *testing.T) {
	for _, ppm := range []float64{-500, -300, 300, 500} {
		for _, c := range []struct {
			name  string
			sound sound
		}{{"tone", tone(1000, 8000)}, {"vowel", vowel(123)}, {"silence", tone(0, 0)}, {"hiss", hiss(3000)}} {
			t.Run(fmt.Sprint(ppm, c.name), func(t *testing.T) {
				far := farEnd(c.sound)
				far.ppm = ppm
				length := 3 * time.Minute
				if c.name == "tone" && math.Abs(ppm) == 300 {
					length = 10 * time.Minute
				}
				s := New(linearAt(8000, 8000), Limits{})
				h := play(s, far.send(length), 7*ms, length)
				stats := s.Stats()
				if stats.Concealed > 0 || stats.Lost+stats.Late+stats.Dropped+stats.Restarts > 0 {
					t.Errorf("the figures are %+v", stats)
				}
				longest := 40 * ms
				if c.name == "hiss" {
					longest = 60 * ms // nothing in it repeats, so that it is left alone for longer
				}
				assertAtMost(t, "the delay", slices.Max(h.delays), longest)
				if ppm > 0 && stats.Shrunk < 3 || ppm < 0 && stats.Stretched < 3 {
					t.Errorf("the figures are %+v", stats)
				}
				if c.name == "tone" {
					assertAtLeast(t, "tone to noise", toneToNoise(h.within(), 1000, 8000, 100*ms), 45)
					if step := largestStep(h.within()); step > steepest(1000, 8000, 8000)*11/10 {
						t.Errorf("there is a step of %d", step)
					}
				}
			})
		}
	}
}

func TestAfterAHoldBackItCatchesUp(t *testing.T) {
	for _, c := range []struct {
		held    time.Duration
		dropped uint64
	}{{60 * ms, 0}, {150 * ms, 0}, {400 * ms, 10}, {2 * time.Second, 92}} {
		t.Run(c.held.String(), func(t *testing.T) {
			far := farEnd(vowel(140))
			sent := far.send(10 * time.Second)
			for i := range sent {
				if since := sent[i].at - 2*time.Second; since > 0 && since < c.held {
					sent[i].at = 2*time.Second + c.held
				}
			}
			s := New(linearAt(8000, 8000), Limits{})
			h := play(s, sent, 7*ms, 10*time.Second)
			stats := s.Stats()
			if stats.Dropped > c.dropped || stats.Lost+stats.Late+stats.Restarts > 0 {
				t.Errorf("the figures are %+v", stats)
			}
			assertAtMost(t, "the delay", slices.Max(h.delays), 240*ms)
			assertAtMost(t, "the delay two seconds later", h.delays[(4*time.Second+c.held)/frameDuration], 45*ms)
			assertAtMost(t, "the silence", longestSilence(h.within(), 8000), max(c.held-60*ms, 10*ms))
		})
	}
}

func TestALongerWayOfTheLineIsFollowed(t *testing.T) {
	for _, longer := range []time.Duration{80 * ms, 300 * ms} {
		far := farEnd(vowel(140))
		sent := far.send(30 * time.Second)
		for i := range sent {
			if sent[i].at > 5*time.Second {
				sent[i].at += longer
			}
		}
		s := New(linearAt(8000, 8000), Limits{})
		h := play(s, sent, 7*ms, 31*time.Second)
		if stats := s.Stats(); stats.Concealed > 25 || stats.Dropped+stats.Restarts > 0 {
			t.Errorf("the figures are %+v", stats)
		}
		assertAtMost(t, "the delay in the end", h.delays[29*time.Second/frameDuration], 40*ms)
	}
}

func TestTheLimitsAreKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	far := farEnd(vowel(100))
	sent := far.send(20 * time.Second)
	for i := range sent {
		sent[i].at += time.Duration(random.Int64N(int64(300 * ms)))
	}
	s := New(linearAt(8000, 8000), Limits{Shortest: 60 * ms, Longest: 100 * ms})
	h := play(s, sent, 7*ms, 20*time.Second)
	if longest := slices.Max(h.lengths); longest > 8*(100+20+20) {
		t.Errorf("%d samples wait", longest)
	}
	far = farEnd(vowel(100))
	s = New(linearAt(8000, 8000), Limits{Shortest: 60 * ms, Longest: 100 * ms})
	h = play(s, far.send(20*time.Second), 7*ms, 20*time.Second)
	if d := h.delays[500]; d < 60*ms || d > 80*ms {
		t.Errorf("on a clean line the delay is %v, want 60 ms", d)
	}
}

func TestOpusTimestampsAreOfAnotherRate(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	far.rate, far.clock = 16000, 48000
	s := New(linearAt(16000, 48000), Limits{})
	h := play(s, far.send(60*time.Second), 7*ms, 60*time.Second)
	assertAtLeast(t, "tone to noise", toneToNoise(h.within(), 1000, 16000, 100*ms), 70)
	if stats := s.Stats(); stats.Concealed+stats.Restarts+stats.Lost > 0 {
		t.Errorf("the figures are %+v", stats)
	}
}

func TestABadLineIsStillWithinItsBounds(t *testing.T) {
	for seed := range uint64(4) {
		for _, rate := range []int{8000, 16000} {
			far := farEnd(vowel(110))
			far.rate, far.ppm = rate, []float64{-400, 400}[seed%2]
			var sent []arrival
			for range 30 {
				sent = append(append(sent, far.send(3*time.Second)...), far.noise(55, 90, 140))
				far.pass(time.Second)
			}
			arrivals, lost := lose(delayed(sent, 50*ms, seed), 0.05, seed)
			s := New(linearAt(rate, 8000), Limits{})
			h := play(s, arrivals, time.Duration(seed)*5*ms, far.at)
			stats := s.Stats()
			assertAtMost(t, "the delay", slices.Max(h.delays), 100*ms)
			if int(stats.Lost) < lost*8/10 || int(stats.Lost) > lost*11/10 || stats.Restarts+stats.Dropped+stats.Doubled > 0 {
				t.Errorf("%d packets are lost: the figures are %+v", lost, stats)
			}
			if int(stats.Concealed) > lost*2+20 {
				t.Errorf("%d packets are lost, %d frames are concealed", lost, stats.Concealed)
			}
			if n := h.count(Sound) + h.count(Concealed); n < 30*145 || n > 30*160 {
				t.Errorf("%d frames are sound, want 90 s", n)
			}
		}
	}
}
