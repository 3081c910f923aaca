package media

import (
	"net/netip"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
	"github.com/spillway-voice/spillway/media/socket"
	"github.com/spillway-voice/spillway/media/srtp"
)

// longestSound bounds the sound in one packet: above the 60 ms that we say we take.
const longestSound = 100 * time.Millisecond

// comfortType is the payload type of comfort noise (RFC 3389 section 4.1).
const comfortType = 13

// far is what the last agreement says of the far end. It is replaced as a whole.
type far struct {
	address    netip.AddrPort // where it wants sound, and sends from unless it is behind a NAT
	reports    netip.AddrPort // where it wants RTCP
	signalling netip.Addr     // where its signalling comes from
	codec      codec.Codec
	longest    time.Duration // the most sound that it takes in a packet
	audioType  uint8         // of sound that it sends
	eventType  uint8         // of keys that it sends
	eventClock uint32        // Hz
	hasEvent   bool
	sends      bool          // it is to be heard: we have not put it on hold
	listens    bool          // it hears: it has not put us on hold
	secure     *srtp.Context // nil: sound and reports are in the clear
}

// clockRate returns how many RTP timestamps of the far end's sound, and of ours, a second has.
func (f *far) clockRate() uint32 { return uint32(f.codec.ClockRate()) }

// incoming is what a session learns from the packets it receives. The goroutine that reads the RTP socket owns it.
type incoming struct {
	far     *far // the agreement that the latch follows
	latch   latch
	limit   allowance
	keys    dtmf.Receiver
	keysOf  uint32 // the SSRC of the stream that it is for
	crossed *far   // the other side of a bridge that got a packet decoded, as it was too long for it: it gets all so
	untold  bool   // the press that its reports are about came by another way, and was told

	pressedTo *Session // who heard the press begin, over a bridge: a key for the menu is none for who is bridged while it is held

	packet   rtp.Packet
	arrivals arrivals
	to       netip.AddrPort // where the far end is sent to, as far as it was learnt since the agreement
	spoken   bool           // FirstPacket was reported
	thinned  bool           // the last packet stands for those that the kernel dropped before it
}

// receive takes in one datagram from the RTP port. It is opened and rewritten where it lies.
func (s *Session) receive(datagram []byte, from netip.AddrPort, now time.Time) {
	defer s.survive()
	current := s.far.Load()
	if current == nil {
		return // nobody was agreed with yet
	}
	in := &s.in
	if current != in.far {
		in.adopt(current)
	}
	if len(datagram) >= 2 && datagram[1] >= 192 && datagram[1] <= 223 { // RTCP on the same port (RFC 5761 section 4)
		s.receiveReport(datagram, from, now)
		return
	}
	if current.secure != nil {
		if !in.latch.mayBe(from.Addr()) { // before anything is spent on it
			s.counters.strangers.Add(1)
			return
		}
		opened, err := current.secure.Unprotect(datagram[:0], datagram)
		if err != nil {
			s.counters.invalid.Add(1)
			return
		}
		datagram = opened
	}
	if in.packet.Unmarshal(datagram) != nil || in.packet.Version != 2 {
		s.counters.invalid.Add(1)
		return
	}
	switch in.latch.judge(from, in.packet.SSRC, in.packet.SequenceNumber, now) {
	case stranger:
		s.counters.strangers.Add(1)
	case unproven:
		s.counters.unproven.Add(1)
	case accepted:
		if !in.limit.take(now, packetsPerSecond, packetsAtOnce) {
			s.counters.excess.Add(1)
			return
		}
		s.hear(current, datagram, from, now)
	}
}

// adopt takes over another agreement.
func (in *incoming) adopt(current *far) {
	if in.far == nil || in.far.eventClock != current.eventClock {
		in.keys = dtmf.NewReceiver(int(max(current.eventClock, SampleRate)))
	}
	in.far = current
	in.latch.signalling = current.signalling
	in.latch.reopen(current.address)
	in.to = netip.AddrPort{} // sound may still go to where it came from before: the next packet tells
}

// hear takes in one packet, in incoming.packet and datagram, of the far end.
func (s *Session) hear(current *far, datagram []byte, from netip.AddrPort, now time.Time) {
	in := &s.in
	s.heardAt.Store(int64(now.Sub(s.engine.clock.epoch)) + 1)
	if in.to != from {
		in.to = from
		s.follow(current, from)
	}
	if !in.spoken {
		in.spoken = true
		s.post(FirstPacket{})
	}
	packet := &in.packet
	kind := packet.PayloadType
	key := current.hasEvent && kind == current.eventType
	thinned := s.attention.thinned.Load()
	stands := in.arrivals.count(&packet.Header, now.Sub(s.engine.clock.epoch), current.clockRate(), !key, thinned || in.thinned)
	s.counters.packetsIn.Add(uint64(stands))
	in.thinned = thinned
	h := heard{header: &packet.Header, datagram: datagram, payload: packet.Payload}
	if key {
		s.hearKey(h, current.eventClock, now)
		return
	}
	var ok bool
	if h.codec, h.comfort, ok = current.decoder(kind); !ok || len(h.payload) == 0 {
		return // what nobody agreed to
	}
	h.duration = durationOf(h)
	if h.duration == 0 && !h.comfort || h.duration > longestSound {
		return
	}
	s.hearSound(h, now)
	if in.latch.locked && !h.comfort {
		s.attention.rest(socket.Stream{From: from.Port(), SSRC: packet.SSRC, Type: kind}, current, now)
	}
}

// durationOf returns how long the sound of a packet lasts.
func durationOf(h heard) time.Duration {
	if h.comfort {
		return 0
	}
	return time.Duration(h.codec.Samples(h.payload)) * time.Second / time.Duration(h.codec.SampleRate())
}

// decoder returns the codec of a payload type. Far ends that change from one law to the other without saying so are
// understood, as both have fixed numbers.
func (f *far) decoder(kind uint8) (c codec.Codec, comfort, ok bool) {
	switch {
	case kind == f.audioType:
		return f.codec, false, true
	case kind == comfortType && f.codec.ClockRate() == SampleRate:
		return f.codec, true, true
	case kind == 0 && f.codec <= codec.PCMA:
		return codec.PCMU, false, true
	case kind == 8 && f.codec <= codec.PCMA:
		return codec.PCMA, false, true
	}
	return 0, false, false
}

// hearKey takes in a report of a key.
func (s *Session) hearKey(h heard, clock uint32, now time.Time) {
	event, err := dtmf.ParseEvent(h.payload)
	if err != nil {
		s.counters.invalid.Add(1)
		return
	}
	in := &s.in
	if in.keysOf != in.packet.SSRC {
		in.keys, in.keysOf = dtmf.NewReceiver(int(clock)), in.packet.SSRC
	}
	if digit, pressed := in.keys.Receive(in.packet.Timestamp, in.packet.Marker, event); pressed {
		in.untold, h.pressed = !s.told(digit, dtmf.ByEvent, now), digit
		in.pressedTo = s.peer.Load()
	}
	if other := s.peer.Load(); other != nil && other == in.pressedTo && !in.untold {
		h.event, h.clock, h.payload = true, clock, h.payload[:dtmf.EventSize]
		if mine, theirs := s.far.Load(), other.far.Load(); mine != nil && theirs != nil {
			h.codec = mine.codec
			h.crosses = in.crosses(theirs, h)
		}
		other.relay(h, now)
	}
}

// hearSound takes in a packet of sound: the other side of a bridge gets it as it is, if it can have it so; whoever needs
// it decoded hears it from the playout goroutine.
func (s *Session) hearSound(h heard, now time.Time) {
	other, crosses := s.peer.Load(), false
	if other != nil {
		theirs := other.far.Load()
		crosses = theirs != nil && s.in.crosses(theirs, h)
	}
	s.hearing.put(s, h, crosses, now)
	if other != nil && !crosses {
		other.relay(h, now)
	}
}

// crosses reports whether a packet has to be decoded and encoded again for the other side of a bridge, which cannot have it as it
// is, or with each sample looked up. Once one was too long for it all are: sound that came by both ways would be torn.
func (in *incoming) crosses(theirs *far, h heard) bool {
	if !passes(h.codec, theirs.codec) {
		return true
	}
	if h.duration > theirs.longest {
		in.crossed = theirs
	}
	return in.crossed == theirs
}

// relay sends a packet that came over a bridge.
func (s *Session) relay(h heard, now time.Time) {
	s.sending.Lock()
	defer s.sending.Unlock()
	if packet, to := s.out.forward(h, now, s.engine.clock.tick(now)); packet != nil {
		s.send(packet, to)
	}
}

// relayDecoded sends a frame of the other side of a bridge, decoded, as its codec is not ours.
func (s *Session) relayDecoded(pcm []int16, now time.Time, buffer []byte) {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.sendAll(s.out.hear(pcm, now, s.engine.clock.tick(now), buffer), buffer)
}

// follow sends to where the far end was found to send from.
func (s *Session) follow(current *far, from netip.AddrPort) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if s.far.Load() != current {
		return // a newer agreement says where to
	}
	s.out.to = from
	if from == current.address {
		s.source.Store(nil)
	} else {
		s.source.Store(&from)
	}
}
