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

// coefficients are those of Goertzel's algorithm, and turns the factors that bring what it yields for hop i of a window
// to one phase, by frequency.
var (
	coefficients [frequencies]float64
	lastTurn     [frequencies]complex128 // one sample back
	turns        [frequencies][windowHops]complex128
)

func init() {
	for f := range frequencies {
		step := 2 * math.Pi * frequency(f) / detectorRate
		coefficients[f] = 2 * math.Cos(step)
		lastTurn[f] = phasor(-step)
		for i := range windowHops {
			turns[f][i] = phasor(-step * float64(i*hopSize))
		}
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

// hop is what is known of 5 ms of sound.
type hop struct {
	samples [hopSize]float64
	energy  float64                 // the sum of squares
	tones   [frequencies]complex128 // by Goertzel's algorithm: the sum of samples turned by the frequency
}

// analyse fills in what follows from the samples. Hops that are too quiet for any tone have none.
func (h *hop) analyse() {
	h.energy = 0
	for _, x := range h.samples {
		h.energy += x * x
	}
	if h.energy < quietHop {
		h.tones = [frequencies]complex128{}
		return
	}
	for f := 0; f < frequencies; f += 4 {
		h.analyseFour(f)
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
	turn := lastTurn[f]
	return complex(s1-real(turn)*s2, -imag(turn)*s2)
}
