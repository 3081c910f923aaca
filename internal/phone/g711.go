package phone

import "sync"

// Codec is a sound encoding, by its static RTP payload type (RFC 3551 section 6).
type Codec uint8

// The codecs that the phone speaks, both at 8000 samples a second and one byte a sample (ITU-T G.711).
const (
	PCMU Codec = 0
	PCMA Codec = 8
)

// String returns the codec's name in SDP (RFC 3551 table 4).
func (c Codec) String() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	}
	return "unknown"
}

// known says whether the phone speaks the codec.
func (c Codec) known() bool { return c == PCMU || c == PCMA }

// companding holds both directions of one law.
type companding struct {
	expand   [256]int16
	compress [65536]byte // by the sample's bits as uint16
}

// laws builds the tables of both laws once, 130 KiB in all.
var laws = sync.OnceValue(func() *[2]companding {
	var both [2]companding
	for i := range 256 {
		both[0].expand[i] = expandMuLaw(byte(i))
		both[1].expand[i] = expandALaw(byte(i))
	}
	for i := range 65536 {
		both[0].compress[i] = compressMuLaw(int16(uint16(i)))
		both[1].compress[i] = compressALaw(int16(uint16(i)))
	}
	return &both
})

func (c Codec) law() *companding {
	if c == PCMA {
		return &laws()[1]
	}
	return &laws()[0]
}

// Encode returns linear sound in the codec, one byte a sample, as it stands in packets and in raw files.
func (c Codec) Encode(pcm []int16) []byte {
	law, b := c.law(), make([]byte, len(pcm))
	for i, s := range pcm {
		b[i] = law.compress[uint16(s)]
	}
	return b
}

// Decode is the opposite of Encode.
func (c Codec) Decode(b []byte) []int16 { return c.decode(make([]int16, 0, len(b)), b) }

// decode appends the samples of a payload to pcm.
func (c Codec) decode(pcm []int16, payload []byte) []int16 {
	law := c.law()
	for _, b := range payload {
		pcm = append(pcm, law.expand[b])
	}
	return pcm
}

// expandMuLaw turns a mu-law byte into a linear sample (G.711 table 2).
func expandMuLaw(b byte) int16 {
	b = ^b
	magnitude := (int(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		return int16(-magnitude)
	}
	return int16(magnitude)
}

// compressMuLaw turns a linear sample into the mu-law byte next to it.
func compressMuLaw(s int16) byte {
	const bias, clip = 0x84, 32635
	magnitude, sign := int(s), byte(0)
	if magnitude < 0 {
		magnitude, sign = -magnitude, 0x80
	}
	magnitude = min(magnitude, clip) + bias
	segment := 7
	for mask := 0x4000; magnitude&mask == 0 && segment > 0; mask >>= 1 {
		segment--
	}
	return ^(sign | byte(segment)<<4 | byte(magnitude>>(segment+3)&0x0f))
}

// expandALaw turns an A-law byte into a linear sample (G.711 table 1).
func expandALaw(b byte) int16 {
	b ^= 0x55
	segment, magnitude := b>>4&7, int(b&0x0f)<<4+8
	if segment > 0 {
		magnitude = (magnitude + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return int16(-magnitude)
	}
	return int16(magnitude)
}

// compressALaw turns a linear sample into the A-law byte next to it.
func compressALaw(s int16) byte {
	magnitude, sign := int(s), byte(0x80)
	if magnitude < 0 {
		magnitude, sign = -magnitude-1, 0
	}
	if magnitude < 0x100 {
		return (sign | byte(magnitude>>4)) ^ 0x55
	}
	segment := 1
	for m := magnitude >> 8; m > 1; m >>= 1 {
		segment++
	}
	return (sign | byte(segment)<<4 | byte(magnitude>>(segment+3)&0x0f)) ^ 0x55
}
