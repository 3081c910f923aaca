package media

import (
	"net/netip"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/socket"
)

// longestSound bounds the sound in one packet, in samples: 100 ms, above the 60 ms that we say we take.
const longestSound = SampleRate / 10

// far is what the last agreement says of the far end. It is replaced as a whole.
type far struct {
	address    netip.AddrPort // where it wants sound, and sends from unless it is behind a NAT
	reports    netip.AddrPort // where it wants RTCP
	signalling netip.Addr     // where its signalling comes from
	codec      Codec
	audioType  uint8
	eventType  uint8
	hasEvent   bool
	sends      bool // it is to be heard: we have not put it on hold
	listens    bool // it hears: it has not put us on hold
}

// incoming is what a session learns from the packets it receives. The goroutine that reads the RTP socket owns it.
type incoming struct {
	far      *far // the agreement that the latch follows
	latch    latch
	limit    allowance
	keys     eventReceiver
	packet   rtp.Packet
	arrivals arrivals
	to       netip.AddrPort // where the far end is sent to, as far as it was learnt since the agreement
	spoken   bool           // FirstPacket was reported
	thinned  bool           // the last packet stands for those that the kernel dropped before it
	relayed  []byte         // room for a packet on its way to the other side of a bridge
	pcm      []int16        // room for what sinks hear; nil until there is one
}

// receive takes in one datagram from the RTP port.
func (s *Session) receive(datagram []byte, from netip.AddrPort, now time.Time) {
	current := s.far.Load()
	if current == nil {
		return // nobody was agreed with yet
	}
	in := &s.in
	if current != in.far {
		in.far = current
		in.latch.signalling = current.signalling
		in.latch.reopen(current.address)
		in.to = netip.AddrPort{} // sound may still go to where it came from before: the next packet tells
	}
	if len(datagram) >= 2 && datagram[1] >= 192 && datagram[1] <= 223 { // RTCP on the same port (RFC 5761 section 4)
		s.receiveReport(datagram, from, now)
		return
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
		if !in.limit.take(now) {
			s.counters.excess.Add(1)
			return
		}
		s.hear(current, from, now)
	}
}

// hear takes in one packet, in incoming.packet, of the far end.
func (s *Session) hear(current *far, from netip.AddrPort, now time.Time) {
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
	thinned := s.attention.thinned.Load()
	kind := packet.PayloadType
	key := current.hasEvent && kind == current.eventType
	stands := in.arrivals.count(&packet.Header, now.Sub(s.engine.clock.epoch), current.clockRate(), !key, thinned || in.thinned)
	s.counters.packetsIn.Add(uint64(stands))
	in.thinned = thinned
	if key {
		s.hearEvent(now)
		return
	}
	codec, ok := current.decoder(kind)
	if !ok || len(packet.Payload) == 0 || len(packet.Payload) > longestSound {
		return // comfort noise, or what nobody agreed to
	}
	s.passOn(heard{header: &packet.Header, payload: packet.Payload, codec: codec}, now)
	s.listen(codec, now)
	if in.latch.locked {
		s.attention.rest(socket.Stream{From: from.Port(), SSRC: packet.SSRC, Type: kind})
	}
}

// decoder returns the codec of a payload type. Far ends that change from one law to the other without saying so are
// understood, as both have fixed numbers.
func (f *far) decoder(kind uint8) (Codec, bool) {
	switch kind {
	case f.audioType:
		return f.codec, true
	case 0:
		return PCMU, true
	case 8:
		return PCMA, true
	}
	return 0, false
}

// hearEvent takes in a telephone-event.
func (s *Session) hearEvent(now time.Time) {
	packet := &s.in.packet
	event, err := parseEvent(packet.Payload)
	if err != nil {
		s.counters.invalid.Add(1)
		return
	}
	s.passOn(heard{header: &packet.Header, payload: packet.Payload[:eventSize], event: true}, now)
	if digit, pressed := s.in.keys.receive(packet.Timestamp, packet.Marker, event); pressed {
		s.post(Digit{Digit: digit})
	}
}

// passOn gives a packet to the other side of the bridge, if there is one.
func (s *Session) passOn(packet heard, now time.Time) {
	other := s.peer.Load()
	if other == nil {
		return
	}
	if s.in.relayed == nil {
		s.in.relayed = make([]byte, rtpHeader+longestSound)
	}
	out, to := other.out.forward(packet, now, s.engine.clock.tick(now), s.in.relayed)
	if out != nil {
		other.send(out, to)
	}
}

// listen lets the sinks hear the sound of the packet.
func (s *Session) listen(codec Codec, now time.Time) {
	sinks := s.sinks.Load()
	if sinks == nil || len(*sinks) == 0 {
		return
	}
	in := &s.in
	if in.pcm == nil {
		in.pcm = make([]int16, longestSound)
	}
	sound := Sound{PCM: codec.Decode(in.pcm, in.packet.Payload), Timestamp: in.packet.Timestamp, At: now}
	for _, sink := range *sinks {
		sink.Hear(sound)
	}
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

// samples returns a time on the scale of timestamps.
func (s *Session) samples(now time.Time) uint32 {
	return uint32(now.Sub(s.engine.clock.epoch) / (time.Second / SampleRate))
}
