package app

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/store"
)

const (
	// untoldLimit is how many hearings wait to be told to the other nodes while the store is away; beyond it the oldest are not told.
	untoldLimit = 20_000
	// untoldBatch is how many are told at once.
	untoldBatch = 64
	// hearingLimit is how long a hearing may be that another node tells, in bytes.
	hearingLimit = 4 << 10
	// heardPause is how long a store that does not answer is left alone.
	heardPause = 250 * time.Millisecond
)

// heard lets all calls of a node share one memory of who heard what, and with follow those of all nodes. It is safe for concurrent
// use; the lock is held for map look-ups alone.
type heard struct {
	mu     sync.Mutex
	memory *incident.Heard
	fresh  bool               // something was heard that news has not told
	wake   chan struct{}      // untold has some; nil: the node is alone
	untold []incident.Hearing // what the other nodes are still to be told
}

// bulletin is where nodes tell each other what was heard; *store.Bulletin is one.
type bulletin interface {
	Tell(ctx context.Context, texts ...string) error
	Next(ctx context.Context, after string) ([]store.Item, error)
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
	if !added || h.wake == nil || hearing.Check() != nil {
		return added
	}
	if len(h.untold) == untoldLimit {
		h.untold = h.untold[1:]
	}
	h.untold = append(h.untold, hearing)
	select {
	case h.wake <- struct{}{}:
	default: // it is awake already
	}
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

// share lets what is heard here be told to the other nodes. It comes before the first call; follow is to run from then on.
func (h *heard) share() { h.wake = make(chan struct{}, 1) }

// follow tells the other nodes what is heard here, and takes over what they tell, from the first that the bulletin remembers on. It
// returns when the context ends. That the store does not answer is told by those who need it more.
func (h *heard) follow(ctx context.Context, b bulletin) {
	var telling sync.WaitGroup
	telling.Go(func() { h.tell(ctx, b) })
	defer telling.Wait()
	for after := "0-0"; ctx.Err() == nil; {
		items, err := b.Next(ctx, after)
		if err != nil {
			pause(ctx, heardPause)
		}
		for _, item := range items {
			h.hear(item.Text)
			after = item.ID
		}
	}
}

// tell tells the other nodes what is heard here, batch by batch. One that failed is told again: to hear it twice changes nothing.
func (h *heard) tell(ctx context.Context, b bulletin) {
	for {
		select {
		case <-h.wake:
		case <-ctx.Done():
			return
		}
		for batch := h.next(); len(batch) > 0; batch = h.next() {
			for b.Tell(ctx, batch...) != nil {
				if pause(ctx, heardPause); ctx.Err() != nil {
					return
				}
			}
		}
	}
}

// next returns what is to be told next.
func (h *heard) next() (batch []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	count := min(len(h.untold), untoldBatch)
	for _, hearing := range h.untold[:count] {
		if text, err := json.Marshal(hearing); err == nil { // three texts: it cannot fail
			batch = append(batch, string(text))
		}
	}
	h.untold = h.untold[count:]
	return batch
}

// hear remembers what another node tells; what no node can have told is dropped.
func (h *heard) hear(text string) {
	var hearing incident.Hearing
	if len(text) > hearingLimit || json.Unmarshal([]byte(text), &hearing) != nil || hearing.Check() != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	added := h.memory.Add(hearing)
	h.fresh = h.fresh || added
}
