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
	return json.Marshal(time.Duration(s).Round(time.Millisecond).Seconds())
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
