package dtmf

import "math"

// The detector works at 8 kHz on hops of 5 ms, and looks at the last six of them: 30 ms, of which two that follow each
// other fit into the shortest tone of 40 ms wherever it begins.
const (
	detectorRate = 8000
	hopSize      = detectorRate / 200
	windowHops   = 6
	windowSize   = windowHops * hopSize
	hopSeconds   = 1.0 / 200
)

// frequencies are both groups.
const frequencies = len(lowGroup) + len(highGroup)

// turnPeriod is after how many hops every frequency, being a whole number of Hz, has turned whole times.
const turnPeriod = detectorRate / hopSize

// What Goertzel's algorithm needs, by frequency.
var (
	coefficients [frequencies]float64
	sampleTurns  [frequencies]complex128 // one sample back
	hopTurns     [frequencies]complex128 // one hop back
)

func init() {
	for f := range frequencies {
		step := 2 * math.Pi * frequency(f) / detectorRate
		coefficients[f] = 2 * math.Cos(step)
		sampleTurns[f] = phasor(-step)
		hopTurns[f] = phasor(-step * hopSize)
	}
}

// frequency returns a frequency in Hz by its index, low group first.
func frequency(f int) float64 {
	if f < len(lowGroup) {
		return lowGroup[f]
	}
	return highGroup[f-len(lowGroup)]
}

// phasor returns the pointer of length 1 at an angle.
func phasor(angle float64) complex128 {
	im, re := math.Sincos(angle)
	return complex(re, im)
}

// phases are what brings the tones of hops to one phase, by frequency.
type phases struct {
	turns [frequencies]complex128
	hop   int // in the period
}

// next goes on to the next hop, exactly once a period and nearly otherwise.
func (p *phases) next() {
	if p.hop--; p.hop < 0 {
		p.hop = turnPeriod - 1
		for f := range p.turns {
			p.turns[f] = 1
		}
		return
	}
	for f, turn := range hopTurns {
		p.turns[f] *= turn
	}
}

// hop is what is known of 5 ms of sound.
type hop struct {
	samples [hopSize]float64
	energy  float64                 // the sum of squares
	tones   [frequencies]complex128 // the sum of samples turned back by the frequency, with the phase of all hops
}

// analyse fills in what follows from the samples. Hops that are too quiet for any tone have none.
func (h *hop) analyse(p *phases) {
	var even, odd float64 // two sums, as each addition waits for the one before
	for i := 0; i < hopSize; i += 2 {
		even += h.samples[i] * h.samples[i]
		odd += h.samples[i+1] * h.samples[i+1]
	}
	h.energy = even + odd
	if h.energy < quietHop {
		h.tones = [frequencies]complex128{}
		return
	}
	for f := 0; f < frequencies; f += 4 {
		h.analyseFour(f)
	}
	for f, turn := range p.turns {
		h.tones[f] *= turn
	}
}

// analyseFour runs Goertzel's algorithm for the four frequencies from f on. They run side by side because each step of one
// has to wait for the step before.
func (h *hop) analyseFour(f int) {
	ca, cb, cc, cd := coefficients[f], coefficients[f+1], coefficients[f+2], coefficients[f+3]
	var a1, a2, b1, b2, c1, c2, d1, d2 float64
	for _, x := range h.samples {
		a1, a2 = x-a2+ca*a1, a1
		b1, b2 = x-b2+cb*b1, b1
		c1, c2 = x-c2+cc*c1, c1
		d1, d2 = x-d2+cd*d1, d1
	}
	h.tones[f] = bin(f, a1, a2)
	h.tones[f+1] = bin(f+1, b1, b2)
	h.tones[f+2] = bin(f+2, c1, c2)
	h.tones[f+3] = bin(f+3, d1, d2)
}

// bin returns the sum that the last two states of Goertzel's algorithm stand for, turned to the phase of the last sample.
func bin(f int, s1, s2 float64) complex128 {
	turn := sampleTurns[f]
	return complex(s1-real(turn)*s2, -imag(turn)*s2)
}
