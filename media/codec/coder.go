package codec

import "errors"

// What can be wrong with what an Encoder or a Decoder is given. They are values, made once: a flood of bad packets costs no
// memory.
var (
	// ErrRoom is that of a buffer in which the result has no room. Nothing was coded.
	ErrRoom = errors.New("codec: the buffer is too small for the result")
	// ErrLength is that of a number of samples that the codec does not code. Nothing was coded.
	ErrLength = errors.New("codec: not a number of samples that can be encoded")
	// ErrPayload is that of a payload which is not one of the codec's.
	ErrPayload = errors.New("codec: malformed payload")
)

// An Encoder makes payloads of linear PCM at its codec's SampleRate. It is owned by one goroutine.
type Encoder interface {
	// Encode writes pcm, the sound that follows what it was given last, into dst and returns the part written.
	// Every codec takes 10, 20, 40 and 60 ms, and all but Opus 30 and 50 ms. The errors are ErrRoom and ErrLength.
	Encode(dst []byte, pcm []int16) ([]byte, error)
}

// A Decoder makes linear PCM at its codec's SampleRate of payloads. It is owned by one goroutine.
type Decoder interface {
	// Decode writes the sound of payload, which follows the one that it was given last, into dst and returns the part
	// written. A payload may be anything. The errors are ErrPayload, and ErrRoom if dst cannot hold all of the sound.
	Decode(dst []int16, payload []byte) ([]int16, error)
}

// A Concealer is a Decoder that can make up for a lost packet by what it heard before.
type Concealer interface {
	// Conceal fills dst in place of a packet that is lost, and returns the part written: all, or nothing if dst is of a
	// length that cannot be made up.
	Conceal(dst []int16) []int16
}

// A Follower is an Encoder that can take over a stream from another one.
type Follower interface {
	// Follow takes in what the other encoder sent last, so that the far end's decoder goes on smoothly with what is encoded next,
	// and returns the last sample of it. Of G.722, 100 ms are enough to bring the two together (its predictors forget a
	// 256th with each pair of samples).
	Follow(payload []byte) (last int16)
}

// NewEncoder returns an encoder that has heard nothing yet. A codec that is not Available makes it panic.
func (c Codec) NewEncoder() Encoder {
	switch c {
	case PCMU, PCMA:
		return &laws[c]
	case G722:
		return newG722Encoder()
	case L16:
		return &l16
	case Opus:
		return newOpusEncoder()
	}
	panic("codec: there is no encoder of " + c.String())
}

// NewDecoder returns a decoder that has heard nothing yet. A codec that is not Available makes it panic.
func (c Codec) NewDecoder() Decoder {
	switch c {
	case PCMU, PCMA:
		return &laws[c]
	case G722:
		return newG722Decoder()
	case L16:
		return &l16
	case Opus:
		return newOpusDecoder()
	}
	panic("codec: there is no decoder of " + c.String())
}
