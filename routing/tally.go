package routing

import (
	"maps"
	"time"
)

// ShortAbandon is how soon a caller hangs up who is not counted against the service level (field practice: within 5 s).
const ShortAbandon = 5 * time.Second

// leftShort is what a call says of a caller who hung up so soon; it is an abandonment like LeftByCaller.
const leftShort = "short"

// leftUnseen stands for how callers left whom a tally lost sight of.
const leftUnseen = "unseen"

// The results of a Wait; a caller who left otherwise has the reason as result.
const (
	WaitAnswered  = "answered"
	WaitAbandoned = "abandoned"
)

// Figures are what a queue did since local midnight. At any moment Offered is Answered, Abandoned, Left and Waiting together:
// those who waited at midnight are carried over into Offered.
type Figures struct {
	Offered        int            // callers who entered
	Answered       int            // callers whom an agent answered
	AnsweredWithin int            // of them within the queue's service level
	Abandoned      int            // callers who hung up while they waited
	ShortAbandons  int            // of them within ShortAbandon
	Left           int            // callers who left otherwise
	Reasons        map[string]int // how those left
	Waiting        int            // callers in the queue now
}

// ServiceLevel is the two numbers whose ratio is the service level: answered within the threshold, of all offered but for
// short abandons.
func (f Figures) ServiceLevel() (within, offered int) {
	return f.AnsweredWithin, f.Offered - f.ShortAbandons
}

// Wait is one wait that is over, for histograms.
type Wait struct {
	Queue  string
	Result string // WaitAnswered, WaitAbandoned, or the reason for which the caller left
	For    time.Duration
}

// Tally counts events into figures per queue. It is not safe for concurrent use.
type Tally struct {
	zone   *time.Location
	day    time.Time // the local midnight that the figures begin at
	queues map[string]*Figures
}

// NewTally begins to count, in a day of the zone, with those who wait already.
func NewTally(v *View, now time.Time, zone *time.Location) *Tally {
	t := &Tally{zone: zone, day: midnight(now, zone), queues: make(map[string]*Figures)}
	t.Resume(v)
	return t
}

// SetZone counts by the midnights of another zone from now on. If one has passed since the figures begin, they begin anew.
func (t *Tally) SetZone(zone *time.Location) { t.zone = zone }

// Resume brings the tally up to a snapshot after events were missed: who is new counts as offered, who is gone as left.
func (t *Tally) Resume(v *View) {
	waiting := make(map[string]int)
	for _, c := range v.Callers {
		waiting[c.Queue]++
		t.queue(c.Queue)
	}
	for name, f := range t.queues {
		change := waiting[name] - f.Waiting
		f.Waiting = waiting[name]
		if change > 0 {
			f.Offered += change
		} else if change < 0 {
			f.left(leftUnseen, -change)
		}
	}
}

// Fold counts an event, with the service level of the plan in force. It returns the wait that the event ended, if it did.
func (t *Tally) Fold(e Event, plan *Plan) (ended Wait, ok bool) {
	t.turn(e.At)
	switch e.Kind {
	case CallerEntered:
		return t.entered(e)
	case CallerAnswered:
		wait := e.At.Sub(e.Was.Entered)
		f := t.queue(e.Was.Queue)
		f.Waiting--
		f.Answered++
		if q := plan.Queue(e.Was.Queue); q != nil && wait <= q.ServiceLevel {
			f.AnsweredWithin++
		}
		return Wait{e.Was.Queue, WaitAnswered, wait}, true
	case CallerLeft:
		return t.leave(e.Was, e.Reason, e.At), true
	default:
		return Wait{}, false
	}
}

// entered counts a caller who begins to wait, or who moved here from another queue.
func (t *Tally) entered(e Event) (ended Wait, ok bool) {
	if e.Was != nil {
		if e.Was.Queue == e.Caller.Queue {
			return Wait{}, false
		}
		ended, ok = t.leave(e.Was, LeftMoved, e.At), true
	}
	f := t.queue(e.Caller.Queue)
	f.Offered++
	f.Waiting++
	return ended, ok
}

// leave counts a caller whose wait ended without an agent.
func (t *Tally) leave(was *Caller, reason string, at time.Time) Wait {
	wait := at.Sub(was.Entered)
	f := t.queue(was.Queue)
	f.Waiting--
	if reason != LeftByCaller && reason != leftShort {
		f.left(reason, 1)
		return Wait{was.Queue, reason, wait}
	}
	f.Abandoned++
	if wait <= ShortAbandon {
		f.ShortAbandons++
	}
	return Wait{was.Queue, WaitAbandoned, wait}
}

// left counts callers who left for a reason.
func (f *Figures) left(reason string, n int) {
	if f.Reasons == nil {
		f.Reasons = make(map[string]int)
	}
	f.Left += n
	f.Reasons[reason] += n
}

// Figures returns a copy of the figures of every queue that had a caller since local midnight.
func (t *Tally) Figures(now time.Time) map[string]Figures {
	t.turn(now)
	figures := make(map[string]Figures, len(t.queues))
	for name, f := range t.queues {
		copied := *f
		copied.Reasons = maps.Clone(f.Reasons)
		figures[name] = copied
	}
	return figures
}

// turn begins a new day when the local date has changed.
func (t *Tally) turn(now time.Time) {
	day := midnight(now, t.zone)
	if !day.After(t.day) {
		return
	}
	t.day = day
	for _, f := range t.queues {
		*f = Figures{Offered: f.Waiting, Waiting: f.Waiting}
	}
}

// queue returns the figures of a queue.
func (t *Tally) queue(name string) *Figures {
	f := t.queues[name]
	if f == nil {
		f = &Figures{}
		t.queues[name] = f
	}
	return f
}

// midnight is the beginning of the local day.
func midnight(now time.Time, zone *time.Location) time.Time {
	year, month, day := now.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}
