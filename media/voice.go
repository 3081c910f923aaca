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

	recent  []byte        // of a codec whose decoders remember: what others encoded and was sent last; nil until then
	weaning int           // frames to be encoded for this listener alone, until those that others share go on smoothly
	encoder codec.Encoder // nil until something has to be encoded for this listener alone
	pcm     []int16       // room for a frame; nil until then
	last    int16         // the last sample that was sent, as far as it is known
	code    byte          // that sample, as a code of G.711 on its way through a bridge
	relayed bool          // what was sent last came over a bridge; of G.711 code holds, not last
	joins   bool          // what comes next does not go on with what was sent last
	muted   bool          // what comes next is not sent: time goes on, and nothing is encoded
}

// rampPart is the part of a frame over which one sound gives way to the next: a quarter, 5 ms, too short to be heard as
// a fade and long enough to be heard as no click.
const rampPart = 4

// The codec of which an encoder has to know what another one sent: G.722, for 100 ms. What Opus remembers cannot be handed on.
const (
	rememberedFrames = 5
	remembering      = codec.G722
)

// change has the voice speak another codec, in packets of a duration. It reports whether the clock of the timestamps is
// another one than before.
func (v *voice) change(c codec.Codec, packet time.Duration) (clock bool) {
	size := 0
	if packet != FrameDuration && c != codec.Opus { // the frames of Opus cannot be cut or joined
		size = c.FrameBytes() * int(packet/(10*time.Millisecond)) / 2
	}
	if c != v.codec {
		clock = c.ClockRate() != v.codec.ClockRate()
		v.settle()
		v.encoder, v.pcm, v.recent, v.weaning = nil, nil, nil, 0
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

// frame returns the next frame of a source, encoded, in room unless others share it, or nil when the source is over. Under
// muted it is anything but nil.
func (v *voice) frame(source Source, room []byte) []byte {
	if shared, ok := source.(encodedSource); ok && (v.muted || !v.joins && v.weaning == 0) {
		if payload, last := shared.nextEncoded(v.codec); payload != nil {
			if !v.muted {
				v.last = last
				v.remember(payload)
			}
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
	if v.muted {
		return room[:1]
	}
	if v.codec <= codec.PCMA && !v.joins {
		payload := room[:FrameSize]
		for i := range payload {
			payload[i] = v.codec.Silence()
		}
		v.last = 0
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
	if v.muted {
		return room[:1]
	}
	if v.encoder == nil {
		v.encoder = v.codec.NewEncoder()
	}
	v.follow()
	if v.joins {
		v.join(pcm)
	}
	v.weaning = max(v.weaning-1, 0)
	v.last = pcm[len(pcm)-1]
	payload, err := v.encoder.Encode(room, pcm)
	if err != nil {
		return nil
	}
	return payload
}

// join lets what was sent last fade while the frame rises.
func (v *voice) join(pcm []int16) {
	v.settle()
	v.joins = false
	v.ramp(pcm[:len(pcm)/rampPart])
	if v.codec == remembering {
		v.weaning = rememberedFrames
	}
}

// remember keeps the end of what was sent and others encoded.
func (v *voice) remember(payload []byte) {
	if v.codec != remembering {
		return
	}
	most := rememberedFrames * v.codec.FrameBytes()
	if v.recent == nil {
		v.recent = make([]byte, 0, most)
	}
	payload = payload[max(len(payload)-most, 0):]
	if over := len(v.recent) + len(payload) - most; over > 0 {
		v.recent = v.recent[:copy(v.recent, v.recent[over:])]
	}
	v.recent = append(v.recent, payload...)
}

// follow has the encoder go on from what others encoded, if that was sent last.
func (v *voice) follow() {
	follower, ok := v.encoder.(codec.Follower)
	if !ok || len(v.recent) == 0 {
		return
	}
	last := follower.Follow(v.recent)
	if v.relayed {
		v.last, v.relayed = last, false
	}
	v.recent = v.recent[:0]
}

// ramp lets what was sent last fade while some sound rises.
func (v *voice) ramp(pcm []int16) {
	for i := range pcm {
		pcm[i] = int16((int(pcm[i])*i + int(v.last)*(len(pcm)-i)) / len(pcm))
	}
}

// settle finds out the last sample that was sent, if that came over a bridge.
func (v *voice) settle() {
	if v.relayed && v.codec <= codec.PCMA {
		var sample [1]int16
		if _, err := v.codec.NewDecoder().Decode(sample[:], []byte{v.code}); err == nil {
			v.last = sample[0]
		}
	}
	v.relayed = false
}

// cut notes that something else than sound is sent, or nothing: what comes next rises out of silence.
func (v *voice) cut() {
	v.joins, v.relayed, v.last = true, false, 0
	v.pending = v.pending[:0]
}

// passed takes in a payload that somebody else encoded, on its way through a bridge. The first one is joined to what was sent
// before where samples can be told apart: for the other codecs that would take a decoder.
func (v *voice) passed(payload []byte) {
	if !v.relayed {
		v.enter(payload)
	}
	v.joins, v.relayed, v.last = true, true, 0
	switch v.codec {
	case codec.PCMU, codec.PCMA:
		v.code = payload[len(payload)-1]
	case codec.L16:
		v.last = int16(uint16(payload[len(payload)-2])<<8 | uint16(payload[len(payload)-1]))
	}
	v.remember(payload)
	v.pending = v.pending[:0]
}

// enter lets what was sent last fade while a payload that comes over a bridge rises.
func (v *voice) enter(payload []byte) {
	if v.codec != codec.PCMU && v.codec != codec.PCMA && v.codec != codec.L16 {
		return
	}
	pcm := v.room()
	size := v.codec.FrameBytes() / len(pcm)
	beginning := payload[:min(len(payload)/size, len(pcm)/rampPart)*size]
	if pcm, err := v.codec.NewDecoder().Decode(pcm, beginning); err == nil {
		v.ramp(pcm)
		_, _ = v.codec.NewEncoder().Encode(beginning, pcm) // what was decoded has room where it was
	}
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
