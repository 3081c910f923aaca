package app

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

// TestASeatCountsUntilTheCallOfAnAgentWhoWasRemovedIsOver removes an agent from the configuration in the middle of a call.
func TestASeatCountsUntilTheCallOfAnAgentWhoWasRemovedIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := &routing.Plan{Seats: 1, Queues: map[string]*routing.Queue{"orders": {Name: "orders", Ring: time.Minute}},
			Agents: []*routing.Agent{{Name: "alice", Queues: map[string]int{"orders": 1}}, {Name: "bob", Queues: map[string]int{"orders": 1}}}}
		store := memq.New(memq.Options{})
		d, err := dispatch.New(dispatch.Options{Store: store, Node: "syd-1", Plan: plan})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go d.Run(ctx)
		n := &node{id: "syd-1", dispatcher: d}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
		}
		must(d.Register(ctx, "alice", []routing.Phone{{Place: "desk", Direct: true, Until: d.Now().Add(time.Hour)}}))
		notices, err := d.Enter(ctx, routing.Caller{Call: "c1", Queue: "orders"})
		if err != nil {
			t.Fatal(err)
		}
		for offer := range notices {
			if offered, ok := offer.(dispatch.Offered); ok {
				_, err := d.Accept(ctx, offered.Claim)
				must(err)
				break
			}
		}
		d.SetPlan(&routing.Plan{Seats: 1, Queues: plan.Queues, Agents: plan.Agents[1:]})
		must(d.Register(ctx, "bob", []routing.Phone{{Place: "desk", Direct: true, Until: d.Now().Add(time.Hour)}}))
		seats, err := n.Seats(ctx)
		must(err)
		if seats.Used != 1 || !slices.Equal(seats.Agents, []string{"alice"}) || !slices.Equal(seats.Waiting, []string{"bob"}) {
			t.Errorf("the seats are %+v, want alice's used and bob waiting", seats)
		}
	})
}
