package app

import (
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

// waitsFor dials the main number, presses a key and waits until the call stands in the queue, or is through it already.
func (f *fixture) waitsFor(from, key string) *phone.Call {
	f.t.Helper()
	c := f.dial(from, mainNumber)
	if err := c.SendDigits(key); err != nil {
		f.t.Fatal(err)
	}
	f.queued(from)
	return c
}

// queued waits until a caller's call stands in a queue, or is through it already.
func (f *fixture) queued(from string) {
	f.t.Helper()
	f.eventually(from+" is in a queue", func() bool {
		s := f.callNow(from).State
		return s == "waiting" || s == "ringing" || s == "talking"
	})
}

// ends waits until a call is over and returns how the node saw it end.
func (f *fixture) ends(c *phone.Call) string {
	f.t.Helper()
	select {
	case <-c.Done():
	case <-time.After(patience):
		f.t.Fatalf("the call of %s does not end", c.From())
	}
	f.callIs(c.From(), "ended")
	ended := f.callNow(c.From())
	return ended.Result + "/" + ended.Reason
}

// rings waits until an agent's phone rings.
func (f *fixture) rings(p *phone.Phone) *phone.Call {
	f.t.Helper()
	select {
	case c := <-p.Incoming():
		return c
	case <-time.After(patience):
		f.t.Fatal("the agent's phone does not ring")
		return nil
	}
}

// talk has a caller and an agent say their tones and hear each other's.
func (f *fixture) talk(caller, agent *phone.Call) {
	f.t.Helper()
	caller.PlayTone(callerTone)
	agent.PlayTone(agentTone)
	f.hears(caller, agentTone)
	f.hears(agent, callerTone)
}

// picksUp answers an agent's phone and waits until the two talk. On a slow machine an offer may be taken back and made again.
func (f *fixture) picksUp(p *phone.Phone) *phone.Call {
	f.t.Helper()
	for {
		c := f.rings(p)
		_ = c.Answer(f.within(patience)) // whether it held is seen next
		talking := false
		f.eventually("the agent's phone is connected or over", func() bool {
			select {
			case <-c.Done():
				return true
			default:
			}
			talking = f.callNow(c.From()).State == "talking"
			return talking
		})
		if talking {
			return c
		}
	}
}

// shorter makes the sample's times short enough for tests that wait for them.
func shorter(dir string) {
	replace(dir, "centre.yaml", "wrap_up: 10s", "wrap_up: 1s")
	replace(dir, "centre.yaml", "announce: {say: [position], first: 10s, every: 30s}", "announce: {say: [position], first: 1s, every: 30s}")
}

// unanswered makes the time short for which a phone rings that nobody answers; the others have a long time, on a slow machine too.
func unanswered(dir string) { replace(dir, "centre.yaml", "ring: 15s", "ring: 2s") }

func TestACallerWaitsWithMusicAndHearsHisPlaceUntilTheAgentIsFree(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	agent := f.agent("alice", phone.Reply{})
	first := f.waitsFor("+61491570001", "1")
	firstAtAgent := f.picksUp(agent)
	second := f.waitsFor("+61491570002", "1")
	f.callIs("+61491570002", "waiting")
	if _, err := second.Ear().WaitFor(f.within(patience), f.builtIn("position-next.wav")); err != nil {
		t.Errorf("the second caller never heard his place: %v", err)
	}
	if _, err := second.Ear().WaitFor(f.within(patience), f.builtIn("hold.wav")); err != nil {
		t.Errorf("the second caller never heard music: %v", err)
	}
	if err := firstAtAgent.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	if ended := f.ends(first); ended != "answered/agent" {
		t.Errorf("the first call ended as %s", ended)
	}
	secondAtAgent := f.picksUp(agent)
	secondAtAgent.PlayTone(620)
	second.PlayTone(440)
	f.hears(second, 620)
	f.hears(secondAtAgent, 440)
	if err := secondAtAgent.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.ends(second)
	f.nothingLeft()
}

func TestAnOfferThatNobodyAnswersGoesToTheNextAgent(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, unanswered)
	alice, bob := f.agent("alice", phone.Reply{}), f.agent("bob", phone.Reply{})
	caller := f.waitsFor(callerNumber, "1")
	ignored := f.rings(alice) // tier 1 first
	answered := f.picksUp(bob)
	select {
	case <-ignored.Done():
	case <-time.After(patience):
		t.Error("alice's phone was not cancelled")
	}
	caller.PlayTone(440)
	f.hears(answered, 440)
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

func TestAnAgentWhoDeclinesIsNotAskedAgainForTheSameCaller(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	alice, bob := f.agent("alice", phone.Reply{}), f.agent("bob", phone.Reply{})
	f.waitsFor(callerNumber, "1")
	if err := f.rings(alice).Reject(603); err != nil {
		t.Fatal(err)
	}
	answered := f.picksUp(bob)
	if err := answered.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

func TestAQueueWithNobodySignedInApologises(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	caller := f.dial(callerNumber, billingNumber)
	if _, err := caller.Ear().WaitFor(f.within(patience), f.builtIn("apology.wav")); err != nil {
		t.Errorf("the caller never heard an apology: %v", err)
	}
	if ended := f.ends(caller); ended != "refused/unstaffed" {
		t.Errorf("the call ended as %s", ended)
	}
	f.nothingLeft()
}

func TestAFullQueueLeadsToTheStepsElse(t *testing.T) {
	t.Parallel()
	f := start(t, open, func(dir string) { replace(dir, "centre.yaml", "capacity: 500", "capacity: 1") })
	f.agent("alice", phone.Reply{})
	f.waitsFor("+61491570001", "1")
	second := f.dial("+61491570002", mainNumber)
	if err := second.SendDigits("1"); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Ear().WaitFor(f.within(patience), f.builtIn("sorry.wav")); err != nil {
		t.Errorf("the second caller never heard sorry: %v", err)
	}
	if ended := f.ends(second); ended != "refused/full" {
		t.Errorf("the second call ended as %s", ended)
	}
}

func TestOverflowOffersACallerToAnotherDepartment(t *testing.T) {
	t.Parallel()
	f := start(t, open, func(dir string) { replace(dir, "centre.yaml", "after_wait: 5m", "after_wait: 1s") })
	f.agent("alice", phone.Reply{})
	dave := f.agent("dave", phone.Reply{})
	busy := f.waitsFor("+61491570001", "1")
	f.callIs("+61491570001", "ringing")
	spilled := f.waitsFor("+61491570002", "1")
	answered := f.rings(dave)
	if answered.From() != "+61491570002" {
		t.Errorf("dave was offered %s", answered.From())
	}
	if err := answered.Answer(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	spilled.PlayTone(440)
	f.hears(answered, 440)
	for _, c := range []*phone.Call{busy, spilled} {
		if err := c.Hangup(f.within(patience)); err != nil {
			t.Fatal(err)
		}
	}
	f.nothingLeft()
}

func TestTheCallerReturnsToTheQueueWhenTheAgentsPhoneVanishes(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, func(dir string) { replace(dir, "spillway.yaml", "timeout: 10s", "timeout: 2s") })
	alice := f.agent("alice", phone.Reply{})
	bob := f.agent("bob", phone.Reply{})
	caller := f.waitsFor(callerNumber, "1")
	lost := f.picksUp(alice)
	lost.PlayTone(620)
	f.hears(caller, 620)
	caller.PlayTone(440)
	alice.Vanish()
	answered := f.rings(bob)
	if _, err := caller.Ear().WaitFor(f.within(patience), f.builtIn("returning.wav")); err != nil {
		t.Errorf("the caller was not told: %v", err)
	}
	if err := answered.Answer(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.hears(answered, 440)
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

func TestACallerMayHangUpAtEveryStage(t *testing.T) {
	for _, stage := range []struct {
		name, ending string
		reach        func(f *fixture, alice *phone.Phone) *phone.Call
	}{
		{"in the menu", "abandoned/caller", func(f *fixture, _ *phone.Phone) *phone.Call { return f.dial(callerNumber, mainNumber) }},
		{"while an agent's phone rings", "abandoned/short", func(f *fixture, alice *phone.Phone) *phone.Call {
			c := f.waitsFor(callerNumber, "1")
			f.rings(alice)
			return c
		}},
		{"while waiting", "abandoned/short", func(f *fixture, alice *phone.Phone) *phone.Call {
			f.waitsFor("+61491570001", "1")
			f.rings(alice)
			c := f.waitsFor(callerNumber, "1")
			f.callIs(callerNumber, "waiting")
			return c
		}},
		{"in the conversation", "answered/caller", func(f *fixture, alice *phone.Phone) *phone.Call {
			c := f.waitsFor(callerNumber, "1")
			f.picksUp(alice)
			f.callIs(callerNumber, "talking")
			return c
		}},
	} {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, open)
			alice := f.agent("alice", phone.Reply{})
			c := stage.reach(f, alice)
			if err := c.Hangup(f.within(patience)); err != nil {
				t.Fatal(err)
			}
			if ended := f.ends(c); ended != stage.ending {
				t.Errorf("the call ended as %s, not %s", ended, stage.ending)
			}
			for _, left := range alice.Calls() {
				if left.From() == callerNumber {
					<-left.Done()
				}
			}
		})
	}
}
