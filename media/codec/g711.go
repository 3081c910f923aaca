package codec

import "math/bits"

// A law is one of the two of ITU-T G.711: 8000 samples a second, one byte each. Samples are looked up, both ways:
// encoding by the 16 bits of a linear sample, decoding by the byte. It has no memory, so one serves all.
type law struct {
	encoded [1 << 16]byte
	decoded [256]int16
}

// The laws by Codec, and the code in the second law of a code in the first.
var (
	laws        [PCMA + 1]law
	conversions [PCMA + 1][PCMA + 1][256]byte
)

// The tables are filled at start: 131 thousand samples, about a millisecond.
func init() {
	laws[PCMU].fill(encodeMu, decodeMu)
	laws[PCMA].fill(encodeA, decodeA)
	for i := range 256 {
		conversions[PCMU][PCMA][i] = encodeA(decodeMu(byte(i)))
		conversions[PCMA][PCMU][i] = encodeMu(decodeA(byte(i)))
	}
}

// fill tabulates a law.
func (l *law) fill(encode func(int16) byte, decode func(byte) int16) {
	for i := range l.decoded {
		l.decoded[i] = decode(byte(i))
	}
	for i := range l.encoded {
		l.encoded[i] = encode(int16(uint16(i)))
	}
}

// Encode compresses any number of samples.
func (l *law) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm) == 0 {
		return nil, ErrLength
	}
	if len(dst) < len(pcm) {
		return nil, ErrRoom
	}
	dst = dst[:len(pcm)]
	for i, sample := range pcm {
		dst[i] = l.encoded[uint16(sample)]
	}
	return dst, nil
}

// Decode expands any number of codes: there is none that means nothing.
func (l *law) Decode(dst []int16, payload []byte) ([]int16, error) {
	if len(payload) == 0 {
		return nil, ErrPayload
	}
	if len(dst) < len(payload) {
		return nil, ErrRoom
	}
	dst = dst[:len(payload)]
	for i, code := range payload {
		dst[i] = l.decoded[code]
	}
	return dst, nil
}

// Convert writes payload, encoded by from, into dst, encoded by to, and returns the part written: as much as both hold.
// Both must be of G.711, or the same; it panics otherwise.
func Convert(dst, payload []byte, from, to Codec) []byte {
	n := min(len(dst), len(payload))
	if from == to {
		return dst[:copy(dst, payload)]
	}
	table := &conversions[from][to]
	for i, code := range payload[:n] {
		dst[i] = table[code]
	}
	return dst[:n]
}

// silences are the codes of a sample of silence, by Codec.
var silences = [...]byte{PCMU: 0xFF, PCMA: 0xD5}

// Silence returns the byte that is a sample of silence in a codec of G.711; it panics for the others, of which only
// L16 has one (0).
func (c Codec) Silence() byte { return silences[c] }

// muBias is added before a sample's µ-law segment is found, so that segments begin at powers of two (G.711 table 2a,
// in 16 bit units).
const muBias = 0x84

// encodeMu compresses by the µ-law.
func encodeMu(sample int16) byte {
	magnitude, sign := int32(sample), byte(0)
	if magnitude < 0 {
		magnitude, sign = -magnitude, 0x80
	}
	magnitude = min(magnitude, 32635) + muBias // 32635: the clip level, the largest that keeps segment 7
	segment := bits.Len32(uint32(magnitude)) - 8
	return ^(sign | byte(segment<<4) | byte(magnitude>>(segment+3)&0x0F))
}

// decodeMu expands by the µ-law.
func decodeMu(code byte) int16 {
	code = ^code
	magnitude := (int32(code&0x0F)<<3 + muBias) << (code >> 4 & 7)
	magnitude -= muBias
	if code&0x80 != 0 {
		return int16(-magnitude)
	}
	return int16(magnitude)
}

// evenBits are the bits that the A-law inverts on the line (G.711 section 3).
const evenBits = 0x55

// encodeA compresses by the A-law, of which a negative sample's code is that of its complement.
func encodeA(sample int16) byte {
	magnitude, sign := int32(sample), byte(0x80)
	if magnitude < 0 {
		magnitude, sign = -magnitude-1, 0
	}
	segment := max(bits.Len32(uint32(magnitude))-8, 0)
	shift := max(segment, 1) + 3
	return (sign | byte(segment<<4) | byte(magnitude>>shift&0x0F)) ^ evenBits
}

// decodeA expands by the A-law, to the middle of each step.
func decodeA(code byte) int16 {
	code ^= evenBits
	magnitude := int32(code&0x0F)<<4 + 8
	if segment := code >> 4 & 7; segment > 0 {
		magnitude = (magnitude + 0x100) << (segment - 1)
	}
	if code&0x80 == 0 {
		return int16(-magnitude)
	}
	return int16(magnitude)
}
