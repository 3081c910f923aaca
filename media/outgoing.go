package media

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/dtmf"
	"github.com/spillway-voice/spillway/media/srtp"
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
	ready      bool
	sends      bool // false: the far end does not want sound (hold)
	voice      voice
	audioType  uint8
	eventType  uint8
	eventClock uint32 // Hz
	hasEvent   bool
	hasComfort bool // the far end understands RFC 3389
	to         netip.AddrPort
	secure     *srtp.Context // nil: in the clear

	// The stream (RFC 3550 section 5.1).
	ssrc     uint32
	sequence uint16 // of the next packet
	base     uint32 // timestamp of tick 0, by our own clock
	ahead    uint32 // how far the stream is ahead of that: of two who fill it each has its own idea of the time
	reached  uint32 // timestamp up to which sound was sent
	begun    bool   // a packet was sent
	mark     bool   // the next packet of sound does not follow on the last one in time
	packets  uint32
	octets   uint32
	left     []leftStream // those of other clocks, one of each at most

	// What is heard: keys first, then the foreground, then the other side of a bridge, then the background.
	keys       *dtmf.Sender // nil before the first
	tones      []*toneKey   // keys as sound, for a far end that takes no telephone-events
	foreground []Source
	id         uint64 // of the foreground
	background Source
	behind     bool // the background was heard in the last frame
	bridged    bool
	relay      relay
}

// maxTones bounds the keys that wait to be sent as sound, as dtmf bounds those that wait to be sent as events.
const maxTones = 64

var errTooManyKeys = errors.New("send digit: too many are waiting")

// ErrNotAgreed is the error of a digit for a far end with whom nothing was agreed yet.
var ErrNotAgreed = errors.New("send digit: no sound was agreed on yet")

// sent is what is to be sent in one tick.
type sent struct {
	packet []byte // nil: nothing
	to     netip.AddrPort
	more   bool  // further packets of this tick are to be had from rest
	ended  Event // Played when the foreground has ended, else nil
}

// frame decides what is sent in one tick. The packet is written into buffer.
func (o *outgoing) frame(now time.Time, tick uint32, buffer []byte) sent {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || !o.ready {
		return sent{}
	}
	stamp := o.stamp(tick)
	keyed, toned := o.keying(), len(o.tones) > 0
	o.voice.muted = keyed || toned || !o.sends
	payload, ended := o.sound(now, buffer[rtpHeader:]) // also on hold and under a key: time goes on
	if toned && !keyed {
		o.voice.muted = !o.sends
		payload = o.tone(buffer[rtpHeader:])
	}
	o.voice.muted = false
	if keyed || !o.sends {
		o.voice.cut()
	}
	switch {
	case keyed:
		return sent{packet: o.key(stamp, buffer), to: o.to, ended: ended}
	case payload == nil || !o.sends:
		return sent{ended: ended}
	}
	due := o.say(payload, stamp, buffer)
	due.ended = ended
	return due
}

// rest returns what is left to be sent of a tick: a frame may fill several packets.
func (o *outgoing) rest(buffer []byte) sent {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return sent{}
	}
	return o.spoken(o.voice.rest(buffer[rtpHeader:]), buffer)
}

// say takes in a frame of sound whose time is stamp and returns the packet that it fills, if it does.
func (o *outgoing) say(payload []byte, stamp uint32, buffer []byte) sent {
	if stamp != o.end() || !o.begun && len(o.voice.pending) == 0 {
		o.voice.pending = o.voice.pending[:0] // its time has passed
		o.reached, o.mark = stamp, true
	}
	return o.spoken(o.voice.whole(payload, buffer[rtpHeader:]), buffer)
}

// spoken returns the next packet of sound; nil for no payload.
func (o *outgoing) spoken(payload, buffer []byte) sent {
	if payload == nil {
		return sent{}
	}
	header := rtp.Header{Marker: o.mark, PayloadType: o.audioType, Timestamp: o.reached}
	o.mark = false
	o.reached += o.voice.duration(payload)
	return sent{packet: o.next(buffer, payload, header), to: o.to, more: o.voice.packet > 0}
}

// keying reports whether a key is being sent as an event.
func (o *outgoing) keying() bool { return o.hasEvent && o.keys != nil && o.keys.Active() }

// key returns the packet of the key that is being sent, or nil in a pause.
func (o *outgoing) key(now uint32, buffer []byte) []byte {
	event, stamp, marker, ok := o.keys.Next(now, int(o.eventClock))
	if !ok || !o.sends {
		return nil
	}
	payload := buffer[rtpHeader : rtpHeader+dtmf.EventSize]
	event.Put(payload)
	o.reached = now + o.voice.step()
	return o.next(buffer, payload, rtp.Header{Marker: marker, PayloadType: o.eventType, Timestamp: stamp})
}

// press sends a key, as an event or as sound.
func (o *outgoing) press(digit byte, d time.Duration) error {
	if !o.ready {
		return ErrNotAgreed
	}
	if o.hasEvent {
		if o.keys == nil {
			o.keys = new(dtmf.Sender)
		}
		return o.keys.Add(digit, d)
	}
	if len(o.tones) >= maxTones {
		return errTooManyKeys
	}
	key := &toneKey{digit: digit, duration: d}
	if err := key.tune(o.voice.codec.SampleRate()); err != nil {
		return err
	}
	o.voice.joins = o.voice.joins || len(o.tones) == 0
	o.tones = append(o.tones, key)
	return nil
}

// toneKey is a key that is sent as sound.
type toneKey struct {
	digit    byte
	duration time.Duration
	sound    *dtmf.Tone
	begun    bool
}

// tune makes its sound, at a rate.
func (k *toneKey) tune(rate int) (err error) {
	k.sound, err = dtmf.NewTone(k.digit, rate, k.duration)
	return err
}

// tone returns a frame of the key that is being sent as sound, and of silence behind the last one.
func (o *outgoing) tone(room []byte) []byte {
	for len(o.tones) > 0 {
		o.tones[0].begun = true
		if payload := o.voice.frame(o.tones[0].sound, room); payload != nil {
			return payload
		}
		o.tones[0] = nil
		o.tones = o.tones[1:]
	}
	payload := o.voice.silence(room)
	o.voice.joins = true
	return payload
}

// retune brings the keys that wait to be sent as sound to another rate. The one that is being sent ends, as begun anew it
// would be another.
func (o *outgoing) retune(rate int) {
	if len(o.tones) > 0 && o.tones[0].begun {
		o.tones = o.tones[1:]
		o.voice.joins = true
	}
	for _, key := range o.tones {
		_ = key.tune(rate) // what was tuned before can be tuned to the rate of any codec
	}
}

// next makes the next packet of the stream out of sound or a key of our own.
func (o *outgoing) next(buffer, payload []byte, header rtp.Header) []byte {
	header.SequenceNumber = o.sequence
	o.sequence++
	o.relay.anchored = false // the other side of a bridge has to go on behind it
	return o.pack(buffer, payload, header)
}

// firstNumber returns the sequence number of a stream's first packet, in the lower half: a receiver that misses the beginning
// of a protected stream can then tell that its numbers have not wrapped around (RFC 3711 section 3.3.1).
func firstNumber() uint16 { return uint16(rand.Uint32N(1 << 15)) }

// leftStream is a stream of another clock, as far as it came. A codec of that clock goes on with it: under one key there must not be
// ever more streams.
type leftStream struct {
	clock           int // Hz
	ssrc, reached   uint32
	sequence        uint16
	packets, octets uint32
}

// turn goes from the stream of one clock to that of another (RFC 7160).
func (o *outgoing) turn(from, to int) {
	at := func(clock int) int {
		return slices.IndexFunc(o.left, func(l leftStream) bool { return l.clock == clock })
	}
	if o.begun {
		if i := at(from); i >= 0 {
			o.left = slices.Delete(o.left, i, i+1)
		}
		o.left = append(o.left, leftStream{from, o.ssrc, o.reached, o.sequence, o.packets, o.octets})
	}
	if i := at(to); i >= 0 {
		l := o.left[i]
		o.ssrc, o.reached, o.sequence, o.packets, o.octets, o.begun = l.ssrc, l.reached, l.sequence, l.packets, l.octets, true
		return
	}
	if o.begun {
		o.ssrc, o.sequence, o.packets, o.octets, o.begun = rand.Uint32(), firstNumber(), 0, 0, false
	}
}

// stream returns the stream's SSRC.
func (o *outgoing) stream() uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ssrc
}

// close ends the stream.
func (o *outgoing) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.foreground, o.background, o.tones = nil, nil, nil
}

// rtpHeader is the length of the headers that we send, in bytes.
const rtpHeader = 12

// pack puts a header before a payload. The payload may be in its place already.
func (o *outgoing) pack(buffer, payload []byte, header rtp.Header) []byte {
	header.Version, header.SSRC = 2, o.ssrc
	size := len(payload)
	if _, err := header.MarshalTo(buffer); err != nil {
		return nil
	}
	if &buffer[rtpHeader] != &payload[0] {
		copy(buffer[rtpHeader:], payload)
	}
	packet := buffer[:rtpHeader+len(payload)]
	if o.secure != nil {
		if cap(packet) < len(packet)+srtp.Overhead {
			return nil
		}
		var err error
		if packet, err = o.secure.Protect(packet[:0], packet); err != nil {
			return nil // the number of a packet that came twice over a bridge
		}
	}
	o.begun = true
	o.packets++
	o.octets += uint32(size)
	return packet
}

// stamp returns the timestamp of a tick, which is behind all sound that is here. A stream that has run ahead of our clock,
// as one does when two fill it in one tick, or when it was relayed, stays so until it pauses.
func (o *outgoing) stamp(tick uint32) uint32 {
	stamp := o.base + tick*o.voice.step()
	o.ahead = 0
	if end := o.end(); o.begun && int32(stamp-end) < 0 {
		o.ahead = end - stamp
		return end
	}
	return stamp
}

// end returns the timestamp up to which there is sound, sent or waiting for its packet to be full.
func (o *outgoing) end() uint32 { return o.reached + o.voice.duration(o.voice.pending) }

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
		return o.voice.silence(room), ended
	}
	if payload := o.wait(now, room); payload != nil {
		return payload, ended
	}
	return o.voice.silence(room), ended
}

// play returns the next frame of the foreground, or nil when it is over.
func (o *outgoing) play(room []byte) []byte {
	for len(o.foreground) > 0 {
		if payload := o.voice.frame(o.foreground[0], room); payload != nil {
			return payload
		}
		o.foreground[0] = nil
		o.foreground = o.foreground[1:]
		o.voice.joins = true
	}
	return nil
}

// wait returns the next frame of the background, or nil when there is none.
func (o *outgoing) wait(now time.Time, room []byte) []byte {
	if o.background == nil {
		return nil
	}
	if !o.behind {
		o.voice.joins = true
		if live, ok := o.background.(liveSource); ok {
			live.rejoin(now)
		}
	}
	o.behind = true
	payload := o.voice.frame(o.background, room)
	if payload == nil {
		o.background = nil
		o.voice.joins = true
	}
	return payload
}
