package config

import (
	"errors"
	"fmt"
	"time"
)

// localForm is how a time without an offset is written.
const localForm = "2006-01-02 15:04"

// parseMoment reads a time: RFC 3339, or 2006-01-02 15:04 by the clock of a zone. A local time that the clock skips or
// shows twice when it is changed is refused, with the way to say it.
func parseMoment(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, plausible(t)
	}
	t, err := time.ParseInLocation(localForm, text, zone)
	if err != nil {
		return time.Time{}, errors.New("must be a time like 2026-11-22 18:00, or with an offset like 2026-11-22T18:00:00+11:00")
	}
	if err := plausible(t); err != nil {
		return time.Time{}, err
	}
	if t.Format(localForm) != text {
		return time.Time{}, fmt.Errorf("does not exist in %s: the clocks go forward over it; write it with an offset, like %s",
			zone, t.Format(time.RFC3339))
	}
	if other, twice := twin(t); twice {
		first, second := t, other
		if second.Before(first) {
			first, second = second, first
		}
		return time.Time{}, fmt.Errorf("comes twice in %s, because the clocks go back; write %s or %s",
			zone, first.Format(time.RFC3339), second.Format(time.RFC3339))
	}
	return t, nil
}

// plausible refuses years that are a slip of the hand and that other formats cannot write.
func plausible(t time.Time) error {
	if t.Year() < 2000 || t.Year() > 2199 {
		return errors.New("must be a time from 2000 to 2199")
	}
	return nil
}

// twin returns the other moment at which the clock of t's zone shows the same.
func twin(t time.Time) (time.Time, bool) {
	shown := t.Format(localForm)
	start, end := t.ZoneBounds()
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		_, before := change.Add(-time.Second).Zone()
		_, after := change.Zone()
		shift := time.Duration(before-after) * time.Second
		for _, other := range []time.Time{t.Add(shift), t.Add(-shift)} {
			if !other.Equal(t) && other.Format(localForm) == shown {
				return other, true
			}
		}
	}
	return time.Time{}, false
}
