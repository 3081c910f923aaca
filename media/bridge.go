package media

import (
	"errors"
	"sync"
	"time"
)

// bridges joins sessions in pairs. Its lock is over who is joined with whom, not over packets.
type bridges struct{ mu sync.Mutex }

// ErrBridge is the error of a bridge that cannot be.
var ErrBridge = errors.New("bridge: two different sessions of one engine are needed")

// Bridge lets two sessions hear each other, from the next packet on; what either was bridged with before is let go, and
// what was playing to them stops. The error is ErrBridge, or ErrClosed when a session is closed. Packets of one codec are forwarded with
// headers of our own, as they come, also from one law of G.711 to the other; those of another, or longer than the other
// side takes, are decoded, played out evenly, and encoded again. Digits pass, as tones to a side that takes no
// telephone-events, and are reported as well. While one side plays something in its
// foreground, it does not hear the other; a side that hears nothing from the other gets silence.
func Bridge(a, b *Session) error {
	if a == nil || b == nil || a == b || a.engine != b.engine {
		return ErrBridge
	}
	j := &a.engine.bridges
	j.mu.Lock()
	defer j.mu.Unlock()
	j.part(a)
	j.part(b)
	now := time.Now()
	if !a.out.join(now) || !b.out.join(now) {
		a.out.part()
		return ErrClosed
	}
	a.peer.Store(b)
	b.peer.Store(a)
	a.attention.begin()
	b.attention.begin()
	return nil
}

// Unbridge parts a session from the one it is bridged with, if any; both hear their background from the next packet on.
func Unbridge(s *Session) { s.engine.bridges.unbridge(s) }

func (j *bridges) unbridge(s *Session) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.part(s)
}

// part lets go of a session and of the one it is bridged with. The lock is held.
func (j *bridges) part(s *Session) {
	other := s.peer.Swap(nil)
	if other == nil {
		return
	}
	other.peer.Store(nil)
	s.attention.end()
	other.attention.end()
	s.hearing.part()
	other.hearing.part()
	s.out.part()
	other.out.part()
}

// join makes the stream that of the other side of a bridge. It reports false when the stream has ended.
func (o *outgoing) join(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.bridged, o.relay = true, relay{at: now}
	o.foreground = nil
	o.voice.joins = true
	return true
}

// part gives the stream back to the session itself.
func (o *outgoing) part() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bridged, o.relay = false, relay{}
	o.voice.joins = true
}
