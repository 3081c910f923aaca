package ops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Time is a moment as the API writes it: RFC 3339 in UTC, to the millisecond; the zero moment is null.
type Time time.Time

// timeForm is RFC 3339 with milliseconds where there are any.
const timeForm = "2006-01-02T15:04:05.999Z07:00"

// MarshalJSON writes the moment.
func (t Time) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.String())
}

// UnmarshalJSON reads what MarshalJSON writes, and RFC 3339 in any zone.
func (t *Time) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("null")) {
		*t = Time{}
		return nil
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("a time is a text: %w", err)
	}
	moment, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return fmt.Errorf("a time is RFC 3339: %w", err)
	}
	*t = Time(moment)
	return nil
}

// String returns the moment as the API writes it, "" for the zero moment.
func (t Time) String() string {
	if time.Time(t).IsZero() {
		return ""
	}
	return time.Time(t).UTC().Format(timeForm)
}

// Seconds is a duration as the API writes it: a number of seconds, to the millisecond.
type Seconds time.Duration

// MarshalJSON writes the number.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(s).Round(time.Millisecond).Milliseconds()) / 1000)
}

// longestSeconds is the longest duration that a time.Duration holds, about 292 years.
const longestSeconds = float64(math.MaxInt64 / int64(time.Second))

// UnmarshalJSON reads a number of seconds.
func (s *Seconds) UnmarshalJSON(text []byte) error {
	var number float64
	if err := json.Unmarshal(text, &number); err != nil {
		return fmt.Errorf("a duration is a number of seconds: %w", err)
	}
	if math.Abs(number) > longestSeconds {
		return fmt.Errorf("a duration of %g seconds is too long", number)
	}
	*s = Seconds(math.Round(number*1000) * float64(time.Millisecond))
	return nil
}

// localForm is how a moment by the clocks of a zone is written.
const localForm = "2006-01-02 15:04"

// ParseMoment reads a moment: RFC 3339, or "2006-01-02 15:04" by the clocks of a zone. A time that those clocks skip or show twice,
// when they are changed, is refused.
func ParseMoment(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	wall, err := time.Parse(localForm, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("must be a time like 2026-11-22 18:00 or 2026-11-22T18:00:00+11:00, not %q", shortened(text))
	}
	moments := momentsOf(wall, zone)
	switch len(moments) {
	case 1:
		return moments[0], nil
	case 0:
		return time.Time{}, fmt.Errorf("must be a time that clocks in %s show: they go forward over %s", zone, text)
	}
	return time.Time{}, fmt.Errorf("must say which %s, for clocks in %s go back and show it twice: %s or %s", text, zone,
		moments[0].Format(time.RFC3339), moments[1].Format(time.RFC3339))
}

// momentsOf returns the moments at which clocks in a zone show what wall shows in UTC: one, and none or two at a clock change.
// The offsets before and after any change nearby are those of a day before and a day after.
func momentsOf(wall time.Time, zone *time.Location) []time.Time {
	var moments []time.Time
	for _, day := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(day).In(zone).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if t.Format(localForm) == wall.Format(localForm) && (len(moments) == 0 || !moments[0].Equal(t)) {
			moments = append(moments, t)
		}
	}
	return moments
}
