package dispatch_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

// twoNodes runs a test with two nodes over one store.
func twoNodes(t *testing.T, test func(syd, mel *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := memq.New(memq.Options{})
		syd := &bench{t: t, store: store, observed: &observed{}}
		mel := &bench{t: t, store: store, observed: &observed{}}
		syd.run(kettle(), store, "syd-1", func(syd *bench) {
			mel.run(kettle(), store, "mel-1", func(mel *bench) { test(syd, mel) })
		})
	})
}

func TestEachNodeServesItsOwnCallsInOneOrder(t *testing.T) {
	twoNodes(t, func(syd, mel *bench) {
		first := mel.enter("c1", "orders")
		mel.pass(time.Second)
		second := syd.enter("c2", "orders")
		syd.register("alice")
		claim := await[dispatch.Offered](mel, first).Claim
		if claim.Node != "mel-1" {
			t.Errorf("%+v", claim)
		}
		if _, err := mel.d.Accept(mel.ctx, claim); err != nil {
			t.Fatal(err)
		}
		if err := mel.d.Finish(mel.ctx, claim); err != nil {
			t.Fatal(err)
		}
		if next := await[dispatch.Offered](syd, second).Claim; next.Agent != "alice" || next.Node != "syd-1" {
			t.Errorf("%+v", next)
		}
	})
}

func TestANodeThatDoesNotActHoldsUpNobody(t *testing.T) {
	inBubble(t, kettle(), func(b *bench) {
		if _, err := b.store.Heartbeat(b.ctx, "mel-1"); err != nil {
			t.Fatal(err)
		}
		if err := b.store.Enter(b.ctx, routing.Caller{Call: "c1", Node: "mel-1", Queue: "orders"}, 0); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Millisecond)
		notices := b.enter("c2", "orders")
		b.register("alice")
		began := time.Now()
		await[dispatch.Offered](b, notices)
		if took := time.Since(began); took != 250*time.Millisecond {
			t.Errorf("c2 was offered after %v", took)
		}
		b.pass(3 * time.Second)
		if p, err := b.d.Picture(b.ctx); err != nil || p.View.Callers["c1"] != nil {
			t.Errorf("the dead node's caller still waits (%v)", err)
		}
	})
}

// TestARushIsServedToTheLast plays 150 callers and 20 agents over two nodes, each call as a call does: it takes offers, half of
// the first of which come to nothing, talks and goes.
func TestARushIsServedToTheLast(t *testing.T) {
	plan := kettle()
	plan.Queues["orders"].Capacity = 1000
	for i := range 17 {
		plan.Agents = append(plan.Agents, &routing.Agent{Name: fmt.Sprintf("reserve-%02d", i), Queues: map[string]int{"orders": 2}})
	}
	synctest.Test(t, func(t *testing.T) {
		store := memq.New(memq.Options{})
		syd := &bench{t: t, store: store, observed: &observed{}}
		mel := &bench{t: t, store: store, observed: &observed{}}
		syd.run(plan, store, "syd-1", func(syd *bench) {
			mel.run(plan, store, "mel-1", func(mel *bench) { rush(t, plan, syd, mel) })
		})
	})
}

// rush lets the callers come, one each 100 ms, and waits until all have been served.
func rush(t *testing.T, plan *routing.Plan, nodes ...*bench) {
	for i, a := range plan.Agents {
		nodes[i%len(nodes)].register(a.Name)
	}
	const callers = 150
	served := make(chan error, callers)
	for i := range callers {
		node := nodes[i%len(nodes)]
		go func() { served <- visit(node, fmt.Sprintf("c%03d", i), i%2 == 0) }()
		time.Sleep(100 * time.Millisecond)
	}
	for range callers {
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	nodes[0].pass(time.Minute)
	p, err := nodes[0].d.Picture(nodes[0].ctx)
	if err != nil {
		t.Fatal(err)
	}
	if f := p.Figures["orders"]; f.Answered != callers || f.Waiting != 0 || f.Left+f.Abandoned != 0 {
		t.Errorf("the figures are %+v", f)
	}
	for name, a := range p.View.Agents {
		if state, _, _ := p.Plan.Agent(name).Condition(a, p.Now); state != routing.Ready {
			t.Errorf("%s is left %s", name, state)
		}
	}
	for _, node := range nodes {
		if node.observed.stuck() != 0 {
			t.Errorf("%d alarms", node.observed.stuck())
		}
	}
}

// visit is one call's visit.
func visit(b *bench, call string, refuses bool) error {
	ctx, cancel := context.WithTimeout(b.ctx, 25*time.Minute)
	defer cancel()
	notices, err := b.d.Enter(ctx, routing.Caller{Call: call, Queue: "orders"})
	if err != nil {
		return err
	}
	for {
		select {
		case n := <-notices:
			offered, ok := n.(dispatch.Offered)
			if !ok {
				continue
			}
			time.Sleep(time.Second)
			if refuses {
				refuses = false
				if err := b.d.Release(ctx, offered.Claim, routing.Refused); err != nil {
					return err
				}
				continue
			}
			if _, err := b.d.Accept(ctx, offered.Claim); err != nil {
				return fmt.Errorf("%s: %w", call, err)
			}
			time.Sleep(20 * time.Second)
			return b.d.Finish(ctx, offered.Claim)
		case <-ctx.Done():
			return fmt.Errorf("%s was not served: %w", call, ctx.Err())
		}
	}
}
