package app

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/incident"
)

// heard lets all calls of a node share one memory of who heard what. It is safe for concurrent use; the lock is held for map
// look-ups alone.
type heard struct {
	mu     sync.Mutex
	memory *incident.Heard
	fresh  bool // something was heard that news has not told
}

// Has reports whether a caller has heard a message.
func (h *heard) Has(caller, sound string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.memory.Has(caller, sound)
}

// Add remembers that a caller has heard a message.
func (h *heard) Add(hearing incident.Hearing) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	added := h.memory.Add(hearing)
	h.fresh = h.fresh || added
	return added
}

// news is all that is remembered, to be written down, or nil when nothing came since it was asked last.
func (h *heard) news() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.fresh {
		return nil, nil
	}
	h.fresh = false
	return json.Marshal(h.memory)
}

func (h *heard) sweep(b incident.Board, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.memory.Sweep(b, now)
}
