package media

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// reportInterval is the time between two of our reports, on average; each is half to one and a half of it, so that
// sessions do not report all at once (RFC 3550 section 6.2).
const reportInterval = 5 * time.Second

// ntpEpoch is the start of NTP's time scale, in seconds before that of Unix.
const ntpEpoch = 2208988800

// reportsTaken bounds the reports that are read, of the RTCP port and of the RTP port, which two goroutines may receive.
type reportsTaken struct {
	mu    sync.Mutex
	limit allowance
}

func (r *reportsTaken) take(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.limit.take(now, reportsPerSecond, reportsAtOnce)
}

// receiveReport learns from a far end's report, and takes it for a sign of life, if there was sound before.
func (s *Session) receiveReport(datagram []byte, from netip.AddrPort, now time.Time) {
	defer s.survive()
	current := s.far.Load()
	if current == nil {
		return
	}
	known := current.reports.Addr()
	if source := s.source.Load(); source != nil {
		known = source.Addr()
	}
	if from.Addr() != known {
		s.counters.strangers.Add(1)
		return
	}
	if !s.reports.take(now) {
		s.counters.excess.Add(1)
		return
	}
	if current.secure != nil {
		opened, err := current.secure.UnprotectReport(datagram[:0], datagram)
		if err != nil {
			s.counters.invalid.Add(1)
			return
		}
		datagram = opened
	}
	goodbye, ok := s.learn(datagram, current.clockRate(), now)
	if !ok {
		s.counters.invalid.Add(1)
		return
	}
	if last := s.heardAt.Load(); last > 0 && !goodbye {
		s.heardAt.CompareAndSwap(last, max(last, int64(now.Sub(s.engine.clock.epoch))+1))
	}
}

// learn takes in what the far end tells of its stream and of ours in a compound packet; ok is false when it is none. What it tells
// of other streams is nothing to us, and packets of other kinds are passed over unread: some of them promise a reader far more than
// they hold.
func (s *Session) learn(compound []byte, rate uint32, now time.Time) (goodbye, ok bool) {
	for ok = len(compound) > 0; len(compound) > 0; {
		var header rtcp.Header
		if header.Unmarshal(compound) != nil {
			return goodbye, false
		}
		length := 4 * (int(header.Length) + 1) // RFC 3550 section 6.4.1
		if length > len(compound) {
			return goodbye, false
		}
		packet := compound[:length]
		compound = compound[length:]
		switch header.Type {
		case rtcp.TypeSenderReport:
			var report rtcp.SenderReport
			if report.Unmarshal(packet) != nil {
				return goodbye, false
			}
			if report.SSRC == s.in.arrivals.ssrc.Load() && s.in.arrivals.received.Load() > 0 {
				s.reporting.theySent(report.SSRC, report.NTPTime, now)
			}
			s.learnBlocks(report.SSRC, report.Reports, rate, now)
		case rtcp.TypeReceiverReport:
			var report rtcp.ReceiverReport
			if report.Unmarshal(packet) != nil {
				return goodbye, false
			}
			s.learnBlocks(report.SSRC, report.Reports, rate, now)
		case rtcp.TypeGoodbye:
			goodbye = true
		}
	}
	return goodbye, ok
}

// learnBlocks takes in how well the far end hears our stream.
func (s *Session) learnBlocks(reporter uint32, blocks []rtcp.ReceptionReport, rate uint32, now time.Time) {
	ours := s.out.stream()
	for _, block := range blocks {
		if block.SSRC == ours {
			s.reporting.theyHeard(reporter, block, rate, now)
		}
	}
}

// report sends a report of what we sent and heard. The playout goroutine calls it when one is due.
func (s *Session) report(now time.Time) {
	due := !s.nextReport.IsZero()
	s.nextReport = now.Add(reportInterval/2 + rand.N(reportInterval))
	if due {
		s.sendReport(now)
	}
}

// sayGoodbye ends our reports.
func (s *Session) sayGoodbye() {
	if s.far.Load() != nil {
		s.sendReport(time.Now(), &rtcp.Goodbye{Sources: []uint32{s.out.stream()}})
	}
}

// sendReport sends a compound packet that begins with a sender's or a receiver's report.
func (s *Session) sendReport(now time.Time, more ...rtcp.Packet) {
	to := s.reportsTo()
	if !to.IsValid() || to.Addr().IsUnspecified() {
		return
	}
	compound := append(rtcp.CompoundPacket{s.senderReport(now), s.description()}, more...)
	packet, err := compound.Marshal()
	if err != nil {
		return
	}
	if secure := s.far.Load().secure; secure != nil {
		if packet, err = secure.ProtectReport(nil, packet); err != nil {
			return
		}
	}
	if _, err := s.rtcp.WriteToUDPAddrPort(packet, to); err != nil {
		s.counters.unsent.Add(1)
	}
}

// reportsTo returns where the far end takes reports: where it said, or, behind a NAT, above where its sound comes from.
func (s *Session) reportsTo() netip.AddrPort {
	current := s.far.Load()
	source := s.source.Load()
	if source == nil || *source == current.address || source.Port() == 65535 {
		return current.reports
	}
	return netip.AddrPortFrom(source.Addr(), source.Port()+1)
}

// senderReport says how much we sent and, in its report block, how well we heard.
func (s *Session) senderReport(now time.Time) rtcp.Packet {
	s.out.mu.Lock()
	begun, packets, octets, ssrc := s.out.begun, s.out.packets, s.out.octets, s.out.ssrc
	elapsed := timestamps(now.Sub(s.engine.clock.epoch), uint32(s.out.voice.codec.ClockRate()))
	stamp, sequence := s.out.base+s.out.ahead+elapsed, s.out.sequence
	s.out.mu.Unlock()
	s.reporting.reach(ssrc, sequence, packets)
	heard := s.receptionReports(now)
	if !begun {
		return &rtcp.ReceiverReport{SSRC: ssrc, Reports: heard}
	}
	time64 := ntp(now)
	s.reporting.sent(time64, now)
	return &rtcp.SenderReport{
		SSRC:        ssrc,
		NTPTime:     time64,
		RTPTime:     stamp,
		PacketCount: packets,
		OctetCount:  octets,
		Reports:     heard,
	}
}

// receptionReports says how well we heard: one report block, or none before the first packet.
func (s *Session) receptionReports(now time.Time) []rtcp.ReceptionReport {
	a := &s.in.arrivals
	expected, received := a.stream()
	if received == 0 {
		return nil
	}
	block := rtcp.ReceptionReport{
		SSRC:               a.ssrc.Load(),
		TotalLost:          uint32(min(a.lost(), 1<<23-1)),
		LastSequenceNumber: a.highest.Load(),
		Jitter:             a.jitter.Load() >> 4,
	}
	s.reporting.block(&block, expected, received, now)
	return []rtcp.ReceptionReport{block}
}

// description names us to the far end.
func (s *Session) description() rtcp.Packet {
	return &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: s.out.stream(),
		Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: s.cname}},
	}}}
}

// ntp returns a time on NTP's scale: seconds in the upper, fractions of 2^-32 s in the lower half.
func ntp(now time.Time) uint64 {
	seconds := uint64(now.Unix() + ntpEpoch)
	fraction := uint64(now.Nanosecond()) << 32 / uint64(time.Second)
	return seconds<<32 | fraction
}
