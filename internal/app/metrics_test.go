package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/phone"
)

func TestTheMetricsOfANodeTellOfSoundSeatsAndIncidents(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	f.flip(true)
	f.eventually("the incident is active", func() bool { return f.recall().Active })
	f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	caller := f.dial(callerNumber, mainNumber)
	caller.PlayTone(callerTone)
	if err := caller.Ear().WaitSound(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`spillway_incident_active{incident="kettle-recall"} 1`,
		`spillway_seats{kind="used"} 1`,
		`spillway_seats{kind="limit"} 30`,
		`spillway_agents{state="ready"} 1`,
		`spillway_calls{state="ivr"} 1`,
		`spillway_config_last_reload_success 1`,
		`spillway_redis_up 1`,
	} {
		f.eventually("the metrics have "+line, func() bool {
			_, metrics := f.get("/metrics")
			return strings.Contains(metrics, line+"\n")
		})
	}
	if code, metrics := f.get("/metrics"); !strings.Contains(metrics, "\nspillway_media_ports_free ") || !strings.Contains(metrics, `spillway_rtp_dropped_total{reason="stranger"} `) {
		t.Errorf("%v: free ports, or what was dropped, is not among the metrics", code)
	}
	for _, direction := range []string{"in", "out"} {
		name := fmt.Sprintf("spillway_rtp_packets_total{direction=%q} ", direction)
		f.eventually("packets are counted: "+name, func() bool {
			_, metrics := f.get("/metrics")
			_, counted, found := strings.Cut(metrics, "\n"+name)
			return found && !strings.HasPrefix(counted, "0\n")
		})
	}
}
