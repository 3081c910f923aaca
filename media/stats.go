package media

import "sync/atomic"

// Stats are counts of packets, since a session or an engine began.
type Stats struct {
	PacketsIn  uint64 // of sound and digits, from far ends that are heard
	PacketsOut uint64 // of sound and digits
	Lost       uint64 // of those that far ends numbered, did not arrive
	Strangers  uint64 // dropped: from somebody who may not send to us
	Unproven   uint64 // dropped: from somebody who was about to be taken, or never was
	Excess     uint64 // dropped: more than sound takes, from a far end that is heard
	Invalid    uint64 // dropped: no RTP or RTCP, or in a protected session not made with the far end's key, or here before
	Unsent     uint64 // could not be written
	EventsLost uint64 // events that nobody read in time
}

// add sums up.
func (s *Stats) add(other Stats) {
	s.PacketsIn += other.PacketsIn
	s.PacketsOut += other.PacketsOut
	s.Lost += other.Lost
	s.Strangers += other.Strangers
	s.Unproven += other.Unproven
	s.Excess += other.Excess
	s.Invalid += other.Invalid
	s.Unsent += other.Unsent
	s.EventsLost += other.EventsLost
}

// counters are the figures of one session, each of which any goroutine may raise.
type counters struct {
	packetsIn, packetsOut, strangers, unproven, excess, invalid, unsent, eventsLost atomic.Uint64
}

// Stats returns the session's counts.
func (s *Session) Stats() Stats {
	c := &s.counters
	_, lost := s.in.arrivals.total()
	return Stats{
		PacketsIn:  c.packetsIn.Load(),
		PacketsOut: c.packetsOut.Load(),
		Lost:       lost,
		Strangers:  c.strangers.Load(),
		Unproven:   c.unproven.Load(),
		Excess:     c.excess.Load(),
		Invalid:    c.invalid.Load(),
		Unsent:     c.unsent.Load(),
		EventsLost: c.eventsLost.Load(),
	}
}
