package playback

import "time"

// Of RFC 3550 appendix A.1: how far a sequence number may be ahead of or behind the newest.
const (
	furthestAhead  = 3000
	furthestBehind = 100
)

// furthestBack is how far, in the longest packets there are, the timestamp of a packet that is out of order may be behind: 12 s.
// What is older than that has been on its way for longer than a network keeps anything.
const furthestBack = 100

// earlyJump is how much quicker than the quickest a packet may seem before its timestamp is taken for a jump. A pause that
// ends is as quick as the line was, give or take its jitter.
const earlyJump = 100 * time.Millisecond

// timeline gives the packets of a stream an unbroken order and place, whatever their numbers do. It follows the newest
// packet.
type timeline struct {
	begun     bool
	unsettled bool   // the next packet's timestamp has nothing to do with the last one's
	number    uint16 // its sequence number
	stamp     uint32 // its timestamp
	sequence  int64  // extended; goes on by one over a restart
	position  int64  // in samples of PCM
	length    int64  // in samples of PCM
}

// place is where a packet belongs.
type place struct {
	sequence int64
	position int64
}

// verdict is what to think of a packet's numbers.
type verdict uint8

const (
	fitting  verdict = iota
	jumping          // its place is behind the newest packet
	doubtful         // unless the next one follows it, it is nothing
)

// judge finds the place of a packet. step is how many samples of PCM its timestamp is ahead of the newest's, early whether it
// is quicker than it can be, and longest the most samples in a packet.
func (l *timeline) judge(p Packet, step int64, early bool, longest int64) (place, verdict) {
	ahead := int64(int16(p.Sequence - l.number))
	at := place{l.sequence + ahead, l.position + step}
	switch {
	case ahead > furthestAhead || ahead < -furthestBehind:
		return at, doubtful
	case ahead == 0 && step != 0, ahead < 0 && (step > 0 || step < -furthestBack*longest):
		return at, doubtful
	case ahead <= 0:
		return at, fitting
	case step < 0, step == 0 && l.length > 0 && !p.Comfort:
		return at, jumping
	case step > ahead*longest && early:
		return at, jumping
	}
	return at, fitting
}

// follow makes a packet the newest if it is.
func (l *timeline) follow(p Packet, at place, samples int) {
	if l.begun && at.sequence <= l.sequence {
		return
	}
	*l = timeline{begun: true, number: p.Sequence, stamp: p.Timestamp, sequence: at.sequence, position: at.position, length: int64(samples)}
}

// stray is a packet whose numbers fit nothing. If its successor comes next it is the first of a sender that began anew.
type stray struct {
	waiting bool
	packet  Packet
	payload [largestWire]byte
	samples int
	arrived time.Duration
}

// keep copies a packet.
func (s *stray) keep(p Packet, samples int, at time.Duration) {
	n := copy(s.payload[:], p.Payload)
	p.Payload = s.payload[:n]
	s.waiting, s.packet, s.samples, s.arrived = true, p, samples, at
}

// precedes reports whether a packet follows the stray.
func (s *stray) precedes(p Packet) bool { return s.waiting && p.Sequence == s.packet.Sequence+1 }
