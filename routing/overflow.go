package routing

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A when_waiting rule opens at its figure and closes at closeNumerator/closeDenominator of it (80 %), so that a queue
// around the figure does not flap.
const (
	closeNumerator   = 4
	closeDenominator = 5
)

// Key names the rule among the rules of its queue, equal on every node that has the same plan: where a store keeps whether the
// rule stands open.
func (r *OverflowRule) Key() string {
	return fmt.Sprintf("%s/%s/%d/%s", r.Incident, r.AfterWait, r.WhenWaiting, strings.Join(r.To, ","))
}

// Words says the rule in the words of the configuration: "after_wait 1m0s (kettle-recall)".
func (r *OverflowRule) Words() string {
	var conditions []string
	if r.AfterWait > 0 {
		conditions = append(conditions, "after_wait "+r.AfterWait.String())
	}
	if r.WhenWaiting > 0 {
		conditions = append(conditions, fmt.Sprintf("when_waiting %d", r.WhenWaiting))
	}
	if len(conditions) == 0 {
		conditions = append(conditions, "always")
	}
	words := strings.Join(conditions, ", ")
	if r.Incident != "" {
		words += " (" + r.Incident + ")"
	}
	return words
}

// stands says whether a when_waiting condition holds with so many waiting, given whether it stood open before.
func (r *OverflowRule) stands(waiting int, open bool) bool {
	if open {
		return waiting*closeDenominator > r.WhenWaiting*closeNumerator
	}
	return waiting >= r.WhenWaiting
}

// openings finds the when_waiting rules that open or close, and notes which stand open after that.
func (t *table) openings() {
	for _, name := range sortedKeys(t.plan.Queues) {
		state := t.view.Queues[name]
		for i := range t.plan.Queues[name].Overflow {
			rule := &t.plan.Queues[name].Overflow[i]
			if rule.WhenWaiting <= 0 {
				continue
			}
			was := state != nil && state.Open[rule.Key()]
			open := rule.stands(t.waiting[name], was)
			if open {
				t.open[rule] = true
			}
			if open != was {
				t.decision.Opens = append(t.decision.Opens, Opening{Queue: name, Rule: rule.Key(), Open: open})
			}
		}
	}
	t.forgetRules()
}

// forgetRules closes what stands open of rules that are no longer in the plan: an incident's, once it is over.
func (t *table) forgetRules() {
	for _, name := range sortedKeys(t.view.Queues) {
		for _, key := range sortedKeys(t.view.Queues[name].Open) {
			queue := t.plan.Queue(name)
			known := queue != nil && slices.ContainsFunc(queue.Overflow, func(r OverflowRule) bool {
				return r.WhenWaiting > 0 && r.Key() == key
			})
			if !known {
				t.decision.Opens = append(t.decision.Opens, Opening{Queue: name, Rule: key})
			}
		}
	}
}

// spill finds the queues that the rules of his home queue open to a caller now, beyond those he has, and notes when time
// alone will open more.
func (t *table) spill(c *Caller, home *Queue) (to []string, words string) {
	for i := range home.Overflow {
		rule := &home.Overflow[i]
		if rule.WhenWaiting > 0 && !t.open[rule] {
			continue
		}
		if due := c.Entered.Add(rule.AfterWait); t.now.Before(due) {
			t.wake(due)
			continue
		}
		more := t.further(c, rule, to)
		if len(more) == 0 {
			continue
		}
		to = append(to, more...)
		if words != "" {
			words += "; "
		}
		words += rule.Words()
	}
	return to, words
}

// further returns those queues of a rule that take callers and that the caller is not offered to yet.
func (t *table) further(c *Caller, rule *OverflowRule, already []string) []string {
	var more []string
	for _, name := range rule.To {
		queue := t.plan.Queue(name)
		if queue == nil || queue.Closed || name == c.Queue {
			continue
		}
		if !slices.Contains(c.Spilled, name) && !slices.Contains(already, name) && !slices.Contains(more, name) {
			more = append(more, name)
		}
	}
	return more
}

// JoinRules adds the words of a rule to those of the rules that opened queues to a caller before.
func JoinRules(before, rule string) string {
	if before == "" || rule == "" {
		return before + rule
	}
	return before + "; " + rule
}

// waited says whether so much of a wait has passed at now.
func waited(since time.Time, wait time.Duration, now time.Time) bool {
	return !now.Before(since.Add(wait))
}
