package playback

import "math"

const (
	fullScale    = 32768.0
	noiseOrder   = 12 // reflection coefficients that count; RFC 3389 section 3.1 sets no bound, and 10 are the most in use
	noiseSeed    = 0x5EED1E55
	noiseGliding = 0.01 // the part of the way to its new level that noise goes with each sample
)

// noise makes comfort noise: white noise, or shaped by an all-pole lattice (RFC 3389 section 3). The same seed makes the same
// noise.
type noise struct {
	state      uint32
	described  bool
	level      float32 // root mean square now
	target     float32 // and where it goes
	excitation float32 // of the filter, for a level of 1
	order      int
	reflection [noiseOrder]float32
	memory     [noiseOrder + 1]float32
}

// forget makes it silent.
func (n *noise) forget() { *n = noise{state: noiseSeed, excitation: 1} }

// describe takes in the payload of an RFC 3389 packet, which has one byte at least.
func (n *noise) describe(payload []byte) {
	n.described = true
	n.target = float32(fullScale * math.Pow(10, -float64(payload[0]&0x7F)/20)) // -dBov (RFC 3389 section 3.1)
	n.order = min(len(payload)-1, noiseOrder)
	power := 1.0
	for i := range n.order {
		k := 258 * (float64(min(payload[1+i], 254)) - 127) / 32768 // RFC 3389 section 3.2; 255 is beyond what is stable
		n.reflection[i] = float32(k)
		power *= 1 - k*k
	}
	n.excitation = float32(math.Sqrt(power))
	n.memory = [noiseOrder + 1]float32{}
}

// suppose makes it as loud as the background was found to be, unless the far end has described it.
func (n *noise) suppose(level float32) {
	if !n.described {
		n.target = level
	}
}

// audible reports whether anything is to be heard of it.
func (n *noise) audible() bool { return n.target >= 0.5 || n.level >= 0.5 }

// next returns the next sample.
func (n *noise) next() float32 {
	n.state ^= n.state << 13
	n.state ^= n.state >> 17
	n.state ^= n.state << 5
	n.level += (n.target - n.level) * noiseGliding
	const rootThree = 1.7320508 // even distribution over -1 to 1 has a root mean square of 1/√3
	x := float32(int32(n.state)) / (1 << 31) * rootThree * n.excitation
	for i := n.order - 1; i >= 0; i-- {
		x -= n.reflection[i] * n.memory[i]
		n.memory[i+1] = n.memory[i] + n.reflection[i]*x
	}
	n.memory[0] = x
	return x * n.level
}
