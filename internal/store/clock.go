package store

import (
	"sync"
	"time"
)

// clock is store time as this process may tell it: Redis' time, carried on by the monotonic clock. It is safe for concurrent use.
//
// A reply stamped T, asked for at t1 and received at t2 of the monotonic clock, proves that store time minus the monotonic clock lies
// between T-t2 and T-t1. The largest lower bound that was proved is the offset; one that a reply disproves (the clock of Redis was set, or is
// another's) is dropped for the reply's own. So store time as told here is never ahead of the store, nor behind anything that it told before.
//
// Until the store is heard for the first time, the wall clock stands in for it. Nobody shares that time, so the first reply ends it: a wall
// clock that is an hour ahead would else hold store time still for an hour.
type clock struct {
	started time.Time // the monotonic clock's zero

	mu     sync.Mutex
	heard  bool          // the store was
	offset time.Duration // store time since 1970 minus the time since started
	told   time.Duration // the latest time told since then, since 1970: it never goes back
}

// newClock is a clock that goes by the wall clock until the store is heard.
func newClock() *clock {
	now := time.Now()
	return &clock{started: now, offset: time.Duration(now.UnixNano())}
}

// monotonic is the time since the clock was made.
func (c *clock) monotonic() time.Duration { return time.Since(c.started) }

// hear takes a reply's stamp, with the monotonic times at which it was asked for and received.
func (c *clock) hear(stamp, asked, received time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.heard {
		c.heard, c.offset, c.told = true, stamp-received, 0
		return
	}
	if least, most := stamp-received, stamp-asked; c.offset < least || c.offset > most {
		c.offset = least
	}
}

// now is store time, in whole microseconds as Redis counts it.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = max(c.told, (c.offset + c.monotonic()).Truncate(time.Microsecond))
	return time.Unix(0, int64(c.told)).UTC()
}

// estimate is what the store's clock says at least, which may be before what was told here.
func (c *clock) estimate() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Unix(0, int64(c.offset+c.monotonic())).UTC()
}

// isSet reports whether the store was heard.
func (c *clock) isSet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}

// skew is how far the wall clock is ahead of store time, 0 before the store was heard.
func (c *clock) skew() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.heard {
		return 0
	}
	return time.Duration(time.Now().UnixNano()) - c.offset - c.monotonic()
}
