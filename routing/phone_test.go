package routing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// desk is one phone that every node reaches, as Register takes it.
func desk(until time.Time) []routing.Phone {
	return []routing.Phone{{Place: "desk", Direct: true, Until: until}}
}

func TestAnAgentIsReachedByTheNodesThatReachAPhone(t *testing.T) {
	later := crowdTime.Add(time.Minute)
	leases := routing.Leases{"n1": crowdTime.Add(2 * time.Second), "n2": crowdTime.Add(2 * time.Second), "n3": crowdTime, "n4": crowdTime.Add(time.Second)}
	for name, test := range map[string]struct {
		phone routing.Phone
		node  string
		want  bool
	}{
		"own phone":                        {routing.Phone{Node: "n1", Until: later}, "n1", true},
		"own phone that is over":           {routing.Phone{Node: "n1", Until: crowdTime}, "n1", false},
		"another's phone":                  {routing.Phone{Node: "n2", Until: later}, "n1", false},
		"another's phone with an address":  {routing.Phone{Node: "n2", Until: later, Direct: true}, "n1", true},
		"the same, its node's lease short": {routing.Phone{Node: "n4", Until: later, Direct: true}, "n1", false},
		"of a node never heard of":         {routing.Phone{Node: "n5", Until: later, Direct: true}, "n1", true},
		"the same, its node away":          {routing.Phone{Node: "n3", Until: later, Direct: true}, "n1", false},
		"the node that is away itself":     {routing.Phone{Node: "n3", Until: later, Direct: true}, "n3", true},
		"a phone that a dead node left":    {routing.Phone{Until: later, Direct: true}, "n1", true},
	} {
		t.Run(name, func(t *testing.T) {
			state := &routing.AgentState{Phones: []routing.Phone{test.phone}}
			if got := state.ReachedBy(test.node, leases, crowdTime); got != test.want {
				t.Error(got)
			}
		})
	}
	if (*routing.AgentState)(nil).ReachedBy("n1", nil, crowdTime) {
		t.Error("nobody is reached")
	}
}

func TestAPhoneIsTheNodesThatTookItLast(t *testing.T) {
	at := func(seconds int) time.Time { return crowdTime.Add(time.Duration(seconds) * time.Second) }
	state := &routing.AgentState{Phones: []routing.Phone{
		{Place: "desk", Node: "n1", Refreshed: at(0), Until: at(60)},
		{Place: "home", Node: "n2", Refreshed: at(5), Until: at(60)},
		{Place: "car", Node: "n2", Refreshed: at(-90), Until: at(0)},
	}}
	got := state.Registering("n1", []routing.Phone{
		{Place: "home", Refreshed: at(2), Until: at(90)}, {Place: "mobile", Refreshed: at(9), Until: at(90)}, {Place: "old", Until: at(0)},
	}, at(10))
	want := []routing.Phone{{Place: "home", Node: "n2", Refreshed: at(5), Until: at(60)}, {Place: "mobile", Node: "n1", Refreshed: at(9), Until: at(90)}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	got = state.Registering("n1", []routing.Phone{{Place: "home", Refreshed: at(7), Until: at(90)}}, at(10))
	if len(got) != 1 || got[0].Node != "n1" || !got[0].Until.Equal(at(90)) {
		t.Errorf("%+v", got)
	}
}

func TestNobodyActsForANodeThatIsAway(t *testing.T) {
	plan := &routing.Plan{Seats: 9, Queues: map[string]*routing.Queue{"orders": {Name: "orders"}}, Agents: []*routing.Agent{
		{Name: "alice", Queues: map[string]int{"orders": 1}}, {Name: "bob", Queues: map[string]int{"orders": 2}},
	}}
	view := routing.NewView()
	for agent, node := range map[string]string{"alice": "n2", "bob": "n1"} {
		phone := routing.Phone{Place: agent, Node: node, Direct: true, Until: crowdTime.Add(time.Hour)}
		view.Agents[agent] = &routing.AgentState{Name: agent, Phones: []routing.Phone{phone}, Registered: crowdTime, Seat: crowdTime}
	}
	view.Callers["c1"] = &routing.Caller{Call: "c1", Node: "n2", Queue: "orders", FirstEntry: crowdTime.Add(-9), Entered: crowdTime}
	view.Callers["c2"] = &routing.Caller{Call: "c2", Node: "n1", Queue: "orders", FirstEntry: crowdTime.Add(-5), Entered: crowdTime}
	offers := routing.Decide(plan, view, crowdTime).Offers
	if len(offers) != 2 || offers[0].Call != "c1" || offers[0].Agent != "alice" {
		t.Errorf("with all nodes: %+v", offers)
	}
	view.Leases = routing.Leases{"n2": crowdTime}
	offers = routing.Decide(plan, view, crowdTime).Offers
	if len(offers) != 1 || offers[0].Call != "c2" || offers[0].Agent != "bob" {
		t.Errorf("with n2 away: %+v", offers)
	}
}
