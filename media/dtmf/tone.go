package dtmf

import (
	"fmt"
	"math"
	"time"
)

// The frequencies of the keys, in Hz (ITU-T Q.23): each key has one of each group.
var (
	lowGroup  = [4]float64{697, 770, 852, 941}
	highGroup = [4]float64{1209, 1336, 1477, 1633}
)

// keypad is the keys by the index of their low and of their high frequency (ITU-T Q.23).
var keypad = [4][4]byte{
	{'1', '2', '3', 'A'},
	{'4', '5', '6', 'B'},
	{'7', '8', '9', 'C'},
	{'*', '0', '#', 'D'},
}

// The level of the tones that we send.
const (
	// fullScale is the level of a sine as large as 16 bits hold, in dBm0: the overload point of the µ-law, 3.17 dBm0 (ITU-T
	// G.711), which is 32636 of 32767.
	fullScale = 3.17

	// lowLevel and highLevel are the levels of the two tones, in dBm0. The high one is sent 2 dB louder, as lines weaken it
	// more; together they stay 4 dB below what clips.
	lowLevel, highLevel = -8.0, -6.0

	// rampDuration is how long a tone takes to rise and to fall, which keeps clicks from it.
	rampDuration = 4 * time.Millisecond
)

// amplitude returns that of a sine at a level in dBm0, in units of 16 bit samples.
func amplitude(level float64) float64 { return math.MaxInt16 * math.Pow(10, (level-fullScale)/20) }

// oscillator yields a sine by turning a pointer.
type oscillator struct {
	re, im         float64
	turnRe, turnIm float64 // one sample
}

func newOscillator(hz float64, rate int, amplitude float64) oscillator {
	im, re := math.Sincos(2 * math.Pi * hz / float64(rate))
	return oscillator{re: amplitude, turnRe: re, turnIm: im}
}

// next returns the next sample.
func (o *oscillator) next() float64 {
	sample := o.im
	o.re, o.im = o.re*o.turnRe-o.im*o.turnIm, o.re*o.turnIm+o.im*o.turnRe
	return sample
}

// Tone is a digit as sound, for a far end that takes no telephone-events: its two tones, which rise and fall without a
// click, and the pause behind them. It is owned by whoever owns the outgoing sound.
type Tone struct {
	low, high oscillator
	at        int // samples so far
	ramp      int // samples
	sound     int // samples of the tones
	total     int // samples with the pause
}

// NewTone returns the sound of a digit at a sampling rate from 8000 to 48000 Hz: for at least 40 ms and at most 5 s, zero
// being 100 ms, in whole frames of 20 ms, and a pause of 60 ms. It fails for what is not one of Keys and for other rates.
func NewTone(digit byte, rate int, d time.Duration) (*Tone, error) {
	_, d, err := checkDigit(digit, d)
	if err != nil {
		return nil, err
	}
	if rate < 8000 || rate > 48000 {
		return nil, fmt.Errorf("send digit: no tones at %d samples a second: 8000 to 48000", rate)
	}
	t := &Tone{
		ramp:  int(rampDuration.Seconds() * float64(rate)),
		sound: framesIn(d) * rate / framesASecond,
	}
	t.total = t.sound + framesIn(digitPause)*rate/framesASecond
	for row, keys := range keypad {
		for column, key := range keys {
			if key == digit {
				t.low = newOscillator(lowGroup[row], rate, amplitude(lowLevel))
				t.high = newOscillator(highGroup[column], rate, amplitude(highLevel))
			}
		}
	}
	return t, nil
}

// Next fills a frame, usually of 20 ms but of any length, with what comes next: tones, then silence. It is false, and
// leaves the frame alone, when all was given, the pause included.
func (t *Tone) Next(frame []int16) bool {
	if t.at >= t.total {
		return false
	}
	for i := range frame {
		if t.at >= t.sound {
			frame[i] = 0
		} else {
			frame[i] = int16(math.Round((t.low.next() + t.high.next()) * t.gain()))
		}
		t.at++
	}
	return true
}

// gain returns how far the tones have risen, 0 to 1, by half a cosine at either end.
func (t *Tone) gain() float64 {
	edge := min(t.at, t.sound-1-t.at)
	if edge >= t.ramp {
		return 1
	}
	return 0.5 - 0.5*math.Cos(math.Pi*(float64(edge)+0.5)/float64(t.ramp))
}
