package incident

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Revision is one toggle, complete in itself: what an incident is from At on, until a higher Number replaces it. It is a plain
// value that a store keeps (JSON) and another node can apply without having the file.
type Revision struct {
	Incident   string    `json:"incident"`
	Number     int       `json:"number"` // rises by one for each revision of this incident
	On         bool      `json:"on"`     // switched on or scheduled; off ends it at once
	Start      time.Time `json:"start"`  // resolved; zero when off
	End        time.Time `json:"end"`    // resolved; zero: until it is switched off by hand
	Title      string    `json:"title"`
	Owner      string    `json:"owner"`
	Effects    Effects   `json:"effects"`
	Sound      string    `json:"sound,omitempty"` // SHA-256 of the message's recording, hex
	By         string    `json:"by"`              // who: "file@syd-1", a token's name
	From       string    `json:"from"`            // where: a file's path, an address
	Reason     string    `json:"reason,omitempty"`
	Difference string    `json:"difference"` // what changed from the revision before, in words
	At         time.Time `json:"at"`
	Removed    bool      `json:"removed,omitempty"` // its file no longer has it: it does not hold and is not listed until a file has it again
}

// maxNumber bounds the numbers of revisions, so that one can always be followed by the next.
const maxNumber = 1 << 31

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`) // as files name incidents
	soundForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Check reports what is wrong with a revision that came from elsewhere, so that no node can have made it.
func (r Revision) Check() error {
	switch {
	case !nameForm.MatchString(r.Incident):
		return fmt.Errorf("%.70q is no name of an incident", r.Incident)
	case r.Number < 1 || r.Number > maxNumber:
		return fmt.Errorf("revision %d; allowed: 1 to %d", r.Number, maxNumber)
	case r.Sound != "" && !soundForm.MatchString(r.Sound):
		return errors.New("its sound is no SHA-256 in hex")
	case r.Effects.Then != "" && r.Effects.Then != Continue && r.Effects.Then != HangUp:
		return fmt.Errorf("then %.20q; allowed: %s, %s", r.Effects.Then, Continue, HangUp)
	}
	for _, text := range []string{r.Title, r.Owner, r.Effects.Message, r.By, r.From, r.Reason, r.Difference} {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return errors.New("a text of it has control characters")
		}
	}
	return nil
}

// State is what an incident is, at a moment.
type State string

// The states of an incident.
const (
	Off       State = "off"       // nobody switched it on
	Scheduled State = "scheduled" // it will start
	On        State = "on"        // it holds
	Ended     State = "ended"     // its end has passed
)

// Status returns what a revision makes of its incident now.
func Status(r Revision, now time.Time) State {
	switch {
	case !r.On:
		return Off
	case now.Before(r.Start):
		return Scheduled
	case r.End.IsZero() || now.Before(r.End):
		return On
	default:
		return Ended
	}
}

// Active reports whether the incident holds now.
func (r Revision) Active(now time.Time) bool { return Status(r, now) == On }

// over returns when the incident ceased to hold, and false while it holds or will.
func (r Revision) over(now time.Time) (time.Time, bool) {
	switch Status(r, now) {
	case Off:
		return r.At, true
	case Ended:
		return r.End, true
	default:
		return time.Time{}, false
	}
}

// Board is the newest revision of each incident of a centre. It is immutable: With returns a changed copy.
type Board struct {
	Revisions map[string]Revision `json:"revisions"`
}

// Facts are what is asked about: a call with its dialled number, and the queue it is in or enters ("" none).
type Facts struct {
	Number  string
	Queue   string
	Waiting bool // he waits in the queue already, rather than entering it: only messages for waiting callers are due
}
