package config

import (
	"slices"
	"time"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/routing"
)

// maxTitle is how long the title and the owner of an incident may be, in characters.
const maxTitle = 200

// incidentsDraft is what incidents.yaml says by itself, before the references are looked up.
type incidentsDraft struct {
	*names
	definitions []incident.Definition
	ends        []Place // for each definition, where its end is written
}

// decodeIncidents walks incidents.yaml. Times without an offset are in the zone.
func decodeIncidents(tree *value, zone *time.Location, found *mistakes) *incidentsDraft {
	d := &incidentsDraft{names: newNames()}
	o := newReader(IncidentsFile, found).open(tree, "")
	o.each("incidents", func(key, content *value) {
		if !o.name("an incident", key) {
			return
		}
		i := o.open(content, "incidents.*")
		definition := incident.Definition{Name: key.text, Title: i.line("title"), Owner: i.line("owner")}
		end := i.term(&definition, zone, key.at)
		definition.Effects = d.effects(i, key)
		d.definitions = append(d.definitions, definition)
		d.ends = append(d.ends, end)
	})
	return d
}

// line returns a text that must be one line.
func (o object) line(name string) string {
	text, ok := o.text(name)
	if !ok || !oneLineText(o, name, text, maxTitle) {
		return ""
	}
	return text
}

// term reads when an incident is on: the switch with its end, or the schedule. It returns where the end is written.
func (o object) term(d *incident.Definition, zone *time.Location, key Place) Place {
	d.Active = o.boolean("active")
	if o.has("schedule") {
		o.schedule(d, zone)
		return o.at("schedule")
	}
	switch {
	case o.has("for") && o.has("until"):
		o.found.add(o.at("until"), "for and until exclude each other; keep one (for is at %s)", o.at("for"))
	case o.has("for"):
		d.For = o.duration("for")
		return o.at("for")
	case o.has("until"):
		if text, ok := o.text("until"); ok {
			if d.Manual = text == "manual"; !d.Manual {
				d.Until = o.moment("until", text, zone)
			}
		}
		return o.at("until")
	default:
		o.found.add(key, "incident %s has no end; write for: 6h, until: 2026-11-22 18:00, until: manual, or a schedule", quote(d.Name))
	}
	return key
}

// schedule reads a planned time.
func (o object) schedule(d *incident.Definition, zone *time.Location) {
	for _, other := range []string{"active", "for", "until"} {
		if o.has(other) {
			o.found.add(o.at(other), "%s and schedule exclude each other; keep one (schedule is at %s)", other, o.at("schedule"))
		}
	}
	s := o.object("schedule")
	from, hasFrom := s.text("from")
	until, hasUntil := s.text("until")
	if !hasFrom || !hasUntil {
		return
	}
	d.Schedule = &incident.Schedule{From: s.moment("from", from, zone), Until: s.moment("until", until, zone)}
	if known := !d.Schedule.From.IsZero() && !d.Schedule.Until.IsZero(); known && !d.Schedule.Until.After(d.Schedule.From) {
		d.Schedule.Until = time.Time{}
		s.found.add(s.at("until"), "the schedule ends before it begins; until must be after from")
	}
}

// moment reads a time; what is wrong with it is noted.
func (o object) moment(name, text string, zone *time.Location) time.Time {
	t, err := parseMoment(text, zone)
	if err != nil {
		o.found.add(o.at(name), "%s: %s %v", o.key(name).label(), quote(text), err)
		return time.Time{}
	}
	return t
}

// effects reads what an incident changes.
func (d *incidentsDraft) effects(o object, key *value) incident.Effects {
	e := incident.Effects{
		Message:        o.prompt("message", d.names),
		Then:           incident.Then(o.choice("then")),
		WaitingCallers: o.boolean("waiting_callers"),
	}
	if !o.has("message") {
		for _, name := range []string{"then", "waiting_callers"} {
			if o.has(name) && (e.Then == incident.HangUp || e.WaitingCallers) {
				o.found.add(o.at(name), "%s needs a message", name)
			}
		}
	}
	d.scope(o, &e)
	d.overflow(o, &e)
	d.seats(o, &e)
	if !o.has("message") && len(e.Overflow) == 0 && e.SeatsAdd == 0 && len(e.SeatsAgents) == 0 {
		o.found.warn(key.at, "incident %s changes nothing; it may have message, overflow and seats", quote(key.text))
	}
	return e
}

// scope reads to whom an incident applies.
func (d *incidentsDraft) scope(o object, e *incident.Effects) {
	if !o.has("applies_to") {
		return
	}
	scope := o.object("applies_to")
	for _, v := range scope.list("numbers") {
		number, ok := scope.number(v)
		if !ok {
			continue
		}
		if slices.Contains(e.Numbers, number) {
			scope.found.add(v.at, "number %s stands twice", quote(v.text))
			continue
		}
		d.refer(aNumber, number, v.at)
		e.Numbers = append(e.Numbers, number)
	}
	for _, v := range scope.list("queues") {
		if slices.Contains(e.Queues, v.text) {
			scope.found.add(v.at, "queue %s stands twice", quote(v.text))
			continue
		}
		d.refer(aQueue, v.text, v.at)
		e.Queues = append(e.Queues, v.text)
	}
	if !scope.has("numbers") && !scope.has("queues") || scope.empty("numbers") && scope.empty("queues") {
		scope.found.add(o.at("applies_to"), "applies_to names no number and no queue; leave it out for everyone")
	}
}

// overflow reads the rules that an incident adds to queues.
func (d *incidentsDraft) overflow(o object, e *incident.Effects) {
	o.each("overflow", func(key, content *value) {
		d.refer(aQueue, key.text, key.at)
		rules := overflow(o, "overflow.*", content, key.text, d.names)
		if len(rules) == 0 {
			o.found.add(key.at, "overflow of queue %s has no rule; write at least one, or take it out", quote(key.text))
			return
		}
		if e.Overflow == nil {
			e.Overflow = map[string][]routing.OverflowRule{}
		}
		e.Overflow[key.text] = rules
	})
}

// seats reads the seats and agents that an incident adds.
func (d *incidentsDraft) seats(o object, e *incident.Effects) {
	seats := o.object("seats")
	e.SeatsAdd = seats.count("add")
	first := map[string]Place{}
	seats.each("agents", func(key, content *value) {
		_, names := seats.names("an agent", key)
		queues := tiers(seats, "agents.*", content, d.names)
		if len(queues) == 0 && content.form != list && content.form != scalar {
			seats.found.add(content.at, "%s gets no queue; write at least one like {orders: 1}", quote(key.text))
		}
		for _, name := range names {
			if before, twice := first[name]; twice {
				seats.found.add(key.at, "agent %s is already one of those at %s; names may not overlap", quote(name), before)
				return
			}
			first[name] = key.at
			d.refer(anAgent, name, key.at)
			if e.SeatsAgents == nil {
				e.SeatsAgents = map[string]map[string]int{}
			}
			e.SeatsAgents[name] = queues
		}
	})
}
