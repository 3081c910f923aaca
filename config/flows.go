package config

import (
	"slices"
	"strings"

	"github.com/spillway-voice/spillway/ivr"
)

// maxSteps bounds the steps of a centre: the search for loops takes time and stack in proportion.
const maxSteps = 5000

// verbs are the keys of which a step has exactly one, and the other keys that go with each.
var verbs = map[string][]string{
	"play":   {"then"},
	"menu":   {"keys", "wait", "tries", "invalid", "else"},
	"when":   {"then", "else"},
	"queue":  {"priority", "else"},
	"flow":   {},
	"hangup": {},
}

// verbOrder is the order in which messages list the verbs.
var verbOrder = []string{"play", "menu", "when", "queue", "flow", "hangup"}

// flows reads the conversations.
func (d *centreDraft) flows(o object) {
	o.each("flows", func(key, content *value) {
		if !o.name("a flow", key) {
			return
		}
		d.define(aFlow, key.text, key.at)
		flow := &ivr.Flow{Name: key.text, Steps: map[string]*ivr.Step{}}
		d.conversation.Flows[key.text] = flow
		if content.form != mapping {
			o.found.add(content.at, "flow %s must be a map of steps, not %s", quote(key.text), content.form)
			return
		}
		for _, e := range content.entries {
			d.step(o, flow, e)
		}
		d.finishFlow(o, flow, content, key.at)
	})
	if len(d.steps) > maxSteps {
		o.found.add(o.at("flows"), "the flows have %d steps; %d are allowed", len(d.steps), maxSteps)
	}
}

// step reads one step of a flow.
func (d *centreDraft) step(o object, flow *ivr.Flow, e entry) {
	if !o.name("a step", e.key) {
		return
	}
	d.steps[ivr.Place{Flow: flow.Name, Step: e.key.text}] = e.key.at
	s := o.open(e.value, "flows.*.*")
	step := &ivr.Step{Name: e.key.text}
	flow.Steps[step.Name] = step
	switch s.verb() {
	case "play":
		step.Play = s.prompt("play", d.names)
		step.Then = s.lead("then", true, "play goes on to a step")
	case "menu":
		step.Menu = d.menu(s)
		step.Else = s.lead("else", true, "a menu goes on there when no key was usable")
	case "when":
		step.When = d.when(s)
		step.Then = s.lead("then", true, "when goes on there while it is open")
		step.Else = s.lead("else", true, "when goes on there while it is closed")
	case "queue":
		step.Queue = d.entry(s)
		step.Else = s.lead("else", false, "")
	case "flow":
		if name, ok := s.text("flow"); ok {
			step.Flow = name
			d.refer(aFlow, name, s.at("flow"))
		}
	case "hangup":
		step.Hangup = ivr.Hangup(s.choice("hangup"))
		if step.Name != ivr.Start && (step.Hangup == ivr.Busy || step.Hangup == ivr.Decline) {
			s.found.add(s.at("hangup"), "hangup: %s refuses a call before it is answered, so only the step %s may say it", step.Hangup, ivr.Start)
		}
	}
}

// when reads a question to the clock.
func (d *centreDraft) when(s object) *ivr.When {
	when := s.object("when")
	hours, ok := when.text("hours")
	if ok {
		d.refer(someHours, hours, when.at("hours"))
	}
	return &ivr.When{Hours: hours}
}

// entry reads a wait for an agent.
func (d *centreDraft) entry(s object) *ivr.QueueEntry {
	queue, ok := s.text("queue")
	if ok {
		d.refer(aQueue, queue, s.at("queue"))
	}
	return &ivr.QueueEntry{Queue: queue, Priority: s.count("priority")}
}

// verb returns the one verb of a step, or "" having noted that there is none, or more, or a key that goes with another.
func (o object) verb() string {
	var present []string
	for _, verb := range verbOrder {
		if o.has(verb) {
			present = append(present, verb)
		}
	}
	switch len(present) {
	case 0:
		o.found.add(o.value.at, "the step has no verb; write one of %s", oneOf(verbOrder))
		return ""
	case 1:
	default:
		o.found.add(o.value.at, "the step has the verbs %s; one is allowed", strings.Join(present, ", "))
		return ""
	}
	verb := present[0]
	for _, e := range o.value.entries {
		if _, known := o.schema[o.path+"."+e.key.text]; known && e.key.text != verb && !slices.Contains(verbs[verb], e.key.text) {
			o.found.add(e.key.at, "%s does not go with %s%s", e.key.text, verb, goesWith(verb))
		}
	}
	return verb
}

// goesWith says which keys a verb has beside it.
func goesWith(verb string) string {
	if len(verbs[verb]) == 0 {
		return ", which stands alone"
	}
	return "; allowed are " + oneOf(verbs[verb])
}

// lead returns the step that a key leads to. Whether that exists is seen when the flow is complete.
func (o object) lead(name string, needed bool, why string) string {
	if !o.has(name) {
		if needed {
			o.found.add(o.value.at, "%s is missing: %s", name, why)
		}
		return ""
	}
	step, _ := o.text(name)
	return step
}

// menu reads a question.
func (d *centreDraft) menu(o object) *ivr.Menu {
	m := &ivr.Menu{
		Prompt: o.prompt("menu", d.names), Keys: map[byte]string{},
		Wait: o.duration("wait"), Tries: o.count("tries"), Invalid: o.prompt("invalid", d.names),
	}
	o.each("keys", func(key, content *value) {
		if len(key.text) != 1 || !strings.Contains("0123456789*#", key.text) {
			o.found.add(key.at, "%s is no key of a phone; allowed are 0 to 9, * and #", quote(key.text))
			return
		}
		if step, ok := o.scalar(o.key("keys.*"), content); ok {
			m.Keys[key.text[0]] = step
		}
	})
	if keys := o.value.get("keys"); keys == nil || keys.form == nothing || keys.form == mapping && len(keys.entries) == 0 {
		o.found.add(o.at("keys"), "the menu has no keys; write at least one, like {1: orders}")
	}
	return m
}

// finishFlow checks what can be seen when all steps of a flow are known: its start, where its steps lead, and those that
// nothing leads to.
func (d *centreDraft) finishFlow(o object, flow *ivr.Flow, content *value, at Place) {
	if flow.Steps[ivr.Start] == nil {
		o.found.add(at, "flow %s has no step %s, where it would begin", quote(flow.Name), quote(ivr.Start))
		return
	}
	var all []string
	for name := range flow.Steps {
		all = append(all, name)
	}
	dangling := false
	for _, e := range content.entries {
		for _, lead := range leadsOf(e.value) {
			if flow.Steps[lead.text] == nil {
				o.found.add(lead.at, "step %s does not exist in flow %s%s; steps: %s", quote(lead.text), quote(flow.Name), suggest(lead.text, all), listed(all))
				dangling = true
			}
		}
	}
	if dangling {
		return // the step that was meant would only be called unreachable on top
	}
	for _, name := range flow.Unreachable() {
		o.found.add(d.steps[ivr.Place{Flow: flow.Name, Step: name}], "step %s is never reached; lead to it from another step, or take it out", quote(name))
	}
}

// leadsOf returns the values of a step that name other steps.
func leadsOf(step *value) []*value {
	var leads []*value
	add := func(v *value) {
		if v != nil && v.form == scalar {
			leads = append(leads, v)
		}
	}
	if keys := step.get("keys"); keys != nil {
		for _, e := range keys.entries {
			add(e.value)
		}
	}
	add(step.get("then"))
	add(step.get("else"))
	return leads
}

// loops notes circles in which a caller would hear nothing. It needs all flows to be whole.
func (d *centreDraft) loops(found *mistakes) {
	for _, loop := range d.conversation.Loops() {
		var path []string
		for _, place := range append(loop, loop[0]) {
			path = append(path, place.Flow+"."+place.Step)
		}
		found.add(d.steps[loop[0]], "the steps %s lead in a circle in which the caller hears nothing; put a play or a menu into it",
			strings.Join(path, " → "))
	}
}
