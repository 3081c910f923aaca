package dispatch_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

// bench is a node's dispatcher over a store in memory, inside a bubble of fake time.
type bench struct {
	t        *testing.T
	ctx      context.Context
	store    *memq.Store
	d        *dispatch.Dispatcher
	observed *observed
	told     func()                 // Options.Told
	gone     func(node string) bool // nil: every node whose lease is over is
}

// kettle is a plan like the kettle centre's: orders overflows nowhere, support stands beside it.
func kettle() *routing.Plan {
	queue := func(name string) *routing.Queue {
		return &routing.Queue{
			Name: name, Strategy: routing.LongestIdle, ServiceLevel: 20 * time.Second,
			Ring: 15 * time.Second, WrapUp: 10 * time.Second, Capacity: 100, MaxWait: 30 * time.Minute,
		}
	}
	return &routing.Plan{
		Seats:  20,
		Queues: map[string]*routing.Queue{"orders": queue("orders"), "support": queue("support")},
		Agents: []*routing.Agent{
			{Name: "alice", Queues: map[string]int{"orders": 1}},
			{Name: "bob", Queues: map[string]int{"orders": 2}},
			{Name: "dave", Queues: map[string]int{"support": 1}},
		},
	}
}

// inBubble runs a test with a dispatcher on fake time; it ends when all that was started has ended.
func inBubble(t *testing.T, plan *routing.Plan, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, store: memq.New(memq.Options{}), observed: &observed{}}
		b.run(plan, b.store, "syd-1", test)
	})
}

// run starts a dispatcher over a store for the length of a test.
func (b *bench) run(plan *routing.Plan, store routing.Store, node string, test func(b *bench)) {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.ctx = ctx
	o := dispatch.Options{Store: store, Node: node, Plan: plan, Observer: b.observed, Told: b.told}
	if b.gone != nil {
		o.Gone = func(_ context.Context, node string) bool { return b.gone(node) }
	}
	d, err := dispatch.New(o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.d = d
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	synctest.Wait()
	test(b)
	cancel()
	if err := <-done; err != nil {
		b.t.Error(err)
	}
	b.observed.mu.Lock()
	defer b.observed.mu.Unlock()
	for _, v := range b.observed.violations {
		b.t.Errorf("an invariant did not hold: %+v", v)
	}
}

// pass lets fake time pass and all goroutines come to rest.
func (b *bench) pass(wait time.Duration) {
	time.Sleep(wait)
	synctest.Wait()
}

// register signs agents in until long after the test.
func (b *bench) register(agents ...string) {
	b.t.Helper()
	for _, agent := range agents {
		if err := b.d.Register(b.ctx, agent, desk(b.d.Now().Add(10*time.Hour))); err != nil {
			b.t.Fatal(err)
		}
	}
	b.pass(0)
}

// desk is one phone that every node reaches.
func desk(until time.Time) []routing.Phone {
	return []routing.Phone{{Place: "desk", Direct: true, Until: until}}
}

// enter puts a call into a queue.
func (b *bench) enter(call, queue string) <-chan dispatch.Notice {
	b.t.Helper()
	notices, err := b.d.Enter(b.ctx, routing.Caller{Call: call, Queue: queue})
	if err != nil {
		b.t.Fatal(err)
	}
	b.pass(0)
	return notices
}

// await returns the next notice of a kind; others are read and passed over. It gives up after an hour of fake time.
func await[N dispatch.Notice](b *bench, notices <-chan dispatch.Notice) N {
	b.t.Helper()
	timeout := time.After(time.Hour)
	for {
		select {
		case n := <-notices:
			if wanted, ok := n.(N); ok {
				return wanted
			}
		case <-timeout:
			var none N
			b.t.Fatalf("no %T came", none)
			return none
		}
	}
}

// unread returns the notices that are there, in words.
func unread(notices <-chan dispatch.Notice) []dispatch.Notice {
	var list []dispatch.Notice
	for {
		select {
		case n := <-notices:
			list = append(list, n)
		default:
			return list
		}
	}
}

// agent returns what an agent does now.
func (b *bench) agent(name string) routing.State {
	b.t.Helper()
	p, err := b.d.Picture(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	state, _, _ := p.Plan.Agent(name).Condition(p.View.Agents[name], p.Now)
	return state
}

// observed keeps what an observer is told.
type observed struct {
	mu      sync.Mutex
	matched []time.Duration
	waited  []routing.Wait
	alarms  int

	violations []routing.Violation
}

func (o *observed) Matched(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.matched = append(o.matched, d)
}

func (o *observed) Waited(w routing.Wait) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waited = append(o.waited, w)
}

func (o *observed) Violated(v routing.Violation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.violations = append(o.violations, v)
}

func (o *observed) Stuck(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.alarms += n
}

// stuck is how often the alarm was raised.
func (o *observed) stuck() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.alarms
}
