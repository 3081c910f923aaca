package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// keys are the digits of a telephone, by event code (RFC 4733 section 3.2).
const keys = "0123456789*#ABCD"

// eventSize is how many bytes an event takes in a packet (RFC 4733 section 2.3).
const eventSize = 4

// telephoneEvent is one report of a key that is or was pressed.
type telephoneEvent struct {
	code     uint8
	end      bool
	volume   uint8  // dB below 0 dBm0
	duration uint16 // so far, in units of the clock rate
}

// parseEvent reads the first report of a payload. Others that may follow it are repeats of earlier ones.
func parseEvent(payload []byte) (telephoneEvent, error) {
	if len(payload) < eventSize {
		return telephoneEvent{}, errors.New("a telephone-event of under 4 bytes")
	}
	return telephoneEvent{
		code:     payload[0],
		end:      payload[1]&0x80 != 0,
		volume:   payload[1] & 0x3F,
		duration: binary.BigEndian.Uint16(payload[2:]),
	}, nil
}

// put writes the event into the first eventSize bytes of dst.
func (e telephoneEvent) put(dst []byte) {
	dst[0], dst[1] = e.code, e.volume
	if e.end {
		dst[1] |= 0x80
	}
	binary.BigEndian.PutUint16(dst[2:], e.duration)
}

// continuedGap is how far the timestamp of a report may be ahead of the last one's, in units of the clock, and still
// belong to a key that was not seen to end: senders that stamp each report anew do it every packet, while two presses
// are 80 ms apart at least (40 ms of tone, 40 ms of pause: ITU-T Q.24).
const continuedGap = 60 * SampleRate / 1000

// eventReceiver turns the reports of keys, of which there are many for each press and of which any may be lost, into
// one digit a press. A digit is known with the first report that arrives, so that a menu reacts at once. The zero value
// is ready. It is owned by the goroutine that receives.
type eventReceiver struct {
	seen  bool
	ended bool
	code  uint8
	stamp uint32 // of the newest press
	until uint32 // the timestamp up to which its reports reach
}

// receive takes one report and returns the digit when it is the first of a press.
func (r *eventReceiver) receive(stamp uint32, marker bool, event telephoneEvent) (digit byte, pressed bool) {
	if int(event.code) >= len(keys) {
		return 0, false // a flash hook, a fax tone: nothing that a menu asks for
	}
	if r.seen {
		if stamp == r.stamp {
			r.extend(stamp, event)
			return 0, false
		}
		if int32(stamp-r.stamp) < 0 && int32(r.stamp-stamp) < SampleRate*10 {
			return 0, false // a late copy of an earlier press
		}
		if r.continues(stamp, marker, event) {
			r.stamp = stamp
			r.extend(stamp, event)
			return 0, false
		}
	}
	*r = eventReceiver{seen: true, code: event.code, stamp: stamp}
	r.extend(stamp, event)
	return keys[event.code], true
}

// continues reports whether a report with a new timestamp is about the same press: a key held so long that its
// duration had to begin anew (RFC 4733 section 2.5.1.3), or a sender that stamps every report.
func (r *eventReceiver) continues(stamp uint32, marker bool, event telephoneEvent) bool {
	if marker || r.ended || event.code != r.code {
		return false
	}
	return stamp == r.until || int32(stamp-r.stamp) <= continuedGap
}

func (r *eventReceiver) extend(stamp uint32, event telephoneEvent) {
	r.ended = r.ended || event.end
	if until := stamp + uint32(event.duration); !r.seen || int32(until-r.until) > 0 || r.until == 0 {
		r.until = until
	}
}

// The shape of the digits that we send.
const (
	shortestDigit = 40 * time.Millisecond  // what a receiver must recognise (ITU-T Q.24)
	longestDigit  = 5 * time.Second        // far below the 8.19 s that a report's duration can say
	digitPause    = 60 * time.Millisecond  // between two digits
	digitVolume   = 10                     // dB below 0 dBm0, the usual level
	endCopies     = 3                      // the last report is sent so often (RFC 4733 section 2.5.1.4)
	defaultDigit  = 100 * time.Millisecond // when the caller does not say
	maxDigits     = 64                     // waiting to be sent
)

// outgoingDigit is a digit to send.
type outgoingDigit struct {
	code  uint8
	ticks int // frames that it lasts
}

// eventSender sends digits one after another, a report every frame. It is owned by whoever owns the outgoing stream.
type eventSender struct {
	waiting []outgoingDigit
	digit   outgoingDigit
	sent    int    // frames of the digit reported so far; also counts copies of its end and the pause
	stamp   uint32 // of the digit's reports
	busy    bool
}

// add queues a digit for at least shortestDigit and at most longestDigit; zero is defaultDigit.
func (s *eventSender) add(digit byte, d time.Duration) error {
	code := strings.IndexByte(keys, digit)
	if code < 0 {
		return fmt.Errorf("send digit: %q is not one of %s", digit, keys)
	}
	if len(s.waiting) >= maxDigits {
		return fmt.Errorf("send digit: over %d digits are waiting", maxDigits)
	}
	if d == 0 {
		d = defaultDigit
	}
	d = min(max(d, shortestDigit), longestDigit)
	s.waiting = append(s.waiting, outgoingDigit{code: uint8(code), ticks: framesIn(d)})
	return nil
}

// active reports whether a digit, or the pause behind one, has the stream now.
func (s *eventSender) active() bool { return s.busy || len(s.waiting) > 0 }

// next returns the report to send in this frame, whose sound would have the timestamp now; ok is false in a pause.
func (s *eventSender) next(now uint32) (event telephoneEvent, stamp uint32, marker, ok bool) {
	if !s.busy {
		s.digit, s.waiting = s.waiting[0], s.waiting[1:]
		s.busy, s.sent, s.stamp = true, 0, now
	}
	s.sent++
	ends := s.digit.ticks + endCopies - 1
	if s.sent > ends {
		if s.sent >= ends+framesIn(digitPause) {
			s.busy = false
		}
		return telephoneEvent{}, 0, false, false
	}
	event = telephoneEvent{
		code:     s.digit.code,
		end:      s.sent >= s.digit.ticks,
		volume:   digitVolume,
		duration: uint16(min(s.sent, s.digit.ticks) * FrameSize),
	}
	return event, s.stamp, s.sent == 1, true
}
