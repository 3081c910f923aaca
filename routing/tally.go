package routing

import (
	"maps"
	"time"
)

// ShortAbandon is how soon a caller hangs up who is not counted against the service level (field practice: within 5 s).
const ShortAbandon = 5 * time.Second

// leftShort is what a call says of a caller who hung up so soon; it is an abandonment like LeftByCaller.
const leftShort = "short"

// leftUnseen stands for how callers left whom a tally lost sight of. Who is seen again has not left.
const leftUnseen = "unseen"

// LeftAnswered is the reason of a CallerLeft that tells, later, that an agent answered him: his node did not reach the store when it
// happened.
const LeftAnswered = "answered"

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

// Tally counts events into figures per queue, each caller once, whatever store tells of him: one that is told again of those who wait,
// or that still has some who have left. It is not safe for concurrent use.
type Tally struct {
	zone   *time.Location
	day    time.Time // the local midnight that the figures begin at
	queues map[string]*Figures
	calls  map[string]counted
}

// counted is what a tally knows of a caller.
type counted struct {
	queue string
	over  time.Time // when he left, or was lost sight of; zero: he waits
	blind bool      // he was lost sight of, and counts as left
	ghost bool      // the store has him again although he has left; he counts as waiting for as long
}

// countedFor is how long a tally remembers who has left: longer than a store that was away takes to hear of it.
const countedFor = LostKept

// NewTally begins to count, in a day of the zone, with those who wait already.
func NewTally(v *View, now time.Time, zone *time.Location) *Tally {
	t := &Tally{zone: zone, day: midnight(now, zone), queues: make(map[string]*Figures), calls: make(map[string]counted)}
	t.Resume(v, now)
	return t
}

// SetZone counts by the midnights of another zone from now on. If one has passed since the figures begin, they begin anew.
func (t *Tally) SetZone(zone *time.Location) { t.zone = zone }

// Resume brings the tally up to a snapshot after events were missed: who is new counts as offered, who is gone as left.
func (t *Tally) Resume(v *View, now time.Time) {
	for call, c := range t.calls {
		switch {
		case now.Sub(c.over) >= countedFor && !c.over.IsZero() && !c.ghost:
			delete(t.calls, call)
		case v.Callers[call] != nil:
		case c.ghost:
			t.vanish(call, c)
		case c.over.IsZero():
			f := t.queue(c.queue)
			f.Waiting--
			f.left(leftUnseen, 1)
			t.calls[call] = counted{queue: c.queue, over: now, blind: true}
		}
	}
	for call, c := range v.Callers {
		t.arrive(call, c.Queue)
	}
}

// arrive counts a caller who waits in a queue, and whom the tally may know.
func (t *Tally) arrive(call, queue string) {
	c, known := t.calls[call]
	f := t.queue(queue)
	switch {
	case known && c.over.IsZero() && c.queue == queue, c.ghost:
		return
	case known && c.blind && c.queue == queue: // he was only out of sight
		f.left(leftUnseen, -1)
		f.Waiting++
		t.calls[call] = counted{queue: queue}
		return
	case known && !c.over.IsZero() && !c.blind:
		c.queue, c.ghost = queue, true
		t.calls[call] = c
	default:
		if known && c.over.IsZero() { // he moved, out of sight
			old := t.queue(c.queue)
			old.Waiting--
			old.left(LeftMoved, 1)
		}
		t.calls[call] = counted{queue: queue}
	}
	f.Offered++
	f.Waiting++
}

// vanish forgets a ghost.
func (t *Tally) vanish(call string, c counted) {
	f := t.queue(c.queue)
	f.Offered--
	f.Waiting--
	c.ghost = false
	t.calls[call] = c
}

// Fold counts an event, with the service level of the plan in force. It returns the wait that the event ended, if it did.
func (t *Tally) Fold(e Event, plan *Plan) (ended Wait, ok bool) {
	t.turn(e.At)
	switch e.Kind {
	case CallerEntered:
		return t.entered(e, plan)
	case CallerAnswered:
		return t.leave(e, LeftAnswered, plan)
	case CallerLeft:
		return t.leave(e, e.Reason, plan)
	default:
		return Wait{}, false
	}
}

// entered counts a caller who begins to wait, or who moved here from another queue.
func (t *Tally) entered(e Event, plan *Plan) (ended Wait, ok bool) {
	if c := t.calls[e.Call]; c.ghost || !c.over.IsZero() && !c.blind { // he comes back, as after a conversation that failed
		if c.ghost {
			t.vanish(e.Call, c)
		}
		delete(t.calls, e.Call)
	} else if e.Was != nil && e.Was.Queue != e.Caller.Queue {
		ended, ok = t.leave(e, LeftMoved, plan)
		delete(t.calls, e.Call)
	}
	t.arrive(e.Call, e.Caller.Queue)
	return ended, ok
}

// leave counts a caller whose wait is over.
func (t *Tally) leave(e Event, reason string, plan *Plan) (Wait, bool) {
	was, c := e.Was, t.calls[e.Call]
	if c.ghost {
		t.vanish(e.Call, c)
		return Wait{}, false
	}
	if c.queue == "" || !c.over.IsZero() {
		return Wait{}, false
	}
	t.calls[e.Call] = counted{queue: c.queue, over: e.At}
	wait := e.At.Sub(was.Entered)
	f := t.queue(c.queue)
	f.Waiting--
	switch reason {
	case LeftAnswered:
		f.Answered++
		if q := plan.Queue(c.queue); q != nil && wait <= q.ServiceLevel {
			f.AnsweredWithin++
		}
		return Wait{c.queue, WaitAnswered, wait}, true
	case LeftByCaller, leftShort:
		f.Abandoned++
		if wait <= ShortAbandon {
			f.ShortAbandons++
		}
		return Wait{c.queue, WaitAbandoned, wait}, true
	default:
		f.left(reason, 1)
		return Wait{c.queue, reason, wait}, true
	}
}

// left counts callers who left for a reason.
func (f *Figures) left(reason string, n int) {
	if f.Reasons == nil {
		f.Reasons = make(map[string]int)
	}
	f.Left += n
	if f.Reasons[reason] += n; f.Reasons[reason] == 0 {
		delete(f.Reasons, reason)
	}
}

// Forget drops what is known of those who left long ago.
func (t *Tally) Forget(now time.Time) {
	maps.DeleteFunc(t.calls, func(_ string, c counted) bool {
		return !c.over.IsZero() && !c.ghost && now.Sub(c.over) >= countedFor
	})
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
	maps.DeleteFunc(t.calls, func(_ string, c counted) bool { return c.blind }) // who left unseen yesterday did
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
