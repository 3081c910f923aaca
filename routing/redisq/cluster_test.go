package redisq_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store/redisserver"
	"github.com/spillway-voice/spillway/internal/store/redistest"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/queuetest"
)

// A Redis Cluster lets a script touch the keys of one slot alone, and says so when it touches another.
func TestTheContractOnACluster(t *testing.T) {
	server := redistest.Start(t, redistest.TCP, redistest.With(redisserver.Directive{"cluster-enabled", "yes"}))
	client := server.Client()
	must(t, client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	deadline := time.Now().Add(patience)
	for {
		info, err := client.ClusterInfo(t.Context()).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cluster does not form: %s, %v", info, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	var centres atomic.Int64
	queuetest.Run(t, queuetest.Suite{New: func(t *testing.T) routing.Store {
		address := strings.Replace(server.URL(), "redis://", "redis+cluster://", 1)
		return openedAt(t, address, fmt.Sprintf("kettle-%d", centres.Add(1)))
	}})
}
