package main

import (
	"strings"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
)

// clock writes a moment for people, "" for none.
func clock(t ops.Time, zone *time.Location) string {
	if time.Time(t).IsZero() {
		return ""
	}
	return time.Time(t).In(zone).Format("2006-01-02 15:04:05")
}

// duration writes a duration for people, in whole seconds and without parts that are nothing: 30m, 1h5m, 1m34s.
func duration(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
