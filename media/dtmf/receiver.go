package dtmf

// What tells one press from another, in milliseconds of the stream's clock.
const (
	// continuedGap is how far the timestamp of a report may be ahead of the last one's and still belong to a key that was
	// not seen to end. Senders that stamp each report anew do so every 20 ms, while two presses are 80 ms apart at least
	// (40 ms of tone, 40 ms of pause: ITU-T Q.24).
	continuedGap = 60

	// restampedGap is the same for a sender that is known to stamp each report anew: as far as five lost reports reach.
	// Another press of the same key is that near only after the shortest of pauses, and is then known by the marker or by
	// the end before it.
	restampedGap = 120

	// growthSlack is how far the growth of a duration may be from that of the timestamp in reports of one press.
	growthSlack = 10

	// segmentSlack is how far from the full duration a sender may begin a new segment of a long press (RFC 4733 section
	// 2.5.1.3): those that report every 50 ms stop up to one report earlier or later.
	segmentSlack = 60

	// lateness is how long after its press a report may arrive and still count as a late copy. What lies further behind is
	// another stream.
	lateness = 10_000
)

// Receiver turns the reports of keys, of which there are many for each press and of which any may be lost, copied or
// late, into one digit a press. A digit is known with the first report that arrives, so that a menu reacts at once.
//
// It is for one stream: when the SSRC of the RTP stream changes, a new Receiver is needed. The zero value is for a clock
// rate of 8 kHz. It is owned by the goroutine that receives.
type Receiver struct {
	clock    uint32 // Hz
	seen     bool   // a press was told
	ended    bool   // and its end was seen
	restamps bool   // this sender stamps each report anew
	code     uint8  // of the newest press
	told     uint16 // the codes that were told with the timestamp stamp, a bit each
	stamp    uint32 // of the newest press, or of its newest segment or report
	duration uint16 // of its longest report
}

// NewReceiver returns a receiver for reports whose timestamps and durations count at a clock rate in Hz: 8000, 16000 or
// 48000, as the stream's format says (RFC 4733 section 2.1). One that is not positive counts as 8000.
func NewReceiver(clock int) Receiver {
	if clock <= 0 {
		clock = defaultClock
	}
	return Receiver{clock: uint32(clock)}
}

// Receive takes one report, with the timestamp and the marker bit of its packet, and returns the digit when it is the
// first of a press. Events that are no keys are ignored.
func (r *Receiver) Receive(stamp uint32, marker bool, e Event) (digit byte, pressed bool) {
	if int(e.Code) >= len(Keys) {
		return 0, false // a flash hook, a fax tone: nothing that a menu asks for
	}
	if r.seen {
		switch ahead := int32(stamp - r.stamp); {
		case ahead == 0:
			return r.repeated(e)
		case ahead < 0 && int64(-int64(ahead)) < int64(r.units(lateness)):
			return 0, false // a late copy of an earlier press
		case ahead > 0 && r.continues(uint32(ahead), marker, e):
			r.stamp, r.duration = stamp, e.Duration
			r.ended = r.ended || e.End
			return 0, false
		}
	}
	*r = Receiver{
		clock: r.clock, seen: true, ended: e.End, restamps: r.restamps,
		code: e.Code, told: 1 << e.Code, stamp: stamp, duration: e.Duration,
	}
	return Keys[e.Code], true
}

// repeated takes a report with the timestamp of the last one. Two keys cannot begin at one time, but some senders do not
// move their timestamp on between presses: another key is another press, once.
func (r *Receiver) repeated(e Event) (digit byte, pressed bool) {
	if r.told&(1<<e.Code) == 0 {
		r.told |= 1 << e.Code
		r.code, r.ended, r.duration = e.Code, e.End, e.Duration
		return Keys[e.Code], true
	}
	if e.Code == r.code {
		r.ended = r.ended || e.End
		r.duration = max(r.duration, e.Duration)
	}
	return 0, false
}

// continues reports whether a report whose timestamp is ahead of the last one's is about the same press: a key held so
// long that its duration had to begin anew, or a sender that stamps every report.
func (r *Receiver) continues(ahead uint32, marker bool, e Event) bool {
	if e.Code != r.code {
		return false
	}
	if r.ended { // a copy of the end, stamped anew: an end of another press cannot be that near
		return e.End && !marker && ahead <= r.units(continuedGap)
	}
	if r.grows(ahead, e) {
		return true
	}
	if marker {
		return false
	}
	if ahead <= r.units(continuedGap) {
		r.restamps = true
		return true
	}
	return r.restamps && ahead <= r.units(restampedGap) || r.nextSegment(ahead)
}

// grows reports whether the duration has grown by as much as the timestamp: the sender stamps each report anew and
// counts the duration from the beginning of the press. The first reports of another press have a short duration.
func (r *Receiver) grows(ahead uint32, e Event) bool {
	growth := int64(e.Duration) - int64(r.duration)
	slack := int64(r.units(growthSlack))
	return growth > 0 && growth >= int64(ahead)-slack && growth <= int64(ahead)+slack
}

// nextSegment reports whether a timestamp is where the next segment of a long press begins: where the last report ended,
// or, as that report may be lost, where the duration is full.
func (r *Receiver) nextSegment(ahead uint32) bool {
	const full = 0xFFFF
	return ahead == uint32(r.duration) ||
		ahead <= full+1 && ahead+r.units(segmentSlack) >= full
}

// units returns how many units of the clock are in some milliseconds.
func (r *Receiver) units(milliseconds uint32) uint32 {
	if r.clock == 0 {
		return milliseconds * defaultClock / 1000
	}
	return uint32(uint64(milliseconds) * uint64(r.clock) / 1000)
}
