package media

import (
	"fmt"
	"math/bits"
	"strings"
)

// A Codec is a way to carry sound in packets.
type Codec uint8

// The codecs of ITU-T G.711: 8000 samples a second, one byte each.
const (
	PCMU   Codec = iota // µ-law, RTP payload type 0
	PCMA                // A-law, RTP payload type 8
	codecs              // how many there are
)

// codecNames are the encoding names of RFC 3551, by Codec.
var codecNames = [codecs]string{"PCMU", "PCMA"}

// silenceByte is a sample of silence, by Codec.
var silenceByte = [codecs]byte{0xFF, 0xD5}

// String returns the codec's name in RFC 3551.
func (c Codec) String() string {
	if c >= codecs {
		return fmt.Sprintf("codec(%d)", uint8(c))
	}
	return codecNames[c]
}

// ParseCodec finds a codec by its name in any case, as in "pcmu".
func ParseCodec(name string) (Codec, error) {
	for c, known := range codecNames {
		if strings.EqualFold(name, known) {
			return Codec(c), nil
		}
	}
	return 0, fmt.Errorf("codec %q is not one of pcmu, pcma", name)
}

// Samples of a codec are looked up, both ways: encoding by the 16 bits of a linear sample, decoding by the byte, and
// from one law to the other by the byte.
var (
	encodeTable  [codecs][1 << 16]byte
	decodeTable  [codecs][256]int16
	convertTable [codecs][codecs][256]byte
)

// The tables are filled at start: 131 thousand samples, about a millisecond.
func init() {
	for i := range 256 {
		decodeTable[PCMU][i] = decodeMu(byte(i))
		decodeTable[PCMA][i] = decodeA(byte(i))
	}
	for i := range 1 << 16 {
		sample := int16(uint16(i))
		encodeTable[PCMU][i] = encodeMu(sample)
		encodeTable[PCMA][i] = encodeA(sample)
	}
	for from := range codecs {
		for to := range codecs {
			for i := range 256 {
				convertTable[from][to][i] = encodeTable[to][uint16(decodeTable[from][i])]
			}
			if from == to {
				for i := range 256 {
					convertTable[from][to][i] = byte(i)
				}
			}
		}
	}
}

// Encode writes the samples of pcm into dst, one byte each, and returns the part written: as much as both hold.
func (c Codec) Encode(dst []byte, pcm []int16) []byte {
	n := min(len(dst), len(pcm))
	table := &encodeTable[c]
	for i, sample := range pcm[:n] {
		dst[i] = table[uint16(sample)]
	}
	return dst[:n]
}

// Decode writes the samples of payload into dst and returns the part written: as much as both hold.
func (c Codec) Decode(dst []int16, payload []byte) []int16 {
	n := min(len(dst), len(payload))
	table := &decodeTable[c]
	for i, b := range payload[:n] {
		dst[i] = table[b]
	}
	return dst[:n]
}

// convert writes payload, encoded by from, into dst, encoded by to, and returns the part written.
func convert(dst, payload []byte, from, to Codec) []byte {
	n := min(len(dst), len(payload))
	table := &convertTable[from][to]
	for i, b := range payload[:n] {
		dst[i] = table[b]
	}
	return dst[:n]
}

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
func decodeMu(b byte) int16 {
	b = ^b
	magnitude := (int32(b&0x0F)<<3 + muBias) << (b >> 4 & 7)
	magnitude -= muBias
	if b&0x80 != 0 {
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
func decodeA(b byte) int16 {
	b ^= evenBits
	magnitude := int32(b&0x0F)<<4 + 8
	if segment := b >> 4 & 7; segment > 0 {
		magnitude = (magnitude + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return int16(-magnitude)
	}
	return int16(magnitude)
}
