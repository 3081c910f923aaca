package media

import "sync"

// An Event is what a session has to say: Digit, Played, FirstPacket or Silent.
type Event interface{ event() }

// Digit says that a key was pressed, once a press whichever ways it came, as soon as it is known: by a telephone-event (RFC 4733), by its
// tones where the far end has none, or by Press.
type Digit struct{ Digit byte } // 0 to 9, *, #, A to D

// Played says that all that was given to Play has been sent. What was replaced or stopped is not reported.
type Played struct{ ID uint64 } // as given to Play

// FirstPacket says that the far end is heard for the first time.
type FirstPacket struct{}

// Silent says that a far end that was heard has sent nothing, neither sound nor reports, for Options.Timeout, although
// it is not on hold. It comes again after each further Options.Timeout of silence.
type Silent struct{}

func (Digit) event()       {}
func (Played) event()      {}
func (FirstPacket) event() {}
func (Silent) event()      {}

// maxEvents is how many events may wait for the owner of a session: keys cannot come faster than 12 a second (ITU-T Q.24), so these
// are two seconds of them, far longer than an owner is busy. More are dropped and counted.
const maxEvents = 24

// mailbox is where a session's events wait. It is safe for concurrent use.
type mailbox struct {
	mu     sync.Mutex
	closed bool
	events chan Event
}

func newMailbox() *mailbox { return &mailbox{events: make(chan Event, maxEvents)} }

// post adds an event and reports false when the mailbox is full. It never waits.
func (m *mailbox) post(event Event) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return true
	}
	select {
	case m.events <- event:
		return true
	default:
		return false
	}
}

// close ends the events.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		close(m.events)
	}
}
