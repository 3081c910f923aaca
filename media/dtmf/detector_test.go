package dtmf

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// detectorRates are those that a detector takes, in Hz.
var detectorRates = []int{8000, 16000}

// keysAsSound returns all keys, one after another, each with what like says.
func keysAsSound(like key, rate int, seed uint64) []float64 {
	random := random(seed)
	var pcm []float64
	for i := range len(Keys) {
		k := like
		k.digit = Keys[i]
		pcm = k.sound(pcm, rate, random)
	}
	return pcm
}

// both returns the level of both tones of a key together, in dBm0.
func (k key) both() float64 {
	return 10 * math.Log10(math.Pow(10, k.level/10)+math.Pow(10, (k.level-math.Abs(k.twist))/10))
}

func TestEveryKeyIsHeardAtEveryLevel(t *testing.T) {
	for _, rate := range detectorRates {
		for i := range 20 {
			like := key{level: -35 * float64(i) / 19, duration: 50, pause: 50}
			if got := hear(rate, clip(keysAsSound(like, rate, 1))); got != Keys {
				t.Errorf("%d Hz, %.1f dBm0: heard %q", rate, like.level, got)
			}
		}
	}
}

func TestSoundBelowTheQuietestLevelIsNoDigit(t *testing.T) {
	for _, rate := range detectorRates {
		if got := hear(rate, clip(keysAsSound(key{level: -40, duration: 100, pause: 50}, rate, 1))); got != "" {
			t.Errorf("%d Hz: heard %q", rate, got)
		}
	}
}

// ITU-T Q.24: 40 ms of tone and 40 ms of pause, wherever in a frame they begin.
func TestTheShortestTonesAndPausesAreHeardWhereverTheyBegin(t *testing.T) {
	for _, rate := range detectorRates {
		for offset := 0.0; offset < 20; offset += 0.625 {
			silence := make([]float64, int(offset*float64(rate)/1000))
			pcm := append(silence, keysAsSound(key{level: -10, duration: 40, pause: 40}, rate, 2)...)
			if got := hear(rate, clip(pcm)); got != Keys {
				t.Errorf("%d Hz, from %.3f ms: heard %q", rate, offset, got)
			}
		}
	}
}

func TestTheSameKeyAgainAfterTheShortestPauseIsAnotherDigit(t *testing.T) {
	for _, rate := range detectorRates {
		for offset := 0.0; offset < 5; offset += 0.25 {
			random := random(3)
			pcm := key{digit: '8', level: -10, duration: 40, pause: 40, lead: offset}.sound(nil, rate, random)
			pcm = key{digit: '8', level: -10, duration: 40}.sound(pcm, rate, random)
			if got := hear(rate, clip(pcm)); got != "88" {
				t.Errorf("%d Hz, from %.2f ms: heard %q, want 88", rate, offset, got)
			}
		}
	}
}

func TestTonesThatAreTooShortAreNoDigits(t *testing.T) {
	for _, rate := range detectorRates {
		for offset := 0.0; offset < 5; offset += 0.5 {
			if got := hear(rate, clip(keysAsSound(key{level: -10, duration: 23, pause: 60, lead: offset}, rate, 4))); got != "" {
				t.Errorf("%d Hz: heard %q in 23 ms", rate, got)
			}
		}
	}
}

func TestAKeyThatIsHeldIsOneDigitInSound(t *testing.T) {
	for _, rate := range detectorRates {
		for i := range len(Keys) {
			k := key{digit: Keys[i], level: -15, duration: 10_000, lead: 7}
			pcm := k.sound(nil, rate, random(5))
			noise(pcm, k.both()-15, random(uint64(i)))
			if got := hear(rate, clip(pcm)); got != Keys[i:i+1] {
				t.Errorf("%d Hz: heard %q, want %c", rate, got, Keys[i])
			}
		}
	}
}

// ITU-T Q.24 has interruptions of under 10 ms; a lost packet is 20 ms of silence.
func TestInterruptionsDoNotSplitADigit(t *testing.T) {
	for _, rate := range detectorRates {
		for _, gap := range []float64{2, 5, 9.9, 20} {
			for at := 40.0; at < 45; at += 0.5 {
				pcm := key{digit: '6', level: -10, duration: 120}.sound(nil, rate, random(6))
				clear(pcm[int(at*float64(rate)/1000):int((at+gap)*float64(rate)/1000)])
				if got := hear(rate, clip(pcm)); got != "6" {
					t.Errorf("%d Hz, %v ms at %v ms: heard %q, want 6", rate, gap, at, got)
				}
			}
		}
	}
}

// ITU-T Q.24: 1.5 % must be taken, 3.5 % must not.
func TestFrequenciesAreTakenAsFarAsTheyMayBeOff(t *testing.T) {
	for _, rate := range detectorRates {
		for _, sign := range []float64{-1, 1} {
			for _, other := range []float64{-0.015, 0, 0.015} {
				for _, like := range []key{{lowShift: sign * 0.015, highShift: other}, {lowShift: other, highShift: sign * 0.015}} {
					like.level, like.duration, like.pause = -10, 40, 40
					if got := hear(rate, clip(keysAsSound(like, rate, 7))); got != Keys {
						t.Errorf("%d Hz, %+v: heard %q", rate, like, got)
					}
				}
			}
			for off := 0.035; off < 0.045; off += 0.001 {
				for _, like := range []key{{lowShift: sign * off}, {highShift: sign * off}} {
					like.level, like.duration, like.pause = -10, 100, 50
					if got := hear(rate, clip(keysAsSound(like, rate, 8))); got != "" {
						t.Errorf("%d Hz, %+v: heard %q", rate, like, got)
					}
				}
			}
		}
	}
}

func TestTwistIsTakenAsFarAsItMayGo(t *testing.T) {
	for _, rate := range detectorRates {
		for twist, want := range map[float64]string{-10: "", -6: Keys, -4: Keys, 4: Keys, 8: Keys, 12: ""} {
			if got := hear(rate, clip(keysAsSound(key{level: -8, twist: twist, duration: 40, pause: 40}, rate, 9))); got != want {
				t.Errorf("%d Hz, %v dB: heard %q, want %q", rate, twist, got, want)
			}
		}
	}
}

// Noise 15 dB below both tones, which are as short, as twisted and as far off as they may be.
func TestDigitsAreHeardThroughNoise(t *testing.T) {
	const rounds = 25
	for _, rate := range detectorRates {
		for _, like := range []key{
			{}, {twist: 8}, {twist: -4}, {lowShift: 0.015, highShift: -0.015}, {twist: 8, lowShift: -0.015, highShift: 0.015},
		} {
			like.level, like.duration, like.pause = -10, 40, 40
			heard := 0
			for round := range uint64(rounds) {
				pcm := keysAsSound(like, rate, round)
				noise(pcm, like.both()-15, random(round))
				got := hear(rate, clip(pcm))
				if len(got) > len(Keys) {
					t.Errorf("%d Hz, %+v: heard %q", rate, like, got)
				}
				heard += len(got)
			}
			if least := rounds * len(Keys) * 99 / 100; heard < least {
				t.Errorf("%d Hz, %+v: heard %d of %d", rate, like, heard, rounds*len(Keys))
			}
		}
	}
}

func TestNoiseIsNoDigit(t *testing.T) {
	for _, rate := range detectorRates {
		pcm := make([]float64, 120*rate)
		noise(pcm, -10, random(10))
		if got := hear(rate, clip(pcm)); got != "" {
			t.Errorf("%d Hz: heard %q", rate, got)
		}
	}
}

func TestAnyNumberOfSamplesAtATimeIsHeardAlike(t *testing.T) {
	for _, rate := range detectorRates {
		pcm := clip(append(keysAsSound(key{level: -10, duration: 40, pause: 40}, rate, 11), make([]float64, rate)...))
		for _, size := range []int{0, 1, 3, 79, rate / 50, rate * 60 / 1000} {
			d := NewDetector(rate)
			var got strings.Builder
			random := random(uint64(size))
			for rest := pcm; len(rest) > 0; {
				n := size
				if size == 0 {
					n = random.IntN(rate * 60 / 1000)
				}
				n = min(n, len(rest))
				if digit, pressed := d.Hear(rest[:n]); pressed {
					got.WriteByte(digit)
				}
				rest = rest[n:]
			}
			if got.String() != Keys {
				t.Errorf("%d Hz, %d at a time: heard %q", rate, size, got.String())
			}
		}
	}
}

// FuzzDetector looks for sound that breaks the detector, that it hears as no key, or in which it hears keys faster than
// any may be pressed.
func FuzzDetector(f *testing.F) {
	f.Add(uint64(1), -10.0, 2.0, 0.01, 40.0, 30.0, []byte{1, 2, 3}, true)
	f.Add(uint64(2), 3.0, -20.0, -0.5, 400.0, 0.0, []byte{}, false)
	f.Fuzz(func(t *testing.T, seed uint64, level, twist, shift, duration, pause float64, raw []byte, wide bool) {
		for _, x := range []float64{level, twist, shift, duration, pause} {
			if math.IsNaN(x) || math.Abs(x) > 500 {
				return
			}
		}
		rate := detectorRates[0]
		if wide {
			rate = detectorRates[1]
		}
		random := random(seed)
		var pcm []float64
		for range 4 {
			k := key{
				digit: Keys[random.IntN(len(Keys))], level: min(level, 10), twist: math.Abs(twist), lowShift: shift,
				highShift: -shift, duration: math.Abs(duration), pause: math.Abs(pause),
			}
			pcm = k.sound(pcm, rate, random)
		}
		for i, b := range raw {
			pcm = append(pcm, float64(int8(b))*256*float64(i%2))
		}
		d := NewDetector(rate)
		last := -1
		samples := clip(pcm)
		for i := range samples {
			digit, pressed := d.Hear(samples[i : i+1])
			if !pressed {
				continue
			}
			if strings.IndexByte(Keys, digit) < 0 {
				t.Fatalf("heard %q", digit)
			}
			if last >= 0 && i-last < rate*60/1000 {
				t.Fatalf("two digits within %d samples", i-last)
			}
			last = i
		}
	})
}

func BenchmarkHear(b *testing.B) {
	for _, rate := range detectorRates {
		for name, level := range map[string]float64{"tone": -10, "silence": -90} {
			b.Run(fmt.Sprintf("%s at %d Hz", name, rate), func(b *testing.B) {
				frame := clip(key{digit: '5', level: level, duration: 20}.sound(nil, rate, random(1)))
				d := NewDetector(rate)
				for b.Loop() {
					d.Hear(frame)
				}
			})
		}
	}
}
