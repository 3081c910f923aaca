package codec

// A g722Band predicts the next sample of a band from the errors of the predictions before, the same in the encoder and in
// the decoder: six zeros and two poles, and the size of a step, all adapted with each sample (G.722 section 3).
// Numbers are those of the recommendation's fixed-point: 16 bit each, fractions by powers of two.
type g722Band struct {
	prediction int32        // of the next sample (S)
	fromZeros  int32        // the share of the zeros in it (SZ)
	zeros      [zeros]int32 // their weights (B), units of 1/16384
	errors     [zeros]int32 // what they weigh, doubled: the last errors, newest first (D)
	pole1      int32        // weight of the last sample (A1), units of 1/16384
	pole2      int32        // weight of the one before (A2)
	last       int32        // the last sample, doubled, as the decoder has it (R)
	beforeLast int32        // the one before, doubled
	sign1      int32        // the sign of the last error with the zeros' share (P): 0 or -1
	sign2      int32        // the one before
	logStep    int32        // the logarithm of the step (NB)
	step       int32        // the size of a step (DET)
}

// zeros are how many of a predictor's there are.
const zeros = 6

// limitBand limits a band's sample to half of 16 bits (blocks LIMIT).
func limitBand(x int32) int32 { return min(max(x, -1<<14), 1<<14-1) }

// learn adapts the predictor to its miss, an error as the decoder knows it, and predicts the next sample.
func (b *g722Band) learn(miss int32) {
	sample := saturate(b.prediction + miss)
	b.adaptPoles((b.fromZeros + miss) >> 31)
	fromZeros := b.adaptZeros(miss)
	b.last, b.beforeLast = saturate(sample*2), b.last
	fromPoles := saturate(b.pole1*b.last>>15 + b.pole2*b.beforeLast>>15)
	b.fromZeros, b.prediction = fromZeros, saturate(fromPoles+fromZeros)
}

// adaptPoles moves the poles by the signs of what the last samples had that the poles did not predict (blocks UPPOL2,
// UPPOL1): with each sample they lose a part, which forgets errors of transmission, and gain by the signs that agree.
// Bounds keep the predictor stable.
func (b *g722Band) adaptPoles(sign int32) {
	same1, same2 := ^(sign ^ b.sign1), ^(sign ^ b.sign2) // -1 if equal, else 0
	pull := saturate(b.pole1 * 4)
	pull = min(negateIf(same1, pull), 1<<15-1)
	pole2 := pull>>7 - negateIf(same2, 128) + b.pole2*32512>>15
	pole2 = min(max(pole2, -12288), 12288)
	bound := 15360 - pole2
	pole1 := b.pole1*32640>>15 - negateIf(same1, 192)
	b.pole1, b.pole2 = min(max(pole1, -bound), bound), pole2
	b.sign1, b.sign2 = sign, b.sign1
}

// adaptZeros moves the zeros by the signs of the last errors, remembers the error, and returns what the zeros make of the
// errors for the next sample (blocks UPZERO, DELAYA, FILTEZ).
func (b *g722Band) adaptZeros(miss int32) int32 {
	gain := int32(128)
	if miss == 0 {
		gain = 0
	}
	w, e := &b.zeros, &b.errors
	e0, e1, e2, e3, e4, e5 := e[0], e[1], e[2], e[3], e[4], e[5]
	newest := saturate(miss * 2)
	w0, w1, w2 := moved(w[0], e0^miss, gain), moved(w[1], e1^miss, gain), moved(w[2], e2^miss, gain)
	sum := w0*newest>>15 + w1*e0>>15 + w2*e1>>15
	w3, w4, w5 := moved(w[3], e3^miss, gain), moved(w[4], e4^miss, gain), moved(w[5], e5^miss, gain)
	sum += w3*e2>>15 + w4*e3>>15 + w5*e4>>15
	w[0], w[1], w[2], w[3], w[4], w[5] = w0, w1, w2, w3, w4, w5
	e[0], e[1], e[2], e[3], e[4], e[5] = newest, e0, e1, e2, e3, e4
	return saturate(sum)
}

// moved is the weight of a zero after it lost a 256th, and gained if the signs of two errors agree or lost if not. It cannot
// leave 16 bits, as the gain is at most a 256th of them.
func moved(weight, signs, gain int32) int32 {
	return weight*32640>>15 + gain - signs>>31&(2*gain)
}

// negateIf returns -x if mask is -1, and x if it is 0.
func negateIf(mask, x int32) int32 { return x ^ mask - mask }

// adaptStep makes the step larger or smaller by the code that was sent, and forgets a 128th of its logarithm (blocks LOGSCL,
// SCALEL, LOGSCH, SCALEH). Finest is how many halvings there are below the largest of stepMantissas.
func (b *g722Band) adaptStep(change, most, finest int32) {
	b.logStep = min(max(b.logStep*127>>7+change, 0), most)
	mantissa := stepMantissas[b.logStep>>6&31]
	b.step = mantissa << 1 >> (finest + 1 - b.logStep>>11) << 2
}
