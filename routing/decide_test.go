package routing_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

func TestOneDecisionClaimsNobodyTwice(t *testing.T) {
	plan, view := crowd(1_000, 200)
	decision := routing.Decide(plan, view, crowdTime)
	if len(decision.Offers) != 20 {
		t.Errorf("%d offers for 20 agents who are ready", len(decision.Offers))
	}
	agents, calls := make(map[string]bool), make(map[string]bool)
	for _, o := range decision.Offers {
		if agents[o.Agent] || calls[o.Call] {
			t.Errorf("%+v takes somebody who is taken", o)
		}
		agents[o.Agent], calls[o.Call] = true, true
		c := view.Callers[o.Call]
		for _, other := range view.Callers {
			if other.Queue == c.Queue && !calls[other.Call] && routing.Compare(other, c) < 0 {
				t.Fatalf("%s was passed by %s", other.Call, c.Call)
			}
		}
	}
}

func TestNextIsWhenTimeAloneChangesTheDecision(t *testing.T) {
	second := func(n int) time.Time { return crowdTime.Add(time.Duration(n) * time.Second) }
	plan := &routing.Plan{Seats: 1, Queues: map[string]*routing.Queue{"orders": {
		Name: "orders", MaxWait: time.Hour, Incident: "kettle-recall",
		Overflow: []routing.OverflowRule{{AfterWait: 40 * time.Second, To: []string{"support"}}},
	}, "support": {Name: "support"}}, Agents: []*routing.Agent{{Name: "alice", Queues: map[string]int{"orders": 1}}}}
	agent := routing.AgentState{Name: "alice", Registered: second(-99), Phones: desk(second(99)), Seat: second(-99), Changed: second(-99)}
	caller := routing.Caller{Call: "c1", Queue: "orders", Entered: second(-10), FirstEntry: second(-10)}
	claim := &routing.Claim{Call: "c1", Agent: "alice", Offered: second(-5), Deadline: second(11)}
	for name, test := range map[string]struct {
		change func(a *routing.AgentState, c *routing.Caller)
		want   time.Time
	}{
		"an overflow rule":    {func(a *routing.AgentState, _ *routing.Caller) { a.Paused = crowdTime }, second(30)},
		"a wrap-up":           {func(a *routing.AgentState, _ *routing.Caller) { a.WrapUp = second(7) }, second(7)},
		"a back-off":          {func(a *routing.AgentState, _ *routing.Caller) { a.NotBefore = second(8) }, second(8)},
		"a registration":      {func(a *routing.AgentState, _ *routing.Caller) { a.Phones = desk(second(9)) }, second(9)},
		"a claim":             {func(a *routing.AgentState, c *routing.Caller) { a.Claim, c.Claim = claim, claim }, second(11)},
		"a refusal":           {func(_ *routing.AgentState, c *routing.Caller) { c.Refused = map[string]time.Time{"alice": second(12)} }, second(12)},
		"the longest wait":    {func(_ *routing.AgentState, c *routing.Caller) { c.Entered = second(-3590) }, second(10)},
		"what is past is not": {func(a *routing.AgentState, _ *routing.Caller) { a.WrapUp, a.NotBefore = second(-1), second(0) }, second(30)},
	} {
		t.Run(name, func(t *testing.T) {
			a, c := agent, caller
			test.change(&a, &c)
			view := routing.NewView()
			view.Agents["alice"], view.Callers["c1"] = &a, &c
			if next := routing.Decide(plan, view, crowdTime).Next; !next.Equal(test.want) {
				t.Errorf("next in %v, not %v", next.Sub(crowdTime), test.want.Sub(crowdTime))
			}
		})
	}
}

func TestBackOffByOutcome(t *testing.T) {
	for _, test := range []struct {
		outcome routing.Outcome
		misses  int
		wait    time.Duration
		pause   bool
	}{
		{routing.Busy, 1, 30 * time.Second, false},
		{routing.Busy, 9, 30 * time.Second, false},
		{routing.Refused, 1, 15 * time.Second, false},
		{routing.NoAnswer, 1, 0, false},
		{routing.NoAnswer, 2, 0, true},
		{routing.Unreachable, 0, 5 * time.Second, false},
		{routing.Unreachable, 1, 5 * time.Second, false},
		{routing.Unreachable, 4, 40 * time.Second, false},
		{routing.Unreachable, 5, 60 * time.Second, false},
		{routing.Unreachable, 1 << 30, 60 * time.Second, false},
		{routing.Failed, 2, 10 * time.Second, false},
		{routing.Withdrawn, 7, 0, false},
	} {
		if wait, pause := routing.BackOff(test.outcome, test.misses); wait != test.wait || pause != test.pause {
			t.Errorf("%s, %d: %v, %v", test.outcome, test.misses, wait, pause)
		}
	}
}

func TestMissesOfAnotherKindBeginANewRun(t *testing.T) {
	a := &routing.AgentState{Name: "alice"}
	for _, step := range []struct {
		outcome routing.Outcome
		misses  int
	}{
		{routing.NoAnswer, 1}, {routing.Busy, 1}, {routing.NoAnswer, 1}, {routing.Unreachable, 1}, {routing.Failed, 2}, {routing.Withdrawn, 2},
		{routing.Unreachable, 3}, {routing.NoAnswer, 1}, {routing.NoAnswer, 2},
	} {
		if a = a.Released(step.outcome, crowdTime); a.Misses != step.misses {
			t.Errorf("%s is miss %d, not %d", step.outcome, a.Misses, step.misses)
		}
	}
	if a.PauseReason != routing.PausedNoAnswer {
		t.Errorf("she is %+v", a)
	}
}

func TestAnEventThatDoesNotFollowChangesNothing(t *testing.T) {
	v := routing.NewView()
	v.Seq, v.Incarnation = 5, "one"
	caller := &routing.Caller{Call: "c1", Queue: "orders"}
	for _, e := range []routing.Event{
		{Seq: 7, Incarnation: "one", Call: "c1", Caller: caller},
		{Seq: 6, Incarnation: "two", Call: "c1", Caller: caller},
		{Seq: 1, Incarnation: "two", Call: "c1", Caller: caller},
	} {
		if v.Fold(e) || v.Seq != 5 || len(v.Callers) != 0 {
			t.Errorf("%+v was folded in", e)
		}
	}
	if !v.Fold(routing.Event{Seq: 5, Incarnation: "one", Call: "c1", Caller: caller}) || len(v.Callers) != 0 {
		t.Errorf("an event that was folded in before counted again")
	}
	if !v.Fold(routing.Event{Seq: 6, Incarnation: "one", Call: "c1", Caller: caller}) || v.Position("c1") != 1 {
		t.Errorf("the next event was not folded in")
	}
}

func TestACloneIsNotChangedByFolding(t *testing.T) {
	_, v := crowd(10, 10)
	v.Skipped = map[string]time.Time{"call-000001": crowdTime}
	before := v.Clone()
	v.Fold(routing.Event{Seq: 1, Call: "call-000001"})
	delete(v.Skipped, "call-000001")
	if before.Callers["call-000001"] == nil || before.Seq != 0 || len(before.Skipped) != 1 {
		t.Errorf("it was")
	}
}

func TestOverflowRulesHaveWordsAndKeys(t *testing.T) {
	rule := routing.OverflowRule{AfterWait: time.Minute, WhenWaiting: 10, To: []string{"support", "billing"}, Incident: "kettle-recall"}
	if words := rule.Words(); words != "after_wait 1m0s, when_waiting 10 (kettle-recall)" {
		t.Errorf("%q", words)
	}
	other := rule
	other.Incident = ""
	if words := (&routing.OverflowRule{}).Words(); words != "always" {
		t.Errorf("%q", words)
	}
	if rule.Key() == other.Key() {
		t.Errorf("two rules share the key %q", rule.Key())
	}
}

func TestTheDayOfTheFiguresIsTheCentres(t *testing.T) {
	sydney, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		t.Fatal(err)
	}
	evening := time.Date(2026, 11, 22, 23, 59, 50, 0, sydney)
	plan := &routing.Plan{Queues: map[string]*routing.Queue{"orders": {Name: "orders", ServiceLevel: 20 * time.Second}}}
	tally := routing.NewTally(routing.NewView(), evening, sydney)
	enter := func(call string, at time.Time) *routing.Caller {
		c := &routing.Caller{Call: call, Queue: "orders", Entered: at}
		tally.Fold(routing.Event{Kind: routing.CallerEntered, At: at, Call: call, Caller: c}, plan)
		return c
	}
	gone, stays := enter("c1", evening), enter("c2", evening)
	tally.Fold(routing.Event{Kind: routing.CallerLeft, Reason: routing.LeftByCaller, At: evening.Add(6 * time.Second), Call: "c1", Was: gone}, plan)
	if f := tally.Figures(evening.Add(9 * time.Second))["orders"]; f.Offered != 2 || f.Abandoned != 1 || f.ShortAbandons != 0 {
		t.Errorf("before midnight %+v", f)
	}
	wait, ended := tally.Fold(routing.Event{Kind: routing.CallerAnswered, At: evening.Add(20 * time.Second), Call: "c2", Was: stays}, plan)
	if !ended || wait != (routing.Wait{Queue: "orders", Result: routing.WaitAnswered, For: 20 * time.Second}) {
		t.Errorf("the wait was %+v", wait)
	}
	f := tally.Figures(evening.Add(20 * time.Second))["orders"]
	if f.Offered != 1 || f.Answered != 1 || f.AnsweredWithin != 1 || f.Abandoned != 0 {
		t.Errorf("after midnight %+v", f)
	}
}

func TestATallyThatMissedEventsStillAddsUp(t *testing.T) {
	view := routing.NewView()
	view.Callers["c1"] = &routing.Caller{Call: "c1", Queue: "orders"}
	tally := routing.NewTally(view, crowdTime, time.UTC)
	after := routing.NewView()
	after.Callers["c2"] = &routing.Caller{Call: "c2", Queue: "billing"}
	after.Callers["c3"] = &routing.Caller{Call: "c3", Queue: "billing"}
	tally.Resume(after, crowdTime)
	figures := tally.Figures(crowdTime)
	if f := figures["orders"]; f.Offered != 1 || f.Left != 1 || f.Waiting != 0 {
		t.Errorf("orders %+v", f)
	}
	if f := figures["billing"]; f.Offered != 2 || f.Waiting != 2 {
		t.Errorf("billing %+v", f)
	}
}

// TestEachCallerIsCountedOnce takes a tally through an outage: to a store in memory that knows this node's caller alone, and back to one that
// still has who has left meanwhile.
func TestEachCallerIsCountedOnce(t *testing.T) {
	plan := &routing.Plan{Queues: map[string]*routing.Queue{"orders": {Name: "orders", ServiceLevel: time.Hour}}}
	at := func(seconds int) time.Time { return crowdTime.Add(time.Duration(seconds) * time.Second) }
	view := func(calls ...string) *routing.View {
		v := routing.NewView()
		for _, call := range calls {
			v.Callers[call] = &routing.Caller{Call: call, Queue: "orders", Entered: crowdTime}
		}
		return v
	}
	tally := routing.NewTally(view("own", "served", "foreign"), crowdTime, time.UTC)
	adds := func(when string, want routing.Figures) {
		t.Helper()
		f := tally.Figures(at(0))["orders"]
		if f.Offered != f.Answered+f.Abandoned+f.Left+f.Waiting {
			t.Errorf("%s it does not add up: %+v", when, f)
		}
		f.Reasons = nil
		if want.Reasons = nil; !reflect.DeepEqual(f, want) {
			t.Errorf("%s it is %+v, not %+v", when, f, want)
		}
	}
	tally.Resume(view(), at(1)) // alone: nobody is told again yet
	for _, call := range []string{"own", "served"} {
		tally.Fold(routing.Event{Kind: routing.CallerEntered, At: at(1), Call: call, Caller: view(call).Callers[call]}, plan)
	}
	adds("alone", routing.Figures{Offered: 3, Waiting: 2, Left: 1})
	tally.Fold(routing.Event{Kind: routing.CallerAnswered, At: at(2), Call: "served", Was: view("served").Callers["served"]}, plan)
	adds("when one was served", routing.Figures{Offered: 3, Waiting: 1, Left: 1, Answered: 1, AnsweredWithin: 1})
	tally.Resume(view("own", "served", "foreign"), at(3)) // back: Redis does not know yet
	adds("back", routing.Figures{Offered: 4, Waiting: 3, Answered: 1, AnsweredWithin: 1})
	gone := routing.Event{Kind: routing.CallerLeft, Reason: routing.LeftAnswered, At: at(3), Call: "served", Was: view("served").Callers["served"]}
	if wait, ended := tally.Fold(gone, plan); ended {
		t.Errorf("a wait was counted again: %+v", wait)
	}
	adds("when Redis knows", routing.Figures{Offered: 3, Waiting: 2, Answered: 1, AnsweredWithin: 1})
	tally.Fold(routing.Event{Kind: routing.CallerEntered, At: at(4), Call: "served", Caller: view("served").Callers["served"]}, plan)
	adds("when he comes back to the queue", routing.Figures{Offered: 4, Waiting: 3, Answered: 1, AnsweredWithin: 1})
	tally.Forget(at(5000))
	adds("in the end", routing.Figures{Offered: 4, Waiting: 3, Answered: 1, AnsweredWithin: 1})

	other := routing.NewTally(view("served"), crowdTime, time.UTC) // of another node
	if wait, ended := other.Fold(gone, plan); !ended || wait.Result != routing.WaitAnswered || other.Figures(at(3))["orders"].Answered != 1 {
		t.Errorf("another node counts %+v, %v", wait, ended)
	}
}

func TestACallerWhoMovesLeavesOneQueueForAnother(t *testing.T) {
	plan := &routing.Plan{}
	tally := routing.NewTally(routing.NewView(), crowdTime, time.UTC)
	first := &routing.Caller{Call: "c1", Queue: "orders", Entered: crowdTime}
	second := &routing.Caller{Call: "c1", Queue: "billing", Entered: crowdTime.Add(time.Minute)}
	urgent := *second
	urgent.Priority = 9
	for _, e := range []routing.Event{
		{Kind: routing.CallerEntered, At: crowdTime, Call: "c1", Caller: first},
		{Kind: routing.CallerEntered, At: crowdTime.Add(time.Minute), Call: "c1", Caller: second, Was: first},
		{Kind: routing.CallerEntered, At: crowdTime.Add(time.Minute), Call: "c1", Caller: &urgent, Was: second},
	} {
		tally.Fold(e, plan)
	}
	figures := tally.Figures(crowdTime)
	if f := figures["orders"]; f.Offered != 1 || f.Reasons[routing.LeftMoved] != 1 || f.Waiting != 0 {
		t.Errorf("orders %+v", f)
	}
	if f := figures["billing"]; f.Offered != 1 || f.Waiting != 1 {
		t.Errorf("billing %+v", f)
	}
}

// TestARemovedQueueLosesWhatAnIncidentChangedWithItsEnd removes a queue while an incident for everyone holds, and ends it then.
func TestARemovedQueueLosesWhatAnIncidentChangedWithItsEnd(t *testing.T) {
	const recall = "kettle-recall"
	queue := func(name, incident string, rules ...routing.OverflowRule) *routing.Queue {
		return &routing.Queue{Name: name, Incident: incident, Overflow: rules}
	}
	own, spill := routing.OverflowRule{To: []string{"support"}}, routing.OverflowRule{To: []string{"support"}, Incident: recall}
	during := &routing.Plan{
		Queues: map[string]*routing.Queue{"orders": queue("orders", recall, spill, own), "support": queue("support", recall)},
		Agents: []*routing.Agent{{Name: "alice", Queues: map[string]int{"orders": 1, "support": 2}, Incident: recall},
			{Name: "reserve-01", Queues: map[string]int{"orders": 1}, Incident: recall}},
	}
	removed := &routing.Plan{Queues: map[string]*routing.Queue{"support": during.Queues["support"]},
		Agents: []*routing.Agent{{Name: "alice"}, {Name: "reserve-01", Incident: recall}}}
	after := &routing.Plan{Queues: map[string]*routing.Queue{"support": queue("support", "")},
		Agents: []*routing.Agent{{Name: "alice"}, {Name: "reserve-01"}}}
	view := routing.NewView()
	view.Callers["c1"] = &routing.Caller{Call: "c1", Queue: "orders"}
	var retired routing.Retired
	retired.Learn(&routing.Plan{Queues: during.Queues, Agents: []*routing.Agent{{Name: "alice", Queues: map[string]int{"orders": 1}}}})
	retired.Learn(during)
	for _, tt := range []struct {
		plan     *routing.Plan
		incident string
		rules    int
		reserve  bool
	}{{removed, recall, 2, true}, {after, "", 1, false}} {
		retired.Learn(tt.plan)
		plan := retired.Lay(tt.plan, view)
		orders := plan.Queue("orders")
		_, serves := plan.Agent("reserve-01").Queues["orders"]
		if !orders.Closed || orders.Incident != tt.incident || len(orders.Overflow) != tt.rules || serves != tt.reserve {
			t.Errorf("the queue is %+v, served by the reserve: %v", orders, serves)
		}
		if plan.Agent("alice").Queues["orders"] != 1 {
			t.Error("alice no longer serves it")
		}
	}
}
