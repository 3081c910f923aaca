package incident

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/spillway-voice/spillway/routing"
)

// sydney is the kettle centre's zone.
var sydney = func() *time.Location {
	zone, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		panic(err)
	}
	return zone
}()

// noon is the moment at which most tests begin.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, sydney)

// recall returns the sample centre's incident, switched off.
func recall() Definition {
	return Definition{
		Name: "kettle-recall", Title: "Recall of the K-200 kettle", Owner: "duty", For: 6 * time.Hour,
		Effects: Effects{
			Numbers: []string{"+61280000001"}, Queues: []string{"orders"},
			Message: "kettle-recall.wav", Then: Continue, WaitingCallers: true,
			Overflow: map[string][]routing.OverflowRule{"orders": {
				{AfterWait: time.Minute, To: []string{"support", "billing"}}, {WhenWaiting: 10, To: []string{"support"}},
			}},
			SeatsAdd: 10, SeatsAgents: map[string]map[string]int{"reserve-01": {"orders": 1}, "reserve-02": {"orders": 1}},
		},
	}
}

// with returns a definition after a change.
func with(d Definition, change func(*Definition)) Definition {
	d.Effects.Overflow = map[string][]routing.OverflowRule{"orders": d.Effects.Overflow["orders"]}
	change(&d)
	return d
}

// on switches a definition on.
func on(d *Definition) { d.Active = true }

// revision returns the first revision of an incident that is on from a start to an end.
func revision(name string, start, end time.Time, e Effects) Revision {
	return Revision{Incident: name, Number: 1, On: true, Start: start, End: end, Effects: e, At: start, Sound: "sound of " + e.Message}
}

// board returns a board of revisions.
func board(revisions ...Revision) Board {
	var b Board
	for _, r := range revisions {
		b = b.With(r)
	}
	return b
}

// plan returns the sample centre's queues and agents.
func plan(t testing.TB) *routing.Plan {
	t.Helper()
	return &routing.Plan{
		Seats: 20,
		Queues: map[string]*routing.Queue{
			"orders": {Name: "orders", Strategy: routing.LongestIdle, Capacity: 500,
				Overflow: []routing.OverflowRule{{AfterWait: 5 * time.Minute, To: []string{"support"}}}},
			"billing": {Name: "billing", Strategy: routing.RoundRobin},
			"support": {Name: "support", Strategy: routing.LongestIdle},
		},
		Agents: []*routing.Agent{
			{Name: "alice", Display: "Alice Nguyen", Queues: map[string]int{"orders": 1}},
			{Name: "bob", Display: "Bob Okafor", Queues: map[string]int{"orders": 2, "billing": 1}},
			{Name: "reserve-01"}, {Name: "reserve-02"}, {Name: "reserve-03"},
		},
	}
}
