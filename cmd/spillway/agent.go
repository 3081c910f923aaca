package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/client"
)

func agentCommand() *cobra.Command {
	cmd := group("agent", "Show the agents of a running node", listing[[]ops.Agent]{
		short: "List the agents: what each is doing, since when, and for which queues",
		ask:   func(ctx context.Context, c *client.Client) ([]ops.Agent, error) { return c.Agents(ctx) },
		show:  showAgents,
	}.command())
	addAPIFlag(cmd)
	return cmd
}

func showAgents(agents []ops.Agent, zone *time.Location) table {
	t := table{
		columns: []string{"AGENT", "STATE", "SINCE", "REASON", "QUEUES", "CALLS", "NODE"},
		empty:   "no agents",
	}
	for _, a := range agents {
		t.add(a.Name, a.State, clock(a.Since, zone), a.Reason, memberships(a.Queues), strconv.Itoa(a.Calls), a.Node)
	}
	return t
}

// memberships writes queues with their tiers, by name.
func memberships(queues map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(queues)) {
		parts = append(parts, fmt.Sprintf("%s:%d", name, queues[name]))
	}
	return strings.Join(parts, " ")
}
