package media

import (
	"sync"
	"time"
)

// Sound is 20 ms of what a far end says, decoded: one frame of an even stream, whatever became of the packets.
type Sound struct {
	PCM  []int16   // to be copied by who keeps it
	Rate int       // samples a second, 8000 or 16000: a far end may change its codec
	At   time.Time // when it was due
}

// A Sink hears what a session receives: a recorder, a mixer, a test. It is called by the session's playout goroutine, once a
// frame from the first packet on, and must not block.
type Sink interface {
	Hear(sound Sound)
}

// Tap lets a sink hear the far end from now on. The function that it returns ends that; the sink may hear one frame
// more.
func (s *Session) Tap(sink Sink) (end func()) {
	entry := &tap{sink}
	s.changeSinks(func(sinks []Sink) []Sink { return append(sinks, entry) })
	s.attention.begin()
	return sync.OnceFunc(func() {
		s.attention.end()
		s.changeSinks(func(sinks []Sink) []Sink {
			kept := sinks[:0]
			for _, other := range sinks {
				if other != Sink(entry) {
					kept = append(kept, other)
				}
			}
			return kept
		})
	})
}

// tap gives a sink an identity, as one sink may listen twice.
type tap struct{ Sink }

// changeSinks replaces the list of sinks by a changed copy.
func (s *Session) changeSinks(change func([]Sink) []Sink) {
	for {
		old := s.sinks.Load()
		var sinks []Sink
		if old != nil {
			sinks = append(sinks, *old...)
		}
		sinks = change(sinks)
		if s.sinks.CompareAndSwap(old, &sinks) {
			return
		}
	}
}
