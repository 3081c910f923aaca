package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// File is what one node's incidents.yaml says, read and checked.
type File struct {
	Definitions []Definition
	By          string // for the revisions: "file@syd-1"
	From        string // the file's path
	// Sound returns the content of a recording as SHA-256 in hex.
	Sound func(prompt string) (string, error)
}

// Said is what a node's own file last said about an incident. It is a plain value that the node keeps over restarts.
type Said struct {
	Active  bool      `json:"active"`  // the switch as it stood; false with a schedule
	Since   time.Time `json:"since"`   // when the switch was last turned to true
	Switch  string    `json:"switch"`  // digest of when it should hold: switch, for, until, schedule
	Content string    `json:"content"` // digest of everything else, with the sound of the message
}

// Mistake is something in a file for which it is refused.
type Mistake struct {
	Incident string
	Field    string // the key in the file: "until", "schedule", "message"
	Text     string // what was found and what is allowed
}

// Error returns what was found, with its place.
func (m *Mistake) Error() string { return fmt.Sprintf("%s: %s: %s", m.Incident, m.Field, m.Text) }

// Outcome is what a saved file comes to.
type Outcome struct {
	Revisions []Revision      // to publish, in the order of the file; then those of incidents that it no longer has
	Said      map[string]Said // to remember once they are published
	Warnings  []Warning
	Mistakes  []Mistake // when there is one, there are no revisions, and Said is what it was
}

// Reconcile compares a file with what the same node's file last said and returns a revision for each incident of which it now says
// something else; what it says as before, the board may have otherwise since. When it holds and what it does are compared apart: a
// message edited in the file does not switch on again what the API switched off.
//
// Of an incident that the file has for the first time, Reconcile adds what the board lacks and overrides nothing. `for` counts from
// the moment the switch is turned; an incident that stays on keeps its start. Times in words are told in the location of now.
func Reconcile(b Board, f File, remembered map[string]Said, now time.Time) Outcome {
	r := &reconciliation{board: b, file: f, now: now, out: Outcome{Said: make(map[string]Said, len(f.Definitions))}}
	for _, d := range f.Definitions {
		said, known := remembered[d.Name]
		r.definition(d, said, known)
	}
	for _, name := range slices.Sorted(maps.Keys(remembered)) {
		if _, still := r.out.Said[name]; !still {
			r.remove(name)
		}
	}
	if len(r.out.Mistakes) > 0 {
		r.out.Revisions, r.out.Said = nil, remembered
	}
	return r.out
}

// reconciliation is one run of Reconcile.
type reconciliation struct {
	board Board
	file  File
	now   time.Time
	out   Outcome
}

// definition judges one incident of the file.
func (r *reconciliation) definition(d Definition, said Said, known bool) {
	sound, err := r.sound(d)
	if err != nil {
		r.mistake(d, "message", "%v", err)
	}
	says := d.says(sound)
	says.Since = said.Since
	if says.Active && !said.Active {
		says.Since = r.now
	}
	r.out.Said[d.Name] = says
	if err != nil {
		return
	}
	current, onBoard := r.board.Revisions[d.Name]
	next := current
	switch {
	case current.Removed && known && says.Switch == said.Switch && says.Content == said.Content:
		return // another node's file no longer has it, and this one says nothing new
	case !onBoard || current.Removed:
		next = r.content(current, d, sound)
		r.add(&next, d, says.Since, known && says.Switch == said.Switch)
	case !known:
		if DiffersFromFile(current, d, r.now) || current.Sound != sound {
			r.warn(d, "the file differs from what holds (revision %d by %s: %s); what holds stays until the file is changed",
				current.Number, current.By, current.Difference)
		}
		return
	default:
		if says.Content != said.Content {
			next = r.content(current, d, sound)
		}
		if says.Switch != said.Switch {
			r.turn(&next, d, said)
		} else {
			r.untouched(current, d)
		}
	}
	if next.Removed = false; !same(current, next) || !onBoard {
		r.publish(current, next)
	}
}

// sound returns the content of the message of a definition, or "" when it has none.
func (r *reconciliation) sound(d Definition) (string, error) {
	if d.Effects.Message == "" {
		return "", nil
	}
	return r.file.Sound(d.Effects.Message)
}

// content returns a revision with everything but when the incident holds taken from the file.
func (r *reconciliation) content(current Revision, d Definition, sound string) Revision {
	current.Incident, current.Title, current.Owner = d.Name, d.Title, d.Owner
	current.Effects, current.Sound = d.Effects.ordered(), sound
	return current
}

// turn applies a switch, end or schedule that was changed in the file.
func (r *reconciliation) turn(next *Revision, d Definition, said Said) {
	switch {
	case !d.wanted():
		next.off(r.now)
	case d.Schedule == nil && said.Active && !next.On:
		r.warn(d, "it is switched off, and stays so; to switch it on, save active: false, then active: true")
	case d.Schedule == nil && said.Active && !r.now.Before(next.Start):
		r.end(next, d, next.Start) // it stays on
	case d.Schedule == nil && r.told(*next, d): // another node's copy of the file was faster
	default:
		r.start(next, d)
	}
}

// add makes an incident that the board lacks hold as the file says, which has had it on since then. One that is over is worth a
// warning when nobody has just asked for it: it was in the file before, or it is a schedule that the node meets for the first time.
func (r *reconciliation) add(next *Revision, d Definition, since time.Time, before bool) {
	if d.Schedule == nil && (!d.Active || !before) {
		r.start(next, d)
		return
	}
	next.On, next.Start, next.End = true, since, d.end(since)
	if d.Schedule != nil {
		next.Start = d.Schedule.From
	}
	r.untouched(*next, d)
}

// told reports whether a revision holds just as the definition wants it, counted from the revision's start.
func (r *reconciliation) told(rev Revision, d Definition) bool {
	return rev.Active(r.now) && rev.End.Equal(d.end(rev.Start))
}

// start makes a revision hold as the file says, from now on or at the scheduled time.
func (r *reconciliation) start(next *Revision, d Definition) {
	switch {
	case d.Schedule != nil:
		next.On, next.Start, next.End = true, d.Schedule.From, d.end(r.now)
		if next.End.After(r.now) {
			r.judge(d, "schedule", next.End)
		}
		r.untouched(*next, d)
	case d.Active:
		next.On, next.Start = true, r.now
		r.end(next, d, r.now)
	default:
		next.off(r.now)
	}
}

// end sets the end that the file gives to an incident that started then.
func (r *reconciliation) end(next *Revision, d Definition, start time.Time) {
	next.End = d.end(start)
	field := "until"
	if d.For > 0 {
		field = "for"
	}
	if !next.End.IsZero() {
		r.judge(d, field, next.End)
	}
}

// judge notes a mistake in a field when the end that it gives cannot be.
func (r *reconciliation) judge(d Definition, field string, end time.Time) {
	if err := possible(end, r.now); err != nil {
		r.mistake(d, field, "%v", err)
	}
}

// furthest is how far ahead an end may be: ten years, beyond which it is a slip of the hand.
const furthest = 10 * 366 * 24 * time.Hour

// possible returns an error for an end that nobody can mean.
func possible(end, now time.Time) error {
	switch {
	case !end.After(now):
		return fmt.Errorf("the end, %s, has passed; allowed: an end to come", instant(end, now))
	case end.Sub(now) > furthest:
		return fmt.Errorf("the end, %s, is too far ahead; allowed: ten years", instant(end, now))
	default:
		return nil
	}
}

// untouched warns of an incident that the file has switched on or planned and that is over.
func (r *reconciliation) untouched(current Revision, d Definition) {
	switch {
	case !d.wanted() || Status(current, r.now) != Ended:
	case d.Schedule != nil:
		r.warn(d, "its schedule ended at %s", instant(current.End, r.now))
	default:
		r.warn(d, "it ended at %s; the file still has it switched on", instant(current.End, r.now))
	}
}

// remove switches off an incident that the file no longer has.
func (r *reconciliation) remove(name string) {
	current, onBoard := r.board.Revisions[name]
	if !onBoard || current.Removed {
		return
	}
	next := current
	next.off(r.now)
	next.Removed = true
	r.publish(current, next)
}

// publish adds a revision that replaces the current one.
func (r *reconciliation) publish(current, next Revision) {
	next.Number, next.At = current.Number+1, r.now
	next.By, next.From, next.Reason = r.file.By, r.file.From, ""
	next.Difference = Difference(current, next)
	r.out.Revisions = append(r.out.Revisions, next)
}

// warn notes a warning on a definition.
func (r *reconciliation) warn(d Definition, format string, args ...any) {
	r.out.Warnings = append(r.out.Warnings, Warning{Incident: d.Name, Text: fmt.Sprintf(format, args...)})
}

// mistake notes a mistake in a field of a definition.
func (r *reconciliation) mistake(d Definition, field, format string, args ...any) {
	r.out.Mistakes = append(r.out.Mistakes, Mistake{Incident: d.Name, Field: field, Text: fmt.Sprintf(format, args...)})
}

// DiffersFromFile reports whether a revision is otherwise than the definition would have it: in what it does, or in when it holds.
// Of an incident that the file has switched off it does not matter whether it was switched off or came to its end.
func DiffersFromFile(r Revision, d Definition, now time.Time) bool {
	if r.Removed || r.Title != d.Title || r.Owner != d.Owner || digest(r.Effects) != digest(d.Effects.ordered()) {
		return true
	}
	switch status := Status(r, now); {
	case !d.wanted():
		return status == On || status == Scheduled
	case !r.On:
		return true
	case d.Schedule != nil:
		return !r.Start.Equal(d.Schedule.From) || !r.End.Equal(d.Schedule.Until)
	default:
		return !r.End.Equal(d.end(r.Start))
	}
}

// wanted reports whether the definition lets the incident hold, now or at a scheduled time.
func (d Definition) wanted() bool { return d.Active || d.Schedule != nil }

// end returns when the definition ends an incident that started then; zero: when it is switched off.
func (d Definition) end(start time.Time) time.Time {
	switch {
	case d.Schedule != nil:
		return d.Schedule.Until
	case d.Manual:
		return time.Time{}
	case d.For > 0:
		return start.Add(d.For)
	default:
		return d.Until
	}
}

// says returns what a file says with a definition whose message has that sound.
func (d Definition) says(sound string) Said {
	when := []any{d.Active, d.For, d.Until.Unix(), d.Manual}
	if d.Schedule != nil {
		when = append(when, d.Schedule.From.Unix(), d.Schedule.Until.Unix())
	}
	return Said{
		Active:  d.Active && d.Schedule == nil,
		Switch:  digest(when),
		Content: digest([]any{d.Title, d.Owner, d.Effects.ordered(), sound}),
	}
}

// ordered returns the effects with their scope in order and each name once, so that its order in a file makes no difference.
func (e Effects) ordered() Effects {
	e.Numbers, e.Queues = slices.Sorted(slices.Values(e.Numbers)), slices.Sorted(slices.Values(e.Queues))
	e.Numbers, e.Queues = slices.Compact(e.Numbers), slices.Compact(e.Queues)
	return e
}

// off ends an incident at once, or keeps it from starting. One that has ended stays as it is: nobody ended it but time.
func (r *Revision) off(now time.Time) {
	if _, over := r.over(now); !over {
		r.On, r.Start, r.End = false, time.Time{}, time.Time{}
	}
}

// same reports whether two revisions say the same, whoever said it.
func same(a, b Revision) bool {
	return a.On == b.On && a.Removed == b.Removed && a.Start.Equal(b.Start) && a.End.Equal(b.End) &&
		a.Title == b.Title && a.Owner == b.Owner && a.Sound == b.Sound && digest(a.Effects) == digest(b.Effects)
}

// digest returns the SHA-256 of a plain value, in hex: of what it is in JSON, in which texts, numbers and maps of them never fail.
func digest(value any) string {
	hash := sha256.New()
	_ = json.NewEncoder(hash).Encode(value) // plain values into memory: cannot fail
	return hex.EncodeToString(hash.Sum(nil))
}
