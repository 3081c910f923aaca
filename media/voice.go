package media

import (
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

// voice turns frames of sound into the payloads of a stream: it encodes what is not encoded yet, joins what follows on
// each other without a click, and makes packets of the length that the far end wants. It is owned by the outgoing stream.
type voice struct {
	codec   codec.Codec
	packet  int    // bytes of sound in a packet; 0: whatever a frame takes
	pending []byte // encoded sound that is shorter than a packet; nil when packets are frames

	encoder codec.Encoder // nil until something has to be encoded for this listener alone
	pcm     []int16       // room for a frame; nil until then
	last    int16         // the last sample that was sent, as far as it is known
	code    byte          // that sample, as a code of G.711 on its way through a bridge
	relayed bool          // code holds, not last
	joins   bool          // what comes next does not go on with what was sent last
}

// rampPart is the part of a frame over which one sound gives way to the next: a quarter, 5 ms, too short to be heard as
// a fade and long enough to be heard as no click.
const rampPart = 4

// change has the voice speak another codec, in packets of a duration. It reports whether the clock of the timestamps is
// another one than before.
func (v *voice) change(c codec.Codec, packet time.Duration) (clock bool) {
	size := 0
	if packet != FrameDuration && c != codec.Opus { // the frames of Opus cannot be cut or joined
		size = c.FrameBytes() * int(packet/(10*time.Millisecond)) / 2
	}
	if c != v.codec {
		clock = c.ClockRate() != v.codec.ClockRate()
		v.encoder, v.pcm, v.last = nil, nil, 0
		v.pending = nil
	}
	if size != v.packet {
		v.pending = nil
	}
	v.codec, v.packet = c, size
	return clock
}

// step is how far a frame moves the timestamps on.
func (v *voice) step() uint32 { return uint32(v.codec.ClockRate() / framesPerSecond) }

// frame returns the next frame of a source, encoded, in room unless others share it, or nil when the source is over.
func (v *voice) frame(source Source, room []byte) []byte {
	if shared, ok := source.(encodedSource); ok && !v.joins {
		if payload, last := shared.nextEncoded(v.codec); payload != nil {
			v.last = last
			return payload
		}
	}
	pcm := v.room()
	if !source.Next(pcm) {
		return nil
	}
	return v.encode(pcm, room)
}

// silence returns a frame of silence.
func (v *voice) silence(room []byte) []byte {
	if v.codec <= codec.PCMA && !v.joins {
		payload := room[:FrameSize]
		for i := range payload {
			payload[i] = v.codec.Silence()
		}
		return payload
	}
	pcm := v.room()
	clear(pcm)
	return v.encode(pcm, room)
}

// room returns the frame in which sound is put that is encoded for this listener alone.
func (v *voice) room() []int16 {
	if v.pcm == nil {
		v.pcm = make([]int16, v.codec.SampleRate()/framesPerSecond)
	}
	return v.pcm
}

// encode encodes a frame of sound; nil when the codec cannot.
func (v *voice) encode(pcm []int16, room []byte) []byte {
	if v.joins {
		v.join(pcm)
	}
	if v.encoder == nil {
		v.encoder = v.codec.NewEncoder()
	}
	v.last = pcm[len(pcm)-1]
	payload, err := v.encoder.Encode(room, pcm)
	if err != nil {
		return nil
	}
	return payload
}

// join lets what was sent last fade while the frame rises.
func (v *voice) join(pcm []int16) {
	if v.relayed {
		var sample [1]int16
		if _, err := v.codec.NewDecoder().Decode(sample[:], []byte{v.code}); err == nil {
			v.last = sample[0]
		}
	}
	v.joins, v.relayed = false, false
	n := len(pcm) / rampPart
	for i := range pcm[:n] {
		pcm[i] = int16((int(pcm[i])*i + int(v.last)*(n-i)) / n)
	}
}

// passed notes a payload that somebody else encoded, on its way through a bridge.
func (v *voice) passed(payload []byte) {
	v.joins, v.last, v.relayed = true, 0, v.codec <= codec.PCMA
	v.code = payload[len(payload)-1]
	v.pending = v.pending[:0]
}

// whole takes in the payload of a frame and returns that of a packet, in room; nil when a packet is not full yet. More
// packets may be full: rest returns them.
func (v *voice) whole(payload, room []byte) []byte {
	if v.packet == 0 {
		return payload
	}
	v.pending = append(v.pending, payload...)
	return v.rest(room)
}

// rest returns the payload of the next packet of what is pending, in room.
func (v *voice) rest(room []byte) []byte {
	if v.packet == 0 || len(v.pending) < v.packet {
		return nil
	}
	payload := room[:v.packet]
	copy(payload, v.pending)
	v.pending = v.pending[:copy(v.pending, v.pending[v.packet:])]
	return payload
}

// duration returns how far a payload moves the timestamps on.
func (v *voice) duration(payload []byte) uint32 {
	return uint32(v.codec.Samples(payload) * (v.codec.ClockRate() / 1000) / (v.codec.SampleRate() / 1000))
}
