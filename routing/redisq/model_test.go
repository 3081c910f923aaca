package redisq_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
	"github.com/spillway-voice/spillway/routing/redisq"
)

// pair is the same queues kept twice: by the model and in Redis. Offers last longer than the test, so that it is no matter of time what a
// step does.
type pair struct {
	ctx   context.Context
	both  [2]routing.Store
	offer [][2]uint64 // the tokens of one claim, here and there
}

func TestItDoesWhatTheModelDoes(t *testing.T) {
	server := redistest.Start(t)
	centre := 0
	rapid.Check(t, func(r *rapid.T) {
		centre++
		s, err := store.Open(t.Context(), server.URL(), store.Options{Centre: fmt.Sprintf("kettle-%d", centre)})
		if err != nil {
			r.Fatal(err)
		}
		defer s.Close()
		p := &pair{ctx: t.Context(), both: [2]routing.Store{memq.New(memq.Options{}), redisq.New(s)}}
		p.prepare(r)
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			name, step := p.draw(r)
			model, real := step(0), step(1)
			if sort(model) != sort(real) {
				r.Fatalf("%s: the model says %v, Redis %v", name, model, real)
			}
			p.compare(r, name)
		}
	})
}

// prepare lets callers wait and agents be ready, so that most claims can be had.
func (p *pair) prepare(r *rapid.T) {
	for _, s := range p.both {
		errs := []error{
			s.Enter(p.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "orders"}, 0),
			s.Enter(p.ctx, routing.Caller{Call: "c2", Node: "n2", Queue: "support"}, 0),
			s.Register(p.ctx, "alice", "n1", s.Now().Add(time.Hour)),
			s.Register(p.ctx, "bob", "n2", s.Now().Add(time.Hour)),
			s.Seat(p.ctx, "alice", true, 2, "signed-in"),
			s.Seat(p.ctx, "bob", true, 2, "signed-in"),
		}
		if err := errors.Join(errs...); err != nil {
			r.Fatal(err)
		}
	}
}

// draw chooses a step, which is then taken on either of the two.
func (p *pair) draw(r *rapid.T) (name string, step func(which int) error) {
	call := rapid.SampledFrom([]string{"c1", "c2", "c3", "c4"}).Draw(r, "call")
	agent := rapid.SampledFrom([]string{"alice", "bob", "carol"}).Draw(r, "agent")
	queue := rapid.SampledFrom([]string{"orders", "support"}).Draw(r, "queue")
	node := rapid.SampledFrom([]string{"n1", "n2"}).Draw(r, "node")
	yes := rapid.Bool().Draw(r, "yes")
	var offer [2]uint64
	if len(p.offer) > 0 {
		offer = p.offer[len(p.offer)-1-rapid.IntRange(0, min(2, len(p.offer)-1)).Draw(r, "offers ago")]
	}
	outcome := rapid.SampledFrom([]routing.Outcome{
		routing.Busy, routing.Refused, routing.NoAnswer, routing.Unreachable, routing.Withdrawn, routing.Failed,
	}).Draw(r, "outcome")
	number := rapid.IntRange(0, 3).Draw(r, "number")
	steps := map[string]func(s routing.Store, which int) error{
		"enter": func(s routing.Store, _ int) error {
			return s.Enter(p.ctx, routing.Caller{Call: call, Node: node, Queue: queue, Priority: number % 2}, number)
		},
		"leave":      func(s routing.Store, _ int) error { return s.Leave(p.ctx, call, "caller") },
		"spill":      func(s routing.Store, _ int) error { return s.Spill(p.ctx, call, []string{queue, "billing"}, "rule") },
		"open":       func(s routing.Store, _ int) error { return s.Open(p.ctx, queue, "rule", yes) },
		"claim":      func(s routing.Store, which int) error { return p.claim(s, which, call, agent, queue, node) },
		"accept":     func(s routing.Store, which int) error { return s.Accept(p.ctx, offer[which]) },
		"release":    func(s routing.Store, which int) error { return s.Release(p.ctx, offer[which], outcome) },
		"finish":     func(s routing.Store, which int) error { return s.Finish(p.ctx, offer[which], 0) },
		"register":   func(s routing.Store, _ int) error { return s.Register(p.ctx, agent, node, s.Now().Add(time.Hour)) },
		"unregister": func(s routing.Store, _ int) error { return s.Register(p.ctx, agent, node, time.Time{}) },
		"seat":       func(s routing.Store, _ int) error { return s.Seat(p.ctx, agent, true, 2, "signed-in") },
		"unseat":     func(s routing.Store, _ int) error { return s.Seat(p.ctx, agent, false, 2, "limit") },
		"pause":      func(s routing.Store, _ int) error { return s.Pause(p.ctx, agent, "lunch") },
		"resume":     func(s routing.Store, _ int) error { return s.Resume(p.ctx, agent) },
		"outside":    func(s routing.Store, _ int) error { return s.Outside(p.ctx, agent, map[bool]string{true: "x1"}[yes]) },
		"reap":       func(s routing.Store, _ int) error { return s.Reap(p.ctx, node) },
	}
	name = rapid.SampledFrom([]string{
		"claim", "claim", "claim", "claim", "release", "release", "accept", "finish", "enter", "enter", "register", "seat",
		"leave", "spill", "open", "unregister", "unseat", "pause", "resume", "resume", "outside", "reap",
	}).Draw(r, "step")
	return name, func(which int) error { return steps[name](p.both[which], which) }
}

// claim asks for a claim, and remembers its two tokens.
func (p *pair) claim(s routing.Store, which int, call, agent, queue, node string) error {
	c, err := s.Claim(p.ctx, call, agent, queue, node, time.Hour)
	switch {
	case err != nil:
	case which == 0:
		p.offer = append(p.offer, [2]uint64{c.Token, 0})
	default:
		p.offer[len(p.offer)-1][1] = c.Token
	}
	return err
}

// sort is which of a store's errors an error is.
func sort(err error) error {
	for _, target := range []error{routing.ErrFull, routing.ErrLost, routing.ErrGone, routing.ErrAlive} {
		if errors.Is(err, target) {
			return target
		}
	}
	return err
}

// compare checks that both stand at the same event with the same state.
func (p *pair) compare(r *rapid.T, name string) {
	var plain [2]map[string]string
	var seq [2]uint64
	for i, s := range p.both {
		v, err := s.Snapshot(p.ctx)
		if err != nil {
			r.Fatal(err)
		}
		plain[i], seq[i] = timeless(v), v.Seq
	}
	if seq[0] != seq[1] || !reflect.DeepEqual(plain[0], plain[1]) {
		r.Fatalf("after %s the model stands at %d:\n%v\nRedis at %d:\n%v", name, seq[0], plain[0], seq[1], plain[1])
	}
}

// timeless is a view in words that hold no time and no token.
func timeless(v *routing.View) map[string]string {
	words := make(map[string]string)
	claim := func(c *routing.Claim) string {
		if c == nil {
			return "free"
		}
		return fmt.Sprint(c.Call, c.Agent, c.Queue, c.Node, c.Talking(), c.Deadline.Sub(c.Offered) == time.Hour+routing.ClaimGrace)
	}
	for call, c := range v.Callers {
		refused := make(map[string]bool)
		for name := range c.Refused {
			refused[name] = true
		}
		words["caller "+call] = fmt.Sprint(c.Call, c.Node, c.Queue, c.Priority, c.Spilled, c.SpillRule, claim(c.Claim), refused, c.Missed, c.Offers)
	}
	for name, a := range v.Agents {
		words["agent "+name] = fmt.Sprint(a.Name, a.Node, a.Registered.IsZero(), a.Until.IsZero(), a.Seat.IsZero(), a.Paused.IsZero(), a.PauseReason,
			claim(a.Claim), a.Outside, a.WrapUp.IsZero(), a.Idle.IsZero(), a.NotBefore.IsZero(), a.Cause, a.Misses, a.Calls)
	}
	for name, q := range v.Queues {
		words["queue "+name] = fmt.Sprint(q.Name, q.LastOffered, q.Open["rule"])
	}
	return words
}
