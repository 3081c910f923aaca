package main

import (
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/opstest"
)

func TestANodeWithoutRedisSaysThatItServesAloneAndWhy(t *testing.T) {
	node := startNode(t, opstest.Kettle())
	node.Set(func(s *opstest.State) {
		s.Nodes.Redis = &ops.Redis{Since: ops.Time(opstest.Start.Add(2 * time.Minute)), Error: "dial tcp 127.0.0.1:6379:\x1b connection refused"}
		s.Nodes.Nodes = s.Nodes.Nodes[2:]
	})
	golden(t, "node-list-away", transcript(t, "node", "list"))
}

func TestKeptPlacesHaveAColumnOnlyWhileThereAreAny(t *testing.T) {
	node := startNode(t, opstest.Kettle())
	if got := transcript(t, "queue", "list"); !strings.Contains(got, "  LOST  ") {
		t.Error(got)
	}
	node.Set(func(s *opstest.State) { s.Queues[1].Lost = 0 })
	golden(t, "queue-list-none-lost", transcript(t, "queue", "list"))
}
