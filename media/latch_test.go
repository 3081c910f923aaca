package media

import (
	"net/netip"
	"testing"
	"time"
)

// latchScript plays packets to a latch, on its own clock.
type latchScript struct {
	t     *testing.T
	latch latch
	now   time.Time
	seq   map[netip.AddrPort]uint16
}

var (
	described  = netip.MustParseAddrPort("192.0.2.1:4000")     // in the description
	sameHost   = netip.MustParseAddrPort("192.0.2.1:9999")     // its host behind a NAT of ports
	viaSignal  = netip.MustParseAddrPort("198.51.100.1:7000")  // where the signalling comes from
	inTrunk    = netip.MustParseAddrPort("203.0.113.77:12000") // in the trunk's ranges
	fromNobody = netip.MustParseAddrPort("198.51.100.99:4000")
)

func newLatchScript(t *testing.T) *latchScript {
	l := latch{signalling: viaSignal.Addr(), trusted: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}
	l.reopen(described)
	return &latchScript{t: t, latch: l, now: time.Unix(0, 0), seq: map[netip.AddrPort]uint16{}}
}

// send plays n packets, 20 ms apart, and checks that the last of them meets the verdict.
func (s *latchScript) send(from netip.AddrPort, ssrc uint32, n int, want verdict) {
	s.t.Helper()
	var got verdict
	for range n {
		got = s.latch.judge(from, ssrc, s.seq[from], s.now)
		s.seq[from]++
		s.now = s.now.Add(FrameDuration)
	}
	if got != want {
		s.t.Errorf("the last of %d packets from %v, SSRC %d, at %v: %v, want %v", n, from, ssrc, s.now.Sub(time.Unix(0, 0)), got, want)
	}
}

func (s *latchScript) pause(d time.Duration) { s.now = s.now.Add(d) }

func TestTheDescribedAddressIsHeardAtOnce(t *testing.T) {
	s := newLatchScript(t)
	s.send(described, 1, 1, accepted)
	s.pause(time.Minute)
	s.send(described, 1, 1, accepted)
}

func TestOtherSourcesAreTakenAfterFivePacketsInSequence(t *testing.T) {
	for _, from := range []netip.AddrPort{sameHost, viaSignal, inTrunk} {
		s := newLatchScript(t)
		s.send(from, 1, 4, unproven)
		s.send(from, 1, 1, accepted)
		s.send(described, 2, 1, stranger) // locked now
		s.send(from, 1, 1, accepted)
	}
}

func TestAStrangerIsNeverTaken(t *testing.T) {
	s := newLatchScript(t)
	s.send(fromNobody, 1, 200, stranger)
	s.pause(time.Minute)
	s.send(viaSignal, 2, 5, accepted) // and has not used up the window
}

func TestAGapOrAnotherSSRCBeginsTheCountAgain(t *testing.T) {
	s := newLatchScript(t)
	s.send(viaSignal, 1, 4, unproven)
	s.seq[viaSignal]++
	s.send(viaSignal, 1, 4, unproven)
	s.send(viaSignal, 2, 4, unproven)
	s.send(viaSignal, 2, 1, accepted)
}

func TestTheWindowIsTwoSecondsFromTheFirstPacket(t *testing.T) {
	s := newLatchScript(t)
	s.send(described, 1, 1, accepted)
	s.pause(latchWindow)
	s.send(viaSignal, 2, 20, stranger)
	s.send(described, 1, 1, accepted)
}

func TestAReInviteOpensTheWindowAgain(t *testing.T) {
	s := newLatchScript(t)
	s.send(described, 1, 20, accepted)
	s.pause(time.Minute)
	s.send(viaSignal, 2, 20, stranger)
	s.latch.reopen(described)
	s.send(viaSignal, 2, 5, accepted)
	elsewhere := netip.MustParseAddrPort("192.0.2.55:5000")
	s.latch.reopen(elsewhere)
	s.send(elsewhere, 3, 1, accepted)
	s.send(described, 1, 20, stranger)
}

func TestALockedSourceThatMovedIsFoundAgainBySSRC(t *testing.T) {
	moved := netip.AddrPortFrom(viaSignal.Addr(), 7777)
	s := newLatchScript(t)
	s.send(viaSignal, 1, 10, accepted)
	s.send(moved, 1, 20, stranger) // the old port is still heard
	s.send(viaSignal, 1, 1, accepted)
	s.pause(latchWindow)
	s.send(moved, 2, 20, stranger) // another stream
	s.send(moved, 1, 4, unproven)
	s.send(moved, 1, 1, accepted)
	s.send(viaSignal, 1, 5, stranger)
}

func TestAnotherSSRCOfTheSameSourceIsTakenAfterTwoInSequence(t *testing.T) {
	s := newLatchScript(t)
	s.send(described, 1, 10, accepted)
	s.send(described, 2, 1, unproven)
	s.send(described, 2, 1, accepted)
}

func TestManySourcesAtOnceDoNotKeepTheRightOneOut(t *testing.T) {
	s := newLatchScript(t)
	for round := range 5 {
		want := unproven
		if round == 4 {
			want = accepted
		}
		s.send(viaSignal, 1, 1, want)
		for port := range uint16(latchCandidates - 1) {
			s.latch.judge(netip.AddrPortFrom(inTrunk.Addr(), 20000+port), 9, uint16(round*7), s.now)
		}
	}
}
