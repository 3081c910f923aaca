package store

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever the ways to and from the store take, its time as told here is never ahead of it, nor behind what it told.
func TestStoreTimeIsNeitherAheadNorBehindWhatWasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(200) {
			chance := rand.New(rand.NewPCG(seed, 0))
			within := func(most time.Duration) time.Duration { return time.Duration(chance.Int64N(int64(most))) }
			c := newClock()
			skew := within(time.Hour) - 30*time.Minute
			truth := func() time.Duration { return time.Duration(c.started.UnixNano()) + skew + c.monotonic() }
			for range 10 {
				asked := c.monotonic()
				time.Sleep(within(100 * time.Millisecond))
				stamp := truth().Truncate(time.Microsecond)
				time.Sleep(within(100 * time.Millisecond))
				c.hear(stamp, asked, c.monotonic())
				time.Sleep(within(time.Second))
				now := time.Duration(c.now().UnixNano())
				if now > truth() || now < stamp {
					t.Fatalf("seed %d: now is %d, the store's %d, its last word %d", seed, now, truth(), stamp)
				}
			}
		}
	})
}

func TestStoreTimeNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		before := c.now()
		c.hear(time.Duration(before.Add(-time.Hour).UnixNano()), c.monotonic(), c.monotonic())
		if now := c.now(); now.Before(before) {
			t.Errorf("%v after %v", now, before)
		}
		time.Sleep(2 * time.Hour)
		if now, want := c.now(), before.Add(time.Hour); !now.Equal(want) {
			t.Errorf("it is %v, not %v", now, want)
		}
	})
}
