package app

import (
	"testing"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/baresip"
)

// stage is how far a call of baresip's had come when one side hung up, and what the node says of it then.
type stage struct {
	name, ending string
	hangUp       func(f *fixture, caller *baresip.Process)
}

// TestBaresipMayHangUpAtEveryStage has one side hang up, and checks that the other learns of it and that nothing is left.
func TestBaresipMayHangUpAtEveryStage(t *testing.T) {
	for _, s := range []stage{
		{"the caller in the menu", "abandoned/caller", func(f *fixture, caller *baresip.Process) {
			f.recognises(caller, "the caller", "the menu", f.recording("choose.wav"))
			f.hangsUp(caller)
		}},
		{"the caller while waiting", "abandoned/short", func(f *fixture, caller *baresip.Process) {
			alice := f.agent("alice", phone.Reply{})
			first := f.waitsFor("+61491570001", "1")
			f.rings(alice)
			f.presses(caller, "1")
			f.callIs(callerNumber, "waiting")
			f.hangsUp(caller)
			f.tells(caller, "CALL_CLOSED")
			f.callIs(callerNumber, "ended")
			if err := first.Hangup(f.within(patience)); err != nil {
				f.t.Fatal(err)
			}
		}},
		{"the caller while the agent's phone rings", "abandoned/short", func(f *fixture, caller *baresip.Process) {
			agent := f.desk("alice", baresip.Options{Manual: true})
			f.presses(caller, "1")
			f.tells(agent, "CALL_INCOMING")
			f.hangsUp(caller)
			f.tells(agent, "CALL_CLOSED") // by a CANCEL
		}},
		{"the caller in the conversation", "answered/caller", func(f *fixture, caller *baresip.Process) {
			agent := f.desk("alice", baresip.Options{})
			f.presses(caller, "1")
			f.tells(agent, "CALL_ESTABLISHED")
			f.hearTone(caller, "the caller", agentTone)
			f.hearTone(agent, "the agent", callerTone)
			f.hangsUp(caller)
			f.tells(agent, "CALL_CLOSED")
		}},
		{"the agent in the conversation", "answered/agent", func(f *fixture, caller *baresip.Process) {
			agent := f.desk("alice", baresip.Options{})
			f.presses(caller, "1")
			f.tells(agent, "CALL_ESTABLISHED")
			f.hearTone(caller, "the caller", agentTone)
			f.hearTone(agent, "the agent", callerTone)
			f.hangsUp(agent)
			f.tells(agent, "CALL_CLOSED")
			f.tells(caller, "CALL_CLOSED")
		}},
		{"the agent while his phone rings", "answered/caller", func(f *fixture, caller *baresip.Process) {
			alice, bob := f.desk("alice", baresip.Options{Manual: true}), f.desk("bob", baresip.Options{})
			f.presses(caller, "1")
			f.tells(alice, "CALL_INCOMING")
			f.hangsUp(alice) // a refusal: the next agent is asked
			f.tells(bob, "CALL_ESTABLISHED")
			f.hearTone(caller, "the caller", agentTone)
			f.hearTone(bob, "bob", callerTone)
			f.hangsUp(caller)
			f.tells(bob, "CALL_CLOSED")
		}},
		{"the agent by a crash", "answered/caller", func(f *fixture, caller *baresip.Process) {
			alice := f.desk("alice", baresip.Options{})
			bob := f.desk("bob", baresip.Options{Manual: true})
			f.presses(caller, "1")
			f.tells(alice, "CALL_ESTABLISHED")
			f.hearTone(caller, "the caller", agentTone)
			alice.Kill()
			f.tells(bob, "CALL_INCOMING")
			f.recognises(caller, "the caller", "that he returns to the queue", f.builtIn("returning.wav"))
			if err := bob.Accept(f.within(patience)); err != nil {
				f.t.Fatal(err)
			}
			f.hearTone(bob, "bob", callerTone)
			f.hearTone(caller, "the caller", agentTone)
			f.hangsUp(caller)
			f.tells(bob, "CALL_CLOSED")
		}},
		{"the caller by a crash", "answered/no_media", func(f *fixture, caller *baresip.Process) {
			agent := f.desk("alice", baresip.Options{})
			f.presses(caller, "1")
			f.tells(agent, "CALL_ESTABLISHED")
			f.hearTone(agent, "the agent", callerTone)
			caller.Kill()
			f.tells(agent, "CALL_CLOSED")
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, func(dir string) { replace(dir, "spillway.yaml", "timeout: 10s", "timeout: 2s") })
			s.hangUp(f, f.outside(callerNumber, mainNumber, baresip.Options{}))
			f.endsAs(callerNumber, s.ending)
			f.nothingLeft()
		})
	}
}

func TestAnAgentWithBaresipDialsAColleague(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	alice := f.desk("alice", baresip.Options{})
	bob := f.agent("bob", phone.Reply{})
	f.calls(alice, "bob")
	given := f.rings(bob)
	f.hangsUp(alice) // before bob answers: a CANCEL
	<-given.Done()
	f.tells(alice, "CALL_CLOSED")
	f.nothingLeft()
	f.calls(alice, "bob")
	taken := f.picksUp(bob)
	taken.PlayTone(callerTone)
	f.hears(taken, agentTone)
	f.hearTone(alice, "alice", callerTone)
	f.agentIs("alice", "talking")
	f.agentIs("bob", "talking")
	if err := taken.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.tells(alice, "CALL_CLOSED")
	f.agentIs("alice", "ready")
	f.nothingLeft()
}
