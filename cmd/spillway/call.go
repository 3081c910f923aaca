package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/client"
)

func callCommand() *cobra.Command {
	cmd := group("call", "Show the calls of a running node", listing[[]ops.Call]{
		short: "List the calls, those that ended for a minute more",
		ask:   func(ctx context.Context, c *client.Client) ([]ops.Call, error) { return c.Calls(ctx) },
		show:  showCalls,
	}.command())
	addAPIFlag(cmd)
	return cmd
}

func showCalls(calls []ops.Call, zone *time.Location) table {
	t := table{
		columns: []string{"CALL", "FROM", "TO", "STATE", "SINCE", "QUEUE", "POSITION", "AGENT", "INCIDENTS", "END", "NODE"},
		empty:   "no calls",
	}
	for _, c := range calls {
		position, end := "", c.Result
		if c.Position != nil {
			position = strconv.Itoa(*c.Position)
		}
		if c.Reason != "" {
			end += ": " + c.Reason
		}
		t.add(c.ID, c.From, c.To, c.State, clock(c.Since, zone), c.Queue, position, c.Agent, strings.Join(c.Incidents, " "), end, c.Node)
	}
	return t
}
