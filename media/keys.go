package media

import (
	"sync"
	"time"

	"github.com/spillway-voice/spillway/media/dtmf"
)

// presses makes one stream of the keys of a far end, whichever way they come. It is safe for concurrent use.
type presses struct {
	mu     sync.Mutex
	stream *dtmf.Stream // nil before the first: most callers press none, and it is the largest thing of a session
}

// press takes in a key and reports false when it was told already, having come by another way.
func (p *presses) press(digit byte, way dtmf.Way, at time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stream == nil {
		p.stream = new(dtmf.Stream)
	}
	return p.stream.Press(digit, way, at)
}

// told tells the owner of a key that the far end pressed, and reports false when it was told already.
func (s *Session) told(digit byte, way dtmf.Way, now time.Time) bool {
	if !s.presses.press(digit, way, now.Sub(s.engine.clock.epoch)) {
		return false
	}
	s.post(Digit{Digit: digit})
	return true
}

// Press takes in a key that came by signalling (SIP INFO): it is told as a Digit, and sent to the other side of a bridge
// for d, unless it is the same press that came in the sound.
func (s *Session) Press(digit byte, d time.Duration) {
	if !s.told(digit, dtmf.ByInfo, time.Now()) {
		return
	}
	if other := s.peer.Load(); other != nil {
		_ = other.SendDigit(digit, d) // one that is no key, or one too many; the error would name the key
	}
}

// SendDigit sends a key (0 to 9, *, #, A to D) for d, between 40 ms and 5 s; zero is 100 ms. It is a telephone-event (RFC
// 4733), or two tones where the far end takes none. Digits are sent one after another; sound pauses meanwhile. The
// error is ErrNotAgreed, or that of what is no key, or one too many.
func (s *Session) SendDigit(digit byte, d time.Duration) error {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.press(digit, d)
}
