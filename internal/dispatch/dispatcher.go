package dispatch

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

// ErrStopped says that the dispatcher does not run any more.
var ErrStopped = errors.New("the dispatcher has stopped")

// storeTimeout bounds every single request to the store: long for a script, short for a caller.
const storeTimeout = 500 * time.Millisecond

// copyTimeout bounds the snapshot of everything.
const copyTimeout = 2 * time.Second

// Options are what a dispatcher works with. Store, Node and Plan must be set.
type Options struct {
	Store    routing.Store
	Node     string         // the owner that this node's calls, claims and registrations stand under
	Plan     *routing.Plan  // the first plan; see SetPlan
	Zone     *time.Location // whose midnight the figures begin at; nil: UTC; see SetZone
	Observer Observer       // nil: nobody
	Logger   *zap.Logger    // nil: silent
	// Gone says, before another node is reaped, whether it is really gone, and not cut off from the store alone: then it serves its
	// callers with its agents by itself. It returns within a quarter of a second. nil: every node whose lease is over is gone.
	Gone func(ctx context.Context, node string) bool
	// Told is called when the store that gave the last snapshot has been told all that it lacked of what this node holds: the node may be
	// counted on then. It must return at once. nil: nobody waits for it.
	Told func()
}

// Observer hears what is measured. It is called on the owner's goroutine and must return at once.
type Observer interface {
	// Matched is how long a caller and an agent were both free until they were offered to each other.
	Matched(wait time.Duration)
	// Waited is a caller's wait that is over.
	Waited(w routing.Wait)
	// Stuck says that so many callers wait although agents for them have been ready for over stuckAfter. It must not happen.
	Stuck(callers int)
	// Violated is an invariant of the queues that did not hold. It must not happen.
	Violated(v routing.Violation)
}

// Dispatcher is one node's part in serving the queues. All methods are safe for concurrent use; they work as long as Run does.
type Dispatcher struct {
	store    routing.Store
	node     string
	observer Observer
	log      *zap.Logger
	places   places
	held     holdings
	lost     lostPlaces
	gone     func(ctx context.Context, node string) bool
	told     func()

	configured atomic.Pointer[routing.Plan] // what SetPlan said
	plan       atomic.Pointer[routing.Plan] // what is in force: with closed queues that are not empty; written by the owner
	zone       atomic.Pointer[time.Location]
	nudge      chan struct{}            // the configured plan or the zone changed
	asks       chan func(*owner)        // questions to the owner, which must wait for nobody
	nodes      atomic.Pointer[[]string] // whose lease lives, as the last beat told
	started    atomic.Bool
	stopped    chan struct{} // closed when Run returns

	leaseMu sync.Mutex
	life    string    // of the store that gave this node its lease
	lease   time.Time // until when that lives by the node's own clock
}

// New returns a dispatcher that does nothing until Run.
func New(o Options) (*Dispatcher, error) {
	if o.Store == nil || o.Node == "" || o.Plan == nil {
		return nil, errors.New("a dispatcher needs a store, a node and a plan")
	}
	d := &Dispatcher{
		store:    o.Store,
		node:     o.Node,
		observer: o.Observer,
		log:      o.Logger,
		places:   places{byCall: make(map[string]*place)},
		held:     newHoldings(),
		gone:     o.Gone,
		told:     o.Told,
		nudge:    make(chan struct{}, 1),
		asks:     make(chan func(*owner)),
		stopped:  make(chan struct{}),
	}
	d.zone.Store(cmp.Or(o.Zone, time.UTC))
	if d.observer == nil {
		d.observer = nobody{}
	}
	if d.told == nil {
		d.told = func() {}
	}
	if d.log == nil {
		d.log = zap.NewNop()
	}
	d.configured.Store(o.Plan)
	d.plan.Store(o.Plan)
	return d, nil
}

// Run serves until the context ends, and returns when all its goroutines have. It is called once.
func (d *Dispatcher) Run(ctx context.Context) error {
	if !d.started.CompareAndSwap(false, true) {
		return errors.New("the dispatcher runs already")
	}
	defer close(d.stopped)
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()

	defer d.part()
	h := &hands{d: d, jobs: make(chan batch, 1), done: make(chan outcome, 1)}
	p := &pulse{d: d, beats: make(chan answered, 1), soon: make(chan struct{}, 1), dead: make(chan []string)}
	working.Go(func() { h.run(ctx) })
	working.Go(func() { p.run(ctx) })
	working.Go(func() { p.bury(ctx) })
	newOwner(d, h, p).run(ctx)
	return nil
}

// part gives up the node's lease and what it still owns, so that nobody has to wait until that is over.
func (d *Dispatcher) part() {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	err := d.store.Part(ctx, d.node)
	if err == nil {
		err = d.store.Reap(ctx, d.node)
	}
	if err != nil {
		d.log.Warn("the node's lease ends by itself", zap.Error(err))
	}
}

// Nodes are the nodes whose lease lives, this one included, as far as the last heartbeat told.
func (d *Dispatcher) Nodes() []string {
	if nodes := d.nodes.Load(); nodes != nil {
		return *nodes
	}
	return nil
}

// SetPlan puts another plan into force, at once for those who wait as well. A queue that it no longer has stays, closed, with the
// rules it had, until nobody waits in it. The plan must not be changed afterwards.
func (d *Dispatcher) SetPlan(plan *routing.Plan) {
	d.configured.Store(plan)
	d.wake()
}

// SetZone has figures begin at the midnights of another zone from now on.
func (d *Dispatcher) SetZone(zone *time.Location) {
	if d.zone.Swap(zone) != zone {
		d.wake()
	}
}

// wake has the owner look at what was configured.
func (d *Dispatcher) wake() {
	select {
	case d.nudge <- struct{}{}:
	default:
	}
}

// Plan returns the plan in force, closed queues that are not empty included.
func (d *Dispatcher) Plan() *routing.Plan { return d.plan.Load() }

// leaseRuns reports whether a lease that a life of the store (an Incarnation) gave this node still lives by the node's own clock.
func (d *Dispatcher) leaseRuns(life string) bool {
	d.leaseMu.Lock()
	defer d.leaseMu.Unlock()
	return d.life == life && time.Now().Before(d.lease)
}

// leaseUntil notes who gave the lease, and until when it lives.
func (d *Dispatcher) leaseUntil(life string, t time.Time) {
	d.leaseMu.Lock()
	defer d.leaseMu.Unlock()
	d.life, d.lease = life, t
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Matched(time.Duration)      {}
func (nobody) Waited(routing.Wait)        {}
func (nobody) Stuck(int)                  {}
func (nobody) Violated(routing.Violation) {}
