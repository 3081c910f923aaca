package dtmf

import (
	"math"
	"math/cmplx"
)

// What makes two tones a key.
const (
	// quietest is the lowest level of the weaker tone, in dBm0. Receivers must hear -25 dBm0 and must not hear -55 (ITU-T
	// Q.24, as in North America).
	quietest = -38.0

	// highestDeviation is how far a frequency may be off. Receivers must accept 1.5 % and must not accept 3.5 % (ITU-T Q.24).
	highestDeviation = 0.025

	// The twist: how much weaker than the other the tone of the high group (normal) or the low one (reverse) may be, in dB.
	// ITU-T Q.24 has 8 and 4 for North America, 5 both ways for Japan, 6 for Denmark; 2 dB more are for noise.
	normalTwist, reverseTwist = 10.0, 8.0

	// looseShare is how much of the energy must be near two of the frequencies for a window to be looked at, and
	// pureShare how much must be the two tones themselves for a press: noise 15 dB below them and a clipped tone leave as
	// much, a voice does not.
	looseShare, pureShare = 0.6, 0.8

	// steadiness is the least energy of a hop against the loudest in the window: a tone does not waver, a voice does. A hop
	// of which a tone fills a quarter passes.
	steadiness = 0.2

	// overtones is how much of what is not the two tones may be their second harmonics: a voice has them, a telephone's
	// oscillators do not. It matters only where there is more beside the tones than least.
	overtones      = 0.5
	overtonesLeast = 0.02
)

// Energies that follow from quietest.
var (
	quietHop   = math.Pow(amplitude(quietest), 2) / 2 * hopSize * steadiness
	quietPower = math.Pow(amplitude(quietest), 2) / 2
)

// Ratios of powers that follow from the twist.
var (
	normalRatio  = math.Pow(10, normalTwist/10)
	reverseRatio = math.Pow(10, reverseTwist/10)
)

// pair is the two tones found in a window.
type pair struct {
	digit     byte
	low, high float64 // Hz
	power     float64 // of both, the mean square of samples
}

// find returns the two tones of a window, oldest hop first, as far as that can be told at little cost: steady, near two
// frequencies of the keys, with most of the energy.
func find(window *[windowHops]*hop) (p pair, ok bool) {
	energy, least := 0.0, math.Inf(1)
	loudest := 0.0
	for _, h := range window {
		energy += h.energy
		least, loudest = min(least, h.energy), max(loudest, h.energy)
	}
	if least < quietHop || least < steadiness*loudest {
		return p, false
	}
	row, lowEnergy := strongest(window, 0)
	column, highEnergy := strongest(window, len(lowGroup))
	if lowEnergy+highEnergy < looseShare*energy {
		return p, false
	}
	low, lowPower, ok := tune(window, row)
	if !ok {
		return p, false
	}
	high, highPower, ok := tune(window, column)
	if !ok || lowPower > normalRatio*highPower || highPower > reverseRatio*lowPower {
		return p, false
	}
	if min(lowPower, highPower) < quietPower || (lowPower+highPower)*windowSize < looseShare*energy {
		return p, false
	}
	return pair{keypad[row][column-len(lowGroup)], low, high, lowPower + highPower}, true
}

// strongest returns the frequency, of the four from first on, that has most of the energy of the window, and that energy.
// It takes the halves of the window on their own, 15 ms each, which a frequency that is off by a little does not cancel.
func strongest(window *[windowHops]*hop, first int) (f int, energy float64) {
	for i := first; i < first+4; i++ {
		early := window[0].tones[i] + window[1].tones[i] + window[2].tones[i]
		late := window[3].tones[i] + window[4].tones[i] + window[5].tones[i]
		if e := (square(early) + square(late)) * 2 / (windowSize / 2); e > energy {
			f, energy = i, e
		}
	}
	return max(f, first), energy
}

// tune returns the exact frequency of the tone near f and its power, the mean square of its samples; ok is false when the
// frequency is too far off. The frequency follows from how far the tone has turned against f between the first four hops
// and the last four.
func tune(window *[windowHops]*hop, f int) (hz, power float64, ok bool) {
	var tones [windowHops]complex128
	for i, h := range window {
		tones[i] = h.tones[f]
	}
	begin := tones[0] + 2*tones[1] + 2*tones[2] + tones[3]
	end := tones[2] + 2*tones[3] + 2*tones[4] + tones[5]
	angle := cmplx.Phase(end*cmplx.Conj(begin)) / 2 // of one hop: there are two between them
	off := angle / (2 * math.Pi * hopSeconds)
	if math.Abs(off) > highestDeviation*frequency(f) {
		return 0, 0, false
	}
	var sum complex128
	turn, back := complex(1, 0), phasor(-angle)
	for _, tone := range tones {
		sum += tone * turn
		turn *= back
	}
	return frequency(f) + off, 2 * square(sum) / (windowSize * windowSize), true
}

// square returns the square of a number's length.
func square(z complex128) float64 { return real(z)*real(z) + imag(z)*imag(z) }

// pure reports whether a window holds the two tones and little else: it takes them out of the samples, and looks at how
// much is left and whether that is their second harmonics. It costs as much as the rest for many windows, and is asked
// only before a press is told.
func (p pair) pure(window *[windowHops]*hop) bool {
	var rest [windowSize]float64
	energy := 0.0
	for i, h := range window {
		copy(rest[i*hopSize:], h.samples[:])
		energy += h.energy
	}
	for range 2 { // each tone leaks a little into the other's sum: the second round takes what the first left
		removeTone(&rest, p.low)
		removeTone(&rest, p.high)
	}
	left := 0.0
	for _, x := range rest {
		left += x * x
	}
	if left > (1-pureShare)*energy {
		return false
	}
	if left < overtonesLeast*energy {
		return true
	}
	harmonics := square(correlate(&rest, 2*p.low)) + square(correlate(&rest, 2*p.high))
	return 2*harmonics/windowSize <= overtones*left
}

// correlate returns the sum of samples turned back by a frequency.
func correlate(samples *[windowSize]float64, hz float64) complex128 {
	turn, step := complex(1, 0), phasor(-2*math.Pi*hz/detectorRate)
	var sum complex128
	for _, x := range samples {
		sum += complex(x*real(turn), x*imag(turn))
		turn *= step
	}
	return sum
}

// removeTone takes a tone out of samples.
func removeTone(samples *[windowSize]float64, hz float64) {
	tone := correlate(samples, hz) * (2.0 / windowSize)
	step := phasor(2 * math.Pi * hz / detectorRate)
	for i := range samples {
		samples[i] -= real(tone)
		tone *= step
	}
}
