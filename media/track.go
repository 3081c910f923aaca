package media

import "github.com/spillway-voice/spillway/media/codec"

// Codecs is a set of codecs. The zero value is that of G.711, both laws, which every set has.
type Codecs uint8

// CodecsOf returns the set of some codecs.
func CodecsOf(list ...codec.Codec) Codecs {
	var set Codecs
	for _, c := range list {
		set |= 1 << c
	}
	return set
}

// Has reports whether a codec is in the set.
func (s Codecs) Has(c codec.Codec) bool { return c <= codec.PCMA || s>>c&1 != 0 }

// wide reports whether any of them carries wide-band sound.
func (s Codecs) wide() bool {
	for c := range codec.Count {
		if s.Has(c) && c.SampleRate() == WideRate {
			return true
		}
	}
	return false
}

// track is a recording in one codec: a payload for each frame. Nobody may write to it.
type track struct {
	data []byte
	ends []int // of each payload in data; nil: all are of one size
	size int   // of each payload, if they are
}

// newTrack encodes sound at the codec's rate, a whole number of frames.
func newTrack(c codec.Codec, pcm []int16) *track {
	length := c.SampleRate() / framesPerSecond
	frames := len(pcm) / length
	t := &track{data: make([]byte, 0, frames*c.FrameBytes()), size: c.FrameBytes()}
	if c == codec.Opus {
		t.data, t.ends = nil, make([]int, 0, frames)
	}
	encoder, room := c.NewEncoder(), make([]byte, c.FrameBytes())
	if c == codec.G722 {
		warm(encoder, pcm, room, length)
	}
	for i := range frames {
		payload, err := encoder.Encode(room, pcm[i*length:(i+1)*length])
		if err != nil {
			panic("media: a frame of sound cannot be encoded: " + err.Error()) // neither its length nor its room is wrong
		}
		t.data = append(t.data, payload...)
		if t.ends != nil {
			t.ends = append(t.ends, len(t.data))
		}
	}
	return t
}

// warm lets an encoder hear the end of a recording before its beginning: the decoder of who hears it round and round has, and one
// of G.722 that heard something else gives a crack as loud as can be (measured, of a sine of -9 dBFS).
func warm(encoder codec.Encoder, pcm []int16, room []byte, length int) {
	frames := len(pcm) / length
	for i := max(frames-framesPerSecond, 0); i < frames; i++ {
		if _, err := encoder.Encode(room, pcm[i*length:(i+1)*length]); err != nil {
			panic("media: a frame of sound cannot be encoded: " + err.Error()) // as in newTrack
		}
	}
}

// frame returns the payload of a frame.
func (t *track) frame(i int) []byte {
	from, to := i*t.size, (i+1)*t.size
	if t.ends != nil {
		from, to = 0, t.ends[i]
		if i > 0 {
			from = t.ends[i-1]
		}
	}
	return t.data[from:to:to]
}

// bytes returns how much memory the track holds.
func (t *track) bytes() int { return cap(t.data) + 8*cap(t.ends) }
