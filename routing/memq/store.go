package memq

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// Options are what a store starts from. The zero value is an empty store.
type Options struct {
	Pauses map[string]Pause // by agent: those that were in force when the process ended
	Now    func() time.Time // store time, when it is shared with another store; nil: the wall clock of the start, carried on
	Token  uint64           // the claims' tokens begin above it; 0: above those of any earlier process
}

// Pause is one agent's pause, as it is kept over a restart.
type Pause struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

// Store is a routing.Store in memory. It is safe for concurrent use; it has no goroutine of its own and needs no closing.
type Store struct {
	now func() time.Time

	mu      sync.Mutex
	view    *routing.View
	token   uint64                    // the last claim's
	lead    uint64                    // what tokens are ahead of the time in microseconds, since the last leap
	claims  map[uint64]*routing.Claim // by token: those that are recorded with an agent
	leases  map[string]time.Time      // by node: until when it lives
	log     []routing.Event           // the newest events, at most logSize
	readers map[*reader]struct{}
}

var _ routing.Store = (*Store)(nil)

// New returns a store whose life begins now.
func New(o Options) *Store {
	now := time.Now()
	s := &Store{
		now:     o.Now,
		view:    routing.NewView(),
		claims:  make(map[uint64]*routing.Claim),
		leases:  make(map[string]time.Time),
		readers: make(map[*reader]struct{}),
	}
	s.view.Incarnation = rand.Text()
	if wall := now.Round(0).UTC(); s.now == nil {
		s.now = func() time.Time { return wall.Add(time.Since(now)) }
	}
	s.token = max(o.Token, uint64(now.UnixMicro())) // above those of an earlier life, so that a claim of that is never taken for one of this
	for name, p := range o.Pauses {
		s.view.Agents[name] = &routing.AgentState{Name: name, Paused: p.Since, PauseReason: p.Reason, PauseSaid: p.Since, Changed: p.Since}
	}
	return s
}

// Now is store time.
func (s *Store) Now() time.Time { return s.now() }

// Pauses returns the pauses in force in a view, for Options of a store's next life.
func Pauses(v *routing.View) map[string]Pause {
	pauses := make(map[string]Pause)
	for name, a := range v.Agents {
		if !a.Paused.IsZero() {
			pauses[name] = Pause{Since: a.Paused, Reason: a.PauseReason}
		}
	}
	return pauses
}

// Snapshot returns a copy of everything. Its values are copies too, so that the caller may do with them what he likes.
func (s *Store) Snapshot(ctx context.Context) (*routing.View, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	v := s.view.Clone()
	s.mu.Unlock()
	for name, c := range v.Callers {
		v.Callers[name] = copyCaller(c)
	}
	for name, a := range v.Agents {
		v.Agents[name] = copyAgent(a)
	}
	for name, q := range v.Queues {
		v.Queues[name] = copyQueue(q)
	}
	for call, lost := range v.Lost {
		v.Lost[call] = &routing.LostPlace{Caller: *copyCaller(&lost.Caller), At: lost.At}
	}
	return v, nil
}

// step runs one check-and-set. The context is looked at before it, since the step itself takes no time.
func (s *Store) step(ctx context.Context, do func(now time.Time) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(s.Now())
}

// emit stamps an event, folds it into the state and hands it to those who read. The caller holds the mutex.
func (s *Store) emit(now time.Time, e routing.Event) {
	e.Seq, e.Incarnation, e.At = s.view.Seq+1, s.view.Incarnation, now
	s.view.Fold(e)
	s.remember(e)
	for r := range s.readers {
		if !r.give(e) {
			delete(s.readers, r)
		}
	}
}
