package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/client"
)

func queueCommand() *cobra.Command {
	cmd := group("queue", "Show the queues of a running node", listing[[]ops.Queue]{
		short: "List the queues: who waits, who serves, how well",
		ask:   func(ctx context.Context, c *client.Client) ([]ops.Queue, error) { return c.Queues(ctx) },
		show:  showQueues,
	}.command())
	addAPIFlag(cmd)
	return cmd
}

func showQueues(queues []ops.Queue, _ *time.Location) table {
	t := table{
		columns: []string{"QUEUE", "WAITING", "OVERFLOWED IN", "LONGEST WAIT", "READY", "BUSY", "SERVICE LEVEL"},
		empty:   "no queues",
	}
	for _, q := range queues {
		t.add(q.Name, strconv.Itoa(q.Waiting), strconv.Itoa(q.OverflowedIn), duration(time.Duration(q.LongestWait)),
			strconv.Itoa(q.AgentsReady), strconv.Itoa(q.AgentsBusy), serviceLevel(q.ServiceLevel))
	}
	return t
}

// serviceLevel writes the figure with what it is made of: a share of three calls says little.
func serviceLevel(s ops.ServiceLevel) string {
	if s.Offered == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f%% in %s (%d of %d)", 100*float64(s.AnsweredWithin)/float64(s.Offered), duration(time.Duration(s.Threshold)), s.AnsweredWithin, s.Offered)
}
