package config

import (
	"maps"
	"strings"

	"github.com/spillway-voice/spillway/routing"
)

// maxAgents bounds the agents of a centre, ranges expanded.
const maxAgents = 20000

// maxDisplay is how long the name of a person may be, in characters: it goes into SIP headers.
const maxDisplay = 100

// agents reads the accounts.
func (d *centreDraft) agents(o object) {
	o.each("agents", func(key, content *value) {
		span, names := o.names("an agent", key)
		if names == nil || !d.roomFor(o, key, len(names)) {
			return
		}
		a := o.open(content, "agents.*")
		queues := tiers(a, "queues", a.value.get("queues"), d.names)
		displays := d.displays(a, span, names)
		secrets := d.secretTexts(a, span, names)
		srtp := a.choice("srtp")
		for i, name := range names {
			if first, twice := d.define(anAgent, name, key.at); twice {
				o.found.add(key.at, "agent %s is already one of those at %s; names may not overlap", quote(name), first)
				return
			}
			if queue, both := d.defined[aQueue][name]; both {
				o.found.add(key.at, "agent %s has the name of the queue at %s; both are dialled by name, so each needs its own", quote(name), queue)
			}
			agent := &routing.Agent{Name: name, Display: displays[i], Queues: maps.Clone(queues)}
			d.routing.Agents = append(d.routing.Agents, agent)
			if secrets != nil {
				d.secrets = append(d.secrets, secretUse{name, secrets[i], a.at("secret"), srtp})
			}
		}
	})
}

// roomFor reports whether so many agents more are allowed.
func (d *centreDraft) roomFor(o object, key *value, more int) bool {
	if len(d.routing.Agents)+more <= maxAgents {
		return true
	}
	o.found.add(key.at, "there are more than %d agents from here on", maxAgents)
	return false
}

// displays returns the persons' names of an entry; without one, the agents' own.
func (d *centreDraft) displays(a object, span *numbered, names []string) []string {
	if !a.has("name") {
		return names
	}
	text, ok := a.text("name")
	if !ok || !oneLineText(a, "name", text, maxDisplay) {
		return names
	}
	if all, ok := a.within(span, &value{at: a.at("name"), text: text}, len(names)); ok {
		return all
	}
	return names
}

// secretTexts returns the secrets of an entry as they are written, one for each name, or nil.
func (d *centreDraft) secretTexts(a object, span *numbered, names []string) []string {
	text, ok := a.text("secret")
	if !ok {
		return nil
	}
	if !strings.HasPrefix(text, "env:") && !strings.HasPrefix(text, "file:") && span == nil {
		return []string{text} // brackets in a password are the password's own
	}
	all, ok := a.within(span, &value{at: a.at("secret"), text: text}, len(names))
	if !ok {
		return nil
	}
	return all
}

// tiers reads a map of queues to tiers.
func tiers(o object, name string, queues *value, n *names) map[string]int {
	all := map[string]int{}
	if queues == nil || queues.form == nothing {
		return all
	}
	k := o.key(name)
	if queues.form != mapping {
		o.found.add(queues.at, "%s must be a map of queues to tiers like {orders: 1}, not %s", k.label(), queues.form)
		return all
	}
	tier := o.key(name + ".*")
	for _, e := range queues.entries {
		n.refer(aQueue, e.key.text, e.key.at)
		text, ok := o.scalar(tier, e.value)
		if !ok {
			continue
		}
		number, ok := parseCount(text, tier)
		if !ok {
			o.found.add(e.value.at, "the tier of queue %s is %s, but must be %s; 1 is asked before 2", quote(e.key.text), quote(text), tier.Allowed)
		}
		all[e.key.text] = number
	}
	return all
}

// oneLineText reports whether a text is one line without control characters and not too long, and notes it when it is not.
func oneLineText(o object, name, text string, limit int) bool {
	bad := strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 })
	if !bad && len([]rune(text)) <= limit {
		return true
	}
	o.found.add(o.at(name), "%s must be one line of at most %d characters", o.key(name).label(), limit)
	return false
}
