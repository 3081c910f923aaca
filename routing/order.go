package routing

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Compare orders callers as they are served: priority (higher first), then first entry, then call id, so that every node sees
// one order.
func Compare(a, b *Caller) int {
	if c := cmp.Compare(b.Priority, a.Priority); c != 0 {
		return c
	}
	if c := a.FirstEntry.Compare(b.FirstEntry); c != 0 {
		return c
	}
	return strings.Compare(a.Call, b.Call)
}

// Position is where a caller stands in his home queue, 1 being the next; 0 when no such caller waits. Callers whom overflow
// brought here stand in their own queues.
func (v *View) Position(call string) int {
	c := v.Callers[call]
	if c == nil {
		return 0
	}
	position := 1
	for _, other := range v.Callers {
		if other.Queue == c.Queue && Compare(other, c) < 0 {
			position++
		}
	}
	return position
}

// Line returns the callers of a home queue in the order in which they stand.
func (v *View) Line(queue string) []*Caller {
	var line []*Caller
	for _, c := range v.Callers {
		if c.Queue == queue {
			line = append(line, c)
		}
	}
	slices.SortFunc(line, Compare)
	return line
}

// Waiting is how many callers wait in their home queue, those who are being offered included.
func (v *View) Waiting(queue string) int {
	n := 0
	for _, c := range v.Callers {
		if c.Queue == queue {
			n++
		}
	}
	return n
}

// OverflowedIn is how many callers of other queues overflow has opened this queue to.
func (v *View) OverflowedIn(queue string) int {
	n := 0
	for _, c := range v.Callers {
		if c.Queue != queue && slices.Contains(c.Spilled, queue) {
			n++
		}
	}
	return n
}

// LongestWait is how long the caller has waited who entered this home queue first; 0 when nobody waits.
func (v *View) LongestWait(queue string, now time.Time) time.Duration {
	var longest time.Duration
	for _, c := range v.Callers {
		if c.Queue == queue {
			longest = max(longest, now.Sub(c.Entered))
		}
	}
	return longest
}
