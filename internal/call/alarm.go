package call

import "time"

// alarm is a timer that one goroutine sets, stops and waits for; its zero value is stopped.
type alarm struct {
	timer *time.Timer
	c     <-chan time.Time
}

// set lets the alarm go off after d, instead of whatever it was set to.
func (a *alarm) set(d time.Duration) {
	if a.timer == nil {
		a.timer = time.NewTimer(d)
	} else {
		a.timer.Reset(d)
	}
	a.c = a.timer.C
}

// stop makes sure that it does not go off.
func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.c = nil
}

// due is ready once the alarm goes off; never while it is stopped.
func (a *alarm) due() <-chan time.Time { return a.c }
