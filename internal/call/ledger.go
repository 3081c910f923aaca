package call

import (
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillway-voice/spillway/media"
)

// State is where a call is.
type State string

// The states of a call, as the API tells them.
const (
	InIVR   State = "ivr"
	Waiting State = "waiting"
	Ringing State = "ringing"
	Talking State = "talking"
	Ended   State = "ended"
)

// Info is a call as it is told to others: a value, replaced whole by the call's goroutine at each change.
type Info struct {
	ID        string // UUIDv7
	SIPCallID string // the caller's dialog
	From      string // the caller's number, "" when anonymous
	To        string // what was dialled
	State     State
	Queue     string    // the home queue; "" outside of queues
	Since     time.Time // since when State holds
	Started   time.Time
	Position  int // in the home queue, from 1; 0 when not waiting
	Agent     string
	Incidents []string // whose messages were heard, in order
	Result    Result   // "" until the end
	Reason    Reason

	// How good the sound of the caller's leg and of the last agent's was, once the leg has ended; nil: there was none.
	CallerSound, AgentSound *media.Quality
}

// Keep is how long an ended call stays in the list that the API shows: long enough for who looks at it to see how it ended.
const Keep = 60 * time.Second

// MostEnded bounds how many ended calls are kept, whatever the rate: 60 s at 300 calls a second.
const MostEnded = 20_000

// Ledger is the list of a node's calls. It is safe for concurrent use; each call writes its own entry alone.
type Ledger struct {
	mu    sync.Mutex
	live  map[string]*entry
	ended []Info // oldest first
}

type entry struct {
	info atomic.Pointer[Info]
}

// NewLedger returns an empty list.
func NewLedger() *Ledger { return &Ledger{live: make(map[string]*entry)} }

// open adds a call and returns where its goroutine publishes changes.
func (l *Ledger) open(i Info) *entry {
	e := new(entry)
	e.info.Store(&i)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[i.ID] = e
	return e
}

// close moves a call to the ended ones.
func (l *Ledger) close(last Info) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, last.ID)
	l.ended = append(l.ended, last)
	l.forget(last.Since)
}

// forget drops what ended longer than Keep before now; the caller holds the lock.
func (l *Ledger) forget(now time.Time) {
	first := max(0, len(l.ended)-MostEnded)
	for first < len(l.ended) && now.Sub(l.ended[first].Since) > Keep {
		first++
	}
	l.ended = l.ended[first:]
}

// Live is how many calls are not over.
func (l *Ledger) Live() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.live)
}

// Calls returns all live calls and those that ended within Keep of now, oldest first.
func (l *Ledger) Calls(now time.Time) []Info {
	l.mu.Lock()
	l.forget(now)
	calls := make([]Info, 0, len(l.live)+len(l.ended))
	calls = append(calls, l.ended...)
	for _, e := range l.live {
		calls = append(calls, *e.info.Load())
	}
	l.mu.Unlock()
	sort.Slice(calls, func(i, j int) bool { return calls[i].ID < calls[j].ID }) // UUIDv7: in order of arrival
	return calls
}
