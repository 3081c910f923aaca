package media

import (
	"sync"
	"time"
)

// Sound is what arrived in one packet, decoded.
type Sound struct {
	PCM       []int16   // at SampleRate; to be copied by who keeps it
	Timestamp uint32    // of the first sample, from the far end: gaps and late packets show in it
	At        time.Time // when it arrived
}

// A Sink hears what a session receives: a recorder, a mixer, a test. It is called by the session's receiving goroutine,
// in order of arrival, and must not block.
type Sink interface {
	Hear(sound Sound)
}

// Tap lets a sink hear the far end from now on. The function that it returns ends that; the sink may hear one packet
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
