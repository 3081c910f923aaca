package resample

import (
	"math"
	"sync"
)

// shape says what a filter passes and where it stops, in parts of the lower of its two rates.
type shape struct{ passes, stops float64 }

var (
	// sharp passes 3.5 kHz of 8 kHz sound, more than a telephone carries (3.4 kHz, ITU-T G.712), and stops from 4 kHz on.
	sharp = shape{7.0 / 16, 8.0 / 16}
	// coarse leads to twice the rate that is wanted in the end: it passes the same, and stops what would fold into it. What
	// folds between the two is for the filter that follows.
	coarse = shape{7.0 / 32, 24.0 / 32}
)

const (
	attenuation = 70.0 // dB, of what is stopped
	beta        = 0.1102 * (attenuation - 8.7)
)

// filter is the low-pass for one pair of rates. It does not change once it is made.
type filter struct {
	up, down int // the ratio of the rates in lowest terms: up output samples for down input samples
	half     int // input samples on either side of a place that count
	phases   [][]float32
}

// filters are those that were asked for: a few pairs of rates, each computed once, 4 to 600 kB.
var filters sync.Map // [2]int to *filter

// filterFor returns the filter from one rate to another, both in Hz and positive.
func filterFor(from, to int) *filter {
	pair := [2]int{from, to}
	if known, ok := filters.Load(pair); ok {
		return known.(*filter)
	}
	made, _ := filters.LoadOrStore(pair, newFilter(from, to, sharp))
	return made.(*filter)
}

func newFilter(from, to int, s shape) *filter {
	divisor := gcd(from, to)
	lower := float64(min(from, to)) / float64(from)                         // of the input's rate
	length := (attenuation - 7.95) / (14.36 * (s.stops - s.passes) * lower) // Kaiser's estimate, in input samples
	half := int(math.Ceil(length / 2))
	f := &filter{up: to / divisor, down: from / divisor, half: half}
	f.phases = make([][]float32, f.up)
	values := make([]float64, 2*half+1)
	for phase := range f.phases {
		offset, sum := float64(phase)/float64(f.up), 0.0
		for i := range values {
			x := float64(i-half) - offset
			values[i] = sinc((s.passes+s.stops)*lower*x) * kaiser(x/float64(half+1))
			sum += values[i]
		}
		taps := make([]float32, len(values))
		for i, v := range values {
			taps[i] = float32(v / sum) // each place passes a constant unchanged
		}
		f.phases[phase] = taps
	}
	return f
}

// dot returns the filtered input around the sample that is half into window; window has as many samples as taps.
func dot(taps, window []float32) int16 {
	window = window[:len(taps)]
	var a, b, c, d float32 // four sums, so that an addition need not wait for the one before
	i := 0
	for ; i+4 <= len(taps); i += 4 {
		t, w := taps[i:i+4:i+4], window[i:i+4:i+4]
		a += t[0] * w[0]
		b += t[1] * w[1]
		c += t[2] * w[2]
		d += t[3] * w[3]
	}
	for ; i < len(taps); i++ {
		a += taps[i] * window[i]
	}
	return round(a + b + c + d)
}

// round returns the nearest sample.
func round(v float32) int16 {
	switch {
	case v >= math.MaxInt16:
		return math.MaxInt16
	case v <= math.MinInt16:
		return math.MinInt16
	case v < 0:
		return int16(v - 0.5)
	default:
		return int16(v + 0.5)
	}
}

// gcd is the greatest common divisor.
func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
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
	return bessel0(beta*math.Sqrt(1-x*x)) / bessel0(beta)
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
