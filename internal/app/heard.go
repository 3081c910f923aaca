package app

import (
	"sync"
	"time"

	"github.com/spillway-voice/spillway/incident"
)

// heard lets all calls of a node share one memory of who heard what. It is safe for concurrent use; the lock is held for map
// look-ups alone.
type heard struct {
	mu     sync.Mutex
	memory *incident.Heard
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
	return h.memory.Add(hearing)
}

func (h *heard) sweep(b incident.Board, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.memory.Sweep(b, now)
}
