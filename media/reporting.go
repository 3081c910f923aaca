package media

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// What a far end may say of itself before we take it for a fault or a lie.
const (
	longestRoundTrip = 5 * time.Second // ITU-T G.114 plans with no more than 0.4 s one way
	longestJitter    = 5 * time.Second
	reportsKept      = 4         // of ours, to which an answer may refer: 20 s
	longestAnswer    = time.Hour // how old a report may be that we answer: the field for its age has 18 hours
)

// reporting is what the reports of a session, ours and the far end's, tell and have to remember of each other. It is safe for
// concurrent use.
type reporting struct {
	mu sync.Mutex

	// Of our reports: what the last one told of the stream that we receive.
	told struct {
		ssrc, expected, received uint32
	}
	ours [reportsKept]ourReport
	next int

	// Of the far end's sender reports: the last one of the stream that we receive.
	theirs struct {
		ssrc, middle uint32    // middle: the middle of its NTP timestamp; 0: none yet
		at           time.Time // when it came
	}

	// Of the far end's report blocks about our stream.
	reporter  uint32 // who wrote the last one
	about     uint32 // our SSRC in it
	reported  bool
	lost      uint64 // by the last one
	earlier   uint64 // by reporters before this one
	jitter    time.Duration
	jitters   int           // how many the mean has
	roundTrip time.Duration // smoothed; 0: not known
	begun     bool
	stream    uint32 // our SSRC when it was last looked at
	reached   uint16 // our sequence number when it was last looked at
	span      uint64 // numbers of our stream until then
}

// ourReport is a sender report of ours that the far end may answer.
type ourReport struct {
	middle uint32
	at     time.Time
}

// block fills in what a report block (RFC 3550 section 6.4.1) tells of the time since the last one. The caller has set SSRC.
func (r *reporting) block(b *rtcp.ReceptionReport, expected, received uint32, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.told
	if t.ssrc != b.SSRC || expected < t.expected || received < t.received {
		t.expected, t.received = 0, 0 // another stream, or the same that jumped
	}
	due, came := expected-t.expected, received-t.received
	if due > came {
		b.FractionLost = uint8(min(uint64(due-came)<<8/uint64(due), 255))
	}
	t.ssrc, t.expected, t.received = b.SSRC, expected, received
	if since := now.Sub(r.theirs.at); r.theirs.middle != 0 && r.theirs.ssrc == b.SSRC && since < longestAnswer {
		b.LastSenderReport = r.theirs.middle
		b.Delay = timestamps(since, 65536)
	}
}

// sent notes a sender report of ours.
func (r *reporting) sent(time64 uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ours[r.next%reportsKept] = ourReport{middle: uint32(time64 >> 16), at: now}
	r.next++
}

// reach notes how far our stream has come: the number of its next packet, and how many were sent. When another one takes its
// place, what was sent since the last look is not counted.
func (r *reporting) reach(ssrc uint32, sequence uint16, packets uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.begun {
		r.begun, r.span = packets > 0, uint64(packets)
		r.stream, r.reached = ssrc, sequence
		return
	}
	if ssrc != r.stream {
		r.stream, r.reached = ssrc, sequence
		return
	}
	if step := int16(sequence - r.reached); step > 0 { // two may look at one time, and the later one tell first
		r.span += uint64(step) // reports come far more often than 32768 packets
		r.reached = sequence
	}
}

// theySent takes in a sender report about a stream of the far end.
func (r *reporting) theySent(ssrc uint32, time64 uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.theirs.ssrc, r.theirs.middle, r.theirs.at = ssrc, uint32(time64>>16), now
}

// theyHeard takes in a report block about our stream, the rate of which is given.
func (r *reporting) theyHeard(reporter uint32, b rtcp.ReceptionReport, rate uint32, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reported && (reporter != r.reporter || b.SSRC != r.about) { // another device took over, or our stream is another: counted from its beginning
		r.earlier += r.lost
	}
	r.reporter, r.about, r.reported = reporter, b.SSRC, true
	r.lost = 0
	if b.TotalLost < 1<<23 { // a negative number of 24 bits: it got copies
		r.lost = uint64(b.TotalLost)
	}
	if jitter := time.Duration(b.Jitter) * time.Second / time.Duration(rate); jitter <= longestJitter {
		r.jitters++
		r.jitter += (jitter - r.jitter) / time.Duration(r.jitters)
	}
	r.measure(b, now)
}

// measure takes the round trip from a report block that answers a sender report of ours. Our own clock alone is asked, as the
// machine's may be set meanwhile. The caller holds the lock.
func (r *reporting) measure(b rtcp.ReceptionReport, now time.Time) {
	if b.LastSenderReport == 0 {
		return
	}
	for _, ours := range r.ours {
		if ours.at.IsZero() || ours.middle != b.LastSenderReport {
			continue
		}
		trip := now.Sub(ours.at) - time.Duration(b.Delay)*time.Second/65536
		if trip < -2*time.Second/65536 || trip > longestRoundTrip { // both times are rounded to a tick
			return
		}
		trip = max(trip, time.Microsecond)
		if r.roundTrip == 0 {
			r.roundTrip = trip
		}
		r.roundTrip += (trip - r.roundTrip) / 8 // as RFC 6298 section 2 smooths
		return
	}
}

// farHeard is what the far end told: how many of our packets were due to it and lost, and its mean jitter; false when it told nothing.
func (r *reporting) farHeard() (due, lost uint64, jitter time.Duration, told bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.span, min(r.earlier+r.lost, r.span), r.jitter, r.reported && r.span > 0
}

// trip returns the round trip, 0 when it is not known.
func (r *reporting) trip() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.roundTrip
}
