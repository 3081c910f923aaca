package app

import (
	"fmt"
	"slices"
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

// overheard collects what a node's events tell, without the moments and numbers that are the node's own.
func (f *fixture) overheard() func() []string {
	subscription := f.app.feed.Subscribe(0)
	f.t.Cleanup(subscription.Cancel)
	var told []string
	return func() []string {
		for {
			select {
			case e := <-subscription.C:
				told = append(told, fmt.Sprintf("%s node=%s call=%s queue=%s agent=%s incident=%s reason=%s",
					e.Type, e.Node, e.Call, e.Queue, e.Agent, e.Incident, e.Reason))
			default:
				slices.Sort(told)
				return told
			}
		}
	}
}

func TestTheEventsOfAllNodesTellTheSame(t *testing.T) {
	t.Parallel()
	syd, mel := twoNodes(t, redistest.Start(t))
	here, there := syd.overheard(), mel.overheard()
	alice := mel.agent("alice", phone.Reply{})
	caller := syd.waitsFor(callerNumber, "1")
	syd.picksUp(alice)
	syd.flip(true)
	if err := caller.Hangup(syd.within(patience)); err != nil {
		t.Fatal(err)
	}
	own := func(told []string) (shared []string) {
		for _, line := range told {
			// An agent's state and what an incident did are told by each node, in its own name.
			line, _, _ = strings.Cut(strings.NewReplacer(" node=syd-1", "", " node=mel-1", "").Replace(line), ", played to")
			shared = append(shared, line)
		}
		return shared
	}
	var a, b []string
	complete := func(told []string, wanted string) bool {
		return slices.ContainsFunc(told, func(line string) bool { return strings.HasPrefix(line, wanted) })
	}
	syd.eventually("both nodes tell all", func() bool {
		a, b = here(), there()
		for _, wanted := range []string{"call.queued", "call.offered", "call.answered", "call.ended", "config.applied", "incident.revision"} {
			if !complete(a, wanted) || !complete(b, wanted) {
				return false
			}
		}
		return slices.Equal(own(a), own(b))
	})
	for _, line := range append(a, b...) {
		if strings.HasPrefix(line, "call.") && !strings.Contains(line, "node=syd-1 ") {
			t.Errorf("whose call it is is told wrongly: %s", line)
		}
	}
}

func TestANodeStartsWithoutRedisAndJoinsTheOthersWhenItIsThere(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.TCP)
	server.Kill()
	f := start(t, open, shares("syd-1", server.URL()))
	alice := f.agent("alice", phone.Reply{})
	caller := f.waitsFor(callerNumber, "1")
	agent := f.picksUp(alice)
	caller.PlayTone(callerTone)
	f.hears(agent, callerTone)
	server.Restart()
	f.eventually("it is told that Redis answers", func() bool {
		nodes, err := f.app.node.Nodes(t.Context())
		return err == nil && nodes.Redis.Up
	})
	f.agentIs("alice", "talking")
	agent.Ear().Forget()
	f.hears(agent, callerTone)
	other := start(t, open, shares("mel-1", server.URL()))
	other.agentIs("alice", "talking")
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	other.agentIs("alice", "wrapup")
	f.nothingLeft()
}

func TestANodeThatIsKilledLosesItsCallsAndNobodyElseNotices(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	syd := lay(t, open, shares("syd-1", server.URL()))
	process := syd.serves()
	syd.isReady(process)
	mel := start(t, open, shares("mel-1", server.URL()))
	mel.knows(2)
	alice := syd.agent("alice", phone.Reply{})
	mel.agentIs("alice", "ready")
	first := syd.dial("+61491570001", mainNumber)
	if err := first.SendDigits("1"); err != nil {
		t.Fatal(err)
	}
	talking := mel.rings(alice)
	if err := talking.Answer(mel.within(patience)); err != nil {
		t.Fatal(err)
	}
	mel.agentIs("alice", "talking")
	lost := syd.dial("+61491570002", mainNumber)
	if err := lost.SendDigits("1"); err != nil {
		t.Fatal(err)
	}
	mel.callIs("+61491570002", "waiting")
	later := mel.waitsFor("+61491570003", "1")

	if err := process.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	next := mel.rings(alice) // an agent of the dead node, for a caller of another
	t.Logf("the dead node's agent rang for another node's caller after %v", time.Since(killed))
	if next.From() != "+61491570003" {
		t.Errorf("she is rung for %s", next.From())
	}
	if q := mel.queue("orders"); q.Lost != 1 {
		t.Errorf("the queue is told as %+v", q)
	}
	if err := next.Hangup(mel.within(patience)); err != nil { // she declines: the caller waits on
		t.Fatal(err)
	}
	back := mel.waitsFor("+61491570002", "1")
	mel.eventually("who comes back stands where he stood", func() bool {
		calls, err := mel.app.node.Calls(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		place := make(map[string]int)
		for _, c := range calls {
			if c.Position != nil {
				place[c.From] = *c.Position
			}
		}
		return place["+61491570002"] == 1 && place["+61491570003"] == 2
	})
	if q := mel.queue("orders"); q.Lost != 0 || q.Waiting != 2 {
		t.Errorf("then the queue is told as %+v", q)
	}
	again := syd.serves() // the same id: what its earlier life owned is gone
	syd.isReady(again)
	mel.knows(2)
	for _, c := range []*phone.Call{later, back} {
		if err := c.Hangup(mel.within(patience)); err != nil {
			t.Fatal(err)
		}
	}
	mel.nothingLeft()
}

func TestTheEventsGoOnAfterAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.TCP)
	f := start(t, open, shares("syd-1", server.URL()))
	f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	told := f.overheard()
	server.Kill()
	f.eventually("Redis is away", func() bool { return !f.app.cluster.queues.Up() })
	server.Restart()
	f.eventually("Redis is back", func() bool { return f.app.cluster.queues.Up() })
	f.waitsFor(callerNumber, "1")
	f.eventually("the call is told", func() bool {
		return slices.ContainsFunc(told(), func(line string) bool { return strings.HasPrefix(line, "call.queued") })
	})
}

func TestTheAPIAnswersAtOnceWhileRedisHangs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.TCP)
	syd, mel := twoNodes(t, server)
	own, other := syd.waitsFor("+61491570001", "1"), mel.waitsFor("+61491570002", "1")
	syd.callIs("+61491570002", "waiting")
	server.Pause()
	defer server.Resume()
	began := time.Now()
	if calls, err := syd.app.node.Calls(t.Context()); err != nil || len(calls) == 0 || calls[0].From != own.From() {
		t.Errorf("the calls are %+v, %v", calls, err)
	}
	if _, metrics := syd.get("/metrics"); !strings.Contains(metrics, `spillway_calls{state="waiting"} 1`) {
		t.Errorf("the node's own calls are not counted:\n%.300s", metrics)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("that took %v", took)
	}
	server.Resume()
	for _, c := range []*phone.Call{own, other} {
		if err := c.Hangup(syd.within(patience)); err != nil {
			t.Fatal(err)
		}
	}
}
