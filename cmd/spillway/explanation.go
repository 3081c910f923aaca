package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/routing"
)

// explanation is what would happen to one call. It decides nothing itself: the flow is walked by ivr, incidents are judged by
// incident, and what is written are their reasons.
type explanation struct {
	snapshot       *config.Snapshot
	file           string // where the configuration is
	number, caller string
	keys           string
	now, at        time.Time // now, and when the call comes; both in the centre's zone

	board   incident.Board
	plan    *routing.Plan // with the incidents of that moment
	message string        // the message that the call has heard: one per call
	lines   strings.Builder
}

// line writes one line: what it is about, then what happens.
func (x *explanation) line(about, format string, args ...any) {
	fmt.Fprintf(&x.lines, "%-10s %s\n", about, plain(fmt.Sprintf(format, args...)))
}

// text returns the explanation, line by line in the order in which it would happen.
func (x *explanation) text() string {
	x.line("call", "%s dials %s on %s (%s)", cmp.Or(x.caller, "an anonymous caller"), x.number, x.at.Format("Mon 2006-01-02 15:04"), x.at.Location())
	flow, known := x.snapshot.Numbers[x.number]
	if !known {
		x.line("end", "refused with 404: the number is not in centre.yaml")
		return x.lines.String()
	}
	x.judge()
	if how, refused := ivr.Refusal(x.snapshot.Conversation, flow); refused {
		x.line("end", "flow %s refuses the call before it is answered: %s", flow, how)
		return x.lines.String()
	}
	if x.tell(incident.Facts{Number: x.number}) {
		return x.lines.String()
	}
	x.line("flow", "%s starts", flow)
	visits, end := ivr.Explain(x.snapshot.Conversation, flow, x.keys, x.at)
	for _, v := range visits {
		x.line("", "%s: %s/%s, %s", v.Why, v.Flow, v.Step, stepWords(x.snapshot.Conversation.Flows[v.Flow].Steps[v.Step]))
	}
	switch end := end.(type) {
	case ivr.Enter:
		last := visits[len(visits)-1]
		x.queue(end, x.snapshot.Conversation.Flows[last.Flow].Steps[last.Step])
	case ivr.End:
		x.line("end", "hang up, %s, with reason %s", end.Hangup, end.Reason)
	default:
		x.line("end", "the flow goes round and does not end")
	}
	return x.lines.String()
}

// judge makes the board that the file gives, and lays its incidents over the plan. What is switched on in the file counts from now,
// or from the moment of the call if that is earlier.
func (x *explanation) judge() {
	since := x.now
	if x.at.Before(since) {
		since = x.at
	}
	outcome := incident.Reconcile(incident.Board{}, incident.File{Definitions: x.snapshot.Incidents, By: "file", From: x.file,
		Sound: func(prompt string) (string, error) { return prompt, nil }}, nil, since)
	for _, r := range outcome.Revisions {
		x.board = x.board.With(r)
	}
	plan, warnings := incident.Overlay(x.snapshot.Routing, x.board, x.at)
	x.plan = plan
	for _, r := range incident.ActiveNow(x.board, x.at) {
		x.line("incident", "%s is on: %s", r.Incident, cmp.Or(r.Revision.Title, r.Why))
	}
	for _, m := range outcome.Mistakes {
		x.line("incident", "%s is not considered: %s", m.Incident, m.Text)
	}
	for _, w := range warnings {
		x.line("incident", "%s: %s", w.Incident, w.Text)
	}
}

// tell writes the message that the call is due, if any, and whether the call ends with it.
func (x *explanation) tell(f incident.Facts) (over bool) {
	m, due := incident.MessageFor(x.board, f, x.at)
	if !due || x.message != "" {
		return false
	}
	x.message = m.Prompt
	x.line("message", "%s, unless this caller has heard it already (%s)", m.Prompt, m.Why)
	if m.Then != incident.HangUp {
		return false
	}
	x.line("end", "hang up after the message")
	return true
}

// queue writes what the queue of a step does with the call.
func (x *explanation) queue(e ivr.Enter, step *ivr.Step) {
	if x.tell(incident.Facts{Number: x.number, Queue: e.Queue}) {
		return
	}
	q := x.plan.Queue(e.Queue)
	if q == nil {
		x.line("queue", "%s is not configured", e.Queue)
		return
	}
	x.line("queue", "%s with priority %d: %s, rings %s, at most %d wait for at most %s",
		q.Name, e.Priority, q.Strategy, duration(q.Ring), q.Capacity, duration(q.MaxWait))
	x.line("agents", "%s", x.agents(q.Name))
	for _, rule := range q.Overflow {
		words := "to " + strings.Join(rule.To, ", ") + conditionWords(rule)
		if rule.Incident != "" {
			words += " (" + rule.Incident + ")"
		}
		x.line("overflow", "%s", words)
		for _, other := range rule.To {
			x.line("", "%s: %s", other, x.agents(other))
		}
	}
	where := "the built-in apology, then hang up"
	if step.Else != "" {
		where = "step " + step.Else
	}
	x.line("else", "%s: when the queue is full or unstaffed, or the wait is too long", where)
}

// agents says who serves a queue, in the order of their tiers.
func (x *explanation) agents(queue string) string {
	tiers := map[int][]string{}
	for _, a := range x.plan.Agents {
		if tier, serves := a.Queues[queue]; serves {
			tiers[tier] = append(tiers[tier], a.Name)
		}
	}
	var parts []string
	for _, tier := range slices.Sorted(maps.Keys(tiers)) {
		parts = append(parts, fmt.Sprintf("tier %d: %s", tier, strings.Join(tiers[tier], ", ")))
	}
	if len(parts) == 0 {
		return "nobody"
	}
	return strings.Join(parts, "; ")
}

func conditionWords(rule routing.OverflowRule) string {
	var conditions []string
	if rule.AfterWait > 0 {
		conditions = append(conditions, "after a wait of "+duration(rule.AfterWait))
	}
	if rule.WhenWaiting > 0 {
		conditions = append(conditions, fmt.Sprintf("when %d wait", rule.WhenWaiting))
	}
	return " " + strings.Join(conditions, " and ")
}

// stepWords says what a step does.
func stepWords(s *ivr.Step) string {
	switch {
	case s.Play != "":
		return "play " + s.Play
	case s.Menu != nil:
		return "ask " + s.Menu.Prompt
	case s.When != nil:
		return "look at the hours " + s.When.Hours
	case s.Queue != nil:
		return "wait in " + s.Queue.Queue
	case s.Flow != "":
		return "go on with flow " + s.Flow
	}
	return "hang up, " + string(s.Hangup)
}
