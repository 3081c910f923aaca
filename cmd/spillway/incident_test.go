package main

import (
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
)

func TestAnIncidentIsOffOnToComeOrEnded(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(hours int) ops.Time { return ops.Time(noon.Add(time.Duration(hours) * time.Hour)) }
	for want, i := range map[string]ops.Incident{
		"off":                           {},
		"ON until 2026-11-22 18:00:00":  {Active: true, Since: at(-1), Until: at(6)},
		"ON until switched off by hand": {Active: true, Since: at(-1)},
		"off, set for 2026-11-22 13:00:00 to 2026-11-22 18:00:00": {Since: at(1), Until: at(6)},
		"ended 2026-11-22 11:00:00":                               {Since: at(-2), Until: at(-1)},
		"ended 2026-11-22 12:00:00":                               {Since: at(-2), Until: at(0)},
	} {
		if got := standing(i, time.UTC, noon); got != want {
			t.Errorf("it is said to be %q, not %q", got, want)
		}
	}
}
