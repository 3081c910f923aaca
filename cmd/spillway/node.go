package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/client"
)

func nodeCommand() *cobra.Command {
	cmd := group("node", "Show the nodes that serve the centre together", listing[ops.Nodes]{
		short: "List the nodes: which are alive, with which configuration, and whether Redis answers",
		ask:   func(ctx context.Context, c *client.Client) (ops.Nodes, error) { return c.Nodes(ctx) },
		show:  showNodes,
	}.command())
	addAPIFlag(cmd)
	return cmd
}

func showNodes(nodes ops.Nodes, zone *time.Location) table {
	t := table{
		title:   redisWords(nodes.Redis, zone),
		columns: []string{"NODE", "STATE", "HEARD", "CONFIGURATION", "CLOCK OFF", "VERSION"},
		empty:   "no nodes",
	}
	for _, n := range nodes.Nodes {
		state, configuration := "lost", n.Configuration
		if n.Alive {
			state = "alive"
		}
		if n.Differs {
			configuration += " (differs)"
		}
		t.add(n.Name, state, clock(n.Heard, zone), configuration, fmt.Sprintf("%+.3fs", time.Duration(n.ClockOff).Seconds()), n.Version)
	}
	return t
}

// redisWords says how the shared store stands, and what follows for the node that was asked.
func redisWords(r *ops.Redis, zone *time.Location) string {
	switch {
	case r == nil:
		return "no redis: queues in memory"
	case r.Up:
		return "redis up since " + clock(r.Since, zone)
	}
	words := "redis AWAY since " + clock(r.Since, zone) + ": this node serves alone"
	if r.Error != "" {
		words += " (" + r.Error + ")"
	}
	return words
}
