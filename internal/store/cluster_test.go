package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redisserver"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// A Redis Cluster lets a step touch the keys of one slot alone, and says so when it touches another.
func TestWhatNodesShareLiesInOneSlotOfACluster(t *testing.T) {
	server := redistest.Start(t, redistest.TCP, redistest.With(redisserver.Directive{"cluster-enabled", "yes"}))
	client := server.Client()
	if err := client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; {
		info, err := client.ClusterInfo(t.Context()).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the cluster does not form: %s, %v", info, err)
		}
	}
	address := strings.Replace(server.URL(), "redis://", "redis+cluster://", 1)
	s, err := store.Open(t.Context(), address, store.Options{Centre: "kettle"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })

	n := patientNodes{store.NewNodes(s)}
	joined(t, n, life("syd-1", "b1"))
	if peers := listed(t, n); len(peers) != 1 {
		t.Errorf("nodes: %v", peers)
	}
	c := patientCalls{store.NewCalls(s)}
	if err := c.Put(t.Context(), "syd-1", many(3), []string{"call-0"}); err != nil || len(told(t, c, "syd-1")) != 2 {
		t.Errorf("calls: %v", err)
	}
	b := patientBulletin{store.NewBulletin(s, store.KeyNews, 100)}
	tell(t, b, "one", "two")
	if items := next(t, b, "0-0"); len(items) != 2 {
		t.Errorf("news: %v", items)
	}
	r := patientReach{store.NewReach(s)}
	report(t, r, 1, "syd-1", 3)
	reached(t, r, 1, map[string]int64{"syd-1": 3})
	secretOf(t, s, "nonces")
}
