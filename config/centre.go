package config

import (
	"path/filepath"
	"regexp"
	"time"

	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/routing"
)

// centreDraft is what centre.yaml says by itself, before the references are looked up.
type centreDraft struct {
	*names
	centre       Centre
	trunks       []Trunk
	numbers      map[string]string
	conversation *ivr.Plan
	routing      *routing.Plan
	secrets      []secretUse
	steps        map[ivr.Place]Place // where each step of each flow stands
}

// secretUse is the secret of one agent as it is written.
type secretUse struct {
	agent string
	text  string
	at    Place
	srtp  string // off, optional or required
}

// languagePattern is a language with an optional region (the part of BCP 47 that recordings come in).
var languagePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z]{2})?$`)

// decodeCentre walks centre.yaml. dir is the configuration folder.
func decodeCentre(tree *value, dir string, found *mistakes) *centreDraft {
	d := &centreDraft{
		names: newNames(), numbers: map[string]string{}, steps: map[ivr.Place]Place{},
		conversation: &ivr.Plan{Flows: map[string]*ivr.Flow{}, Hours: map[string]*ivr.Hours{}, Waiting: map[string]ivr.Waiting{}},
		routing:      &routing.Plan{Queues: map[string]*routing.Queue{}},
	}
	o := newReader(CentreFile, found).open(tree, "")
	d.head(o, dir)
	for k, section := range plural {
		if o.has(section) {
			for _, e := range o.value.entries {
				if e.key.text == section {
					d.sections[k] = e.key.at
				}
			}
		}
	}
	d.hours(o)
	d.decodeTrunks(o)
	d.decodeNumbers(o)
	d.flows(o)
	d.queues(o)
	d.agents(o)
	return d
}

// head reads what holds for the centre as a whole.
func (d *centreDraft) head(o object, dir string) {
	d.centre.Zone = time.UTC
	if name, ok := o.text("centre"); ok && o.name("a centre", &value{text: name, at: o.at("centre")}) {
		d.centre.Name = name
	}
	if zone, ok := o.text("timezone"); ok {
		// "Local" and "" are Go's own words for zones that depend on the machine.
		if location, err := time.LoadLocation(zone); err != nil || zone == "Local" || zone == "" {
			o.wrong("timezone", zone)
		} else {
			d.centre.Zone = location
		}
	}
	if language, ok := o.text("language"); ok {
		if d.centre.Language = language; !languagePattern.MatchString(language) {
			o.wrong("language", language)
		}
	}
	d.centre.Seats = o.count("seats")
	d.routing.Seats = d.centre.Seats
	if folder, ok := o.text("prompts"); ok {
		if !filepath.IsAbs(folder) && !filepath.IsLocal(folder) {
			o.found.add(o.at("prompts"), "prompts is %s, but must be a folder below the configuration's own, or an absolute path", quote(folder))
		}
		d.centre.PromptsDir = below(dir, folder)
	}
	if level, ok := o.text("prompt_level"); ok && level != asRecorded {
		if d.centre.PromptLevel, ok = parseCount(level, Key{low: "-40", high: "-10"}); !ok {
			o.wrong("prompt_level", level)
		}
	}
}

// asRecorded is the prompt_level of recordings that are to stay as they are.
const asRecorded = "as-recorded"

// below returns a path from a folder, unless it is absolute already.
func below(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// hours reads the opening hours.
func (d *centreDraft) hours(o object) {
	o.each("hours", func(key, content *value) {
		if !o.name("hours", key) {
			return
		}
		d.define(someHours, key.text, key.at)
		hours := o.open(content, "hours.*")
		d.conversation.Hours[key.text] = &ivr.Hours{Weekly: weekly(hours), Dates: dates(hours)}
	})
}

// weekly reads the week of some hours.
func weekly(o object) ivr.Weekly {
	var week ivr.Weekly
	given := map[time.Weekday]Place{}
	before := len(o.found.list)
	o.each("weekly", func(key, content *value) {
		days, err := ivr.ParseDays(key.text)
		if err != nil {
			o.found.add(key.at, "%v", err)
			return
		}
		spans := spansOf(o, "weekly.*", content)
		for _, day := range days {
			if first, twice := given[day]; twice {
				o.found.add(key.at, "%s is given already at %s", day, first)
				return
			}
			given[day] = key.at
			week[day] = spans
		}
	})
	if len(o.found.list) == before { // else a part of the week is missing here
		if err := week.Check(); err != nil {
			o.found.add(o.at("weekly"), "%v", err)
		}
	}
	return week
}

// dates reads the dates of some hours.
func dates(o object) map[ivr.Date][]ivr.Span {
	all := map[ivr.Date][]ivr.Span{}
	o.each("dates", func(key, content *value) {
		date, err := ivr.ParseDate(key.text)
		if err != nil {
			o.found.add(key.at, "%v", err)
			return
		}
		all[date] = spansOf(o, "dates.*", content)
	})
	return all
}

// spansOf reads the opening times of one day.
func spansOf(o object, name string, content *value) []ivr.Span {
	text, ok := o.scalar(o.key(name), content)
	if !ok {
		return nil
	}
	spans, err := ivr.ParseSpans(text)
	if err != nil {
		o.found.add(content.at, "%v", err)
	}
	return spans
}

// decodeNumbers reads what each dialled number starts.
func (d *centreDraft) decodeNumbers(o object) {
	o.each("numbers", func(key, content *value) {
		number, ok := o.number(key)
		if !ok {
			return
		}
		if first, twice := d.define(aNumber, number, key.at); twice {
			o.found.add(key.at, "%s is the number at %s again: - . ( ) and what follows a ; do not count", quote(key.text), first)
			return
		}
		if reservedNumbers[number] {
			o.found.add(key.at, "%s pauses and resumes agents, and cannot be a number", number)
		}
		if flow, ok := o.scalar(o.key("numbers.*"), content); ok {
			d.numbers[number] = flow
			d.refer(aFlow, flow, content.at)
		}
	})
}

// reservedNumbers are dialled by agents' phones: pause and resume.
var reservedNumbers = map[string]bool{"*1": true, "*2": true}
