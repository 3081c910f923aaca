package dtmf

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// told is what a way says of a press.
type told struct {
	at    time.Duration
	digit byte
	way   Way
}

// hearAll returns what a stream makes of it, in the order of time.
func hearAll(reports []told) string {
	slices.SortStableFunc(reports, func(a, b told) int { return int(a.at - b.at) })
	var s Stream
	var got []byte
	for _, r := range reports {
		if s.Press(r.digit, r.way, r.at) {
			got = append(got, r.digit)
		}
	}
	return string(got)
}

func sorted(digits string) string {
	b := []byte(digits)
	slices.Sort(b)
	return string(b)
}

// However quickly keys are pressed, and however late up to 500 ms each way tells of each: every press is told once.
func TestEachPressIsToldOnceWhateverWaysItComes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.SliceOfN(rapid.SampledFrom([]byte("0011#A")), 1, 20).Draw(t, "typed")
		used := rapid.SliceOfNDistinct(rapid.SampledFrom([]Way{ByEvent, ByInfo, ByTone}), 1, 3, rapid.ID[Way]).Draw(t, "ways")
		var reports []told
		at := time.Duration(0)
		for _, digit := range typed {
			for _, way := range used {
				delay := rapid.IntRange(0, 500).Draw(t, "delay")
				reports = append(reports, told{at + time.Duration(delay)*time.Millisecond, digit, way})
			}
			at += time.Duration(rapid.IntRange(80, 2000).Draw(t, "until the next")) * time.Millisecond
		}
		if got := hearAll(reports); sorted(got) != sorted(string(typed)) {
			t.Fatalf("told %q of %q", got, typed)
		}
	})
}

// Where each press comes by ways of its own, presses of one key must be further apart than any way is late.
func TestEachPressIsToldOnceThoughWaysMissSome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.SliceOfN(rapid.SampledFrom([]byte(Keys)), 1, 12).Draw(t, "typed")
		var reports []told
		last := map[byte]time.Duration{}
		at := time.Duration(0)
		for _, digit := range typed {
			if before, ok := last[digit]; ok {
				at = max(at, before+6*time.Second)
			}
			last[digit] = at
			for _, way := range rapid.SliceOfNDistinct(rapid.SampledFrom([]Way{ByEvent, ByInfo, ByTone}), 1, 3,
				rapid.ID[Way]).Draw(t, "ways") {
				delay := rapid.IntRange(0, 500).Draw(t, "delay")
				reports = append(reports, told{at + time.Duration(delay)*time.Millisecond, digit, way})
			}
			at += 80 * time.Millisecond
		}
		if got := hearAll(reports); sorted(got) != sorted(string(typed)) {
			t.Fatalf("told %q of %q", got, typed)
		}
	})
}

func TestTwoQuickPressesByOneWayAreTwo(t *testing.T) {
	for way := range ways {
		if got := hearAll([]told{{0, '1', way}, {80 * time.Millisecond, '1', way}}); got != "11" {
			t.Errorf("%v: told %q, want 11", way, got)
		}
	}
}

func TestAnINFOThatWaitsForTheReleaseIsNoNewPress(t *testing.T) {
	if got := hearAll([]told{{0, '1', ByEvent}, {4 * time.Second, '1', ByInfo}}); got != "1" {
		t.Errorf("told %q, want 1", got)
	}
}

func TestAPressByAnotherWayLongAfterwardsIsANewOne(t *testing.T) {
	if got := hearAll([]told{{0, '1', ByInfo}, {2 * time.Second, '1', ByEvent}}); got != "11" {
		t.Errorf("told %q, want 11", got)
	}
}

func TestWhatIsNoDigitOrNoWayIsNotTold(t *testing.T) {
	var s Stream
	if s.Press('x', ByInfo, 0) || s.Press(0, ByInfo, 0) || s.Press('1', ways, 0) {
		t.Error("it was told")
	}
	for way, want := range map[Way]string{ByEvent: "telephone-event", ByInfo: "SIP INFO", ByTone: "tone", 9: "unknown"} {
		if way.String() != want {
			t.Errorf("way %d is called %q, want %q", way, way, want)
		}
	}
}
