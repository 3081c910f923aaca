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

// stamped is a reply that came at once and says what the wall clock does, so far ahead of it.
func stamped(c *clock, ahead time.Duration) {
	c.hear(time.Duration(time.Now().Add(ahead).UnixNano()), c.monotonic(), c.monotonic())
}

func TestStoreTimeNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		stamped(c, 0)
		before := c.now()
		stamped(c, -time.Hour)
		if now := c.now(); now.Before(before) {
			t.Errorf("%v after %v", now, before)
		}
		time.Sleep(2 * time.Hour)
		if now, want := c.now(), before.Add(time.Hour); !now.Equal(want) {
			t.Errorf("it is %v, not %v", now, want)
		}
	})
}

func TestTheWallClockHoldsStoreTimeBackNoLongerThanUntilTheStoreIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		alone := c.now()
		stamped(c, -time.Hour)
		if now, want := c.now(), alone.Add(-time.Hour); !now.Equal(want) {
			t.Errorf("it is %v, not %v", now, want)
		}
		time.Sleep(time.Second)
		if now, want := c.now(), alone.Add(time.Second-time.Hour); !now.Equal(want) {
			t.Errorf("a second later it is %v, not %v", now, want)
		}
	})
}

func TestSkewIsHowFarTheWallClockIsAheadOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		if skew := c.skew(); skew != 0 {
			t.Errorf("%v before the store was heard", skew)
		}
		for _, ahead := range []time.Duration{-time.Hour, 0, 3 * time.Second} {
			stamped(c, ahead)
			c.now() // what was told holds back the time, not the skew
			time.Sleep(time.Minute)
			if skew := c.skew(); skew != -ahead {
				t.Errorf("with a store %v ahead it is %v", ahead, skew)
			}
		}
	})
}
