package memq

import (
	"context"

	"github.com/spillway-voice/spillway/routing"
)

const (
	// logSize is how many events the store remembers for those who subscribe from an earlier one: readers are in this process and
	// subscribe as soon as they have a snapshot, so these are seconds of the busiest centre, and a megabyte or two.
	logSize = 1024
	// mailbox is how many events a reader may fall behind before it is cut off.
	mailbox = 4096
)

// reader is one subscription. Its channel is written and closed under the store's mutex alone.
type reader struct {
	events chan routing.Event
}

// give hands an event over, or closes the channel of a reader who fell behind.
func (r *reader) give(e routing.Event) bool {
	select {
	case r.events <- e:
		return true
	default:
		close(r.events)
		return false
	}
}

// remember keeps an event for those who subscribe later. The caller holds the mutex.
func (s *Store) remember(e routing.Event) {
	if len(s.log) == 2*logSize { // forget in bulk, so that an event costs no copying
		s.log = append(make([]routing.Event, 0, 2*logSize), s.log[logSize:]...)
	}
	s.log = append(s.log, e)
}

// Subscribe returns the events after seq. The channel comes back closed when seq is none of this store's, or is forgotten.
func (s *Store) Subscribe(ctx context.Context, seq uint64) (<-chan routing.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	missed := s.view.Seq - seq
	if seq > s.view.Seq || missed > uint64(len(s.log)) {
		closed := make(chan routing.Event)
		close(closed)
		return closed, nil
	}
	r := &reader{events: make(chan routing.Event, mailbox+int(missed))}
	for _, e := range s.log[len(s.log)-int(missed):] {
		r.events <- e
	}
	s.readers[r] = struct{}{}
	context.AfterFunc(ctx, func() { s.unsubscribe(r) })
	return r.events, nil
}

// unsubscribe closes the channel of a reader whose context ended, unless it was cut off before.
func (s *Store) unsubscribe(r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, reading := s.readers[r]; reading {
		delete(s.readers, r)
		close(r.events)
	}
}
