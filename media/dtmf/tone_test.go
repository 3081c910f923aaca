package dtmf

import (
	"math"
	"testing"
	"time"
)

// play returns all samples of a tone.
func play(t *testing.T, digit byte, rate int, d time.Duration) []int16 {
	t.Helper()
	tone, err := NewTone(digit, rate, d)
	if err != nil {
		t.Fatal(err)
	}
	var pcm []int16
	frame := make([]int16, rate/framesASecond)
	for tone.Next(frame) {
		pcm = append(pcm, frame...)
	}
	return pcm
}

// level returns the level of a frequency in samples, in dBm0, under a Hann window.
func level(pcm []int16, hz float64, rate int) float64 {
	var re, im, weights float64
	for i, x := range pcm {
		weight := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(len(pcm)))
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		re, im, weights = re+float64(x)*weight*cos, im+float64(x)*weight*sin, weights+weight
	}
	return 20*math.Log10(2*math.Hypot(re, im)/weights/math.MaxInt16+1e-9) + fullScale
}

func TestAToneIsTheTwoFrequenciesOfItsKeyAndNoOther(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for row, keys := range keypad {
			for column, digit := range keys {
				pcm := play(t, digit, rate, 200*time.Millisecond)
				for f := range frequencies {
					got := level(pcm[:rate/5], frequency(f), rate)
					switch {
					case f == row && math.Abs(got-lowLevel) > 0.5, f == len(lowGroup)+column && math.Abs(got-highLevel) > 0.5:
						t.Errorf("%c at %d Hz: %.1f dBm0 at %v Hz", digit, rate, got, frequency(f))
					case f != row && f != len(lowGroup)+column && got > -50:
						t.Errorf("%c at %d Hz: %.1f dBm0 at %v Hz, where nothing belongs", digit, rate, got, frequency(f))
					}
				}
			}
		}
	}
}

func TestAToneRisesAndFallsWithoutAClick(t *testing.T) {
	const rate = 8000
	pcm := play(t, '5', rate, 100*time.Millisecond)
	for _, edge := range [][]int16{pcm[:8], pcm[rate/10-8 : rate/10]} {
		for _, x := range edge {
			if math.Abs(float64(x)) > 6000 {
				t.Errorf("a sample of %d within a millisecond of the edge", x)
			}
		}
	}
	for _, hz := range []float64{300, 2500, 3200} { // where a click would be heard
		if got := level(pcm, hz, rate); got > -50 {
			t.Errorf("%.1f dBm0 at %v Hz", got, hz)
		}
	}
}

func TestAToneEndsWithAPause(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		pcm := play(t, '0', rate, 0)
		if want := rate * 160 / 1000; len(pcm) != want {
			t.Fatalf("%d samples, want %d", len(pcm), want)
		}
		for i, x := range pcm[rate/10:] {
			if x != 0 {
				t.Fatalf("sample %d of the pause is %d", i, x)
			}
		}
		tone, err := NewTone('0', rate, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		frames := 0
		for frame := make([]int16, rate/framesASecond); tone.Next(frame); {
			frames++
		}
		if frames != 250+3 {
			t.Errorf("the longest digit has %d frames", frames)
		}
	}
}

func TestOurOwnTonesAreHeard(t *testing.T) {
	for _, rate := range detectorRates {
		for _, d := range []time.Duration{40 * time.Millisecond, 100 * time.Millisecond, 5 * time.Second} {
			var pcm []int16
			for i := range len(Keys) {
				pcm = append(pcm, play(t, Keys[i], rate, d)...)
			}
			if got := hear(rate, pcm); got != Keys {
				t.Errorf("%d Hz, %v: heard %q", rate, d, got)
			}
		}
	}
}

func TestTonesThatCannotBeMadeAreRefused(t *testing.T) {
	if _, err := NewTone('E', 8000, 0); err == nil {
		t.Error("a tone for E was made")
	}
	for _, rate := range []int{-1, 0, 7999, 96000} {
		if _, err := NewTone('1', rate, 0); err == nil {
			t.Errorf("a tone at %d Hz was made", rate)
		}
	}
}
