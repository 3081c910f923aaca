package media

import (
	"net/netip"
	"time"
)

// The rules of who may send us sound.
const (
	latchPackets    = 5               // in sequence, with one SSRC, before another source is taken
	latchWindow     = 2 * time.Second // how long another source may be taken; also how long a locked one may be silent
	latchCandidates = 4               // other sources watched at one time
	ssrcPackets     = 2               // in sequence, before a source's new SSRC is taken
)

// verdict is what becomes of a packet.
type verdict uint8

const (
	stranger verdict = iota // from somebody who may not send to us: dropped and counted
	unproven                // from somebody who may, but has not shown yet that he is the one: dropped
	accepted                // heard
)

// latch decides whose packets are heard. The address in the far end's description is heard at once. Another source is
// taken only when its address is the description's, the signalling's or in the trusted ranges, and only after
// latchPackets in sequence with one SSRC; then it is locked. It can be taken within latchWindow of the first packet;
// the window opens again when a re-INVITE changes the session, or when the locked source was silent for latchWindow and
// its address goes on, from another port, with the same SSRC. Strangers neither open the window nor use it up.
//
// It is a pure state machine, owned by the goroutine that receives.
type latch struct {
	expected   netip.AddrPort // from the description
	signalling netip.Addr
	trusted    []netip.Prefix

	opened  time.Time // when the first packet came; zero: none yet
	locked  bool
	source  netip.AddrPort // who is heard; zero until the first accepted packet
	ssrc    uint32
	heardAt time.Time // when the source was last heard

	candidates [latchCandidates]candidate
	renewal    candidate // the source's new SSRC
}

// candidate is a source on its way to be taken.
type candidate struct {
	from  netip.AddrPort
	ssrc  uint32
	next  uint16 // sequence number that it must go on with
	count int    // packets in sequence
	at    time.Time
}

// follow counts a packet and returns how many came in sequence.
func (c *candidate) follow(from netip.AddrPort, ssrc uint32, seq uint16, now time.Time) int {
	if c.from == from && c.ssrc == ssrc && c.next == seq && c.count > 0 {
		c.count++
	} else {
		*c = candidate{from: from, ssrc: ssrc, count: 1}
	}
	c.next, c.at = seq+1, now
	return c.count
}

// reopen begins anew for a changed session: the description's address is heard at once, others can be taken again. A
// source that is locked stays heard until another one is.
func (l *latch) reopen(expected netip.AddrPort) {
	if expected != l.expected {
		l.source, l.heardAt = netip.AddrPort{}, time.Time{}
	}
	l.expected = expected
	l.opened, l.locked = time.Time{}, false
	l.candidates, l.renewal = [latchCandidates]candidate{}, candidate{}
}

// judge decides about one packet.
func (l *latch) judge(from netip.AddrPort, ssrc uint32, seq uint16, now time.Time) verdict {
	if l.source.IsValid() && from == l.source {
		return l.known(from, ssrc, seq, now)
	}
	if l.locked {
		return l.moved(from, ssrc, seq, now)
	}
	if !l.eligible(from.Addr()) {
		return stranger
	}
	if l.opened.IsZero() {
		l.opened = now
	}
	if from == l.expected {
		if l.source.IsValid() {
			// A source that a re-INVITE left in place; the new description's own address comes first.
			l.source = netip.AddrPort{}
		}
		l.take(from, ssrc, now)
		l.candidate(from).follow(from, ssrc, seq, now)
		return accepted
	}
	if now.Sub(l.opened) > latchWindow {
		return stranger
	}
	if l.candidate(from).follow(from, ssrc, seq, now) < latchPackets {
		return unproven
	}
	l.take(from, ssrc, now)
	l.locked = true
	return accepted
}

// known judges a packet of the source that is heard.
func (l *latch) known(from netip.AddrPort, ssrc uint32, seq uint16, now time.Time) verdict {
	if ssrc != l.ssrc {
		if l.renewal.follow(from, ssrc, seq, now) < ssrcPackets {
			return unproven
		}
		l.ssrc, l.renewal = ssrc, candidate{}
	}
	l.heardAt = now
	if !l.locked && l.candidate(from).follow(from, ssrc, seq, now) >= latchPackets {
		l.locked = true
	}
	return accepted
}

// moved judges a packet of somebody else while a source is locked: only the same far end behind a new port is taken.
func (l *latch) moved(from netip.AddrPort, ssrc uint32, seq uint16, now time.Time) verdict {
	if from.Addr() != l.source.Addr() || ssrc != l.ssrc || now.Sub(l.heardAt) < latchWindow {
		return stranger
	}
	if l.candidate(from).follow(from, ssrc, seq, now) < latchPackets {
		return unproven
	}
	l.take(from, ssrc, now)
	return accepted
}

// take makes somebody the source that is heard.
func (l *latch) take(from netip.AddrPort, ssrc uint32, now time.Time) {
	l.source, l.ssrc, l.heardAt, l.renewal = from, ssrc, now, candidate{}
}

// mayBe reports whether an address is the one that is heard, or could be: whoever's is not need not be looked at further.
func (l *latch) mayBe(address netip.Addr) bool {
	return address == l.source.Addr() || l.eligible(address)
}

// eligible reports whether an address may send to us at all.
func (l *latch) eligible(address netip.Addr) bool {
	if address == l.expected.Addr() || address == l.signalling {
		return true
	}
	for _, prefix := range l.trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// candidate returns the record of a source, in place of the one that was quiet longest when there is none yet.
func (l *latch) candidate(from netip.AddrPort) *candidate {
	oldest := &l.candidates[0]
	for i := range l.candidates {
		c := &l.candidates[i]
		if c.from == from {
			return c
		}
		if c.at.Before(oldest.at) {
			oldest = c
		}
	}
	return oldest
}
