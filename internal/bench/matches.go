package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/redisq"
)

// How the matches are made.
const (
	sharing         = 2 // nodes, each with connections of its own
	underWay        = 8 // matches at the same time on each, as calls are
	matchesPerRound = 4000
	scriptsPerMatch = 4
	stepTries       = 5
)

// matches measures whole matches through one Redis, each four scripts (enter, claim, accept, finish), beside a bare loop of go-redis
// that runs as many scripts which do nothing, as many at the same time. Both are in this process, one after the other.
func matches(ctx context.Context, out io.Writer, _ options) error {
	server, err := beginRedis(ctx)
	if err != nil {
		return err
	}
	defer server.end()
	var queues [sharing]*redisq.Store
	var clients [sharing]*redis.Client
	for node := range queues {
		shared, err := store.Open(ctx, server.url(), store.Options{Centre: "kettle"})
		if err != nil {
			return err
		}
		defer shared.Close()
		queues[node], clients[node] = redisq.New(shared), server.client()
		defer clients[node].Close()
		for worker := range underWay {
			if err := ready(ctx, queues[node], agentOf(node, worker)); err != nil {
				return err
			}
		}
	}
	nothing := redis.NewScript("return 1")
	var ours, bare costs
	for round := range rounds {
		err := ours.measure(ctx, server, func(ctx context.Context, node, worker, n int) error {
			return match(ctx, queues[node], nodeName(node), fmt.Sprintf("c%d-%d-%d-%d", round, node, worker, n), agentOf(node, worker))
		})
		if err != nil {
			return err
		}
		err = bare.measure(ctx, server, func(ctx context.Context, node, _, _ int) error {
			for range scriptsPerMatch {
				if err := nothing.Run(ctx, clients[node], []string{"bare"}).Err(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	compared(out, fmt.Sprintf("matches a second through one Redis, %d at a time", sharing*underWay), "/s", ours.perSecond, bare.perSecond)
	compared(out, "CPU per match: node", "µs", ours.node, bare.node)
	compared(out, "CPU per match: redis-server", "µs", ours.server, bare.server)
	return nil
}

func nodeName(node int) string        { return fmt.Sprintf("node-%d", node) }
func agentOf(node, worker int) string { return fmt.Sprintf("agent-%d-%d", node, worker) }

// ready signs an agent in who can be offered callers.
func ready(ctx context.Context, s *redisq.Store, agent string) error {
	return firstError(s.Register(ctx, agent, nodeName(0), desk(s.Now())), s.Seat(ctx, agent, true, sharing*underWay, "signed-in"))
}

// desk is a phone that every node reaches.
func desk(now time.Time) []routing.Phone {
	return []routing.Phone{{
		Place: "desk", Direct: true, Since: now, Refreshed: now, Until: now.Add(time.Hour),
		Record: `{"contact":"<sip:alice@192.0.2.17:5060;transport=udp>","path":[],"source":"192.0.2.17:5060","agent":"a phone"}`,
	}}
}

// match is one caller's match, from his entry to the end of the conversation.
func match(ctx context.Context, s *redisq.Store, node, call, agent string) error {
	var claim routing.Claim
	steps := [scriptsPerMatch]func() error{
		func() error { return s.Enter(ctx, routing.Caller{Call: call, Node: node, Queue: "orders"}, 0) },
		func() (err error) {
			claim, err = s.Claim(ctx, call, agent, "orders", node, time.Minute)
			return err
		},
		func() error { return s.Accept(ctx, claim.Token) },
		func() error { return s.Finish(ctx, claim.Token, 0) },
	}
	for _, step := range steps {
		if err := persist(step); err != nil {
			return err
		}
	}
	return nil
}

// persist takes a step, and again when it was not answered in time, as a node does: on a loaded machine nobody may have run for so long.
func persist(step func() error) error {
	err := step()
	for again := 1; again < stepTries && isTimeout(err); again++ {
		err = step()
	}
	return err
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// costs are what rounds of matches came to.
type costs struct {
	perSecond    series
	node, server series // processor time per match, in microseconds
}

// measure makes a round of matches on all nodes.
func (c *costs) measure(ctx context.Context, redis *server, one func(ctx context.Context, node, worker, n int) error) error {
	runtime.GC() // nobody pays for the round before
	before, err1 := processorTime()
	redisBefore, err2 := redis.used()
	if err := firstError(err1, err2); err != nil {
		return err
	}
	began := time.Now()
	group, running := errgroup.WithContext(ctx)
	for node := range sharing {
		for worker := range underWay {
			group.Go(func() error {
				for n := range matchesPerRound / sharing / underWay {
					if err := one(running, node, worker, n); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(began)
	after, err1 := processorTime()
	redisAfter, err2 := redis.used()
	c.perSecond = append(c.perSecond, matchesPerRound/took.Seconds())
	c.node = append(c.node, float64((after-before).Microseconds())/matchesPerRound)
	c.server = append(c.server, float64((redisAfter-redisBefore).Microseconds())/matchesPerRound)
	return firstError(err1, err2)
}
