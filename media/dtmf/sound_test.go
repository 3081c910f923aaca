package dtmf

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
)

// key is a press as sound, with all that may be wrong with it.
type key struct {
	digit     byte
	level     float64 // of the stronger tone, dBm0
	twist     float64 // of the low tone above the high one, dB
	lowShift  float64 // of the frequency, as a share of it
	highShift float64
	duration  float64 // ms
	pause     float64 // ms behind it
	lead      float64 // ms of silence before it
}

// sound appends the samples of keys to pcm at a rate, by math.Sin and with hard edges: nothing of it is from Tone.
func (k key) sound(pcm []float64, rate int, random *rand.Rand) []float64 {
	low, high := 0.0, 0.0
	for row := range keypad {
		if column := strings.IndexByte(string(keypad[row][:]), k.digit); column >= 0 {
			low, high = lowGroup[row]*(1+k.lowShift), highGroup[column]*(1+k.highShift)
		}
	}
	lowLevel, highLevel := k.level, k.level-k.twist
	if k.twist < 0 {
		lowLevel, highLevel = k.level+k.twist, k.level
	}
	samples := func(ms float64) int { return int(math.Round(ms * float64(rate) / 1000)) }
	pcm = append(pcm, make([]float64, samples(k.lead))...)
	p, q := random.Float64()*2*math.Pi, random.Float64()*2*math.Pi
	for i := range samples(k.duration) {
		at := 2 * math.Pi * float64(i) / float64(rate)
		pcm = append(pcm, amplitude(lowLevel)*math.Sin(at*low+p)+amplitude(highLevel)*math.Sin(at*high+q))
	}
	return append(pcm, make([]float64, samples(k.pause))...)
}

// noise adds white noise of a level in dBm0 to samples.
func noise(pcm []float64, level float64, random *rand.Rand) {
	for i := range pcm {
		pcm[i] += amplitude(level) / math.Sqrt2 * random.NormFloat64()
	}
}

// clip makes 16 bit samples.
func clip(pcm []float64) []int16 {
	out := make([]int16, len(pcm))
	for i, x := range pcm {
		out[i] = int16(math.Round(max(min(x, math.MaxInt16), math.MinInt16)))
	}
	return out
}

// hear returns the digits in some sound, given to a detector in frames of 20 ms and a second of silence behind it.
func hear(rate int, pcm []int16) string {
	d := NewDetector(rate)
	var digits bytes.Buffer
	pcm = append(pcm[:len(pcm):len(pcm)], make([]int16, rate)...)
	for len(pcm) > 0 {
		n := min(len(pcm), rate/framesASecond)
		if digit, pressed := d.Hear(pcm[:n]); pressed {
			digits.WriteByte(digit)
		}
		pcm = pcm[n:]
	}
	return digits.String()
}

// random is a source of chance that is the same in every run.
func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 24)) }
