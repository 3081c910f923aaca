package dispatch

import (
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// tellEvery bounds how often callers of a queue are told where they stand: an announcement is never finer.
const tellEvery = 200 * time.Millisecond

// standing tells callers of this node where they stand, for the queues that changed.
type standing struct {
	dirty map[string]bool
	next  time.Time // when to tell; zero: nothing to tell
	told  time.Time
}

func newStanding() standing { return standing{dirty: make(map[string]bool)} }

// changed notes the queues whose order an event changed.
func (s *standing) changed(e routing.Event) {
	switch e.Kind {
	case routing.CallerEntered, routing.CallerLeft, routing.CallerAnswered:
	default:
		return
	}
	for _, c := range []*routing.Caller{e.Caller, e.Was} {
		if c != nil {
			s.dirty[c.Queue] = true
		}
	}
	s.next = latest(s.told.Add(tellEvery), e.At)
}

// all notes every queue of a new view.
func (s *standing) all(view *routing.View) {
	for _, c := range view.Callers {
		s.dirty[c.Queue] = true
	}
	s.next = s.told.Add(tellEvery)
}

// tell tells those whose standing changed. A mailbox that is filling up hears it later.
func (s *standing) tell(o *owner, now time.Time) {
	if s.next.IsZero() || now.Before(s.next) {
		return
	}
	s.next, s.told = time.Time{}, now
	for queue := range s.dirty {
		if s.tellQueue(o, queue) {
			delete(s.dirty, queue)
		} else {
			s.next = now.Add(tellEvery)
		}
	}
}

// tellQueue tells the callers of one queue, and reports whether all who had to could hear it.
func (s *standing) tellQueue(o *owner, queue string) bool {
	line := o.view.Line(queue)
	all := true
	for i, c := range line {
		if c.Node != o.d.node {
			continue
		}
		p := o.d.places.get(c.Call)
		moved := Moved{Queue: queue, Position: i + 1, Waiting: len(line)}
		if p == nil || p.moved.Queue == queue && p.moved.Position == moved.Position {
			continue
		}
		if p.roomForMoves() && p.tell(moved) {
			p.moved = moved
		} else {
			all = false
		}
	}
	return all
}

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
