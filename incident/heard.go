package incident

import (
	"encoding/json"
	"errors"
	"time"
)

// Hearing says that a caller has heard a message.
type Hearing struct {
	Caller   string `json:"caller"`   // the caller's number
	Sound    string `json:"sound"`    // the message's content, SHA-256 in hex
	Incident string `json:"incident"` // for which incident it was played
}

// maxCaller is how long a caller's number may be, in bytes, to be told to others.
const maxCaller = 128

// Check reports what is wrong with a hearing that came from elsewhere, so that no node can have told it.
func (h Hearing) Check() error {
	if h.Caller == "" || len(h.Caller) > maxCaller || !soundForm.MatchString(h.Sound) || !nameForm.MatchString(h.Incident) {
		return errors.New("a hearing needs a caller, a sound and an incident")
	}
	return nil
}

// Memory is how long what was heard is remembered after the end of its incident (spec: until the end and 24 hours more).
const Memory = 24 * time.Hour

// HeardLimit is how many hearings are remembered, beyond which the oldest are forgotten: some 150 MB.
const HeardLimit = 1_000_000

// Heard remembers which callers have heard which messages, so that nobody hears one twice. Anonymous callers are not remembered
// here but by their call. It is a value of one owner, not safe for concurrent use; a store keeps it as JSON.
type Heard struct {
	limit     int
	audiences map[string]*audience // by sound
	order     []Hearing            // each hearing that is remembered, in order
}

// audience are those who have heard one sound.
type audience struct {
	incidents map[string]bool // for which it was played
	callers   map[string]bool
}

// NewHeard returns a memory that holds at most so many hearings; HeardLimit is meant.
func NewHeard(limit int) *Heard {
	return &Heard{limit: max(limit, 1), audiences: map[string]*audience{}}
}

// Has reports whether the caller has heard the sound.
func (h *Heard) Has(caller, sound string) bool {
	a := h.audiences[sound]
	return a != nil && caller != "" && a.callers[caller]
}

// Add remembers a hearing. It reports whether it was news; an anonymous caller's is never remembered.
func (h *Heard) Add(hearing Hearing) bool {
	if hearing.Caller == "" {
		return false
	}
	a := h.audiences[hearing.Sound]
	if a == nil {
		a = &audience{incidents: map[string]bool{}, callers: map[string]bool{}}
		h.audiences[hearing.Sound] = a
	}
	a.incidents[hearing.Incident] = true
	if a.callers[hearing.Caller] {
		return false
	}
	a.callers[hearing.Caller] = true
	h.order = append(h.order, hearing)
	for len(h.order) > h.limit {
		h.forget(h.order[0])
		h.order = h.order[1:]
	}
	return true
}

// Len returns how many hearings are remembered.
func (h *Heard) Len() int { return len(h.order) }

// Sweep forgets what was heard for incidents that ended Memory ago or that the board does not know. A sound that was played for
// several is remembered for the last of them.
func (h *Heard) Sweep(b Board, now time.Time) {
	swept := false
	for sound, a := range h.audiences {
		if !a.lasts(b, now) {
			delete(h.audiences, sound)
			swept = true
		}
	}
	if !swept {
		return
	}
	kept := make([]Hearing, 0, len(h.order))
	for _, hearing := range h.order {
		if h.audiences[hearing.Sound] != nil {
			kept = append(kept, hearing)
		}
	}
	h.order = kept
}

// lasts reports whether an audience is still to be remembered.
func (a *audience) lasts(b Board, now time.Time) bool {
	for name := range a.incidents {
		rev, known := b.Revisions[name]
		if !known {
			continue
		}
		if end, over := rev.over(now); !over || now.Sub(end) < Memory {
			return true
		}
	}
	return false
}

// forget drops one hearing, and its audience with the last of them.
func (h *Heard) forget(hearing Hearing) {
	a := h.audiences[hearing.Sound]
	delete(a.callers, hearing.Caller)
	if len(a.callers) == 0 {
		delete(h.audiences, hearing.Sound)
	}
}

// MarshalJSON writes the hearings in order.
func (h *Heard) MarshalJSON() ([]byte, error) { return json.Marshal(h.order) }

// UnmarshalJSON reads hearings; a limit that was set before holds, else HeardLimit.
func (h *Heard) UnmarshalJSON(text []byte) error {
	var order []Hearing
	if err := json.Unmarshal(text, &order); err != nil {
		return err
	}
	limit := h.limit
	if limit == 0 {
		limit = HeardLimit
	}
	*h = *NewHeard(limit)
	for _, hearing := range order {
		h.Add(hearing)
	}
	return nil
}
