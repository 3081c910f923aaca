package incident

import (
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// Definition is an incident as a file describes it.
type Definition struct {
	Name     string
	Title    string
	Owner    string
	Active   bool          // the switch; ignored when there is a Schedule
	For      time.Duration // from the moment it is switched on; 0: see Until
	Until    time.Time     // a fixed end; zero: see For and Manual
	Manual   bool          // until: manual — it ends when it is switched off
	Schedule *Schedule     // instead of Active, For, Until
	Effects  Effects
}

// Schedule is a planned time.
type Schedule struct {
	From, Until time.Time
}

// Effects are everything an incident changes while it is active.
type Effects struct {
	Numbers        []string                          `json:"numbers,omitempty"` // scope: dialled numbers; both empty: everyone
	Queues         []string                          `json:"queues,omitempty"`  // scope: queues
	Message        string                            `json:"message,omitempty"` // the prompt's name; its sound is Revision.Sound
	Then           Then                              `json:"then,omitempty"`
	WaitingCallers bool                              `json:"waiting_callers,omitempty"` // play it once to those who wait
	Overflow       map[string][]routing.OverflowRule `json:"overflow,omitempty"`
	SeatsAdd       int                               `json:"seats_add,omitempty"`
	SeatsAgents    map[string]map[string]int         `json:"seats_agents,omitempty"` // agent, queue, tier: added to their own
}

// Then is what follows the message for a new caller.
type Then string

// The ways to go on after a message.
const (
	Continue Then = "continue"
	HangUp   Then = "hangup"
)
