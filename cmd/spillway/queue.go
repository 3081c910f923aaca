package main

import (
	"context"
	"fmt"
	"slices"
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

// showQueues has a column for kept places only while there are any: most days nobody is lost.
func showQueues(queues []ops.Queue, _ *time.Location) table {
	t := table{
		columns: []string{"QUEUE", "WAITING", "OVERFLOWED IN", "LONGEST WAIT", "READY", "BUSY", "SERVICE LEVEL"},
		empty:   "no queues",
	}
	lost := slices.ContainsFunc(queues, func(q ops.Queue) bool { return q.Lost > 0 })
	if lost {
		t.columns = slices.Insert(t.columns, 2, "LOST")
	}
	for _, q := range queues {
		cells := []string{q.Name, strconv.Itoa(q.Waiting), strconv.Itoa(q.OverflowedIn), duration(time.Duration(q.LongestWait)),
			strconv.Itoa(q.AgentsReady), strconv.Itoa(q.AgentsBusy), serviceLevel(q.ServiceLevel)}
		if lost {
			cells = slices.Insert(cells, 2, strconv.Itoa(q.Lost))
		}
		t.add(cells...)
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
