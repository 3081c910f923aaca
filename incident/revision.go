package incident

import "time"

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
