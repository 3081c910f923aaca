package app

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/phone"
)

// TestAnAgentOverTCPProvesItselfBySHA256AndTalksALaw has all that differs from the sample at once: the transport, the challenge and
// the codec that the node prefers.
func TestAnAgentOverTCPProvesItselfBySHA256AndTalksALaw(t *testing.T) {
	t.Parallel()
	f := start(t, open, func(dir string) {
		replace(dir, "spillway.yaml", "digest: [md5]", "digest: [sha-256]")
		replace(dir, "spillway.yaml", "codecs: [pcmu, pcma]", "codecs: [pcma]")
	})
	alice := f.phone(phone.Options{User: "alice", Secret: secret, Network: "tcp", Sound: phone.Sound{Codecs: []phone.Codec{phone.PCMA}}})
	if err := alice.Register(f.within(patience), time.Hour); err != nil {
		t.Fatal(err)
	}
	caller := f.waitsFor(callerNumber, "1")
	answered := f.picksUp(alice)
	caller.PlayTone(callerTone)
	answered.PlayTone(agentTone)
	f.hears(caller, agentTone)
	f.hears(answered, callerTone)
	if id, err := uuid.Parse(f.callNow(callerNumber).ID); err != nil || id.Version() != 7 {
		t.Errorf("the call's id %s is no UUIDv7: %v", id, err)
	}
	if err := answered.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.ends(caller)
	f.nothingLeft()
}

func TestAPauseByPhoneOutlivesARestart(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	f.dialsCode(f.agent("alice", phone.Reply{}), "*1")
	f.agentIs("alice", "paused")
	f.app.Close()
	f.run()
	again := f.agent("alice", phone.Reply{})
	f.agentIs("alice", "paused")
	f.dialsCode(again, "*2")
	f.agentIs("alice", "ready")
}

// dialsCode dials one of the numbers that end by themselves.
func (f *fixture) dialsCode(p *phone.Phone, number string) {
	f.t.Helper()
	c, err := p.Dial(f.within(patience), number, phone.CallOptions{})
	if err != nil {
		f.t.Fatalf("%s dials %s: %v", p.User(), number, err)
	}
	select {
	case <-c.Done():
	case <-time.After(patience):
		f.t.Fatalf("the call to %s does not end", number)
	}
}

// TestASpilledCallerWaitsAtHomeAlone has every agent ring for others, so that the caller stays spilled.
func TestASpilledCallerWaitsAtHomeAlone(t *testing.T) {
	t.Parallel()
	f := start(t, open, func(dir string) { replace(dir, "centre.yaml", "after_wait: 5m", "after_wait: 1s") })
	alice, dave := f.agent("alice", phone.Reply{}), f.agent("dave", phone.Reply{})
	f.waitsFor("+61491570001", "1")
	f.picksUp(alice)
	f.waitsFor("+61491570002", "0")
	f.picksUp(dave)
	f.waitsFor("+61491570003", "1")
	f.eventually("the caller of orders is offered to support too", func() bool { return f.queue("support").OverflowedIn == 1 })
	if orders, support := f.queue("orders"), f.queue("support"); orders.Waiting != 1 || orders.OverflowedIn != 0 || support.Waiting != 0 {
		t.Errorf("orders is %+v, support %+v", orders, support)
	}
}

// queue is a department, as the API tells it.
func (f *fixture) queue(name string) ops.Queue {
	f.t.Helper()
	queues, err := f.app.node.Queues(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, q := range queues {
		if q.Name == name {
			return q
		}
	}
	f.t.Fatalf("no queue %s", name)
	return ops.Queue{}
}
