package codec

// The quadrature mirror filter has 24 taps, the same from both ends (G.722 section 6). Half of them meet every second
// sample, the other half, which is the first in reverse, those between.
const (
	tap0, tap1, tap2, tap3   = 3, -11, 12, 32
	tap4, tap5, tap6, tap7   = -210, 951, 3876, -805
	tap8, tap9, tap10, tap11 = 362, -156, 53, -11
	halfTaps                 = 12
)

// The taps add up to 2 in units of 1/4096. Bands are of half the amplitude of the sound, so that their sum and difference
// stay within 16 bits.
const (
	analysisShift  = 14
	synthesisShift = 11
)

// A g722Past remembers the last 12 values. Each is written twice, so that wherever the newest is, the 12 lie in a row.
type g722Past struct {
	values [2 * halfTaps]int32
	newest int
}

// add forgets the oldest value for one more, and returns all, the oldest first.
func (p *g722Past) add(value int32) *[halfTaps]int32 {
	p.values[p.newest], p.values[p.newest+halfTaps] = value, value
	all := (*[halfTaps]int32)(p.values[p.newest+1:])
	if p.newest++; p.newest == halfTaps {
		p.newest = 0
	}
	return all
}

// filter weighs the values of two pasts, the oldest first: one by the taps as they stand, the other by the taps in reverse.
func filter(v, w *[halfTaps]int32) (ascending, descending int32) {
	ascending = v[0]*tap0 + v[1]*tap1 + v[2]*tap2 + v[3]*tap3 + v[4]*tap4 + v[5]*tap5 +
		v[6]*tap6 + v[7]*tap7 + v[8]*tap8 + v[9]*tap9 + v[10]*tap10 + v[11]*tap11
	descending = w[0]*tap11 + w[1]*tap10 + w[2]*tap9 + w[3]*tap8 + w[4]*tap7 + w[5]*tap6 +
		w[6]*tap5 + w[7]*tap4 + w[8]*tap3 + w[9]*tap2 + w[10]*tap1 + w[11]*tap0
	return ascending, descending
}
