package ivr

import (
	"slices"
	"time"
)

// Hours are the times at which something is open, in local time. They are immutable once made and safe for concurrent use.
//
// A span belongs to the day on which it begins: 22:00-06:00 of a Friday lasts until Saturday at 06:00, and a date that is given
// for that Saturday does not cut it. A date replaces everything that would begin on its day.
//
// Each span opens once and closes once, whatever the clocks do. A time that is missing when they go forward counts as the moment
// of the change; of a time that comes twice when they go back, the first opens and the second closes, in the caller's favour.
type Hours struct {
	Weekly Weekly          // by time.Weekday
	Dates  map[Date][]Span // instead of the week's spans; no spans: closed that day
}

// Weekly are the spans of each day of the week, indexed by time.Weekday. A day without spans is closed.
type Weekly [7][]Span

// Span is a time of opening, in minutes of the local clock from the midnight at which its day begins.
type Span struct {
	From  int // 0 to 1439
	Until int // exclusive; above 1440 (24:00) it runs into the next day, at most 24 hours in all
}

// Date is a day of the calendar.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// minutesPerDay is the length of a day by the clock on the wall, in minutes; real days differ when the clocks change.
const minutesPerDay = 24 * 60

// horizon is how many days ahead Next looks beyond the dates given: two weeks, for a week whose only span is missing because the
// clocks go forward, and a day at each side.
const horizon = 16

// reach is how many days around now may have a span that is open now: one before for a span past midnight, and one at each side
// for changes of the clock at midnight.
const reach = 2

// On returns the day of the local calendar on which a moment falls.
func On(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

// add returns the day that many days later.
func (d Date) add(days int) Date {
	return On(time.Date(d.Year, d.Month, d.Day+days, 12, 0, 0, 0, time.UTC))
}

// String returns the date as 2006-01-02.
func (d Date) String() string {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// Open reports whether it is open now by the clocks of a zone.
func (h *Hours) Open(now time.Time, zone *time.Location) bool {
	today := On(now.In(zone))
	for offset := -reach; offset <= reach; offset++ {
		day := today.add(offset)
		for _, s := range h.spans(day) {
			from, until := s.on(day, zone)
			if !now.Before(from) && now.Before(until) {
				return true
			}
		}
	}
	return false
}

// Next returns when Open will next answer otherwise than now, or the zero time when it never will.
func (h *Hours) Next(now time.Time, zone *time.Location) time.Time {
	var changes []time.Time
	seen := map[Date]bool{}
	collect := func(day Date) {
		if seen[day] {
			return
		}
		seen[day] = true
		for _, s := range h.spans(day) {
			from, until := s.on(day, zone)
			changes = append(changes, from, until)
		}
	}
	today := On(now.In(zone))
	for offset := -reach; offset <= horizon; offset++ {
		collect(today.add(offset))
	}
	for day := range h.Dates {
		for offset := -reach; offset <= reach; offset++ {
			collect(day.add(offset))
		}
	}
	slices.SortFunc(changes, time.Time.Compare)
	open := h.Open(now, zone)
	for _, t := range changes {
		if t.After(now) && h.Open(t, zone) != open {
			return t
		}
	}
	return time.Time{}
}

// spans returns what begins on a day.
func (h *Hours) spans(day Date) []Span {
	if spans, given := h.Dates[day]; given {
		return spans
	}
	return h.Weekly[time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC).Weekday()]
}

// on returns when a span opens and closes on a day. The two are equal when the whole span is missing from the clock.
func (s Span) on(day Date, zone *time.Location) (from, until time.Time) {
	from, _ = readings(day, s.From, zone)
	_, until = readings(day, s.Until, zone)
	return from, until
}

// readings returns the first and the last moment at which the clock of a zone reads so many minutes after a day's midnight. They
// differ when the clocks go back over that time. When they go forward over it, both are the moment of the change.
func readings(day Date, minute int, zone *time.Location) (first, last time.Time) {
	wall := time.Date(day.Year, day.Month, day.Day, 0, minute, 0, 0, time.UTC)
	t := time.Date(day.Year, day.Month, day.Day, 0, minute, 0, 0, zone)
	start, end := t.ZoneBounds() // of the period with one offset that t lies in
	if shown := clock(t); !shown.Equal(wall) {
		if shown.After(wall) {
			return start, start
		}
		return end, end
	}
	first, last = t, t
	if !start.IsZero() {
		if earlier := t.Add(offset(t) - offset(start.Add(-1))); earlier.Before(start) {
			first = earlier
		}
	}
	if !end.IsZero() {
		if later := t.Add(offset(t) - offset(end)); !later.Before(end) {
			last = later
		}
	}
	return first, last
}

// clock returns what the clock of t's zone reads, as if it were UTC.
func clock(t time.Time) time.Time { return t.Add(offset(t)).UTC() }

// offset returns how far the clock of t's zone is ahead of UTC at t.
func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
