package survivable

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

const (
	// failedBeats is how many heartbeats in a row must fail before the shared store counts as away: one may be a packet, and one that
	// this process slept through is none.
	failedBeats = 3
	// asleep is how long a heartbeat takes only when this process did not run: every step is bounded well below it.
	asleep = time.Second
	// probeEvery is how often a store that is away is asked whether it is back, and goodProbes how many answers in a row it
	// takes: one that answers every now and then is no store.
	probeEvery = 200 * time.Millisecond
	goodProbes = 2
	// blindFor is how long snapshots may fail while heartbeats succeed: a node that sees nothing serves nobody, and lets go of its lease.
	blindFor = 3 * time.Second
	// untoldFor is how long the lease waits at most for the shared store to be told: more than thousands of callers need.
	untoldFor = 10 * time.Second
	// tokenSpread keeps the tokens of nodes that are alone at the same time apart: they count from a random point of it.
	tokenSpread = 1 << 36
)

// errUntold says that the lease is not renewed yet: the node has to tell first what it holds.
var errUntold = errors.New("the shared store is back, and is told first what this node holds")

// errBlind says that the shared store answers, but for what it holds.
var errBlind = errors.New("the shared store gives no snapshot")

// Options are what a Store is made of. Shared and Probe must be set.
type Options struct {
	Shared routing.Store
	// Probe asks whether the shared store answers, without any consequence there.
	Probe func(context.Context) error
	// Pauses are those that were in force when the process ended, for a node that starts while the shared store is away.
	Pauses map[string]memq.Pause
	// Changed is told when the shared store is away, and when it is back, with the error that showed it. It must return at once.
	Changed func(up bool, cause error)
}

// Store is a routing.Store. It is safe for concurrent use; Run has to run for it to find back.
type Store struct {
	shared  routing.Store
	probe   func(context.Context) error
	pauses  map[string]memq.Pause
	changed func(up bool, cause error)
	lost    chan struct{} // the node is alone: Run looks for the way back

	mu     sync.Mutex
	regime *regime
	untold time.Time // since when the shared store is back and does not know yet what the node holds; zero: it does
	asked  bool      // it has given a snapshot since it is back
	lease  time.Time // until when the lease lives by this node's clock
	failed int       // heartbeats in a row
	blind  time.Time // since when snapshots of the shared store fail; zero: they do not
	token  uint64    // the highest that was seen
}

// regime is one store for as long as it holds. It is immutable.
type regime struct {
	store routing.Store
	up    bool
	over  chan struct{} // closed when another holds
}

var _ routing.Store = (*Store)(nil)

// New returns a store that asks the shared one first. If that never answered, the first heartbeats decide.
func New(o Options) *Store {
	if o.Changed == nil {
		o.Changed = func(bool, error) {}
	}
	return &Store{
		shared: o.Shared, probe: o.Probe, pauses: o.Pauses, changed: o.Changed, lost: make(chan struct{}, 1),
		regime: &regime{store: o.Shared, up: true, over: make(chan struct{})},
	}
}

// Up reports whether the shared store answers.
func (s *Store) Up() bool { return s.current().up }

// Run finds the way back to the shared store, whenever it is away, until the context ends.
func (s *Store) Run(ctx context.Context) {
	for {
		select {
		case <-s.lost:
		case <-ctx.Done():
			return
		}
		if !s.findBack(ctx) {
			return
		}
	}
}

// findBack asks the shared store until it is back; false when the context ended first. It does not renew the lease: as long as that is over,
// no other node claims the agents of this one, whose conversations the shared store has still to be told.
func (s *Store) findBack(ctx context.Context) bool {
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	for good := 0; good < goodProbes; {
		select {
		case <-probe.C:
		case <-ctx.Done():
			return false
		}
		if good++; s.probe(ctx) != nil {
			good = 0
		} else if good == goodProbes {
			if _, err := s.shared.Snapshot(ctx); err != nil {
				good = 0
			}
		}
	}
	s.turn(s.shared, true)
	s.changed(true, nil)
	return true
}

// Told says that the store that gave the last snapshot knows all that the node holds. If that is the shared one, the lease is renewed from
// now on.
func (s *Store) Told() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked {
		s.untold = time.Time{}
	}
}

// isUntold reports whether the lease must not be renewed yet.
func (s *Store) isUntold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.untold.IsZero() && time.Since(s.untold) < untoldFor
}

// current is the regime that holds.
func (s *Store) current() *regime {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.regime
}

// turn makes another store hold; who reads the old one's events is told to ask again.
func (s *Store) turn(store routing.Store, up bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.regime.over)
	s.regime = &regime{store: store, up: up, over: make(chan struct{})}
	s.untold, s.asked, s.failed, s.blind = time.Time{}, false, 0, time.Time{}
	if up {
		s.untold = time.Now()
	}
}

// renewed notes a heartbeat that the shared store took, asked for at a moment.
func (s *Store) renewed(asked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease, s.failed = asked.Add(routing.Lease), 0
}

// answered notes that the shared store answers, although the lease is not renewed.
func (s *Store) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = 0
}

// missed notes a heartbeat that failed, and reports whether the node is to go on alone.
func (s *Store) missed(asked time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(asked) < asleep {
		s.failed++
	}
	return s.regime.up && s.failed >= failedBeats && !time.Now().Before(s.lease)
}

// seen notes the token of a claim.
func (s *Store) seen(c routing.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = max(s.token, c.Token)
}

// goAlone lets the queues of this node live in memory.
func (s *Store) goAlone(node string, cause error) {
	var spread [8]byte
	rand.Read(spread[:])
	s.mu.Lock()
	token := max(s.token, uint64(time.Now().UnixMicro())) + binary.BigEndian.Uint64(spread[:])%tokenSpread
	s.mu.Unlock()
	s.turn(&alone{Store: memq.New(memq.Options{Now: s.shared.Now, Token: token, Pauses: s.pauses}), node: node}, false)
	s.changed(false, cause)
	select {
	case s.lost <- struct{}{}:
	default:
	}
}

// alone is the store of a node that is cut off.
type alone struct {
	*memq.Store
	node string
}

// Recall leaves out the phones that other nodes took: those nodes may be using them.
func (a *alone) Recall(ctx context.Context, agents []*routing.AgentState) error {
	own := make([]*routing.AgentState, len(agents))
	for i, told := range agents {
		next := *told
		next.Phones = slices.DeleteFunc(slices.Clone(told.Phones), func(p routing.Phone) bool { return p.Node != a.node })
		own[i] = &next
	}
	return a.Store.Recall(ctx, own)
}

// Now is store time, whoever holds the queues.
func (s *Store) Now() time.Time { return s.shared.Now() }

// Heartbeat renews the node's lease; by these the store knows whether the shared one is there.
func (s *Store) Heartbeat(ctx context.Context, node string) (routing.Beat, error) {
	r := s.current()
	if !r.up {
		return r.store.Heartbeat(ctx, node)
	}
	asked := time.Now()
	var beat routing.Beat
	var err error
	untold := s.isUntold()
	switch {
	case s.isBlind():
		err = errBlind
	case untold:
		err = s.probe(ctx)
	default:
		beat, err = r.store.Heartbeat(ctx, node)
	}
	switch {
	case err == nil && untold:
		s.answered()
		return beat, errUntold
	case err == nil:
		s.renewed(asked)
	case ctx.Err() == nil && s.missed(asked):
		s.goAlone(node, err)
	}
	return beat, err
}

// Subscribe returns the events of the store that holds; the channel is closed when another does.
func (s *Store) Subscribe(ctx context.Context, seq uint64) (<-chan routing.Event, error) {
	r := s.current()
	ctx, cancel := context.WithCancel(ctx)
	inner, err := r.store.Subscribe(ctx, seq)
	if err != nil {
		cancel()
		return nil, err
	}
	events := make(chan routing.Event, cap(inner))
	go func() {
		defer cancel()
		defer close(events)
		for {
			select {
			case e, open := <-inner:
				if !open {
					return
				}
				select {
				case events <- e:
				case <-r.over:
					return
				case <-ctx.Done():
					return
				}
			case <-r.over:
				return
			}
		}
	}()
	return events, nil
}

// Claim binds a waiting caller and a ready agent.
func (s *Store) Claim(ctx context.Context, call, agent, queue, node string, ring time.Duration) (routing.Claim, error) {
	claim, err := s.current().store.Claim(ctx, call, agent, queue, node, ring)
	s.seen(claim)
	return claim, err
}

// Enter puts a caller into his home queue.
func (s *Store) Enter(ctx context.Context, c routing.Caller, capacity int) error {
	return s.current().store.Enter(ctx, c, capacity)
}

// Leave takes a caller out.
func (s *Store) Leave(ctx context.Context, call, reason string) error {
	return s.current().store.Leave(ctx, call, reason)
}

// Spill opens further queues to a caller.
func (s *Store) Spill(ctx context.Context, call string, to []string, rule string) error {
	return s.current().store.Spill(ctx, call, to, rule)
}

// Open records whether an overflow rule stands open.
func (s *Store) Open(ctx context.Context, queue, rule string, open bool) error {
	return s.current().store.Open(ctx, queue, rule, open)
}

// Accept turns a claim into a conversation.
func (s *Store) Accept(ctx context.Context, token uint64) error {
	return s.current().store.Accept(ctx, token)
}

// Release ends an offer without a conversation.
func (s *Store) Release(ctx context.Context, token uint64, outcome routing.Outcome) error {
	return s.current().store.Release(ctx, token, outcome)
}

// Finish ends a conversation.
func (s *Store) Finish(ctx context.Context, token uint64, wrapUp time.Duration) error {
	return s.current().store.Finish(ctx, token, wrapUp)
}

// Hold makes a claim stand that the store lacks.
func (s *Store) Hold(ctx context.Context, c routing.Claim) error {
	s.seen(c)
	return s.current().store.Hold(ctx, c)
}

// Register tells which phones of an agent are registered through a node.
func (s *Store) Register(ctx context.Context, agent, node string, phones []routing.Phone) error {
	return s.current().store.Register(ctx, agent, node, phones)
}

// Recall tells what the node remembers of agents.
func (s *Store) Recall(ctx context.Context, agents []*routing.AgentState) error {
	return s.current().store.Recall(ctx, agents)
}

// Seat gives an agent a seat, or takes it back.
func (s *Store) Seat(ctx context.Context, agent string, grant bool, limit int, reason string) error {
	return s.current().store.Seat(ctx, agent, grant, limit, reason)
}

// Pause keeps an agent from offers.
func (s *Store) Pause(ctx context.Context, agent, reason string) error {
	return s.current().store.Pause(ctx, agent, reason)
}

// Resume ends a pause.
func (s *Store) Resume(ctx context.Context, agent string) error {
	return s.current().store.Resume(ctx, agent)
}

// Outside says that an agent is in a call outside the queues, or no longer.
func (s *Store) Outside(ctx context.Context, agent, node, call string) error {
	return s.current().store.Outside(ctx, agent, node, call)
}

// Part ends the lease of a node.
func (s *Store) Part(ctx context.Context, node string) error {
	return s.current().store.Part(ctx, node)
}

// Reap takes out all that a node owned whose lease is over.
func (s *Store) Reap(ctx context.Context, node string) error {
	return s.current().store.Reap(ctx, node)
}

// Snapshot returns a copy of everything.
func (s *Store) Snapshot(ctx context.Context) (*routing.View, error) {
	r := s.current()
	view, err := r.snapshot(ctx)
	if r.up && (err == nil || ctx.Err() != context.Canceled) {
		s.saw(r, err)
	}
	return view, err
}

// errTurned says that another store holds meanwhile.
var errTurned = errors.New("another store holds now")

// snapshot asks for a copy, and does not wait for a shared store that hangs when another holds.
func (r *regime) snapshot(ctx context.Context) (*routing.View, error) {
	if !r.up {
		return r.store.Snapshot(ctx)
	}
	type answer struct {
		view *routing.View
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		view, err := r.store.Snapshot(ctx)
		answered <- answer{view, err}
	}()
	select {
	case a := <-answered:
		return a.view, a.err
	case <-r.over:
		return nil, errTurned
	}
}

// saw notes how a snapshot of the shared store went, asked for in a regime.
func (s *Store) saw(r *regime, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.regime != r:
	case err == nil:
		s.blind, s.asked = time.Time{}, true
	case s.blind.IsZero():
		s.blind = time.Now()
	}
}

// isBlind reports whether snapshots have failed for too long.
func (s *Store) isBlind() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.blind.IsZero() && time.Since(s.blind) >= blindFor
}
