package routing_test

import (
	"testing"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

func TestExplainSaysWhyAndWhyNot(t *testing.T) {
	ago := func(seconds int) time.Time { return crowdTime.Add(-time.Duration(seconds) * time.Second) }
	plan := &routing.Plan{
		Seats: 9,
		Queues: map[string]*routing.Queue{
			"orders":  {Name: "orders", Overflow: []routing.OverflowRule{{AfterWait: 30 * time.Second, To: []string{"support"}}}},
			"support": {Name: "support", Strategy: routing.RoundRobin, MaxWait: time.Minute, Incident: "kettle-recall"},
		},
		Agents: []*routing.Agent{
			{Name: "alice", Queues: map[string]int{"orders": 2}}, {Name: "bob", Queues: map[string]int{"orders": 1}},
			{Name: "carol", Queues: map[string]int{"orders": 1}}, {Name: "dave", Queues: map[string]int{"support": 1}},
			{Name: "erin", Queues: map[string]int{"orders": 3}}, {Name: "frank", Queues: map[string]int{"orders": 3}},
		},
	}
	view := routing.NewView()
	for _, a := range plan.Agents {
		view.Agents[a.Name] = &routing.AgentState{Name: a.Name, Registered: ago(900), Phones: desk(ago(-900)), Seat: ago(900), Idle: ago(130), Changed: ago(900)}
	}
	view.Agents["carol"].NotBefore, view.Agents["carol"].Cause = ago(-12), routing.Busy
	view.Agents["erin"].Claim = &routing.Claim{Call: "c0", Answered: ago(40)}
	view.Callers["c1"] = &routing.Caller{Call: "c1", Queue: "orders", Entered: ago(60), FirstEntry: ago(60), Priority: 1}
	view.Callers["c2"] = &routing.Caller{
		Call: "c2", Queue: "orders", Entered: ago(40), FirstEntry: ago(40),
		Refused: map[string]time.Time{"alice": ago(-20)}, Missed: []string{"frank"},
	}
	view.Callers["c3"] = &routing.Caller{Call: "c3", Queue: "support", Entered: ago(60), FirstEntry: ago(60)}
	view.Callers["c4"] = &routing.Caller{Call: "c4", Queue: "support", Entered: ago(9), FirstEntry: ago(9)}
	view.Skipped = map[string]time.Time{"c4": ago(-1)}

	for call, want := range map[string]string{
		"c1": `c1 goes to bob (orders: tier 1, longest idle (2m10s)); place 1 of 2 in orders, priority 1, waiting 1m0s
  * bob (orders, tier 1): orders: tier 1, longest idle (2m10s)
  - carol (orders, tier 1): left alone after busy for 12s more
  - alice (orders, tier 2): ready, but another comes first
  - erin (orders, tier 3): talking for 40s
  - frank (orders, tier 3): ready, but another comes first
  - dave (support, tier 1): goes to c2`,
		"c2": `c2 goes to dave (support for orders, after_wait 30s: tier 1, next in turn); place 2 of 2 in orders, priority 0, waiting 40s
  - bob (orders, tier 1): goes to c1, who stands before
  - carol (orders, tier 1): left alone after busy for 12s more
  - alice (orders, tier 2): refused this caller; not asked again for 20s
  - erin (orders, tier 3): talking for 40s
  - frank (orders, tier 3): let this caller ring in vain: asked last
  * dave (support, tier 1): support for orders, after_wait 30s: tier 1, next in turn`,
		"c3": `c3 his wait ends: timeout; place 1 of 2 in support, priority 0, waiting 1m0s
  - dave (support, tier 1): goes to c2`,
		"c4": `c4 is passed over for a while: his node did not act on an offer; place 2 of 2 in support, priority 0, waiting 9s
  - dave (support, tier 1): goes to c2, who stands before`,
	} {
		if got := routing.Explain(plan, view, crowdTime, call).String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
