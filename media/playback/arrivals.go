package playback

import "time"

// What is remembered of arrivals. The spans and the share are a compromise that our tests measure: seconds, so that a quarter
// of an hour of quiet line does not hide what it became, and long enough to see most of what jitter does.
const (
	events       = 256                    // 5 s of packets of 20 ms
	jitterSpan   = 5 * time.Second        // whose packets say when sound is due
	baseSpan     = 2 * time.Second        // whose packets say how quick the line is; another clock 500 ppm off moves it by 1 ms
	recentSpan   = 500 * time.Millisecond // whose packets say how quick the line is if its way became longer
	lateShare    = 50                     // one in so many may be later than what is due
	mergeSpan    = 5 * time.Millisecond   // packets that come so close behind another were held back together
	easing       = 100                    // what is due becomes earlier by a hundredth of the time that passes at most
	dueEvery     = 8                      // packets, unless one is out of bounds
	firstGuess   = 5 * time.Millisecond   // of jitter
	mostExcluded = events / lateShare
)

// event is the arrival of a packet, or of several that were held back together.
type event struct {
	at           time.Duration
	least, worst time.Duration // transit
}

// arrivals learns from the transit of packets when sound is due.
type arrivals struct {
	ring    [events]event
	count   int
	newest  int
	since   int           // packets since what is due was worked out
	updated time.Duration // when it was
	base    time.Duration // the transit of the line at its quickest
	due     time.Duration // the transit of sound that is played in time
}

// begin forgets all; due is worked out from the first packet.
func (a *arrivals) begin(at time.Duration, limits Limits) {
	a.count, a.since, a.updated = 0, 0, at
	a.base = at
	a.due = at + min(max(frameDuration+firstGuess, limits.Shortest), limits.Longest)
}

// restart moves the scale of transit to where a packet is the quickest, and keeps what is known of jitter.
func (a *arrivals) restart(transit, at time.Duration) {
	spread := a.due - a.base
	a.count, a.since, a.updated = 0, 0, at
	a.base, a.due = transit, transit+spread
}

// note takes in the transit of a packet.
func (a *arrivals) note(transit, at time.Duration, limits Limits) {
	last := &a.ring[a.newest]
	if a.count > 0 && at-last.at < mergeSpan {
		last.least, last.worst = min(last.least, transit), max(last.worst, transit)
	} else {
		a.newest = (a.newest + 1) % events
		a.ring[a.newest] = event{at, transit, transit}
		a.count = min(a.count+1, events)
	}
	a.since++
	if a.since >= dueEvery || transit < a.base || transit+frameDuration > a.due {
		a.update(at, limits)
	}
}

// update works out what is due. It becomes later at once and earlier slowly.
func (a *arrivals) update(at time.Duration, limits Limits) {
	base, recent, worst := a.survey(at)
	due := max(worst+frameDuration, a.due-(at-a.updated)/easing)
	a.base = base
	a.due = min(max(due, base+limits.Shortest), recent+limits.Longest)
	a.since, a.updated = 0, at
}

// survey returns the least transit of baseSpan and of recentSpan, and the one that all but one in lateShare of the events of
// jitterSpan are within.
func (a *arrivals) survey(at time.Duration) (base, recent, worst time.Duration) {
	newest := &a.ring[a.newest]
	base, recent = newest.least, newest.least
	var largest [mostExcluded + 1]time.Duration // in descending order
	used := 0
	for i := range a.count {
		e := &a.ring[(a.newest-i+events)%events]
		age := at - e.at
		if age > jitterSpan && i > 0 {
			break
		}
		if age <= baseSpan {
			base = min(base, e.least)
		}
		if age <= recentSpan {
			recent = min(recent, e.least)
		}
		used++
		place := min(used, len(largest)) - 1
		if used > len(largest) && e.worst <= largest[place] {
			continue
		}
		for place > 0 && largest[place-1] < e.worst {
			largest[place] = largest[place-1]
			place--
		}
		largest[place] = e.worst
	}
	return base, recent, largest[used/lateShare]
}
