package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/phone"
)

// logged is what the node's log has so far.
func (f *fixture) logged() string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.t.ArtifactDir(), "node.log"))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

func TestASavedToggleIsToldByTheStreamTheLogAndTheList(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	read := f.events(1, ops.IncidentRevised, "") // what the first start says
	f.flip(true)
	read = append(read, f.events(read[len(read)-1].Seq, ops.IncidentRevised, "")...)
	told := make(map[string]ops.Event)
	for _, e := range read {
		told[e.Type] = e
	}
	said := told[ops.IncidentRevised].Reason
	if !strings.HasPrefix(said, "kettle-recall ON until ") || !strings.HasSuffix(said, ", played to 0 waiting, 1 of 1 nodes") {
		t.Errorf("the stream says of the incident: %q", said)
	}
	if said != f.recall().Change || !strings.Contains(f.logged(), said) {
		t.Errorf("the list says %q, the stream %q, and the log has it: %t", f.recall().Change, said, strings.Contains(f.logged(), said))
	}
	if applied := told[ops.ConfigApplied].Reason; !strings.Contains(applied, f.app.node.Config().Version) {
		t.Errorf("the stream says of the configuration: %q", applied)
	}
	if e := told[ops.AgentChanged]; e.Agent != "alice" || e.Reason != "ready" || e.Centre != "kettle" || e.Node != "syd-1" {
		t.Errorf("the stream says of the agent: %+v", e)
	}
}

func TestASavedNodeFileChangesNothingAndSaysThatItNeedsARestart(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	before := f.app.node.Config().Version
	replace(f.dir, "spillway.yaml", "calls: 2000", "calls: 1")
	f.eventually("the log says so", func() bool { return strings.Contains(f.logged(), "spillway.yaml was changed: that needs a restart") })
	if now := f.app.node.Config(); now.Version != before || now.Error != nil {
		t.Errorf("the configuration is %+v, %+v", now, now.Error)
	}
	f.dial("+61491570001", mainNumber)
	f.dial("+61491570002", mainNumber)
}

func TestTheTrunksSourcesOfSoundFollowTheSavedFile(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	replace(f.dir, "centre.yaml", "accept: [127.0.0.1/32]", "accept: [127.0.0.1/32]\n    media: [192.0.2.0/24]")
	f.eventually("a call is told of them", func() bool {
		return fmt.Sprint(f.app.house.Plan().Trunks["carrier"].Media) == "[192.0.2.0/24]"
	})
}

func TestAScheduledIncidentBeginsByItselfAndEndsCallsWithItsMessage(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	now := time.Now()
	replace(f.dir, "incidents.yaml", "then: continue", "then: hangup")
	replace(f.dir, "incidents.yaml", "active: false", fmt.Sprintf("schedule: {from: %q, until: %q}",
		now.Add(4*time.Second).Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339)))
	replace(f.dir, "incidents.yaml", "    for: 6h", "    # no other end")
	f.eventually("the incident began", func() bool { return f.recall().Active })
	f.eventually("it says why", func() bool { return strings.HasPrefix(f.recall().Change, "kettle-recall began as scheduled") })
	caller := f.dial(callerNumber, mainNumber)
	if _, err := caller.Ear().WaitFor(f.within(patience), f.recording("kettle-recall.wav")); err != nil {
		t.Errorf("the caller never heard the message: %v", err)
	}
	if ended := f.ends(caller); ended != "message/incident" {
		t.Errorf("the call ended as %s", ended)
	}
	f.nothingLeft()
}
