package memnet

import (
	"sync"
	"time"
)

// deadline is a time that can be moved while somebody waits for it.
type deadline struct {
	mu    sync.Mutex
	at    time.Time // zero: never
	timer *time.Timer
	over  chan struct{} // closed when the deadline has passed
	moved chan struct{} // closed and replaced whenever the deadline is set
}

func newDeadline() deadline {
	return deadline{over: make(chan struct{}), moved: make(chan struct{})}
}

// set moves the deadline; the zero time means never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	over := make(chan struct{})
	d.over = over
	switch left := time.Until(t); {
	case t.IsZero():
	case left <= 0:
		close(over)
	default:
		d.timer = time.AfterFunc(left, func() { close(over) })
	}
	close(d.moved)
	d.moved = make(chan struct{})
}

// stop frees the timer.
func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}

// passed says whether the deadline has passed, by the time and not by the timer, which may be about to fire.
func (d *deadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

// watch returns a channel that is closed once the deadline has passed, and one that is closed when it is moved before.
func (d *deadline) watch() (over, moved <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over, d.moved
}
