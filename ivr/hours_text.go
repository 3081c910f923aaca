package ivr

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Closed is the text for a day without opening times.
const Closed = "closed"

// days are the names of the days of the week, by time.Weekday.
var days = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// maxSpans bounds how many spans one day may have: one an hour.
const maxSpans = 24

// TextError says where in a text of hours the mistake is, and what is allowed there.
type TextError struct {
	Text string // the whole text
	At   int    // the byte at which the mistake begins
	What string // what was found and what is allowed
}

// Error returns what was found and what is allowed.
func (e *TextError) Error() string { return e.What }

// mistake returns a TextError at the place where part, which is a part of text, begins.
func mistake(text, part string, at int, format string, args ...any) error {
	at += len(part) - len(strings.TrimLeft(part, " "))
	return &TextError{Text: text, At: at, What: fmt.Sprintf(format, args...)}
}

// ParseSpans reads opening times of one day: "closed", or spans such as "09:00-12:30, 13:00-17:30". 24:00 may end a span; an end
// not after its beginning is on the next day. They may not overlap. They come back in order; none for "closed". Errors are of
// type *TextError.
func ParseSpans(text string) ([]Span, error) {
	if strings.TrimSpace(text) == Closed {
		return nil, nil
	}
	var spans []Span
	at := 0
	for part := range strings.SplitSeq(text, ",") {
		span, err := parseSpan(text, part, at)
		if err != nil {
			return nil, err
		}
		for _, other := range spans {
			if span.From < other.Until && other.From < span.Until {
				return nil, mistake(text, part, at, "%v overlaps %v", span, other)
			}
		}
		if spans = append(spans, span); len(spans) > maxSpans {
			return nil, mistake(text, part, at, "more than %d spans in one day", maxSpans)
		}
		at += len(part) + 1
	}
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	return spans, nil
}

// parseSpan reads one span, which stands at a byte of text.
func parseSpan(text, part string, at int) (Span, error) {
	from, until, ok := strings.Cut(part, "-")
	if !ok {
		return Span{}, mistake(text, part, at, "%q is no span; allowed: %s, or spans such as 09:00-17:30", strings.TrimSpace(part), Closed)
	}
	start, ok := parseClock(from)
	if !ok || start == minutesPerDay {
		return Span{}, mistake(text, from, at, "%q begins no span; allowed: 00:00 to 23:59", strings.TrimSpace(from))
	}
	at += len(from) + 1
	end, ok := parseClock(until)
	switch {
	case !ok:
		return Span{}, mistake(text, until, at, "%q ends no span; allowed: 00:00 to 24:00", strings.TrimSpace(until))
	case end == start:
		return Span{}, mistake(text, until, at, "the span ends when it begins; all day is 00:00-24:00")
	case end < start:
		end += minutesPerDay
	}
	return Span{From: start, Until: end}, nil
}

// parseClock reads HH:MM, 00:00 to 24:00, into minutes.
func parseClock(text string) (minutes int, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) != 5 || text[2] != ':' {
		return 0, false
	}
	for _, i := range []int{0, 1, 3, 4} {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	hour, minute := int(text[0]-'0')*10+int(text[1]-'0'), int(text[3]-'0')*10+int(text[4]-'0')
	minutes = hour*60 + minute
	return minutes, minute < 60 && minutes <= minutesPerDay
}

// ParseDays reads days of the week: "sat", or a range such as "mon-fri", which may run over the end of a week ("fri-mon"). Errors
// are of type *TextError.
func ParseDays(text string) ([]time.Weekday, error) {
	from, until, isRange := strings.Cut(text, "-")
	first, err := parseDay(text, from, 0)
	if err != nil {
		return nil, err
	}
	if !isRange {
		return []time.Weekday{first}, nil
	}
	last, err := parseDay(text, until, len(from)+1)
	if err != nil {
		return nil, err
	}
	if first == last {
		return nil, mistake(text, until, len(from)+1, "one day is no range; allowed: %s, or mon-sun", days[first])
	}
	week := []time.Weekday{first}
	for day := first; day != last; {
		day = (day + 1) % 7
		week = append(week, day)
	}
	return week, nil
}

// parseDay reads one day of the week, which stands at a byte of text.
func parseDay(text, part string, at int) (time.Weekday, error) {
	i := slices.Index(days[:], strings.TrimSpace(part))
	if i < 0 {
		return 0, mistake(text, part, at, "%q is no day; allowed: %s, or a range such as mon-fri",
			strings.TrimSpace(part), strings.Join(days[:], ", "))
	}
	return time.Weekday(i), nil
}

// ParseDate reads a day of the calendar, 2006-01-02, from 2000 to 2199. Errors are of type *TextError.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 2000 || t.Year() > 2199 {
		return Date{}, mistake(text, text, 0, "%q is no date; allowed: 2000-01-01 to 2199-12-31", text)
	}
	return On(t), nil
}

// ParseWeekly reads a week: days (see ParseDays) to opening times (see ParseSpans). Days that are left out are closed. It refuses
// a day that is given twice and spans past midnight that run into those of the next day. An error names the entry.
func ParseWeekly(texts map[string]string) (Weekly, error) {
	var week Weekly
	given := map[time.Weekday]string{}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		entry, err := ParseDays(key)
		if err != nil {
			return Weekly{}, fmt.Errorf("%q: %w", key, err)
		}
		spans, err := ParseSpans(texts[key])
		if err != nil {
			return Weekly{}, fmt.Errorf("%q: %w", key, err)
		}
		for _, day := range entry {
			if other, twice := given[day]; twice {
				return Weekly{}, fmt.Errorf("%q: %s is given already by %q", key, days[day], other)
			}
			given[day] = key
			week[day] = spans
		}
	}
	return week, week.Check()
}

// Check reports the first span past midnight that runs into one of the next day.
func (w Weekly) Check() error {
	for day := range w {
		next := (day + 1) % 7
		for _, s := range w[day] {
			for _, other := range w[next] {
				if s.Until-minutesPerDay > other.From {
					return fmt.Errorf("%s %v runs into %s %v", days[day], s, days[next], other)
				}
			}
		}
	}
	return nil
}

// String returns the span as ParseSpans reads it.
func (s Span) String() string {
	until := s.Until
	if until > minutesPerDay {
		until -= minutesPerDay
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", s.From/60, s.From%60, until/60, until%60)
}
