//go:build opus

package codec

/*
#cgo pkg-config: opus
#cgo noescape opus_encode
#cgo nocallback opus_encode
#cgo noescape opus_decode
#cgo nocallback opus_decode
#include <opus.h>

// Controls of libopus are variadic, which cgo cannot call.
static int startEncoder(OpusEncoder *encoder, opus_int32 rate, opus_int32 bitrate, opus_int32 complexity, opus_int32 lossPercent) {
	int code = opus_encoder_init(encoder, rate, 1, OPUS_APPLICATION_VOIP);
	if (code == OPUS_OK) code = opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bitrate));
	if (code == OPUS_OK) code = opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity));
	if (code == OPUS_OK) code = opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
	if (code == OPUS_OK) code = opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(lossPercent));
	if (code == OPUS_OK) code = opus_encoder_ctl(encoder, OPUS_SET_DTX(0));
	return code;
}
*/
import "C"

import "unsafe"

// opusBuilt says whether Opus is in this build.
const opusBuilt = true

// How the encoder is set. RFC 7587 section 3.1.1 has 16 to 20 kbit/s for speech in wideband; a coarser copy of each frame of
// speech goes with the next packet (in-band FEC), so that a far end can make up for a lost one, and the rest is room for music
// on hold. Silence is sent like sound (no DTX): a pause in packets is taken for a dead leg.
const (
	opusBitrate     = 32000 // bit/s
	opusComplexity  = 5     // of 10; measured, a frame takes 60 % of the time that libopus's own choice, 9, takes
	opusLossPercent = 10    // the loss that the copies are made for; at 0 there would be none
)

// An opusState is the memory of libopus's encoder or decoder. libopus can be given memory instead of allocating it, the garbage
// collector never moves what lies on the heap, and no pointers to Go are in it: so it is Go's, and nobody need free it.
type opusState []uint64

// newOpusState makes room for so many bytes, aligned for what libopus puts there.
func newOpusState(bytes C.int) opusState { return make(opusState, (bytes+7)/8) }

// pointer is the memory as C takes it.
func (s opusState) pointer() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

// An opusEncoder is libopus's, of about 44 kB.
type opusEncoder struct{ state opusState }

func newOpusEncoder() Encoder {
	e := &opusEncoder{newOpusState(C.opus_encoder_get_size(1))}
	mustStart(C.startEncoder((*C.OpusEncoder)(e.state.pointer()), opusRate, opusBitrate, opusComplexity,
		opusLossPercent))
	return e
}

// mustStart panics if libopus refuses to start with constants that it documents as right.
func mustStart(code C.int) {
	if code != C.OPUS_OK {
		panic("codec: libopus does not start: " + C.GoString(C.opus_strerror(code)))
	}
}

// Encode takes 10, 20, 40 and 60 ms, and a dst of FrameBytes or more.
func (e *opusEncoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	switch len(pcm) {
	case 4 * opusUnit, 8 * opusUnit, 16 * opusUnit, 24 * opusUnit:
	default:
		return nil, ErrLength
	}
	if len(dst) < opusFrameBytes {
		return nil, ErrRoom
	}
	n := C.opus_encode((*C.OpusEncoder)(e.state.pointer()), (*C.opus_int16)(&pcm[0]), C.int(len(pcm)),
		(*C.uchar)(&dst[0]), opusFrameBytes)
	if n <= 0 {
		return nil, ErrLength // of what it can refuse, only the length is not constant
	}
	return dst[:n], nil
}

// An opusDecoder is libopus's, of about 18 kB.
type opusDecoder struct{ state opusState }

func newOpusDecoder() Decoder {
	d := &opusDecoder{newOpusState(C.opus_decoder_get_size(1))}
	mustStart(C.opus_decoder_init((*C.OpusDecoder)(d.state.pointer()), opusRate, 1))
	return d
}

// Decode takes a packet of any mode and bandwidth; libopus makes one channel of two, and 16 kHz of more or less.
func (d *opusDecoder) Decode(dst []int16, payload []byte) ([]int16, error) {
	samples := opusSamples(payload)
	if samples == 0 {
		return nil, ErrPayload
	}
	if len(dst) < samples {
		return nil, ErrRoom
	}
	n := C.opus_decode((*C.OpusDecoder)(d.state.pointer()), (*C.uchar)(&payload[0]), C.opus_int32(len(payload)),
		(*C.opus_int16)(&dst[0]), C.int(samples), 0)
	if n <= 0 {
		return nil, ErrPayload
	}
	return dst[:n], nil
}

// Conceal makes up a multiple of 2.5 ms: what was heard last, fading out as losses follow each other.
func (d *opusDecoder) Conceal(dst []int16) []int16 {
	if len(dst) == 0 {
		return nil
	}
	n := C.opus_decode((*C.OpusDecoder)(d.state.pointer()), nil, 0, (*C.opus_int16)(&dst[0]), C.int(len(dst)), 0)
	return dst[:max(n, 0)]
}
