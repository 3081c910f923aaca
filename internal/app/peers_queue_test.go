package app

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/baresip"
	"github.com/spillway-voice/spillway/internal/phone/sipp"
)

func TestBaresipWaitsWithMusicAndItsPlaceUntilTheAgentIsFree(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	agent := f.desk("alice", baresip.Options{})
	first := f.waitsFor("+61491570001", "1")
	f.tells(agent, "CALL_ESTABLISHED")
	f.hears(first, agentTone)
	second := f.outsideWaits(callerNumber, "1")
	f.callIs(callerNumber, "waiting")
	f.recognises(second, "the second caller", "music", f.builtIn("hold.wav"))
	f.recognises(second, "the second caller", "his place", f.builtIn("position-next.wav"))
	f.hangsUp(agent)
	if ended := f.ends(first); ended != "answered/agent" {
		t.Errorf("the first call ended as %s", ended)
	}
	f.tells(agent, "CALL_ESTABLISHED") // by itself, after the wrap-up
	f.hearTone(second, "the second caller", agentTone)
	f.hearTone(agent, "the agent", callerTone)
	f.hangsUp(second)
	f.tells(agent, "CALL_CLOSED")
	f.endsAs(callerNumber, "answered/caller")
	f.nothingLeft()
}

func TestWhatOneBaresipDoesNotAnswerTheNextOneDoes(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, unanswered)
	alice := f.desk("alice", baresip.Options{Manual: true})
	bob := f.desk("bob", baresip.Options{})
	caller := f.outsideWaits(callerNumber, "1")
	f.tells(alice, "CALL_INCOMING") // tier 1 first
	f.tells(alice, "CALL_CLOSED")   // cancelled after the ring time
	f.tells(bob, "CALL_ESTABLISHED")
	f.hearTone(caller, "the caller", agentTone)
	f.hearTone(bob, "bob", callerTone)
	if c := f.callNow(callerNumber); c.Agent != "bob" {
		t.Errorf("the call is with %q", c.Agent)
	}
	f.hangsUp(caller)
	f.tells(bob, "CALL_CLOSED")
	f.endsAs(callerNumber, "answered/caller")
	f.nothingLeft()
}

func TestBaresipOverflowsIntoSupport(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, func(dir string) { replace(dir, "centre.yaml", "after_wait: 5m", "after_wait: 1s") })
	alice, dave := f.desk("alice", baresip.Options{}), f.desk("dave", baresip.Options{})
	f.waitsFor("+61491570001", "1")
	f.tells(alice, "CALL_ESTABLISHED")
	spilled := f.outsideWaits(callerNumber, "1")
	f.tells(dave, "CALL_ESTABLISHED")
	f.hearTone(spilled, "the spilled caller", agentTone)
	f.hearTone(dave, "dave", callerTone)
	if c := f.callNow(callerNumber); c.Agent != "dave" {
		t.Errorf("the call is with %q", c.Agent)
	}
	f.hangsUp(dave)
	f.tells(spilled, "CALL_CLOSED")
	f.endsAs(callerNumber, "answered/agent")
}

func TestCallersWithBaresipAndSIPpHearTheRecallWhileTheyWait(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	alice := f.agent("alice", phone.Reply{})
	f.waitsFor("+61491570001", "1")
	busy := f.picksUp(alice)
	waiting := f.outsideWaits(callerNumber, "1")
	shopper := f.shops("+61491570002", "1", sipp.Options{})
	f.callIs("+61491570002", "waiting")
	saved := f.flip(true)
	f.recognises(waiting, "the waiting caller", "the recall", f.recording("kettle-recall.wav"))
	for _, from := range []string{callerNumber, "+61491570002"} {
		f.eventually(from+" is counted as told", func() bool { return slices.Equal(f.callNow(from).Incidents, []string{"kettle-recall"}) })
	}
	next := f.outside("+61491570003", mainNumber, baresip.Options{})
	f.recognises(next, "the next caller", "the recall", f.recording("kettle-recall.wav"))
	t.Logf("all recognised it %v after the save", time.Since(saved).Round(time.Millisecond))
	f.recognises(waiting, "the waiting caller", "music after the message", f.builtIn("hold.wav"))
	for _, p := range []*baresip.Process{waiting, next} {
		f.hangsUp(p)
		f.tells(p, "CALL_CLOSED")
	}
	f.nudge(shopper, "+61491570002")
	f.went(shopper, 1)
	if err := busy.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

func TestAReserveWithBaresipGetsASeatACallAndLosesTheSeatAtTheEnd(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, func(dir string) {
		replace(dir, "centre.yaml", "seats: 20", "seats: 1")
		replace(dir, "incidents.yaml", "add: 10", "add: 1")
	})
	f.agent("carol", phone.Reply{}) // has the only seat
	f.agentIs("carol", "ready")
	reserve := f.desk("reserve-01", baresip.Options{})
	late := f.desk("reserve-02", baresip.Options{})
	f.agentIs("reserve-01", "offline")
	f.flip(true)
	f.agentIs("reserve-01", "ready")
	f.eventually("the second reserve finds no seat", func() bool {
		a := f.agentNow("reserve-02")
		return a.State == "offline" && a.Reason == "no-seat"
	})
	if seats := f.seats(); seats.Limit != 2 || fmt.Sprint(seats.Agents, seats.Waiting) != "[carol reserve-01] [reserve-02]" {
		t.Errorf("during the incident the seats are %+v", seats)
	}
	caller := f.outside(callerNumber, mainNumber, baresip.Options{})
	f.recognises(caller, "the caller", "the welcome after the recall", f.recording("welcome.wav"))
	f.presses(caller, "1")
	f.tells(reserve, "CALL_ESTABLISHED")
	f.hearTone(caller, "the caller", agentTone)
	f.flip(false)
	f.eventually("the incident is over", func() bool { return !f.recall().Active })
	f.hearTone(reserve, "the reserve", callerTone) // who is in a call finishes it
	f.hangsUp(caller)
	f.tells(reserve, "CALL_CLOSED")
	f.eventually("all is as before", func() bool {
		one, two, seats := f.agentNow("reserve-01"), f.agentNow("reserve-02"), f.seats()
		return one.State == "offline" && one.Reason == "no-queue" && two.Reason == "no-queue" && seats.Limit == 1 && slices.Equal(seats.Agents, []string{"carol"})
	})
	late.Stop()
	f.eventually("who signs off is not there", func() bool { return f.agentNow("reserve-02").Node == "" })
	f.nothingLeft()
}
