package main

import (
	"context"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
)

const (
	// watchEvery is how often all APIs are asked, and watchTime how long an answer may take.
	watchEvery, watchTime = 100 * time.Millisecond, time.Second
	// spellsBegin is how long after the end of a fault what is not as it should be belongs to it.
	spellsBegin = 4 * time.Second
)

// report is what one node's API said in a round.
type report struct {
	err     error
	redis   ops.Redis
	alive   int // nodes that live, in its eyes
	waiting int // in the queue under load
	lost    int
}

// round is what all nodes said at one time.
type round struct {
	at          time.Time
	before, now int // who waited in truth, when they were asked and when all had answered
	reports     map[*node]report
}

// watch asks all nodes again and again. Its rounds may be read by all.
type watch struct {
	crowd *crowd

	mu     sync.Mutex
	rounds []round
}

// run asks until the context ends.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		w.ask(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// ask asks all nodes that may answer once.
func (w *watch) ask(ctx context.Context) {
	r := round{at: time.Now(), before: w.crowd.waitIn(crowdQueue), reports: make(map[*node]report)}
	var asking sync.WaitGroup
	var mu sync.Mutex
	for _, n := range w.crowd.stage.nodes {
		if n.dead.Load() || n.over() {
			continue
		}
		asking.Go(func() {
			told := tell(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			r.reports[n] = told
		})
	}
	asking.Wait()
	r.now = w.crowd.waitIn(crowdQueue)
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rounds = append(w.rounds, r)
}

// tell asks one node.
func tell(ctx context.Context, n *node) (r report) {
	ctx, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	nodes, err := n.client.Nodes(ctx)
	if err != nil {
		return report{err: err}
	}
	if nodes.Redis != nil {
		r.redis = *nodes.Redis
	}
	for _, other := range nodes.Nodes {
		if other.Alive {
			r.alive++
		}
	}
	queues, err := n.client.Queues(ctx)
	if err != nil {
		return report{err: err}
	}
	for _, q := range queues {
		if q.Name == crowdQueue {
			r.waiting, r.lost = q.Waiting, q.Lost
		}
	}
	return r
}

// since are the rounds from a moment on.
func (w *watch) since(t time.Time) (rounds []round) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rounds {
		if !r.at.Before(t) {
			rounds = append(rounds, r)
		}
	}
	return rounds
}

// right reports whether in a round all nodes had Redis and told the true count of those who wait, give or take who is on the way.
func (r round) right(tolerance, nodes int) bool {
	for _, told := range r.reports {
		if told.err != nil || !told.redis.Up || told.alive != nodes ||
			told.waiting < min(r.before, r.now)-tolerance || told.waiting > max(r.before, r.now)+tolerance {
			return false
		}
	}
	return len(r.reports) == nodes
}

// recovered is when all nodes told the same and the truth after the end of a fault: the end of the last stretch of wrong rounds that began
// soon after it. Zero: never.
func (w *watch) recovered(ended time.Time, tolerance, nodes int) time.Time {
	at, good := ended, 0
	for _, r := range w.since(ended) {
		switch {
		case !r.right(tolerance, nodes):
			if good < 5 || r.at.Sub(ended) < spellsBegin {
				good = 0
			}
		case good == 0:
			at, good = r.at, 1
		default:
			good++
		}
	}
	if good == 0 {
		return time.Time{}
	}
	return at
}

// away is when a node said first that Redis is away, after a moment; zero: never.
func (w *watch) away(n *node, began time.Time) time.Time {
	for _, r := range w.since(began) {
		if told, ok := r.reports[n]; ok && told.err == nil && !told.redis.Up {
			return time.Time(told.redis.Since)
		}
	}
	return time.Time{}
}
