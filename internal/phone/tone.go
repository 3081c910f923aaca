package phone

import (
	"math"
	"time"
)

const (
	// SampleRate is how many samples a second all linear sound in this package has (G.711).
	SampleRate = 8000

	// toneAmplitude is the peak of a generated tone: 12 dB under full scale, loud without clipping when two are mixed.
	toneAmplitude = 8231

	// toneBlock is the stretch that is judged at once, 40 ms: long enough to part tones 50 Hz from each other, short
	// enough that a lost packet spoils one block only.
	toneBlock = SampleRate * 40 / 1000

	// toneLevel is the least level in dBFS at which a tone counts as heard; comfort noise is about -50.
	toneLevel = -40

	// tonePurity is the least share of a block's energy that the tone must have. Two tones of equal level that are mixed
	// have a half each.
	tonePurity = 0.4

	// toneShare is the least share of a window's blocks in which a tone must be.
	toneShare = 0.8
)

// samples says how many samples last as long as d.
func samples(d time.Duration) int { return int(d * SampleRate / time.Second) }

// lasting says how long n samples last.
func lasting(n int) time.Duration { return time.Duration(n) * time.Second / SampleRate }

// Tone returns a sine of the given frequency in Hz, 12 dB under full scale, at SampleRate. A whole number of seconds of
// a whole number of Hz can be repeated without a click.
func Tone(frequency float64, d time.Duration) []int16 { return ToneAt(frequency, d, SampleRate) }

// ToneAt is Tone at another rate, in samples a second.
func ToneAt(frequency float64, d time.Duration, rate int) []int16 {
	pcm := make([]int16, int(d)*rate/int(time.Second))
	for i := range pcm {
		pcm[i] = int16(toneAmplitude * math.Sin(2*math.Pi*frequency*float64(i)/float64(rate)))
	}
	return pcm
}

// Pitch says how much of one frequency there is in a stretch of sound.
type Pitch struct {
	Level  float64 // of that frequency, in dB relative to a full-scale sine
	Purity float64 // its share of all the energy, 0 to 1
}

// Goertzel measures how much of one frequency, in Hz, is in pcm. It resolves frequencies that are further apart than
// SampleRate/len(pcm).
func Goertzel(pcm []int16, frequency float64) Pitch {
	coefficient := 2 * math.Cos(2*math.Pi*frequency/SampleRate)
	var last, before, energy float64
	for _, s := range pcm {
		x := float64(s)
		last, before = x+coefficient*last-before, last
		energy += x * x
	}
	if energy == 0 {
		return Pitch{Level: math.Inf(-1)}
	}
	n := float64(len(pcm))
	power := last*last + before*before - coefficient*last*before
	return Pitch{
		Level:  10 * math.Log10(4*power/(n*n)/(32768*32768)),
		Purity: min(1, 2*power/n/energy),
	}
}

// HasToneAt is HasTone for sound of another rate, in samples a second.
func HasToneAt(pcm []int16, frequency float64, rate int) bool {
	return HasTone(pcm, frequency*SampleRate/float64(rate)) // what counts is the share of the rate
}

// HasTone says whether pcm carries the tone of the given frequency in Hz nearly throughout. Under 40 ms of sound are too
// little to tell.
func HasTone(pcm []int16, frequency float64) bool {
	blocks, with := 0, 0
	for len(pcm) >= toneBlock {
		p := Goertzel(pcm[:toneBlock], frequency)
		if p.Level >= toneLevel && p.Purity >= tonePurity {
			with++
		}
		blocks++
		pcm = pcm[toneBlock:]
	}
	return blocks > 0 && float64(with) >= toneShare*float64(blocks)
}
