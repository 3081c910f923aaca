package incident

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// listed is how many names a difference lists before it only counts the rest.
const listed = 3

// Difference returns what changed from one revision to the next, in words, with times in the location of the newer's At. Without a
// revision before (a zero one) it tells what is new. It is "nothing" for revisions that say the same.
func Difference(old, next Revision) string {
	var parts []string
	switch {
	case old.Incident == "":
		return strings.Join(append([]string{"added"}, switched(old, next)...), ", ")
	case old.Removed && !next.Removed:
		parts = append(parts, "back in the file")
	}
	parts = append(parts, switched(old, next)...)
	parts = append(parts, contents(old, next)...)
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// Sentence returns one line on a revision that was made, for logs and people: "kettle-recall ON until 18:00", then what else it
// changed. Times are told in the location of now.
func Sentence(old, next Revision, now time.Time) string {
	state := ""
	switch Status(next, now) {
	case On:
		state = "ON " + until(next.End, now)
	case Scheduled:
		state = "SCHEDULED " + instant(next.Start, now) + " to " + instant(next.End, next.Start.In(now.Location()))
	case Ended:
		state = "ENDED " + instant(next.End, now)
	case Off:
		state = "OFF"
	}
	sentence := next.Incident + " " + state
	if next.Removed {
		sentence += ", no longer in the file"
	}
	if old.Incident == "" {
		return sentence
	}
	if parts := contents(old, next); len(parts) > 0 {
		sentence += ": " + strings.Join(parts, ", ")
	}
	return sentence
}

// switched tells what changed in when an incident holds.
func switched(old, next Revision) []string {
	now := next.At
	switch {
	case next.Removed && !old.Removed:
		return []string{"no longer in the file"}
	case !next.On && old.On:
		return []string{"switched off"}
	case !next.On:
		return nil
	case !old.On || !next.Start.Equal(old.Start):
		if end, over := next.over(now); over {
			return []string{"over since " + instant(end, now)}
		}
		if next.Start.After(now) {
			return []string{"scheduled from " + instant(next.Start, now) + " " + until(next.End, next.Start.In(now.Location()))}
		}
		return []string{"switched on " + until(next.End, now)}
	case !next.End.Equal(old.End):
		return []string{"now " + until(next.End, now) + ", was " + until(old.End, now)}
	default:
		return nil
	}
}

// contents tells what changed in what an incident does.
func contents(old, next Revision) []string {
	var parts []string
	note := func(changed bool, format string, args ...any) {
		if changed {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	a, b := old.Effects, next.Effects
	note(old.Title != next.Title, "title %q", next.Title)
	note(old.Owner != next.Owner, "owner %q", next.Owner)
	note(reach(a) != reach(b), "applies to %s", reach(b))
	note(a.Message != b.Message, "message %s", some(b.Message))
	note(a.Message == b.Message && old.Sound != next.Sound, "message %s recorded anew", b.Message)
	note(a.Then != b.Then, "then %s", b.Then)
	note(!a.WaitingCallers && b.WaitingCallers, "waiting callers hear it")
	note(a.WaitingCallers && !b.WaitingCallers, "waiting callers do not hear it")
	for _, queue := range union(a.Overflow, b.Overflow) {
		now := spill(b.Overflow[queue])
		note(spill(a.Overflow[queue]) != now, "overflow of %s %s", queue, now)
	}
	note(a.SeatsAdd != b.SeatsAdd, "seats added %d, were %d", b.SeatsAdd, a.SeatsAdd)
	return append(parts, staff(a.SeatsAgents, b.SeatsAgents)...)
}

// staff tells whose queues changed.
func staff(old, next map[string]map[string]int) []string {
	var added, removed, changed []string
	for _, agent := range union(old, next) {
		was, now := old[agent], next[agent]
		switch {
		case len(was) == 0 && len(now) > 0:
			added = append(added, agent)
		case len(was) > 0 && len(now) == 0:
			removed = append(removed, agent)
		case !maps.Equal(was, now):
			changed = append(changed, agent)
		}
	}
	var parts []string
	for _, group := range []struct {
		what  string
		names []string
	}{{"agents added", added}, {"agents removed", removed}, {"other queues for agents", changed}} {
		if len(group.names) > 0 {
			parts = append(parts, group.what+": "+names(group.names))
		}
	}
	return parts
}

// reach tells an incident's scope.
func reach(e Effects) string {
	var parts []string
	if len(e.Numbers) > 0 {
		parts = append(parts, "numbers "+names(e.Numbers))
	}
	if len(e.Queues) > 0 {
		parts = append(parts, "queues "+names(e.Queues))
	}
	if len(parts) == 0 {
		return "everyone"
	}
	return strings.Join(parts, " or ")
}

// spill tells the overflow rules of a queue.
func spill(rules []routing.OverflowRule) string {
	if len(rules) == 0 {
		return "none"
	}
	texts := make([]string, len(rules))
	for i, rule := range rules {
		var conditions []string
		if rule.AfterWait > 0 {
			conditions = append(conditions, "after "+length(rule.AfterWait))
		}
		if rule.WhenWaiting > 0 {
			conditions = append(conditions, fmt.Sprintf("from %d waiting", rule.WhenWaiting))
		}
		texts[i] = strings.Join(append(conditions, "to "+strings.Join(rule.To, ", ")), " ")
	}
	return strings.Join(texts, "; ")
}

// names lists a few names and counts the rest.
func names(all []string) string {
	if len(all) <= listed {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:listed], ", "), len(all)-listed)
}

// union returns the keys of two maps, in order.
func union[V any](a, b map[string]V) []string {
	keys := slices.Sorted(maps.Keys(a))
	keys = slices.AppendSeq(keys, maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// some returns a text, or "none".
func some(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// until tells an end.
func until(end, now time.Time) string {
	if end.IsZero() {
		return "until switched off"
	}
	return "until " + instant(end, now)
}

// instant tells a moment by the clock of now's location, with the day when that is not now's.
func instant(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// length tells a duration without empty parts: 1m0s is "1m".
func length(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
