package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
)

// audit bounds how long the figures may take: a few requests to the API, and calls that are just ending.
const audit = 3 * time.Second

// figures tells how it went, caller by caller, from what the node says of their calls and what the phones measured.
func (s *story) figures(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, audit)
	defer cancel()
	s.tell.chapter("How it went")
	rows := [][]string{{"caller", "waited", "answered by", "recall message", "result"}}
	results := make(map[string]int)
	var waits, delays []time.Duration
	for _, c := range s.callers() {
		if c == nil || c.call == nil {
			continue
		}
		row := []string{c.name, "-", "-", "-", "not over"}
		if c.left {
			call := s.outcome(within, c)
			row[4] = call.Result + ", by " + call.Reason
			results[call.Result]++
		}
		if c.waited > 0 {
			row[1] = short(c.waited)
		}
		if c.agent != "" {
			row[2] = c.agent
			waits = append(waits, c.waited)
		}
		switch {
		case c.informed && c.fresh:
			row[3] = short(c.message) + " after dialling"
		case c.informed:
			row[3] = short(c.message) + " after the save"
			delays = append(delays, c.message)
		}
		rows = append(rows, row)
	}
	s.tell.table(rows)
	s.tell.printf("\n  %d answered, %d abandoned", results["answered"], results["abandoned"])
	if len(waits) > 0 {
		s.tell.printf(" · waits p50 %s, max %s", short(median(waits)), short(slices.Max(waits)))
	}
	if len(delays) > 0 {
		s.tell.printf(" · from save to first sound p50 %s, max %s", short(median(delays)), short(slices.Max(delays)))
	}
	s.tell.printf("\n  %d expectations held, %d failed, in %s\n", s.tell.held, s.tell.failed, short(time.Since(s.tell.began)))
}

// outcome is how a caller's call ended, as the node tells it; it must be what the story says.
func (s *story) outcome(ctx context.Context, c *caller) ops.Call {
	call, err := s.stage.call(ctx, c.number, ops.CallEnded)
	want := "abandoned"
	if c.agent != "" {
		want = "answered"
	}
	if err == nil && (call.Result != want || call.Reason != "caller") {
		err = fmt.Errorf("the node says %s, by %s", call.Result, call.Reason)
	}
	if err != nil {
		s.tell.fail(c.name, "is "+want+" and hangs up", err)
	}
	return call
}

// median is the middle of at least one duration.
func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)/2]
}
