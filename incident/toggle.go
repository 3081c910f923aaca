package incident

import (
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

// Toggle is what a person asks for by API or command.
type Toggle struct {
	Active bool
	For    time.Duration // from now; 0: see Until, Manual and the file
	Until  time.Time     // a fixed end
	Manual bool          // until it is switched off by hand
	Reason string        // at most maxReason characters, without control characters
	By     string        // a token's name
	From   string        // an address
}

// maxReason is how long a reason may be, in characters: a line or two on the wallboard.
const maxReason = 500

// ErrUnknown says that the board has no such incident.
var ErrUnknown = errors.New("no such incident")

// Switch returns the revision that a toggle makes of an incident of the board. What the incident does stays as the board has it;
// without an end of its own, the toggle takes that of the definition (a zero one when this node's file does not have it).
//
// An incident that is on keeps its start when it is switched on again with another end; without an end that changes nothing. When
// nothing changes, Switch returns the board's revision as it is: its number tells. Times in words are told in the location of now.
// Errors are ErrUnknown or of type *Mistake.
func Switch(b Board, name string, d Definition, t Toggle, now time.Time) (Revision, error) {
	current, known := b.Revisions[name]
	if !known || current.Removed {
		return Revision{}, fmt.Errorf("%q: %w", name, ErrUnknown)
	}
	if err := t.check(); err != nil {
		return Revision{}, &Mistake{Incident: name, Field: "reason", Text: err.Error()}
	}
	next := current
	status := Status(current, now)
	switch {
	case !t.Active:
		next.off(now)
	case status == On && !t.ends():
		return current, nil
	default:
		if status != On {
			next.On, next.Start = true, now
		}
		end, err := t.end(d, now)
		if err != nil {
			return Revision{}, &Mistake{Incident: name, Field: "until", Text: err.Error()}
		}
		next.End = end
	}
	if same(current, next) {
		return current, nil
	}
	next.Number, next.At = current.Number+1, now
	next.By, next.From, next.Reason = t.By, t.From, t.Reason
	next.Difference = Difference(current, next)
	return next, nil
}

// ends reports whether the toggle says itself when the incident ends.
func (t Toggle) ends() bool { return t.For != 0 || !t.Until.IsZero() || t.Manual }

// end returns when the incident will end, the zero time when by hand alone.
func (t Toggle) end(d Definition, now time.Time) (time.Time, error) {
	given := 0
	for _, is := range []bool{t.For != 0, !t.Until.IsZero(), t.Manual} {
		if is {
			given++
		}
	}
	end := t.Until
	switch {
	case given > 1:
		return time.Time{}, errors.New("for and until together; allowed: one of them")
	case t.Manual, given == 0 && d.Manual:
		return time.Time{}, nil
	case t.For < 0:
		return time.Time{}, fmt.Errorf("for %v; allowed: more than 0s", t.For)
	case t.For > 0:
		end = now.Add(t.For)
	case given == 0:
		end = d.end(now)
	}
	if end.IsZero() {
		return time.Time{}, errors.New("an end is missing, and the file has none; allowed: for, or until")
	}
	return end, possible(end, now)
}

// check judges the reason.
func (t Toggle) check() error {
	if !utf8.ValidString(t.Reason) || utf8.RuneCountInString(t.Reason) > maxReason {
		return fmt.Errorf("too long or no text; allowed: %d characters", maxReason)
	}
	for _, r := range t.Reason {
		if unicode.IsControl(r) {
			return errors.New("it has control characters; allowed: one line of text")
		}
	}
	return nil
}
