package incident

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spillway-voice/spillway/routing"
)

func TestTheRecallChangesItsQueueSeatsAndReserve(t *testing.T) {
	d := recall()
	base := plan(t)
	got, warnings := Overlay(base, board(revision(d.Name, noon, noon.Add(time.Hour), d.Effects)), noon)
	if len(warnings) > 0 {
		t.Errorf("warnings: %v", warnings)
	}
	want := plan(t)
	want.Seats = 30
	want.Queues["orders"].Incident = d.Name
	want.Queues["orders"].Overflow = []routing.OverflowRule{
		{AfterWait: time.Minute, To: []string{"support", "billing"}, Incident: d.Name},
		{WhenWaiting: 10, To: []string{"support"}, Incident: d.Name},
		{AfterWait: 5 * time.Minute, To: []string{"support"}},
	}
	for _, name := range []string{"reserve-01", "reserve-02"} {
		a := want.Agent(name)
		a.Queues, a.Incident = map[string]int{"orders": 1}, d.Name
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the plan with the recall is otherwise:\n%+v\nwant\n%+v", got, want)
	}
	if !reflect.DeepEqual(base, plan(t)) {
		t.Error("the plan itself was changed")
	}
}

func TestSeveralIncidentsAllHold(t *testing.T) {
	first := revision("first", noon, time.Time{}, Effects{
		Queues: []string{"orders"}, SeatsAdd: 10,
		Overflow:    map[string][]routing.OverflowRule{"orders": {{AfterWait: time.Minute, To: []string{"billing"}}}},
		SeatsAgents: map[string]map[string]int{"bob": {"orders": 1, "billing": 3}, "reserve-01": {"orders": 2}},
	})
	second := revision("second", noon.Add(time.Minute), time.Time{}, Effects{
		Queues: []string{"orders"}, SeatsAdd: 5,
		Overflow:    map[string][]routing.OverflowRule{"orders": {{WhenWaiting: 3, To: []string{"support"}}}},
		SeatsAgents: map[string]map[string]int{"reserve-01": {"orders": 1, "support": 1}},
	})
	got, warnings := Overlay(plan(t), board(first, second), noon.Add(time.Hour))
	if got.Seats != 35 || len(warnings) > 0 {
		t.Errorf("%d seats, want 35; warnings %v", got.Seats, warnings)
	}
	orders := got.Queue("orders")
	var order []string
	for _, rule := range orders.Overflow {
		order = append(order, rule.Incident)
	}
	if want := []string{"second", "first", ""}; !reflect.DeepEqual(order, want) || orders.Incident != "second" {
		t.Errorf("rules of %q, queue of %q; want %q, the latest first", order, orders.Incident, want)
	}
	bob, reserve := got.Agent("bob"), got.Agent("reserve-01")
	if want := map[string]int{"orders": 1, "billing": 1}; !reflect.DeepEqual(bob.Queues, want) || bob.Incident != "" {
		t.Errorf("bob serves %v for %q, want %v: he comes nearer, never further back", bob.Queues, bob.Incident, want)
	}
	if want := map[string]int{"orders": 1, "support": 1}; !reflect.DeepEqual(reserve.Queues, want) || reserve.Incident != "second" {
		t.Errorf("reserve-01 serves %v for %q, want %v", reserve.Queues, reserve.Incident, want)
	}
}

func TestAnIncidentForEveryoneHasAllQueues(t *testing.T) {
	got, _ := Overlay(plan(t), board(revision("all", noon, time.Time{}, Effects{Message: "all.wav"})), noon)
	for name, q := range got.Queues {
		if q.Incident != "all" {
			t.Errorf("queue %s is of %q", name, q.Incident)
		}
	}
	got, _ = Overlay(plan(t), board(revision("line", noon, time.Time{}, Effects{Numbers: []string{"+61280000002"}})), noon)
	for name, q := range got.Queues {
		if q.Incident != "" {
			t.Errorf("queue %s is of %q, which is for a number alone", name, q.Incident)
		}
	}
}

func TestWhatThePlanDoesNotHaveIsLeftOutAndNamed(t *testing.T) {
	got, warnings := Overlay(plan(t), board(revision("recall", noon, time.Time{}, Effects{
		Queues: []string{"gone"},
		Overflow: map[string][]routing.OverflowRule{
			"orders": {{AfterWait: time.Minute, To: []string{"gone", "support"}}, {AfterWait: time.Hour, To: []string{"gone"}}},
			"gone":   {{AfterWait: time.Minute, To: []string{"support"}}},
		},
		SeatsAgents: map[string]map[string]int{"nobody": {"orders": 1}, "alice": {"gone": 1}},
	})), noon)
	want := []Warning{
		{"recall", "applies_to: queue gone does not exist"},
		{"recall", "overflow: queue gone does not exist"},
		{"recall", "overflow of orders: queue gone does not exist"},
		{"recall", "overflow of orders: queue gone does not exist"},
		{"recall", "seats of alice: queue gone does not exist"},
		{"recall", "seats: agent nobody does not exist"},
	}
	if !reflect.DeepEqual(warnings, want) {
		t.Errorf("warnings %q\nwant     %q", warnings, want)
	}
	if rules := got.Queue("orders").Overflow; len(rules) != 2 || !reflect.DeepEqual(rules[0].To, []string{"support"}) {
		t.Errorf("rules of orders: %+v", rules)
	}
	if alice := got.Agent("alice"); !reflect.DeepEqual(alice.Queues, map[string]int{"orders": 1}) || alice.Incident != "" {
		t.Errorf("alice: %+v", alice)
	}
}

// TestAllRevertsAtTheEnd lays random incidents over the plan: never is the plan itself changed, never does an agent lose a queue or
// a queue a rule, and when the last incident is over everything is as it was.
func TestAllRevertsAtTheEnd(t *testing.T) {
	queue := rapid.SampledFrom([]string{"orders", "billing", "support", "gone"})
	agent := rapid.SampledFrom([]string{"alice", "bob", "reserve-01", "reserve-02", "nobody"})
	rule := rapid.Custom(func(t *rapid.T) routing.OverflowRule {
		return routing.OverflowRule{WhenWaiting: rapid.IntRange(1, 9).Draw(t, "waiting"), To: rapid.SliceOfN(queue, 1, 3).Draw(t, "to")}
	})
	effects := rapid.Custom(func(t *rapid.T) Effects {
		return Effects{
			Numbers: rapid.SliceOfN(rapid.Just("+61280000001"), 0, 1).Draw(t, "numbers"), Queues: rapid.SliceOfN(queue, 0, 2).Draw(t, "queues"),
			Overflow:    rapid.MapOfN(queue, rapid.SliceOfN(rule, 0, 3), 0, 3).Draw(t, "overflow"),
			SeatsAdd:    rapid.IntRange(0, 50).Draw(t, "add"),
			SeatsAgents: rapid.MapOfN(agent, rapid.MapOfN(queue, rapid.IntRange(1, 5), 0, 3), 0, 4).Draw(t, "agents"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		var b Board
		var last time.Time
		for _, name := range []string{"a", "b", "c"} {
			start := noon.Add(time.Duration(rapid.IntRange(0, 60).Draw(rt, "start")) * time.Minute)
			end := start.Add(time.Duration(rapid.IntRange(1, 60).Draw(rt, "length")) * time.Minute)
			b = b.With(revision(name, start, end, effects.Draw(rt, "effects")))
			if end.After(last) {
				last = end
			}
		}
		base := plan(t)
		for now := noon; !now.IsZero(); now = Next(b, now) {
			changed, _ := Overlay(base, b, now)
			if !reflect.DeepEqual(base, plan(t)) {
				rt.Fatal("the plan itself was changed")
			}
			holdsAll(rt, base, changed)
		}
		if after, _ := Overlay(base, b, last); !reflect.DeepEqual(after, plan(t)) {
			rt.Fatalf("after the end: %+v", after)
		}
	})
}

// holdsAll fails when a plan with incidents lacks something of the plan without them.
func holdsAll(t *rapid.T, base, changed *routing.Plan) {
	if changed.Seats < base.Seats || len(changed.Queues) != len(base.Queues) || len(changed.Agents) != len(base.Agents) {
		t.Fatalf("something is gone: %+v", changed)
	}
	for i, agent := range base.Agents {
		for queue, tier := range agent.Queues {
			if now, has := changed.Agents[i].Queues[queue]; !has || now > tier {
				t.Fatalf("%s was in %s with tier %d, now %v", agent.Name, queue, tier, changed.Agents[i].Queues)
			}
		}
	}
	for name, queue := range base.Queues {
		rules := changed.Queues[name].Overflow
		if own := rules[len(rules)-len(queue.Overflow):]; len(own) > 0 && !reflect.DeepEqual(own, queue.Overflow) {
			t.Fatalf("rules of %s: %+v", name, rules)
		}
	}
}
