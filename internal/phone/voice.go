package phone

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

const (
	rtpHeader  = 12 // bytes of an RTP header without contributing sources (RFC 3550 section 5.1)
	packetSize = rtpHeader + frameSamples

	// eventFrames is how long a digit is sent, in packets: 100 ms, the usual key press (at least 40 ms by Q.24).
	eventFrames = 5

	// eventRest is the pause after a digit, in packets: 100 ms.
	eventRest = 5

	// eventCopies is how often the end of an event is sent (RFC 4733 section 2.5.1.4).
	eventCopies = 3

	// eventVolume is the power level of digits in -dBm0 (RFC 4733 section 2.3.3).
	eventVolume = 10
)

// voice is what one call says: silence, a tone or a recording, and digits. The clock asks it for a packet every 20 ms;
// everybody else changes it through methods. It is safe for concurrent use.
type voice struct {
	conn  *net.UDPConn
	loses int // one packet in so many is not sent; 0: all are

	secure *protection // nil: what is sent is plain; set before the clock knows the voice

	mu        sync.Mutex
	to        netip.AddrPort // zero: nowhere to send
	codec     Codec
	eventType uint8 // the payload type of telephone events; 0: the far end takes none
	quiet     bool  // sends nothing: muted, or held by the far end
	muted     bool
	ssrc      uint32
	sequence  uint16
	timestamp uint32
	marker    bool    // the next packet begins a talk spurt (RFC 3551 section 4.1)
	sound     []int16 // what is said; nil: silence
	repeat    bool
	position  int
	digits    []uint8 // events that wait
	pressed   int     // packets of digits[0] sent, its rest included
	pressedAt uint32  // the timestamp at which it began
}

func newVoice(conn *net.UDPConn, loses int) *voice {
	return &voice{
		conn:      conn,
		loses:     loses,
		ssrc:      rand.Uint32(),
		sequence:  uint16(rand.Uint32()),
		timestamp: rand.Uint32(),
		marker:    true,
	}
}

// address says where to speak to and how, after an offer was answered.
func (v *voice) address(t terms) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.to, v.codec, v.eventType = t.remote, t.codec, t.eventType
	v.quiet = !t.direction.remoteListens()
	v.marker = true
}

// mute stops sending altogether, or goes on.
func (v *voice) mute(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.muted = on
	v.marker = true
}

// play replaces what is said; nil is silence.
func (v *voice) play(pcm []int16, repeat bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sound, v.repeat, v.position = pcm, repeat, 0
}

// press queues a digit.
func (v *voice) press(event uint8) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.eventType == 0 {
		return false
	}
	v.digits = append(v.digits, event)
	return true
}

// speak sends the packet of this tick. A destination that is not there is not our concern: a phone cannot tell.
func (v *voice) speak(packet []byte) {
	packet, to := v.next(packet)
	if len(packet) == 0 || v.lost(packet) {
		return
	}
	if v.secure != nil {
		var err error
		if packet, err = v.secure.seal(packet); err != nil {
			return // the numbers ran out: after two thousand years
		}
	}
	_, _ = v.conn.WriteToUDPAddrPort(packet, to)
}

// sendRaw sends a datagram to where the voice speaks.
func (v *voice) sendRaw(datagram []byte) error {
	v.mu.Lock()
	to := v.to
	v.mu.Unlock()
	if !to.IsValid() {
		return ErrNotTalking
	}
	if _, err := v.conn.WriteToUDPAddrPort(datagram, to); err != nil {
		return fmt.Errorf("send a datagram: %w", err)
	}
	return nil
}

// lost says whether a packet is one of those that the network is to have lost: its number is used up all the same.
func (v *voice) lost(packet []byte) bool {
	return v.loses > 0 && int(binary.BigEndian.Uint16(packet[2:]))%v.loses == 0
}

// next builds the packet of this tick into the space of packet; it is empty when nothing is to be sent.
func (v *voice) next(packet []byte) ([]byte, netip.AddrPort) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.timestamp
	v.timestamp += frameSamples
	if v.quiet || v.muted || !v.to.IsValid() {
		return nil, v.to
	}
	if len(v.digits) > 0 {
		v.pressed++
		if v.pressed == 1 {
			v.pressedAt = now
		}
		if v.pressed > eventFrames+eventRest {
			v.digits, v.pressed = v.digits[1:], 0
		} else if v.pressed < eventFrames+eventCopies {
			return v.event(packet), v.to
		}
	}
	marker := v.marker
	v.marker = false
	return v.voiced(v.header(packet, uint8(v.codec), now, marker)), v.to
}

// header appends an RTP header and takes a sequence number.
func (v *voice) header(packet []byte, payloadType uint8, timestamp uint32, marker bool) []byte {
	if marker {
		payloadType |= 0x80
	}
	packet = append(packet, 0x80, payloadType)
	packet = binary.BigEndian.AppendUint16(packet, v.sequence)
	v.sequence++
	packet = binary.BigEndian.AppendUint32(packet, timestamp)
	return binary.BigEndian.AppendUint32(packet, v.ssrc)
}

// event builds the next packet of the digit that is pressed (RFC 4733 section 2.3).
func (v *voice) event(packet []byte) []byte {
	packet = v.header(packet, v.eventType, v.pressedAt, v.pressed == 1)
	volume := uint8(eventVolume)
	if v.pressed >= eventFrames {
		volume |= 0x80
	}
	packet = append(packet, v.digits[0], volume)
	return binary.BigEndian.AppendUint16(packet, uint16(min(v.pressed, eventFrames)*frameSamples))
}

// voiced appends 20 ms of what is said.
func (v *voice) voiced(packet []byte) []byte {
	law := v.codec.law()
	for range frameSamples {
		if v.position >= len(v.sound) && v.repeat {
			v.position = 0
		}
		var s int16
		if v.position < len(v.sound) {
			s = v.sound[v.position]
			v.position++
		}
		packet = append(packet, law.compress[uint16(s)])
	}
	return packet
}
