package dispatch

import (
	"sync"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// registrations are the phones that are reachable through this node, by agent: what it tells the store again should the store have
// lost them. It is safe for concurrent use.
type registrations struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// note keeps until when an agent is registered; zero forgets it.
func (r *registrations) note(agent string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until.IsZero() {
		delete(r.until, agent)
		return
	}
	r.until[agent] = until
}

// registration is one agent's, to be told again.
type registration struct {
	agent string
	until time.Time
}

// missing returns the registrations that still run but that a view does not have, and forgets those that are over.
func (r *registrations) missing(view *routing.View, now time.Time) []registration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []registration
	for agent, until := range r.until {
		switch {
		case !until.After(now):
			delete(r.until, agent)
		case !view.Agents[agent].SignedUp(now):
			list = append(list, registration{agent, until})
		}
	}
	return list
}
