package codec

// G.722 at 64 kbit/s (mode 1). The sound, at 16 kHz, is split into two bands of 8 kHz by a quadrature mirror filter. Of
// each band every sample is predicted, and the error of the prediction sent: 6 bits for the lower band, 2 for the higher,
// which make a byte. The recommendation gives all of it to the bit (section 6), so two decoders agree exactly.

// The lower band's bits are the low ones of a byte (G.722 section 1.4).
const g722LowBits = 6

// A g722Encoder is what an encoder of G.722 remembers: about 400 bytes.
type g722Encoder struct {
	early, late g722Past // the first and the second sample of each pair
	low, high   g722Band
}

func newG722Encoder() *g722Encoder {
	return &g722Encoder{low: newLowBand(), high: newHighBand()}
}

// Encode takes any even number of samples: a byte is two of them.
func (e *g722Encoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	n := len(pcm) / 2
	if n == 0 || len(pcm)%2 != 0 {
		return nil, ErrLength
	}
	if len(dst) < n {
		return nil, ErrRoom
	}
	dst = dst[:n]
	for i := range dst {
		pair := pcm[2*i : 2*i+2]
		dst[i] = e.encodePair(int32(pair[0]), int32(pair[1]))
	}
	return dst, nil
}

// Follow implements Follower. The bands adapt by the codes alone, in an encoder as in a decoder.
func (e *g722Encoder) Follow(payload []byte) (last int16) {
	decoder := g722Decoder{low: e.low, high: e.high}
	for _, code := range payload {
		first, second := decoder.decodePair(uint32(code))
		e.early.add(int32(first))
		e.late.add(int32(second))
	}
	e.low, e.high = decoder.low, decoder.high
	for range filterDelay / 2 { // what the other encoder heard last has not come out of the decoder yet: what is most likely
		first, second := decoder.guessPair()
		e.early.add(int32(first))
		e.late.add(int32(second))
		last = second
	}
	return last
}

// encodePair makes a byte of two samples.
func (e *g722Encoder) encodePair(first, second int32) byte {
	early, late := filter(e.early.add(first), e.late.add(second))
	low := e.low.encodeLow((late + early) >> analysisShift)
	high := e.high.encodeHigh((late - early) >> analysisShift)
	return byte(high<<g722LowBits | low)
}

// A g722Decoder is what a decoder of G.722 remembers: about 400 bytes.
type g722Decoder struct {
	sums, differences g722Past
	low, high         g722Band
}

func newG722Decoder() *g722Decoder {
	return &g722Decoder{low: newLowBand(), high: newHighBand()}
}

// Decode makes two samples of every byte: there is none that means nothing.
func (d *g722Decoder) Decode(dst []int16, payload []byte) ([]int16, error) {
	if len(payload) == 0 {
		return nil, ErrPayload
	}
	if len(dst) < 2*len(payload) {
		return nil, ErrRoom
	}
	dst = dst[:2*len(payload)]
	for i, code := range payload {
		pair := dst[2*i : 2*i+2]
		pair[0], pair[1] = d.decodePair(uint32(code))
	}
	return dst, nil
}

// decodePair makes two samples of a byte.
func (d *g722Decoder) decodePair(code uint32) (first, second int16) {
	low := d.low.decodeLow(code & (1<<g722LowBits - 1))
	high := d.high.decodeHigh(code >> g722LowBits)
	sum, difference := filter(d.sums.add(low+high), d.differences.add(low-high))
	return int16(saturate(difference >> synthesisShift)), int16(saturate(sum >> synthesisShift))
}

// filterDelay is by how many samples sound comes out of the decoder later than it went into the encoder.
const filterDelay = 22

// guessPair makes two samples of what is predicted to come.
func (d *g722Decoder) guessPair() (first, second int16) {
	low, high := limitBand(d.low.prediction), limitBand(d.high.prediction)
	d.low.learn(0)
	d.high.learn(0)
	sum, difference := filter(d.sums.add(low+high), d.differences.add(low-high))
	return int16(saturate(difference >> synthesisShift)), int16(saturate(sum >> synthesisShift))
}

// saturate limits a value to 16 bits, as all arithmetic of the recommendation does.
func saturate(x int32) int32 { return min(max(x, -1<<15), 1<<15-1) }
