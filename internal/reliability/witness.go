package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/internal/app"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/redisq"
)

// sweepEvery is how often the witness looks after what no event shows.
const sweepEvery = time.Second

// witness reads the stream of the shared queues' events on a connection of its own, and holds it to the invariants.
type witness struct {
	queues   *redisq.Store
	redis    *store.Store
	snapshot *config.Snapshot

	mu     sync.Mutex
	events int
	found  []string
}

// openWitness connects to the redis-server, which may be away.
func (s *stage) openWitness(ctx context.Context) (*witness, error) {
	report := config.CheckDir(s.nodes[0].dir, config.Options{Prompts: app.OpenPrompts, Redis: app.CheckRedis, Starting: true})
	if report.Snapshot == nil {
		return nil, fmt.Errorf("the centre of the play: %v, %w", report.Error(), report.Unreadable)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	redis, err := store.Open(ctx, s.server.URL(), store.Options{Centre: report.Snapshot.Centre.Name})
	if err != nil {
		return nil, err
	}
	return &witness{queues: redisq.New(redis), redis: redis, snapshot: report.Snapshot}, nil
}

// run reads until the context ends. What was missed while Redis was away is nobody's fault: it goes on from a snapshot.
func (w *witness) run(ctx context.Context) {
	defer w.redis.Close()
	var audit *routing.Audit
	var tally *routing.Tally
	for ctx.Err() == nil {
		view, events, err := w.begin(ctx)
		if err != nil {
			_ = wait(ctx, glance)
			continue
		}
		if audit == nil {
			audit, tally = routing.NewAudit(view), routing.NewTally(view, w.queues.Now(), w.snapshot.Centre.Zone)
		} else {
			audit.Resume(view)
			tally.Resume(view, w.queues.Now())
		}
		w.follow(ctx, view.Incarnation, events, audit, tally)
	}
}

// begin takes a snapshot and the events after it.
func (w *witness) begin(ctx context.Context) (*routing.View, <-chan routing.Event, error) {
	within, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	view, err := w.queues.Snapshot(within)
	if err != nil {
		return nil, nil, err
	}
	events, err := w.queues.Subscribe(ctx, view.Seq)
	return view, events, err
}

// follow judges events until there are no more, or the store is another than it was.
func (w *witness) follow(ctx context.Context, incarnation string, events <-chan routing.Event, audit *routing.Audit, tally *routing.Tally) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case e, open := <-events:
			if !open {
				return
			}
			w.note(1, audit.Fold(e, w.snapshot.Routing))
			tally.Fold(e, w.snapshot.Routing)
		case <-sweep.C:
			if !w.still(ctx, incarnation) {
				return
			}
			now := w.queues.Now()
			w.note(0, audit.Sweep(w.snapshot.Routing, tally.Figures(now), now))
		case <-ctx.Done():
			return
		}
	}
}

// still reports whether the store lives the life that the events are of: one that was emptied tells nobody.
func (w *witness) still(ctx context.Context, incarnation string) bool {
	within, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	view, err := w.queues.Snapshot(within)
	return err == nil && view.Incarnation == incarnation
}

// note counts events, and keeps what was found in them.
func (w *witness) note(events int, violations []routing.Violation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events += events
	for _, v := range violations {
		w.found = append(w.found, strings.TrimSpace(fmt.Sprintf("%s %s %s %s: %s", v.Invariant, v.Call, v.Agent, clock(time.Now()), v.What)))
	}
}

// all are the violations that were found, in how many events.
func (w *witness) all() (found []string, events int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found, w.events
}
