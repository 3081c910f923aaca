package opstest

import (
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
)

// Start is the moment at which the recall of Kettle begins: 08:15 in Sydney.
var Start = time.Date(2026, 11, 21, 21, 15, 0, 0, time.UTC)

// Kettle is a busy morning of the sample centre: a recall is on, two callers of orders wait, one of them offered to support too.
// A node was lost, and with it a caller of orders.
func Kettle() State {
	first, second := 1, 2
	return State{
		Queues: []ops.Queue{
			{Name: "billing", AgentsReady: 1, ServiceLevel: ops.ServiceLevel{Threshold: seconds(20)}},
			{Name: "orders", Waiting: 2, Lost: 1, LongestWait: seconds(94.5), AgentsBusy: 1,
				ServiceLevel: ops.ServiceLevel{Threshold: seconds(20), AnsweredWithin: 41, Offered: 50}},
			{Name: "support", OverflowedIn: 1, AgentsReady: 1, AgentsBusy: 1},
		},
		Agents: []ops.Agent{
			{Name: "alice", State: "talking", Since: after(4 * time.Minute), Queues: map[string]int{"orders": 1}, Calls: 12, Node: "syd-1"},
			{Name: "bob", State: "paused", Since: after(time.Minute), Reason: "no-answer", Queues: map[string]int{"orders": 2, "billing": 1}, Calls: 3, Node: "syd-1"},
			{Name: "reserve-01", State: "offline", Reason: "not-registered"},
		},
		Seats: ops.Seats{Limit: 30, Used: 2, Agents: []string{"alice", "bob"}},
		Calls: []ops.Call{
			{ID: "019ab0c5-6f00-7000-8000-000000000001", SIPCallID: "a1@127.0.0.1", From: "+61400000001", To: "+61280000001", State: ops.CallTalking,
				Queue: "orders", Since: after(4 * time.Minute), Node: "syd-1", Agent: "alice", Incidents: []string{"kettle-recall"}},
			{ID: "019ab0c5-6f00-7000-8000-000000000002", SIPCallID: "a2@127.0.0.1", From: "", To: "+61280000001", State: ops.CallWaiting,
				Queue: "orders", Since: after(5 * time.Minute), Position: &first, Node: "syd-1", Incidents: []string{"kettle-recall"}},
			{ID: "019ab0c5-6f00-7000-8000-000000000003", SIPCallID: "a3@127.0.0.1", From: "+61400000003", To: "+61280000001", State: ops.CallWaiting,
				Queue: "orders", Since: after(6 * time.Minute), Position: &second, Node: "mel-1"},
			{ID: "019ab0c5-6f00-7000-8000-000000000004", SIPCallID: "a4@127.0.0.1", From: "+61400000004", To: "+61280000002", State: ops.CallEnded,
				Since: after(7 * time.Minute), Node: "syd-1", Result: "abandoned", Reason: "caller"},
		},
		Nodes: ops.Nodes{
			Redis: &ops.Redis{Up: true, Since: ops.Time(Start.Add(-time.Hour))},
			Nodes: []ops.NodeState{
				{Name: "mel-1", Alive: true, Heard: after(8 * time.Minute), Version: "v0.9.0", Configuration: "77e0c1a2b3d4", Differs: true, ClockOff: seconds(-1.25)},
				{Name: "per-1", Heard: after(3 * time.Minute), Version: "v0.9.0", Configuration: "5b0a6d7f8e91", ClockOff: seconds(0.004)},
				{Name: "syd-1", Alive: true, Heard: after(8 * time.Minute), Version: "v0.9.1", Configuration: "5b0a6d7f8e91", ClockOff: seconds(0.012)},
			},
		},
		Incidents: []ops.Incident{
			{Name: "kettle-recall", Active: true, Title: "Recall of the K-200 kettle", Since: ops.Time(Start), Until: after(6 * time.Hour),
				Revision: 3, By: "file@syd-1", Reason: "", Change: "kettle-recall ON until 14:15, played to 2 waiting, 1 of 1 nodes",
				Effects: ops.Effects{
					AppliesTo: &ops.Scope{Numbers: []string{"+61280000001"}, Queues: []string{"orders"}},
					Message:   "kettle-recall.wav", Then: "continue", WaitingCallers: true,
					Overflow: map[string][]ops.OverflowRule{"orders": {
						{AfterWait: seconds(60), To: []string{"support", "billing"}},
						{WhenWaiting: 10, To: []string{"support"}}}},
					Seats: &ops.SeatsEffect{Add: 10, Agents: map[string]map[string]int{"reserve-01": {"orders": 1}}},
				}},
			{Name: "phones-down", Title: "The lines are down"},
		},
		Config: ops.Config{Centre: "kettle", Timezone: "Australia/Sydney", Version: "3f2a90c1d4e5", AppliedAt: ops.Time(Start),
			Error: &ops.ConfigError{File: "centre.yaml", Line: 12, Column: 9, Message: "there is no queue \"order\"; did you mean \"orders\"?"}},
	}
}

func seconds(s float64) ops.Seconds { return ops.Seconds(s * float64(time.Second)) }

func after(d time.Duration) ops.Time { return ops.Time(Start.Add(d)) }
