package codec

// linear16 carries samples as they are, big-endian (RFC 3551 section 4.5.11). It has no memory, so one serves all.
type linear16 struct{}

var l16 linear16

// l16Samples returns how many samples a payload of L16 holds: none if one of them is cut.
func l16Samples(payload []byte) int {
	if len(payload)%2 != 0 {
		return 0
	}
	return len(payload) / 2
}

// Encode writes any number of samples.
func (*linear16) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm) == 0 {
		return nil, ErrLength
	}
	if len(dst) < 2*len(pcm) {
		return nil, ErrRoom
	}
	dst = dst[:2*len(pcm)]
	for i, sample := range pcm {
		dst[2*i], dst[2*i+1] = byte(uint16(sample)>>8), byte(sample)
	}
	return dst, nil
}

// Decode reads any number of whole samples.
func (*linear16) Decode(dst []int16, payload []byte) ([]int16, error) {
	n := l16Samples(payload)
	if n == 0 {
		return nil, ErrPayload
	}
	if len(dst) < n {
		return nil, ErrRoom
	}
	dst = dst[:n]
	for i := range dst {
		dst[i] = int16(uint16(payload[2*i])<<8 | uint16(payload[2*i+1]))
	}
	return dst, nil
}
