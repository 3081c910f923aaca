package media

import (
	"testing"
	"time"
)

func TestAProcessThatSleptBlamesNobodyForTheSilence(t *testing.T) {
	const s = time.Second
	q := quiet{timeout: 10 * s}
	look := func(now time.Duration) bool {
		q.look(now)
		return q.check(now, 2*s, true)
	}
	for now := 3 * s; now < 11*s; now += 20 * time.Millisecond {
		if look(now) {
			t.Fatalf("quiet after %v", now-2*s)
		}
	}
	if look(25 * s) {
		t.Error("the far end is blamed for the sleep")
	}
	for now := 25*s + 20*time.Millisecond; now < 35*s; now += 20 * time.Millisecond {
		if look(now) {
			t.Fatalf("quiet %v after the sleep", now-25*s)
		}
	}
	if !look(35 * s) {
		t.Error("a far end that stays quiet is not noticed")
	}
}
