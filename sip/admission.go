package sip

import (
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound what a node takes on. Zero means no limit.
type Limits struct {
	// Calls is how many calls that came in may be alive at a time; the legs to agents that serve them do not count.
	Calls int
	// CallsPerSecond is how many new calls are taken a second, on average and in one burst.
	CallsPerSecond int
}

// admission decides whether a new call is taken, before any work is done for it. Safe for concurrent use.
type admission struct{ now atomic.Pointer[quota] }

type quota struct {
	calls int
	rate  *rate.Limiter // nil: no limit
}

func newAdmission() *admission {
	a := &admission{}
	a.set(Limits{})
	return a
}

func (a *admission) set(l Limits) {
	q := &quota{calls: l.Calls}
	if l.CallsPerSecond > 0 {
		q.rate = rate.NewLimiter(rate.Limit(l.CallsPerSecond), l.CallsPerSecond)
	}
	a.now.Store(q)
}

// admit takes one call, or refuses it.
func (a *admission) admit(calls int, now time.Time) bool {
	q := a.now.Load()
	if q.calls > 0 && calls >= q.calls {
		return false
	}
	return q.rate == nil || q.rate.AllowN(now, 1)
}
