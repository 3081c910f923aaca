package media

import (
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// relayGap is how long a bridged stream may be quiet before silence is sent in its place, which keeps the far end's own
// media timer happy; shorter gaps are jitter, and filling them would tear the sound.
const relayGap = 200 * time.Millisecond

// outgoing is the stream that a session sends: what is heard, and the headers that make it one stream whoever fills it.
// It decides; whoever asked writes the packet, after the lock is free. All of it is under mu.
type outgoing struct {
	mu     sync.Mutex
	closed bool

	// What was agreed.
	ready     bool
	sends     bool // false: the far end does not want sound (hold)
	codec     Codec
	audioType uint8
	eventType uint8
	hasEvent  bool
	to        netip.AddrPort

	// The stream (RFC 3550 section 5.1).
	ssrc     uint32
	sequence uint16 // of the next packet
	base     uint32 // timestamp of tick 0
	reached  uint32 // timestamp up to which sound was sent
	begun    bool   // a packet was sent
	packets  uint32
	octets   uint32

	// What is heard: keys first, then the foreground, then the other side of a bridge, then the background.
	keys       eventSender
	foreground []Source
	id         uint64 // of the foreground
	background Source
	behind     bool // the background was heard in the last frame
	bridged    bool
	relay      relay
	pcm        Frame // room for sources that are encoded for one listener alone
}

// relay maps the packets of the other side of a bridge into our stream.
type relay struct {
	anchored bool
	ssrc     uint32 // of the incoming stream
	first    uint16 // sequence number of the packet that was the anchor
	sequence uint16 // added to an incoming number
	stamp    uint32 // added to an incoming timestamp
	at       time.Time
}

// longestJump is how far the timestamps of a relayed stream may jump, in samples, before it counts as another stream:
// as long as a listener would take it for a fault.
const longestJump = 10 * SampleRate

// frame decides what is sent in one tick. The packet is written into buffer, and is nil when nothing is to be sent; ended
// is Played when the foreground has ended, else nil.
func (o *outgoing) frame(now time.Time, tick uint32, buffer []byte) (packet []byte, to netip.AddrPort, ended Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || !o.ready {
		return nil, to, nil
	}
	stamp := o.stamp(tick)
	payload, ended := o.sound(now, buffer[rtpHeader:]) // also on hold and under a key: time goes on
	if o.hasEvent && o.keys.active() {
		return o.key(stamp, buffer), o.to, ended
	}
	if payload == nil || !o.sends {
		return nil, to, ended
	}
	header := rtp.Header{Marker: !o.begun || stamp != o.reached, PayloadType: o.audioType, Timestamp: stamp}
	o.reached = stamp + FrameSize
	return o.next(buffer, payload, header), o.to, ended
}

// key returns the packet of the key that is being sent, or nil in a pause.
func (o *outgoing) key(now uint32, buffer []byte) []byte {
	event, stamp, marker, ok := o.keys.next(now)
	if !ok || !o.sends {
		return nil
	}
	payload := buffer[rtpHeader : rtpHeader+eventSize]
	event.put(payload)
	o.reached = now + FrameSize
	return o.next(buffer, payload, rtp.Header{Marker: marker, PayloadType: o.eventType, Timestamp: stamp})
}

// next makes the next packet of the stream out of sound or a key of our own.
func (o *outgoing) next(buffer, payload []byte, header rtp.Header) []byte {
	header.SequenceNumber = o.sequence
	o.sequence++
	o.relay.anchored = false // the other side of a bridge has to go on behind it
	return o.pack(buffer, payload, header)
}

// close ends the stream.
func (o *outgoing) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.foreground, o.background = nil, nil
}

// rtpHeader is the length of the headers that we send, in bytes.
const rtpHeader = 12

// pack puts a header before a payload. The payload may be in its place already.
func (o *outgoing) pack(buffer, payload []byte, header rtp.Header) []byte {
	header.Version, header.SSRC = 2, o.ssrc
	if _, err := header.MarshalTo(buffer); err != nil {
		return nil
	}
	if &buffer[rtpHeader] != &payload[0] {
		copy(buffer[rtpHeader:], payload)
	}
	o.begun = true
	o.packets++
	o.octets += uint32(len(payload))
	return buffer[:rtpHeader+len(payload)]
}

// stamp returns the timestamp of a tick, moving the time base when a relayed stream has run ahead of it.
func (o *outgoing) stamp(tick uint32) uint32 {
	stamp := o.base + tick*FrameSize
	if o.begun && int32(stamp-o.reached) < 0 {
		o.base += o.reached - stamp
		stamp = o.reached
	}
	return stamp
}

// sound returns the payload of a frame, nil when the other side of a bridge speaks for itself, and Played when the
// foreground has ended.
func (o *outgoing) sound(now time.Time, room []byte) (payload []byte, ended Event) {
	if len(o.foreground) > 0 {
		if payload := o.play(room); payload != nil {
			o.behind = false
			return payload, nil
		}
		ended = Played{ID: o.id}
	}
	if o.bridged {
		o.behind = false
		if now.Sub(o.relay.at) < relayGap {
			return nil, ended
		}
		return o.silence(room), ended
	}
	if payload := o.wait(now, room); payload != nil {
		return payload, ended
	}
	return o.silence(room), ended
}

// play returns the next frame of the foreground, or nil when it is over.
func (o *outgoing) play(room []byte) []byte {
	for len(o.foreground) > 0 {
		if payload, ok := o.encode(o.foreground[0], room); ok {
			return payload
		}
		o.foreground[0] = nil
		o.foreground = o.foreground[1:]
	}
	return nil
}

// wait returns the next frame of the background, or nil when there is none.
func (o *outgoing) wait(now time.Time, room []byte) []byte {
	if o.background == nil {
		return nil
	}
	if live, ok := o.background.(liveSource); ok && !o.behind {
		live.rejoin(now)
	}
	o.behind = true
	payload, ok := o.encode(o.background, room)
	if !ok {
		o.background = nil
		return nil
	}
	return payload
}

// encode returns the next frame of a source in the codec of the stream.
func (o *outgoing) encode(source Source, room []byte) ([]byte, bool) {
	if shared, ok := source.(encodedSource); ok {
		return shared.nextEncoded(o.codec)
	}
	if !source.Next(&o.pcm) {
		return nil, false
	}
	return o.codec.Encode(room[:FrameSize], o.pcm[:]), true
}

// silence returns a frame of silence. It is sent, not left out: many far ends end a call that goes quiet.
func (o *outgoing) silence(room []byte) []byte {
	payload := room[:FrameSize]
	for i := range payload {
		payload[i] = silenceByte[o.codec]
	}
	return payload
}

// heard is a packet that a session received, as the other side of a bridge needs it.
type heard struct {
	header  *rtp.Header
	payload []byte
	codec   Codec // of sound
	event   bool  // a telephone-event, not sound
}

// forward puts a packet of the other side of a bridge into the stream, with headers of our own: its losses and its
// order stay as they were, its numbers follow on from what was sent before. The packet is written into buffer and is
// nil when it is not to be sent.
func (o *outgoing) forward(in heard, now time.Time, tick uint32, buffer []byte) (packet []byte, to netip.AddrPort) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || !o.ready || !o.bridged || len(in.payload) == 0 || len(buffer) < rtpHeader+len(in.payload) {
		return nil, to
	}
	o.relay.at = now
	if !o.sends || len(o.foreground) > 0 || o.keys.active() && o.hasEvent || in.event && !o.hasEvent {
		return nil, to
	}
	marker := in.header.Marker
	if !o.follows(in.header) {
		o.anchor(in.header, tick)
		marker = marker || !in.event
	}
	if int16(in.header.SequenceNumber-o.relay.first) < 0 && int16(in.header.SequenceNumber-o.relay.first) > -100 {
		return nil, to // late: its number was given to something else
	}
	header := rtp.Header{
		Marker:         marker,
		PayloadType:    o.audioType,
		SequenceNumber: in.header.SequenceNumber + o.relay.sequence,
		Timestamp:      in.header.Timestamp + o.relay.stamp,
	}
	payload, length := in.payload, uint32(len(in.payload))
	switch {
	case in.event:
		header.PayloadType, length = o.eventType, 0
	case in.codec != o.codec:
		payload = convert(buffer[rtpHeader:], in.payload, in.codec, o.codec)
	}
	if next := header.SequenceNumber + 1; int16(next-o.sequence) > 0 {
		o.sequence = next
	}
	if end := header.Timestamp + length; int32(end-o.reached) > 0 {
		o.reached = end
	}
	return o.pack(buffer, payload, header), o.to
}

// follows reports whether a packet goes on with the stream that is relayed.
func (o *outgoing) follows(in *rtp.Header) bool {
	if !o.relay.anchored || in.SSRC != o.relay.ssrc {
		return false
	}
	jump := int32(in.Timestamp + o.relay.stamp - o.reached)
	step := int16(in.SequenceNumber + o.relay.sequence - o.sequence)
	return jump > -longestJump && jump < longestJump && step > -1000 && step < 1000
}

// anchor maps an incoming stream so that this packet is the next of ours.
func (o *outgoing) anchor(in *rtp.Header, tick uint32) {
	o.relay.anchored = true
	o.relay.ssrc = in.SSRC
	o.relay.first = in.SequenceNumber
	o.relay.sequence = o.sequence - in.SequenceNumber
	o.relay.stamp = o.stamp(tick) - in.Timestamp
}
