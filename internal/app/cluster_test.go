package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// shares lets a node of the sample have an id and a Redis.
func shares(id, url string) func(dir string) {
	return func(dir string) {
		if id != "syd-1" { // the sample's
			replace(dir, "spillway.yaml", "id: syd-1", "id: "+id)
		}
		replace(dir, "spillway.yaml", `url: ""`, fmt.Sprintf("url: %q", url))
	}
}

// twoNodes runs two nodes of one centre on a redis-server.
func twoNodes(t *testing.T, server *redistest.Server) (syd, mel *fixture) {
	t.Helper()
	syd, mel = start(t, open, shares("syd-1", server.URL())), start(t, open, shares("mel-1", server.URL()))
	syd.knows(2)
	mel.knows(2)
	return syd, mel
}

// knows waits until a node knows so many that live.
func (f *fixture) knows(nodes int) {
	f.t.Helper()
	f.eventually(fmt.Sprintf("%d nodes live", nodes), func() bool { return f.app.cluster.living() == nodes })
}

func TestACallerOnOneNodeTalksWithAnAgentOfAnother(t *testing.T) {
	t.Parallel()
	syd, mel := twoNodes(t, redistest.Start(t))
	alice := mel.agent("alice", phone.Reply{})
	caller := syd.waitsFor(callerNumber, "1")
	agent := syd.picksUp(alice)
	caller.PlayTone(callerTone)
	agent.PlayTone(agentTone)
	syd.hears(caller, agentTone)
	syd.hears(agent, callerTone)
	for _, f := range []*fixture{syd, mel} {
		f.callIs(callerNumber, "talking")
		f.agentIs("alice", "talking")
		if c := f.callNow(callerNumber); c.Node != "syd-1" || c.Agent != "alice" {
			t.Errorf("the call is told as %+v", c)
		}
		if a := f.agentNow("alice"); a.Node != "mel-1" || a.Calls != 1 {
			t.Errorf("alice is told as %+v", a)
		}
	}
	if err := agent.Hangup(syd.within(patience)); err != nil {
		t.Fatal(err)
	}
	if ended := syd.ends(caller); ended != "answered/agent" {
		t.Errorf("the call ended %s", ended)
	}
	for _, f := range []*fixture{syd, mel} {
		f.agentIs("alice", "wrapup")
		f.callIs(callerNumber, "ended")
		f.nothingLeft()
	}
}

func TestAToggleOnOneNodeIsHeardByThoseWhoWaitOnAnother(t *testing.T) {
	t.Parallel()
	syd, mel := twoNodes(t, redistest.Start(t))
	syd.agent("alice", phone.Reply{})
	var waiting []*phone.Call
	for i, f := range []*fixture{syd, mel} {
		waiting = append(waiting, f.waitsFor(fmt.Sprintf("+6149157000%d", i), "1"))
	}
	mel.agentIs("alice", "ringing")
	saved := syd.flip(true)
	for _, c := range waiting {
		if _, err := c.Ear().WaitFor(syd.within(patience), syd.recording("kettle-recall.wav")); err != nil {
			t.Errorf("%s never heard the message: %v", c.From(), err)
		}
	}
	t.Logf("heard to its end %v after the save", time.Since(saved))
	for _, f := range []*fixture{syd, mel} {
		f.eventually("it is said how many were reached", func() bool {
			return strings.Contains(f.recall().Change, "2 of 2 nodes")
		})
		if r := f.recall(); !r.Active || r.By != "file@syd-1" || !strings.Contains(r.Change, "played to 2 waiting, 2 of 2 nodes") {
			t.Errorf("the incident is told as %+v", r)
		}
	}
	if !mel.recall().DiffersFromFile || syd.recall().DiffersFromFile {
		t.Error("whose file says otherwise is told wrongly")
	}
	for _, c := range waiting {
		if err := c.Hangup(syd.within(patience)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNobodyNoticesThatRedisIsAwayAndAllIsMergedWhenItIsBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.TCP)
	syd, mel := twoNodes(t, server)
	alice, bob := syd.agent("alice", phone.Reply{}), mel.agent("bob", phone.Reply{})
	first := syd.waitsFor("+61491570001", "1")
	talking := syd.picksUp(alice)
	first.PlayTone(callerTone)
	talking.PlayTone(agentTone)
	syd.hears(first, agentTone)
	second := mel.waitsFor("+61491570002", "1")
	other := mel.picksUp(bob)
	waiting := []*phone.Call{mel.waitsFor("+61491570003", "1"), syd.waitsFor("+61491570004", "1")}

	server.Kill()
	for _, f := range []*fixture{syd, mel} {
		f.eventually("it is told that Redis is away", func() bool {
			nodes, err := f.app.node.Nodes(t.Context())
			_, metrics := f.get("/metrics")
			return err == nil && !nodes.Redis.Up && nodes.Redis.Error != "" && strings.Contains(metrics, "spillway_redis_up 0\n")
		})
	}
	alone := syd.waitsFor("+61491570005", "1")
	talking.Ear().Forget()
	first.Ear().Forget()
	syd.hears(first, agentTone)
	syd.hears(talking, callerTone)
	if err := first.Hangup(syd.within(patience)); err != nil {
		t.Fatal(err)
	}
	again := syd.picksUp(alice) // after her wrap-up, by Redis' absence
	syd.callIs("+61491570004", "talking")

	server.Restart()
	back := time.Now()
	for _, f := range []*fixture{syd, mel} {
		f.eventually("both see one queue again", func() bool {
			calls, err := f.app.node.Calls(t.Context())
			if err != nil || f.app.cluster.living() != 2 {
				return false
			}
			place := make(map[string]int)
			for _, c := range calls {
				if c.Position != nil {
					place[c.From] = *c.Position
				}
			}
			return len(place) == 2 && place["+61491570003"] == 1 && place["+61491570005"] == 2
		})
	}
	t.Logf("merged %v after the start of redis-server", time.Since(back))
	for _, f := range []*fixture{syd, mel} {
		f.agentIs("alice", "talking")
		f.agentIs("bob", "talking")
	}
	for _, c := range []*phone.Call{second, waiting[0], waiting[1], alone} {
		if err := c.Hangup(syd.within(patience)); err != nil {
			t.Fatal(err)
		}
	}
	<-again.Done()
	<-other.Done()
	syd.nothingLeft()
	mel.nothingLeft()
}

func TestASecondNodeWithTheSameIdRefusesToStart(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	start(t, open, shares("syd-1", server.URL()))
	f := lay(t, open, shares("syd-1", server.URL()))
	if twin, err := New(Options{Dir: f.dir, Log: testLog{t}}); err == nil {
		twin.Close()
		t.Error("it started")
	} else if !strings.Contains(err.Error(), "syd-1") {
		t.Errorf("it says: %v", err)
	}
}

func TestANodeWithAnotherCentreFileIsSeen(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	syd := start(t, open, shares("syd-1", server.URL()))
	mel := start(t, open, shares("mel-1", server.URL()), func(dir string) { replace(dir, "centre.yaml", "wrap_up: 10s", "wrap_up: 11s") })
	for _, f := range []*fixture{syd, mel} {
		f.eventually("the other node is seen to differ", func() bool {
			nodes, err := f.app.node.Nodes(t.Context())
			return err == nil && len(nodes.Nodes) == 2 && (nodes.Nodes[0].Differs || nodes.Nodes[1].Differs)
		})
		f.eventually("the log says so", func() bool { return strings.Contains(f.logged(), "another node has another centre.yaml") })
	}
}

func TestAPrivateRedisKeepsPausesOverARestart(t *testing.T) {
	t.Parallel()
	f := start(t, open, shares("syd-1", "local"))
	alice := f.agent("alice", phone.Reply{})
	f.dialsCode(alice, "*1")
	f.agentIs("alice", "paused")
	f.app.Close()
	f.run()
	f.agent("alice", phone.Reply{})
	f.agentIs("alice", "paused")
	nodes, err := f.app.node.Nodes(t.Context())
	if err != nil || nodes.Redis == nil || !nodes.Redis.Up || len(nodes.Nodes) != 1 {
		t.Errorf("the nodes are told as %+v, %v", nodes, err)
	}
}

