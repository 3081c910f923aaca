package routing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// crowdTime is when the crowd waits.
var crowdTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// crowd is a busy centre of ten queues: so many callers wait, so many agents are signed in, one in ten of whom is ready.
func crowd(callers, agents int) (*routing.Plan, *routing.View) {
	const queues = 10
	plan := &routing.Plan{Seats: agents, Queues: make(map[string]*routing.Queue)}
	view := routing.NewView()
	name := func(i int) string { return fmt.Sprintf("queue-%d", i%queues) }
	for i := range queues {
		plan.Queues[name(i)] = &routing.Queue{
			Name: name(i), Strategy: routing.LongestIdle, Ring: 15 * time.Second, MaxWait: time.Hour,
			Overflow: []routing.OverflowRule{{AfterWait: 5 * time.Minute, To: []string{name(i + 1)}}},
		}
	}
	for i := range agents {
		a := &routing.Agent{Name: fmt.Sprintf("agent-%05d", i), Queues: map[string]int{name(i): 1, name(i + 3): 2}}
		plan.Agents = append(plan.Agents, a)
		state := &routing.AgentState{
			Name: a.Name, Phones: desk(crowdTime.Add(time.Hour)), Registered: crowdTime.Add(-time.Hour),
			Seat: crowdTime.Add(-time.Hour), Idle: crowdTime.Add(-time.Duration(i) * time.Second), Changed: crowdTime.Add(-time.Minute),
		}
		if i%10 != 0 {
			state.Claim = &routing.Claim{Token: uint64(i), Answered: crowdTime.Add(-time.Minute)}
		}
		view.Agents[a.Name] = state
	}
	for i := range callers {
		entered := crowdTime.Add(-time.Duration(i%200+8) * time.Second)
		view.Callers[fmt.Sprintf("call-%06d", i)] = &routing.Caller{
			Call: fmt.Sprintf("call-%06d", i), Node: "n1", Queue: name(i), Priority: i % 3, FirstEntry: entered, Entered: entered,
		}
	}
	return plan, view
}

func BenchmarkDecide(b *testing.B) {
	for _, size := range []struct{ callers, agents int }{{100, 50}, {1_000, 500}, {10_000, 5_000}} {
		plan, view := crowd(size.callers, size.agents)
		b.Run(fmt.Sprintf("waiting=%d/agents=%d", size.callers, size.agents), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				routing.Decide(plan, view, crowdTime)
			}
		})
		for _, state := range view.Agents { // and when nobody is ready, as on the bad day
			state.Claim = &routing.Claim{Token: 1, Answered: crowdTime.Add(-time.Minute)}
		}
		b.Run(fmt.Sprintf("waiting=%d/busy=%d", size.callers, size.agents), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				routing.Decide(plan, view, crowdTime)
			}
		})
	}
}
