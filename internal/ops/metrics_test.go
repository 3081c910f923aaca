package ops_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/opstest"
)

// scrape returns Spillway's own lines of /metrics.
func (f *fixture) scrape(t *testing.T) string {
	t.Helper()
	_, body := f.ask(t, "GET", "/metrics", "")
	var own strings.Builder
	for line := range strings.Lines(body) {
		if strings.Contains(line, "spillway_") {
			own.WriteString(line)
		}
	}
	return own.String()
}

func TestMetricsHaveTheirNamesAndLabels(t *testing.T) {
	var metrics *ops.Metrics
	f := start(t, opstest.Kettle(), func(o *ops.Options) {
		metrics = ops.NewMetrics(ops.Sources{Name: "syd-1", Node: o.Node, RTP: func() ops.RTP {
			return ops.RTP{
				Received: 9000, Sent: 8000, Lost: 7, Strangers: 6, Unproven: 5, Excess: 4, Invalid: 3, Unsent: 2, Late: 1, FreePorts: 99}
		}})
		o.Metrics = metrics
	})
	metrics.CallEnded("answered", "caller")
	metrics.CallEnded("answered", "caller")
	metrics.CallEnded("bewitched", "${jndi}")
	metrics.QueueWait("orders", "answered", 12*time.Second)
	metrics.QueueWait("orders", "timeout", 30*time.Minute)
	metrics.QueueWait("orders", "\x00", time.Second)
	metrics.SIPRequest("INVITE", 200)
	metrics.SIPRequest("ACK", 0)
	metrics.SIPRequest("' OR 1=1", 99999)
	metrics.Match(3 * time.Millisecond)
	metrics.Match(-time.Millisecond)
	metrics.MOS("caller", "heard", 4.39)
	metrics.MOS("agent", "sent", 2.9)
	metrics.Violated("I2")
	metrics.Violated("I99")
	golden(t, "metrics.golden", f.scrape(t))
}

func TestMetricsTellOfProcessAndRuntimeToo(t *testing.T) {
	f := start(t, opstest.State{}, nil)
	_, body := f.ask(t, "GET", "/metrics", "")
	for _, name := range []string{"go_goroutines ", "process_open_fds "} {
		if !strings.Contains(body, "\n"+name) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestAQueueThatIsGoneIsNoLongerMeasured(t *testing.T) {
	f := start(t, opstest.Kettle(), nil)
	if before := f.scrape(t); !strings.Contains(before, `spillway_queue_waiting{queue="support"}`) {
		t.Fatal(before)
	}
	f.node.Set(func(s *opstest.State) { s.Queues = s.Queues[:2]; s.Config.Error = nil })
	after := f.scrape(t)
	if strings.Contains(after, "support") || !strings.Contains(after, "spillway_config_last_reload_success 1") {
		t.Error(after)
	}
}

func TestANodeThatIsNotAmongTheNodesTellsNothingOfItsClock(t *testing.T) {
	f := start(t, opstest.Kettle(), nil)
	f.node.Set(func(s *opstest.State) { s.Nodes.Nodes = s.Nodes.Nodes[:2] })
	got := f.scrape(t)
	if strings.Contains(got, "spillway_clock_offset_seconds") || !strings.Contains(got, `spillway_nodes{state="alive"} 1`) {
		t.Error(got)
	}
}

func TestWhatANodeCannotTellLeavesTheRestMeasured(t *testing.T) {
	f := start(t, opstest.Kettle(), nil)
	f.node.Set(func(s *opstest.State) { s.Failure = errors.New("too busy") })
	got := f.scrape(t)
	if strings.Contains(got, "spillway_seats{") || !strings.Contains(got, "spillway_redis_up 1") {
		t.Error(got)
	}
}
