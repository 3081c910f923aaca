package routing_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/spillway-voice/spillway/routing"
)

// propertyPlan has every rule in it, with short times.
func propertyPlan(incident bool) *routing.Plan {
	plan := &routing.Plan{
		Seats: 4,
		Queues: map[string]*routing.Queue{
			"orders":  {Name: "orders", Strategy: routing.LongestIdle, Ring: 15 * time.Second, WrapUp: 10 * time.Second, Capacity: 6, MaxWait: 2 * time.Minute},
			"billing": {Name: "billing", Strategy: routing.RoundRobin, Ring: 10 * time.Second},
			"support": {Name: "support", Strategy: routing.LongestIdle, Ring: 20 * time.Second, WrapUp: 5 * time.Second, MaxWait: time.Minute},
		},
		Agents: []*routing.Agent{
			{Name: "alice", Queues: map[string]int{"orders": 1}},
			{Name: "bob", Queues: map[string]int{"orders": 2, "billing": 1}},
			{Name: "carol", Queues: map[string]int{"billing": 1}},
			{Name: "dave", Queues: map[string]int{"support": 1, "orders": 2}},
			{Name: "reserve-01", Queues: map[string]int{}},
		},
	}
	orders := plan.Queues["orders"]
	orders.Overflow = []routing.OverflowRule{{AfterWait: 40 * time.Second, To: []string{"support"}}}
	if incident {
		plan.Seats = 5
		orders.Incident = "kettle-recall"
		rule := routing.OverflowRule{WhenWaiting: 3, To: []string{"support", "billing"}, Incident: "kettle-recall"}
		orders.Overflow = append([]routing.OverflowRule{rule}, orders.Overflow...)
		plan.Agents[4] = &routing.Agent{Name: "reserve-01", Queues: map[string]int{"orders": 1}, Incident: "kettle-recall"}
	}
	return plan
}

// TestWhateverHappensNobodyIsLost plays random days: callers come and go, agents do what agents do, incidents begin and end. At each
// moment every caller who came is in exactly one place, no agent has two, the figures add up, and nobody waits beside an agent
// who could serve him.
func TestWhateverHappensNobodyIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var stopped any // rapid ends a day by a panic, which must not leave the bubble
		synctest.Test(t, func(t *testing.T) {
			defer func() { stopped = recover() }()
			day := &randomDay{rt: rt, fates: make(map[string]string), room: newSwitchRoom(t, propertyPlan(false), func(string, ...any) {})}
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				time.Sleep(time.Millisecond) // so that no two steps happen at one moment
				day.step()
				day.room.settle()
				if err := day.check(); err != nil {
					rt.Fatal(err)
				}
			}
		})
		if stopped != nil {
			panic(stopped)
		}
	})
}

// randomDay is a plain model beside the room: what became of each caller.
type randomDay struct {
	rt    *rapid.T
	room  *switchRoom
	fates map[string]string // by call: "waiting", "talking", "over"
}

// step does one random thing.
func (d *randomDay) step() {
	agent := rapid.SampledFrom(d.room.set.Agents).Draw(d.rt, "agent").Name
	switch r := d.room; rapid.SampledFrom([]string{"enter", "enter", "leave", "register", "register", "unregister", "pause", "resume",
		"outside", "answer", "answer", "finish", "finish", "end", "tick", "incident"}).Draw(d.rt, "step") {
	case "enter":
		d.enter()
	case "leave":
		if calls := slices.Sorted(maps.Keys(r.view.Callers)); len(calls) > 0 {
			call := rapid.SampledFrom(calls).Draw(d.rt, "call")
			r.must(r.store.Leave(r.ctx, call, routing.LeftByCaller))
			d.fates[call] = "over"
		}
	case "register":
		wait := rapid.IntRange(1, 300).Draw(d.rt, "for")
		r.must(r.store.Register(r.ctx, agent, "n1", desk(r.now().Add(time.Duration(wait)*time.Second))))
	case "unregister":
		r.must(r.store.Register(r.ctx, agent, "n1", nil))
	case "pause":
		r.must(r.store.Pause(r.ctx, agent, "lunch"))
	case "resume":
		if r.view.Agents[agent] != nil {
			r.must(r.store.Resume(r.ctx, agent))
		}
	case "outside":
		if r.view.Agents[agent] != nil {
			r.must(r.store.Outside(r.ctx, agent, "n1", rapid.SampledFrom([]string{"", "x1"}).Draw(d.rt, "outside")))
		}
	case "answer", "finish", "end":
		d.claimed(agent)
	case "tick":
		r.pass(time.Duration(rapid.IntRange(1, 90).Draw(d.rt, "seconds")) * time.Second)
	case "incident":
		r.setPlan(propertyPlan(rapid.Bool().Draw(d.rt, "on")))
	}
}

// enter brings one caller more.
func (d *randomDay) enter() {
	call := fmt.Sprintf("c%03d", len(d.fates))
	queue := rapid.SampledFrom([]string{"orders", "orders", "billing", "support"}).Draw(d.rt, "queue")
	full := d.room.plan.Queue(queue).Capacity > 0 && d.room.view.Waiting(queue) >= d.room.plan.Queue(queue).Capacity
	err := d.room.enter(routing.Caller{Call: call, Queue: queue, Priority: rapid.IntRange(0, 2).Draw(d.rt, "priority")})
	if (err != nil) != full {
		d.rt.Fatalf("full is %v, the error %v", full, err)
	}
	if err == nil {
		d.fates[call] = "waiting"
	}
}

// claimed lets an agent act on what he has.
func (d *randomDay) claimed(agent string) {
	r := d.room
	a := r.view.Agents[agent]
	switch {
	case a == nil || !a.Claim.Live(r.now()):
	case a.Claim.Talking():
		r.must(r.store.Finish(r.ctx, a.Claim.Token, 10*time.Second))
		d.fates[a.Claim.Call] = "over"
	case rapid.Bool().Draw(d.rt, "answers"):
		r.must(r.store.Accept(r.ctx, a.Claim.Token))
		d.fates[a.Claim.Call] = "talking"
	default:
		outcomes := []routing.Outcome{routing.Busy, routing.Refused, routing.NoAnswer, routing.Unreachable, routing.Failed, routing.Withdrawn}
		r.must(r.store.Release(r.ctx, a.Claim.Token, rapid.SampledFrom(outcomes).Draw(d.rt, "outcome")))
	}
}

// check holds the room to its promises.
func (d *randomDay) check() error {
	r, now := d.room, d.room.now()
	if err := r.broken(); err != nil {
		return err
	}
	talking := make(map[string]bool)
	seats := 0
	for _, a := range r.view.Agents {
		if a.Claim.Talking() {
			talking[a.Claim.Call] = true
		}
		if !a.Seat.IsZero() && !a.InCall(now) {
			seats++
		}
	}
	if seats > r.plan.Seats {
		return fmt.Errorf("%d agents outside calls hold %d seats", seats, r.plan.Seats)
	}
	for call, fate := range d.fates {
		waits := r.view.Callers[call] != nil
		if fate == "waiting" && !waits { // a wait that the rules ended
			fate, d.fates[call] = "over", "over"
		}
		if waits != (fate == "waiting") || talking[call] != (fate == "talking") {
			return fmt.Errorf("%s is %s; waits %v, talks %v", call, fate, waits, talking[call])
		}
	}
	return d.served(now)
}

// served looks for a caller who waits beside an agent who could serve him, or who was passed by somebody behind him.
func (d *randomDay) served(now time.Time) error {
	r := d.room
	for _, c := range r.view.Callers {
		if c.Claim.Live(now) {
			continue
		}
		for _, a := range r.plan.Agents {
			state := r.view.Agents[a.Name]
			if state == nil {
				continue
			}
			if a.Available(state, now) && serves(a, c) && !now.Before(c.Refused[a.Name]) {
				return fmt.Errorf("%s waits beside %s", c.Call, a.Name)
			}
			if !state.Claim.Ringing(now) || !state.Claim.Offered.Equal(now) || !serves(a, c) {
				continue
			}
			if other := r.view.Callers[state.Claim.Call]; routing.Compare(c, other) < 0 && !now.Before(c.Refused[a.Name]) && c.Offers == 0 {
				return fmt.Errorf("%s was passed by %s", c.Call, other.Call)
			}
		}
	}
	return nil
}

// serves reports whether an agent serves a queue that the caller is offered to.
func serves(a *routing.Agent, c *routing.Caller) bool {
	for _, queue := range append([]string{c.Queue}, c.Spilled...) {
		if _, member := a.Queues[queue]; member {
			return true
		}
	}
	return false
}

// TestTheSameViewGivesTheSameDecision holds Decide to being a function of its arguments: map order must not show.
func TestTheSameViewGivesTheSameDecision(t *testing.T) {
	plan, view := crowd(50, 20)
	now := crowdTime
	first := fmt.Sprintf("%+v", routing.Decide(plan, view, now))
	for range 20 {
		if again := fmt.Sprintf("%+v", routing.Decide(plan, view.Clone(), now)); again != first {
			t.Fatalf("decided\n%s\nand then\n%s", first, again)
		}
	}
}
