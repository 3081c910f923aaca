package media

import "math"

// The anti-alias filter, a low-pass with a Kaiser window: flat to 3.5 kHz, and 70 dB down from 4 kHz on, where a lower
// rate would fold what is left back into the voice.
const (
	filterCutoff      = 3750.0 // Hz, the middle of the transition
	filterTransition  = 500.0  // Hz
	filterAttenuation = 70.0   // dB
	filterBeta        = 0.1102 * (filterAttenuation - 8.7)
)

// resample returns pcm, taken at rate, at SampleRate. The rate is one of wavRates.
func resample(pcm []int16, rate int) []int16 {
	if rate == SampleRate {
		return pcm
	}
	up, down := ratio(SampleRate, rate)
	filter := newPolyphase(up, rate)
	out := make([]int16, len(pcm)*up/down)
	for n := range out {
		at := n * down
		out[n] = filter.sample(pcm, at/up, at%up)
	}
	return out
}

// ratio returns to/from in lowest terms.
func ratio(to, from int) (up, down int) {
	a, b := to, from
	for b != 0 {
		a, b = b, a%b
	}
	return to / a, from / a
}

// polyphase is the filter, sampled for each of the places that an output sample may have between two input samples.
type polyphase struct {
	half   int // input samples on either side that count
	phases [][]float32
}

// newPolyphase computes the filter for the input rate, in Hz, with the given number of places between input samples.
func newPolyphase(up, rate int) *polyphase {
	length := (filterAttenuation - 7.95) / (14.36 * filterTransition / float64(rate)) // Kaiser's estimate, in samples
	half := int(math.Ceil(length / 2))
	p := &polyphase{half: half, phases: make([][]float32, up)}
	for phase := range p.phases {
		taps := make([]float32, 2*half+1)
		offset, sum := float64(phase)/float64(up), 0.0
		values := make([]float64, len(taps))
		for i := range values {
			x := float64(i-half) - offset
			values[i] = sinc(2*filterCutoff/float64(rate)*x) * kaiser(x/float64(half+1))
			sum += values[i]
		}
		for i, v := range values {
			taps[i] = float32(v / sum) // each place passes a constant unchanged
		}
		p.phases[phase] = taps
	}
	return p
}

// sample returns the filtered input at a place: index input samples and phase parts of the next.
func (p *polyphase) sample(pcm []int16, index, phase int) int16 {
	taps := p.phases[phase]
	from, to := index-p.half, index+p.half+1
	first := max(-from, 0)
	last := len(taps) - max(to-len(pcm), 0)
	var sum float32
	for i := first; i < last; i++ {
		sum += taps[i] * float32(pcm[from+i])
	}
	return int16(math.Round(float64(min(max(sum, math.MinInt16), math.MaxInt16))))
}

// sinc is sin(πx)/πx.
func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the Kaiser window over -1 to 1.
func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel0(filterBeta*math.Sqrt(1-x*x)) / bessel0(filterBeta)
}

// bessel0 is the modified Bessel function of the first kind and order zero, by its series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}
