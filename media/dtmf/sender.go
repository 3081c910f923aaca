package dtmf

import (
	"fmt"
	"strings"
	"time"
)

// The shape of the digits that we send.
const (
	shortestDigit = 40 * time.Millisecond  // what a receiver must recognise (ITU-T Q.24)
	longestDigit  = 5 * time.Second        // nobody needs more, and a queue of digits has to end
	digitPause    = 60 * time.Millisecond  // between two digits: 40 ms must do (ITU-T Q.24)
	defaultDigit  = 100 * time.Millisecond // when the caller does not say
	digitVolume   = 10                     // in dB below 0 dBm0
	endCopies     = 3                      // the last report is sent so often (RFC 4733 section 2.5.1.4)
	maxDigits     = 64                     // waiting to be sent
)

// fullDuration is the longest that a report can say, in units of the clock (RFC 4733 section 2.5.1.3).
const fullDuration = 0xFFFF

// outgoingDigit is a digit to send.
type outgoingDigit struct {
	code   uint8
	frames uint8 // that it lasts: 250 at most
}

// Sender sends digits one after another as telephone-events, a report every 20 ms. The zero value is ready. It is owned
// by whoever owns the outgoing stream.
type Sender struct {
	waiting [maxDigits]outgoingDigit // a ring
	first   int                      // index of the next digit in it
	count   int                      // digits in it

	busy    bool
	digit   outgoingDigit
	frame   uint32 // units of the clock in 20 ms
	sent    int    // frames since the digit began, with the copies of its end and the pause
	stamp   uint32 // of the segment that is reported
	segment uint32 // units from the beginning of the digit to that of the segment
}

// checkDigit returns the code of a digit and its duration within the bounds of what is sent; zero is defaultDigit.
func checkDigit(digit byte, d time.Duration) (code int, bounded time.Duration, err error) {
	code = strings.IndexByte(Keys, digit)
	if code < 0 {
		return 0, 0, fmt.Errorf("send digit: %q is not one of %s", digit, Keys)
	}
	if d == 0 {
		d = defaultDigit
	}
	return code, min(max(d, shortestDigit), longestDigit), nil
}

// framesIn returns how many frames of 20 ms a duration takes, begun ones included.
func framesIn(d time.Duration) int {
	const frame = frameMillis * time.Millisecond
	return int((d + frame - 1) / frame)
}

// Add queues a digit for at least 40 ms and at most 5 s; zero is 100 ms. It fails for what is not one of Keys and when 64
// digits are waiting.
func (s *Sender) Add(digit byte, d time.Duration) error {
	code, d, err := checkDigit(digit, d)
	if err != nil {
		return err
	}
	if s.count == maxDigits {
		return fmt.Errorf("send digit: over %d digits are waiting", maxDigits)
	}
	s.waiting[(s.first+s.count)%maxDigits] = outgoingDigit{code: uint8(code), frames: uint8(framesIn(d))}
	s.count++
	return nil
}

// Active reports whether a digit, or the pause behind one, has the stream now.
func (s *Sender) Active() bool { return s.busy || s.count > 0 }

// Next returns the report to send in this frame of 20 ms, whose sound would have the timestamp now at a clock rate in
// Hz; ok is false in a pause, and when there is nothing to send. The clock rate is that of the stream when a digit
// begins, and holds for all its reports.
func (s *Sender) Next(now uint32, clock int) (e Event, stamp uint32, marker, ok bool) {
	if !s.busy && !s.begin(now, clock) {
		return Event{}, 0, false, false
	}
	s.sent++
	frames := int(s.digit.frames)
	if last := frames + endCopies - 1; s.sent > last {
		s.busy = s.sent < last+framesIn(digitPause)
		return Event{}, 0, false, false
	}
	e = Event{Code: s.digit.code, End: s.sent >= frames, Volume: digitVolume}
	e.Duration, stamp = s.report(uint32(min(s.sent, frames))*s.frame, e.End)
	return e, stamp, s.sent == 1, true
}

// Cut ends the digit that is being sent, without saying so: its stream is no more. Those that wait follow after the pause.
func (s *Sender) Cut() {
	if s.busy {
		s.sent = max(s.sent, int(s.digit.frames)+endCopies-1)
	}
}

// begin takes the next digit that is waiting, if there is one.
func (s *Sender) begin(now uint32, clock int) bool {
	if s.count == 0 {
		return false
	}
	if clock <= 0 {
		clock = defaultClock
	}
	s.digit = s.waiting[s.first]
	s.first, s.count = (s.first+1)%maxDigits, s.count-1
	s.busy, s.sent, s.stamp, s.segment = true, 0, now, 0
	s.frame = uint32(clock) / framesASecond
	return true
}

// report returns the duration and the timestamp that say how long the key is down. When a duration is full, the segment
// gets one last report that says so, and the next report begins another segment behind it; neither is an end.
func (s *Sender) report(elapsed uint32, end bool) (duration uint16, stamp uint32) {
	stamp = s.stamp
	for elapsed-s.segment > fullDuration {
		s.segment += fullDuration
		s.stamp += fullDuration
		if !end {
			return fullDuration, stamp
		}
		stamp = s.stamp
	}
	return uint16(elapsed - s.segment), stamp
}
