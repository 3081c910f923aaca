package media

import (
	"net/netip"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
)

// relay maps the packets of the other side of a bridge into our stream.
type relay struct {
	anchored bool
	ssrc     uint32 // of the incoming stream
	first    uint16 // the least incoming number that is passed on: of the packet that was the anchor, or some way behind the newest
	sequence uint16 // added to an incoming number
	stamp    uint32 // added to an incoming timestamp
	at       time.Time

	keyed   bool   // a key of the other side is being passed on with times of our own
	pressed uint32 // the incoming timestamp of its beginning
	key     uint32 // and ours
}

// longestJump is how far the timestamps of a relayed stream may jump, in frames, before it counts as another stream: 10
// s, as long as a listener would take it for a fault.
const longestJump = 10 * framesPerSecond

// heard is a packet that a session received, as the other side of a bridge needs it. Its bytes are rewritten in place.
type heard struct {
	header   *rtp.Header
	datagram []byte // the whole packet
	payload  []byte // the part of it that is sound, or an event
	codec    codec.Codec
	duration time.Duration // of the sound
	comfort  bool          // comfort noise (RFC 3389), not sound
	event    bool          // a telephone-event, not sound
	pressed  byte          // the key that this is the first report of; 0: none
	clock    uint32        // of the event, in Hz
	crosses  bool          // the sound around the event is decoded, so its times are not those of our stream
}

// forward puts a packet of the other side of a bridge into the stream, with headers of our own: its losses and its
// order stay as they were, its numbers follow on from what was sent before. The packet is rewritten where it lies, and is
// nil when it is not to be sent.
func (o *outgoing) forward(in heard, now time.Time, tick uint32) (packet []byte, to netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := offset(in.datagram, in.payload)
	if o.closed || !o.ready || !o.bridged || len(in.payload) == 0 || at < rtpHeader {
		return nil, to
	}
	if in.event && !o.hasEvent {
		o.sing(in)
		return nil, to
	}
	if in.comfort && !o.hasComfort {
		return nil, to // after relayGap silence is sent in its place
	}
	o.relay.at = now
	if !o.sends || o.occupied() {
		return nil, to
	}
	if !in.event && !in.comfort && !passes(in.codec, o.voice.codec) {
		return nil, to // another codec was agreed on since the packet was looked at
	}
	buffer := in.datagram[at-rtpHeader:]
	if in.event && (in.crosses || in.clock != o.eventClock) {
		return o.forwardKey(in, tick, buffer), o.to
	}
	marker := in.header.Marker
	if !o.follows(in.header) {
		o.anchor(in.header, tick)
		marker = marker || !in.event
	}
	switch since := int16(in.header.SequenceNumber - o.relay.first); {
	case since < 0:
		return nil, to // late: its number was given to something else
	case since > 2*mostLate:
		o.relay.first = in.header.SequenceNumber - mostLate // numbers come again after 65536
	}
	header := rtp.Header{
		Marker:         marker,
		PayloadType:    o.audioType,
		SequenceNumber: in.header.SequenceNumber + o.relay.sequence,
		Timestamp:      in.header.Timestamp + o.relay.stamp,
	}
	length := uint32(0)
	switch {
	case in.event:
		header.PayloadType = o.eventType
	case in.comfort:
		header.PayloadType = comfortType
	default:
		if in.codec != o.voice.codec {
			codec.Convert(in.payload, in.payload, in.codec, o.voice.codec)
		}
		length = o.voice.duration(in.payload)
		o.voice.passed(in.payload)
	}
	if next := header.SequenceNumber + 1; int16(next-o.sequence) > 0 {
		o.sequence = next
	}
	if end := header.Timestamp + length; !o.begun || int32(end-o.reached) > 0 {
		o.reached = end
	}
	return o.pack(buffer, in.payload, header), o.to
}

// sing sends a key of the other side as sound, when it is pressed, to a far end that takes no telephone-events. How long it will be
// held is not known then: it is sent for as long as keys are that say nothing of it.
func (o *outgoing) sing(in heard) {
	if in.pressed != 0 && o.sends && len(o.foreground) == 0 {
		_ = o.press(in.pressed, 0) // one too many is lost, as it would be in events
	}
}

// occupied reports whether something has the stream that the other side of a bridge does not break into.
func (o *outgoing) occupied() bool {
	return len(o.foreground) > 0 || o.keying() || len(o.tones) > 0
}

// passes reports whether sound of one codec can be had in another as it is, or with each sample looked up.
func passes(from, to codec.Codec) bool { return from == to || from <= codec.PCMA && to <= codec.PCMA }

// offset returns where a part of a datagram begins.
func offset(datagram, part []byte) int { return cap(datagram) - cap(part) }

// forwardKey passes on a report of a key whose times mean nothing in our stream: its numbers are of our own, its times are converted.
func (o *outgoing) forwardKey(in heard, tick uint32, buffer []byte) []byte {
	event, err := dtmf.ParseEvent(in.payload)
	if err != nil {
		return nil
	}
	marker := !o.relay.keyed || in.pressed != 0
	if marker {
		o.relay.keyed, o.relay.pressed, o.relay.key = true, in.header.Timestamp, o.stamp(tick)
	}
	before := int32(in.header.Timestamp - o.relay.pressed) // a long press is told in segments, each with its own timestamp
	if before < 0 {
		return nil // a late report of the press before
	}
	duration := uint64(before) + uint64(event.Duration)
	event.Duration = uint16(min(duration*uint64(o.eventClock)/uint64(in.clock), longestEvent))
	event.Put(in.payload)
	if end := o.relay.key + uint32(event.Duration); !o.begun || int32(end-o.reached) > 0 {
		o.reached = end
	}
	return o.next(buffer, in.payload, rtp.Header{Marker: marker, PayloadType: o.eventType, Timestamp: o.relay.key})
}

// longestEvent is the longest duration that a report of a key can say.
const longestEvent = 1<<16 - 1

// hear puts a frame of the other side of a bridge into the stream that was decoded, as its codec is not ours.
func (o *outgoing) hear(pcm []int16, now time.Time, tick uint32, buffer []byte) sent {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || !o.ready || !o.bridged || len(pcm) != o.voice.codec.SampleRate()/framesPerSecond {
		return sent{}
	}
	o.relay.at = now
	if !o.sends || o.occupied() {
		return sent{}
	}
	payload := o.voice.encode(pcm, buffer[rtpHeader:])
	if payload == nil {
		return sent{}
	}
	stamp := o.stamp(tick)
	if end := o.end(); o.begun && stamp-end <= 2*o.voice.step() {
		stamp = end // the two sides' ticks are not the same moments
	}
	return o.say(payload, stamp, buffer)
}

// How far the number of a packet may be from that of the newest one before it counts as another stream: behind, 2 s of sound, after
// which nobody waits for it (RFC 3550 appendix A.1: MAX_MISORDER), and ahead, 20 s.
const (
	mostLate     = 100
	furthestStep = 1000
)

// follows reports whether a packet goes on with the stream that is relayed.
func (o *outgoing) follows(in *rtp.Header) bool {
	if !o.relay.anchored || in.SSRC != o.relay.ssrc {
		return false
	}
	jump := int32(in.Timestamp + o.relay.stamp - o.reached)
	step := int16(in.SequenceNumber + o.relay.sequence - o.sequence)
	longest := int32(longestJump) * int32(o.voice.step())
	return jump > -longest && jump < longest && step >= -mostLate && step < furthestStep
}

// anchor maps an incoming stream so that this packet is the next of ours.
func (o *outgoing) anchor(in *rtp.Header, tick uint32) {
	o.relay.anchored = true
	o.relay.ssrc = in.SSRC
	o.relay.first = in.SequenceNumber
	o.relay.sequence = o.sequence - in.SequenceNumber
	o.relay.stamp = o.stamp(tick) - in.Timestamp
}
