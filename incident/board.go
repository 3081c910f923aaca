package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Ruling is one active incident that concerns what was asked about.
type Ruling struct {
	Incident string
	Why      string // the scope that matched: "number +61280000001", "queue orders", "everyone"
	Revision Revision
}

// Message is what a caller is told because of an incident.
type Message struct {
	Incident string
	Prompt   string // the recording's name
	Sound    string // its content, SHA-256 in hex; what Heard remembers
	Then     Then   // always Continue for callers who wait already
	Why      string
}

// scope says how specific the part of an incident's scope is that matched; higher is more specific.
type scope int

const (
	everyone scope = iota + 1
	byQueue
	byNumber
)

// With returns a copy of the board on which a revision stands, or the same board when it holds a newer one of that incident.
func (b Board) With(rev Revision) Board {
	if old, known := b.Revisions[rev.Incident]; known && !rev.Replaces(old) {
		return b
	}
	revisions := make(map[string]Revision, len(b.Revisions)+1)
	maps.Copy(revisions, b.Revisions)
	revisions[rev.Incident] = rev
	return Board{Revisions: revisions}
}

// List returns the newest revisions of the incidents that a file still has, by name.
func (b Board) List() []Revision {
	var list []Revision
	for _, name := range slices.Sorted(maps.Keys(b.Revisions)) {
		if rev := b.Revisions[name]; !rev.Removed {
			list = append(list, rev)
		}
	}
	return list
}

// Replaces reports whether a revision takes the place of another of the same incident: the higher number, then the later
// moment, then the greater name of who made it, so that all nodes agree in whatever order they hear of the two.
//
// Of two that are the first the earlier holds. A first one is only ever added, by a file, where nobody knew of another: a node
// that starts while it cannot ask the others must not override with its own file what they have had all along.
func (r Revision) Replaces(old Revision) bool {
	moment := r.At.Compare(old.At)
	if r.Number == 1 {
		moment = -moment
	}
	return cmp.Or(cmp.Compare(r.Number, old.Number), moment, cmp.Compare(r.By, old.By)) > 0
}

// Active returns the incidents that hold now for what is asked about, in precedence: the most specific scope that matched (a
// number, then a queue, then everyone), then the latest start, then the name.
//
// A number matches from the answer on, a queue when it is entered and for those in it, whatever they dialled.
func Active(b Board, f Facts, now time.Time) []Ruling {
	return b.active(now, func(e Effects) (scope, string) { return e.concern(f) })
}

// ActiveNow returns all incidents that hold now, for whomever, in the same precedence by the scope that they have.
func ActiveNow(b Board, now time.Time) []Ruling {
	return b.active(now, func(e Effects) (scope, string) {
		switch {
		case len(e.Numbers) > 0:
			return byNumber, "active"
		case len(e.Queues) > 0:
			return byQueue, "active"
		default:
			return everyone, "active"
		}
	})
}

// active returns rulings on the incidents that hold now and that judge gives a scope.
func (b Board) active(now time.Time, judge func(Effects) (scope, string)) []Ruling {
	type judged struct {
		Ruling
		scope
	}
	var found []judged
	for name, rev := range b.Revisions {
		if !rev.Active(now) {
			continue
		}
		if s, why := judge(rev.Effects); s != 0 {
			found = append(found, judged{Ruling{Incident: name, Why: why, Revision: rev}, s})
		}
	}
	slices.SortFunc(found, func(x, y judged) int {
		return cmp.Or(cmp.Compare(y.scope, x.scope), y.Revision.Start.Compare(x.Revision.Start), cmp.Compare(x.Incident, y.Incident))
	})
	rulings := make([]Ruling, len(found))
	for i, j := range found {
		rulings[i] = j.Ruling
	}
	return rulings
}

// concern returns the most specific part of the scope that matches the facts, in words too, or 0.
func (e Effects) concern(f Facts) (scope, string) {
	switch {
	case f.Number != "" && slices.Contains(e.Numbers, f.Number):
		return byNumber, "number " + f.Number
	case f.Queue != "" && slices.Contains(e.Queues, f.Queue):
		return byQueue, "queue " + f.Queue
	case len(e.Numbers) == 0 && len(e.Queues) == 0:
		return everyone, "everyone"
	default:
		return 0, ""
	}
}

// MessageFor returns the one message that a caller is due, that of the first active incident which has one. Whether he heard it
// already is for Heard to say.
func MessageFor(b Board, f Facts, now time.Time) (Message, bool) {
	for _, r := range Active(b, f, now) {
		e := r.Revision.Effects
		if e.Message == "" || f.Waiting && !e.WaitingCallers {
			continue
		}
		m := Message{Incident: r.Incident, Prompt: e.Message, Sound: r.Revision.Sound, Then: e.Then}
		m.Why = fmt.Sprintf("%s: %s", r.Incident, r.Why)
		if f.Waiting || m.Then == "" {
			m.Then = Continue
		}
		return m, true
	}
	return Message{}, false
}

// Next returns when time alone starts or ends the next incident, or the zero time when it does not.
func Next(b Board, now time.Time) time.Time {
	var next time.Time
	for _, rev := range b.Revisions {
		if !rev.On {
			continue
		}
		for _, t := range []time.Time{rev.Start, rev.End} {
			if t.After(now) && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
	}
	return next
}
