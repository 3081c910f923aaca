package codec

// The quantizers of the two bands. A code is the number of steps that a prediction's error is, not evenly spaced: close
// together where it is small. Adaptation uses 4 bits of the lower band's 6, so that a decoder which is sent fewer agrees.

// The bounds of the logarithm of a step, and the halvings below the largest one (blocks LOGSCL, SCALEL, LOGSCH, SCALEH).
const (
	lowMostLog, lowFinest   = 18432, 8
	highMostLog, highFinest = 22528, 10
)

// A band begins with the smallest step (G.722 section 6, reset).
func newLowBand() g722Band  { return g722Band{step: 32} }
func newHighBand() g722Band { return g722Band{step: 8} }

// stepMantissas are 2048 times the powers of two by 32nds (table ILB).
var stepMantissas = [32]int32{
	2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
	2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
}

// lowLevels are where each interval of the lower band's quantizer begins, in units of a 4096th of a step (table Q6).
var lowLevels = [30]int32{
	0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714,
	786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, lowLastLevel,
}

const lowLastLevel = 2919

// lowCodes are the codes of the intervals: of errors from 0 up, and of those below (tables ILP, ILN).
var lowCodes = [2][30]uint8{
	{61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32},
	{63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4},
}

// lowLookup are the same codes by the level of an error instead of its interval: one look in place of a search.
var lowLookup [2][lowLastLevel + 1]uint8

func init() {
	for sign, codes := range lowCodes {
		for interval, first := range lowLevels {
			for level := first; level <= lowLastLevel; level++ {
				lowLookup[sign][level] = codes[interval]
			}
		}
	}
}

// lowErrors are what the 6 bit codes of the lower band mean, in units of a 32768th of a step (table QM6).
var lowErrors = [64]int32{
	-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
	-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
	24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
	4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
}

// lowCoarse are what the lower band's first 4 bits mean to the adaptation: an error, in units of a 32768th of a step (table
// QM4), and a change of the step's logarithm (tables WL, RL42).
var lowCoarse = [16]struct{ miss, change int32 }{
	{0, -60}, {-20456, 3042}, {-12896, 1198}, {-8968, 538}, {-6288, 334}, {-4240, 172}, {-2584, 58}, {-1200, -30},
	{20456, 3042}, {12896, 1198}, {8968, 538}, {6288, 334}, {4240, 172}, {2584, 58}, {1200, -30}, {0, -60},
}

// highLevel is where the higher band's larger interval begins, in units of a 4096th of a step (table Q2).
const highLevel = 564

// highCodes are the codes of the intervals of the higher band, of errors from 0 up and of those below (tables IHP, IHN).
var highCodes = [2][2]uint32{{3, 2}, {1, 0}}

// highMeanings are what the higher band's codes mean: an error (table QM2) and a change of the step's logarithm (tables WH,
// RH2), as in lowCoarse.
var highMeanings = [4]struct{ miss, change int32 }{{-7408, 798}, {-1616, -214}, {7408, 798}, {1616, -214}}

// encodeLow quantizes a sample of the lower band (block QUANTL) and adapts to what is sent of it. A size reaches a level if
// level·step/4096, rounded down, is at most the size; the highest such level is found by one division.
func (b *g722Band) encodeLow(sample int32) uint32 {
	miss := saturate(sample - b.prediction)
	sign := miss >> 31
	size := miss ^ sign // of a negative error, that of its complement
	level := (uint32(size+1)<<12 - 1) / uint32(b.step)
	code := uint32(lowLookup[sign&1][min(level, lowLastLevel)])
	b.learnLow(code)
	return code
}

// decodeLow returns the sample of the lower band that a 6 bit code means (block INVQBL), and adapts.
func (b *g722Band) decodeLow(code uint32) int32 {
	sample := limitBand(b.prediction + b.step*lowErrors[code&63]>>15)
	b.learnLow(code)
	return sample
}

// learnLow adapts the lower band to a code (block INVQAL).
func (b *g722Band) learnLow(code uint32) {
	meaning := &lowCoarse[code>>2&15]
	miss := b.step * meaning.miss >> 15
	b.adaptStep(meaning.change, lowMostLog, lowFinest)
	b.learn(miss)
}

// encodeHigh quantizes a sample of the higher band (block QUANTH) and adapts to what is sent of it.
func (b *g722Band) encodeHigh(sample int32) uint32 {
	miss := saturate(sample - b.prediction)
	sign := miss >> 31
	interval := 0
	if miss^sign >= highLevel*b.step>>12 {
		interval = 1
	}
	code := highCodes[sign&1][interval]
	b.learnHigh(code)
	return code
}

// decodeHigh returns the sample of the higher band that a 2 bit code means, and adapts.
func (b *g722Band) decodeHigh(code uint32) int32 {
	prediction := b.prediction
	return limitBand(prediction + b.learnHigh(code))
}

// learnHigh adapts the higher band to a code and returns the error that it means (block INVQAH).
func (b *g722Band) learnHigh(code uint32) int32 {
	meaning := &highMeanings[code&3]
	miss := b.step * meaning.miss >> 15
	b.adaptStep(meaning.change, highMostLog, highFinest)
	b.learn(miss)
	return miss
}
