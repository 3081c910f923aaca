package config

import (
	"slices"
	"time"

	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/routing"
)

// queues reads the departments.
func (d *centreDraft) queues(o object) {
	o.each("queues", func(key, content *value) {
		if !o.name("a queue", key) {
			return
		}
		d.define(aQueue, key.text, key.at)
		q := o.open(content, "queues.*")
		d.routing.Queues[key.text] = &routing.Queue{
			Name:         key.text,
			Strategy:     routing.Strategy(q.choice("strategy")),
			ServiceLevel: q.duration("service_level"),
			Ring:         q.duration("ring"),
			WrapUp:       q.duration("wrap_up"),
			Capacity:     q.count("capacity"),
			MaxWait:      q.duration("max_wait"),
			Overflow:     overflow(q, "overflow", q.value.get("overflow"), key.text, d.names),
		}
		waiting := ivr.Waiting{Music: q.prompt("music", d.names), Whisper: q.prompt("whisper", d.names)}
		if q.has("announce") {
			announce := q.object("announce")
			waiting.Say = announce.choices("say")
			waiting.First = announce.duration("first")
			waiting.Every = announce.duration("every")
			if tooOften := waiting.Every > 0 && waiting.Every < minEvery; tooOften {
				announce.found.add(announce.at("every"), "announce.every is shorter than %s, in which an announcement could not end; 0s makes it once", minEvery)
			}
		}
		d.conversation.Waiting[key.text] = waiting
	})
}

// minEvery is the shortest time between announcements: "you are number 128 in the queue" takes four seconds.
const minEvery = 5 * time.Second

// overflow reads the rules by which callers of a queue are offered to others.
func overflow(o object, name string, rules *value, home string, n *names) []routing.OverflowRule {
	if rules == nil || rules.form == nothing {
		return nil
	}
	k := o.key(name)
	if rules.form != list {
		o.found.add(rules.at, "%s must be a list of rules like {after_wait: 5m, to: [support]}, not %s", k.label(), rules.form)
		return nil
	}
	var all []routing.OverflowRule
	for _, item := range rules.items {
		r := o.open(item, k.Path)
		rule := routing.OverflowRule{AfterWait: r.duration("after_wait"), WhenWaiting: r.count("when_waiting")}
		if !r.has("after_wait") && !r.has("when_waiting") {
			r.found.add(r.value.at, "the rule has no condition; write after_wait, when_waiting or both")
		}
		for _, to := range r.list("to") {
			switch {
			case to.text == home:
				r.found.add(to.at, "queue %s cannot overflow into itself", quote(home))
			case slices.Contains(rule.To, to.text):
				r.found.add(to.at, "queue %s stands twice in the rule", quote(to.text))
			default:
				n.refer(aQueue, to.text, to.at)
				rule.To = append(rule.To, to.text)
			}
		}
		if r.has("to") && r.empty("to") {
			r.found.add(r.at("to"), "the rule leads to no queue; write at least one after to")
		}
		all = append(all, rule)
	}
	return all
}
