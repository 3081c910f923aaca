package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/redisq"
	"github.com/spillway-voice/spillway/routing/survivable"
)

// How a busy centre is played: as many callers come as are served, so that the queue stays as long as it is.
const (
	busyAgents  = 100
	busyWaiting = 500
	talkLeast   = 500 * time.Millisecond // a conversation takes a second on average, so that 100 agents become free 100 times a second
	talkMost    = 1500 * time.Millisecond
	perSecond   = busyAgents * int(time.Second) / int((talkLeast+talkMost)/2)
	warmingUp   = 2 * time.Second // until the conversations no longer end together
	observing   = 4 * time.Second
	tellings    = 200 // of the bare loop in a round
)

// offers measures how long a caller and an agent are both free until they are offered to each other, by the store's time, with
// dispatchers that share one Redis; beside it a bare loop that hears of an entry in a stream and runs a script.
func offers(ctx context.Context, out io.Writer, _ options) error {
	server, err := beginRedis(ctx)
	if err != nil {
		return err
	}
	defer server.end()
	var ours99, bare99, oursMedian, bareMedian series
	for round := range rounds {
		times, err := playBusy(ctx, server, fmt.Sprintf("kettle-%d", round))
		if err != nil {
			return err
		}
		bareTimes, err := hearAndRun(ctx, server)
		if err != nil {
			return err
		}
		oursMedian, bareMedian = append(oursMedian, times.median()), append(bareMedian, bareTimes.median())
		ours99, bare99 = append(ours99, times.quantile(0.99)), append(bare99, bareTimes.quantile(0.99))
	}
	what := fmt.Sprintf("from both free to offered, %d nodes, %d waiting, %d agents, %d/s", sharing, busyWaiting, busyAgents, perSecond)
	compared(out, what+": median", "ms", oursMedian, bareMedian)
	compared(out, what+": p99", "ms", ours99, bare99)
	return nil
}

// observed notes the matches while it is told to. It is safe for concurrent use.
type observed struct {
	mu       sync.Mutex
	on       bool
	times    series // milliseconds
	violated error
}

// Matched notes a match.
func (o *observed) Matched(wait time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.on {
		o.times = append(o.times, float64(wait)/float64(time.Millisecond))
	}
}

// Waited and Stuck are not measured.
func (o *observed) Waited(routing.Wait) {}
func (o *observed) Stuck(int)           {}

// Violated notes that what is measured is broken.
func (o *observed) Violated(v routing.Violation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.violated = fmt.Errorf("an invariant of the queues did not hold: %v", v)
}

// turn begins and ends noting, and returns what was noted.
func (o *observed) turn(on bool) (series, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.on = on
	return o.times, o.violated
}

// busyPlan is a centre with one queue, whose agents are free as soon as they have talked.
func busyPlan() *routing.Plan {
	plan := &routing.Plan{Seats: busyAgents, Queues: map[string]*routing.Queue{
		"orders": {Name: "orders", Strategy: routing.LongestIdle, Ring: 15 * time.Second, MaxWait: time.Hour},
	}}
	for i := range busyAgents {
		plan.Agents = append(plan.Agents, &routing.Agent{Name: fmt.Sprintf("agent-%03d", i), Queues: map[string]int{"orders": 1}})
	}
	return plan
}

// playBusy plays a centre that is busy, and returns the milliseconds of the matches of a while.
func playBusy(ctx context.Context, server *server, centre string) (series, error) {
	seen := new(observed)
	ctx, cancel := context.WithCancel(ctx)
	nodes, playing := errgroup.WithContext(ctx)
	for node := range sharing {
		nodes.Go(func() error { return playNode(playing, server, centre, node, seen) })
	}
	err := wait(playing, warmingUp)
	if err == nil {
		_, err = seen.turn(true)
	}
	if err == nil {
		err = wait(playing, observing)
	}
	times, violated := seen.turn(false)
	cancel()
	if err := firstError(nodes.Wait(), err, violated); err != nil {
		return nil, err
	}
	if len(times) == 0 {
		return nil, errors.New("nobody was offered to anybody")
	}
	return times, nil
}

// playNode is one node's part until the context ends: its share of the agents and of the callers.
func playNode(ctx context.Context, server *server, centre string, node int, seen *observed) error {
	shared, err := store.Open(ctx, server.url(), store.Options{Centre: centre})
	if err != nil {
		return err
	}
	defer shared.Close()
	queues := survivable.New(survivable.Options{Shared: redisq.New(shared), Probe: shared.Check})
	plan := busyPlan()
	d, err := dispatch.New(dispatch.Options{Store: queues, Node: nodeName(node), Plan: plan, Observer: seen, Told: queues.Told})
	if err != nil {
		return err
	}
	for a := node; a < busyAgents; a += sharing {
		if err := d.Register(ctx, plan.Agents[a].Name, desk(d.Now())); err != nil {
			return err
		}
	}
	var running sync.WaitGroup
	running.Go(func() { queues.Run(ctx) })
	for line := node; line < busyWaiting+busyAgents; line += sharing {
		running.Go(func() { callAgain(ctx, d, line) })
	}
	err = d.Run(ctx)
	running.Wait()
	return err
}

// callAgain is a line whose callers come one after the other, until the context ends.
func callAgain(ctx context.Context, d *dispatch.Dispatcher, line int) {
	for n := 0; ctx.Err() == nil; n++ {
		notices, err := d.Enter(ctx, routing.Caller{Call: fmt.Sprintf("c%d-%d", line, n), Queue: "orders"})
		if err != nil {
			_ = wait(ctx, talkLeast) // the store was slow for a moment: he calls again
			continue
		}
		visit(ctx, d, notices)
	}
}

// visit is a caller's wait and conversation.
func visit(ctx context.Context, d *dispatch.Dispatcher, notices <-chan dispatch.Notice) {
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-notices:
			switch n := n.(type) {
			case dispatch.Ended:
				return
			case dispatch.Offered:
				if _, err := d.Accept(ctx, n.Claim); errors.Is(err, routing.ErrLost) {
					continue // the caller waits on
				}
				if wait(ctx, talkLeast+rand.N(talkMost-talkLeast)) == nil {
					_ = d.Finish(ctx, n.Claim) // after an error the dispatcher tells the store again
				}
				return
			}
		}
	}
}

// The scripts of the bare loop: one appends an entry with the time, one tells the time since.
var (
	tell  = redis.NewScript("local t = redis.call('TIME') return redis.call('XADD', KEYS[1], 'MAXLEN', '~', 1000, '*', 'at', t[1] * 1000000 + t[2])")
	since = redis.NewScript("local t = redis.call('TIME') return t[1] * 1000000 + t[2] - ARGV[1]")
)

// told is the stream of the bare loop.
const told = "told"

// hearAndRun appends entries to a stream at the pace of the matches, and returns the milliseconds until a script has run by who hears
// of them.
func hearAndRun(ctx context.Context, server *server) (series, error) {
	client := server.client()
	defer client.Close()
	if err := client.Del(ctx, told).Err(); err != nil {
		return nil, err
	}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		pace := time.NewTicker(time.Second / time.Duration(perSecond))
		defer pace.Stop()
		for range tellings {
			<-pace.C
			if err := tell.Run(running, client, []string{told}).Err(); err != nil {
				return err
			}
		}
		return nil
	})
	var times series
	group.Go(func() error {
		for after := "0"; len(times) < tellings; {
			streams, err := client.XRead(running, &redis.XReadArgs{Streams: []string{told, after}, Block: hearing}).Result()
			if err != nil {
				return fmt.Errorf("%d of %d entries were heard: %w", len(times), tellings, err)
			}
			for _, entry := range streams[0].Messages {
				after = entry.ID
				at, _ := entry.Values["at"].(string)
				took, err := since.Run(running, client, []string{told}, at).Int64()
				if err != nil {
					return err
				}
				times = append(times, float64(took)*float64(time.Microsecond)/float64(time.Millisecond))
			}
		}
		return nil
	})
	err := group.Wait()
	return times, err
}
