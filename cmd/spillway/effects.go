package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
)

// effectLines says what an incident changes: pairs of a name and a sentence, always in the same order.
func effectLines(e ops.Effects) [][2]string {
	lines := [][2]string{{"applies to", scopeWords(e.AppliesTo)}}
	if e.Message != "" {
		lines = append(lines, [2]string{"message", messageWords(e)})
	}
	for _, queue := range slices.Sorted(maps.Keys(e.Overflow)) {
		for _, rule := range e.Overflow[queue] {
			lines = append(lines, [2]string{"overflow", queue + " " + overflowWords(rule)})
		}
	}
	if e.Seats == nil {
		return lines
	}
	if e.Seats.Add != 0 {
		lines = append(lines, [2]string{"seats", fmt.Sprintf("%d more", e.Seats.Add)})
	}
	for _, agent := range slices.Sorted(maps.Keys(e.Seats.Agents)) {
		lines = append(lines, [2]string{"joins", agent + " serves " + memberships(e.Seats.Agents[agent])})
	}
	return lines
}

func scopeWords(s *ops.Scope) string {
	if s == nil || len(s.Numbers)+len(s.Queues) == 0 {
		return "everyone"
	}
	var parts []string
	if len(s.Numbers) > 0 {
		parts = append(parts, "callers of "+strings.Join(s.Numbers, ", "))
	}
	if len(s.Queues) > 0 {
		parts = append(parts, "those in "+strings.Join(s.Queues, ", "))
	}
	return strings.Join(parts, "; ")
}

func messageWords(e ops.Effects) string {
	words := e.Message
	if e.Then != "" {
		words += ", then " + e.Then
	}
	if e.WaitingCallers {
		words += "; played to those who wait too"
	}
	return words
}

func overflowWords(rule ops.OverflowRule) string {
	var conditions []string
	if rule.AfterWait > 0 {
		conditions = append(conditions, "after a wait of "+duration(time.Duration(rule.AfterWait)))
	}
	if rule.WhenWaiting > 0 {
		conditions = append(conditions, fmt.Sprintf("when %d wait", rule.WhenWaiting))
	}
	return "to " + strings.Join(rule.To, ", ") + " " + strings.Join(conditions, " and ")
}
