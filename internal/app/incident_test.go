package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

// flip saves incidents.yaml with the recall switched on or off, as an editor would.
func (f *fixture) flip(on bool) time.Time {
	f.t.Helper()
	saved := time.Now()
	if err := sample.Switch(f.dir, on); err != nil {
		f.t.Fatal(err)
	}
	return saved
}

func (f *fixture) recall() ops.Incident {
	f.t.Helper()
	incidents, err := f.app.node.Incidents(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return incidents[0]
}

func (f *fixture) seats() ops.Seats {
	f.t.Helper()
	seats, err := f.app.node.Seats(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return seats
}

func TestAFlippedToggleIsHeardByThoseWhoWaitAndByTheNextCaller(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	f.agent("alice", phone.Reply{})
	first := f.waitsFor("+61491570001", "1")
	var waiting []*phone.Call
	for i := range 3 {
		waiting = append(waiting, f.waitsFor(fmt.Sprintf("+6149157001%d", i), "1"))
	}
	billing := f.dial("+61491570020", billingNumber)
	message := f.recording("kettle-recall.wav")
	saved := f.flip(true)
	for _, c := range append(waiting, first) {
		heard, err := c.Ear().WaitFor(f.within(patience), message)
		if err != nil {
			t.Errorf("%s waited and did not hear the message: %v", c.From(), err)
			continue
		}
		t.Logf("%s heard it %v after the save", c.From(), heard.Began.Sub(saved).Round(time.Millisecond))
	}
	next := f.dial("+61491570030", mainNumber)
	if _, err := next.Ear().WaitFor(f.within(patience), message); err != nil {
		t.Errorf("the next caller did not hear the message: %v", err)
	}
	if _, err := next.Ear().WaitFor(f.within(patience), f.recording("welcome.wav")); err != nil {
		t.Errorf("the next caller did not go on to the welcome: %v", err)
	}
	if said := f.recall().Change; !strings.HasPrefix(said, "kettle-recall ON until ") || !strings.HasSuffix(said, "played to 4 waiting, 1 of 1 nodes") {
		t.Errorf("the sentence about it is %q", said)
	}
	if call := f.callNow("+61491570030"); !slices.Equal(call.Incidents, []string{"kettle-recall"}) {
		t.Errorf("the call's incidents are %v", call.Incidents)
	}
	if _, heard := billing.Ear().Find(message); heard {
		t.Error("a caller of another number heard the message")
	}
}

func TestAnIncidentAddsSeatsAndAgentsAndTakesThemBackAtItsEnd(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	reserve := f.agent("reserve-01", phone.Reply{})
	f.eventually("the reserve agent has no queue", func() bool {
		a := f.agentNow("reserve-01")
		return a.State == "offline" && a.Reason == "no-queue"
	})
	f.flip(true)
	f.agentIs("reserve-01", "ready")
	if seats := f.seats(); seats.Limit != 30 || !slices.Equal(seats.Agents, []string{"reserve-01"}) {
		t.Errorf("during the incident the seats are %+v", seats)
	}
	if recall := f.recall(); !recall.Active || recall.Revision < 1 || recall.By != "file@syd-1" || recall.DiffersFromFile {
		t.Errorf("during the incident it is %+v", recall)
	}
	caller := f.waitsFor(callerNumber, "1")
	atReserve := f.picksUp(reserve)
	f.flip(false)
	f.eventually("the incident is over", func() bool { return !f.recall().Active })
	caller.PlayTone(440)
	f.hears(atReserve, 440) // who is in a call finishes it
	if a := f.agentNow("reserve-01"); a.State != "talking" {
		t.Errorf("the reserve agent in a call is %s", a.State)
	}
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.eventually("all is as before", func() bool {
		a, seats := f.agentNow("reserve-01"), f.seats()
		return a.State == "offline" && a.Reason == "no-queue" && seats.Limit == 20 && seats.Used == 0
	})
	f.nothingLeft()
}

func TestATypoChangesNothingAndIsShownWithItsPlace(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	before := f.app.node.Config()
	replace(f.dir, "incidents.yaml", "active: false", "active: treu")
	f.eventually("the mistake is shown", func() bool { return f.app.node.Config().Error != nil })
	shown := f.app.node.Config()
	if shown.Error.File != "incidents.yaml" || shown.Error.Line != 5 || shown.Version != before.Version {
		t.Errorf("the configuration is shown as %+v, %+v", shown, shown.Error)
	}
	replace(f.dir, "incidents.yaml", "active: treu", "active: true")
	f.eventually("the incident is active", func() bool { return f.recall().Active })
	if err := f.app.node.Config().Error; err != nil {
		t.Errorf("the mistake is still shown: %+v", err)
	}
}

func TestAToggleByTheAPIOutlivesARestart(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	told, err := f.app.node.Toggle(t.Context(), "kettle-recall", ops.Toggle{Active: true, For: 2 * time.Hour, Reason: "hot handles", By: "duty", From: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	if !told.Active || !told.DiffersFromFile || told.By != "duty" || told.Reason != "hot handles" {
		t.Errorf("the toggle made %+v", told)
	}
	f.app.Close()
	f.run()
	if again := f.recall(); !again.Active || again.Revision != told.Revision || again.By != "duty" {
		t.Errorf("after the restart it is %+v", again)
	}
	caller := f.dial(callerNumber, mainNumber)
	if _, err := caller.Ear().WaitFor(f.within(patience), f.recording("kettle-recall.wav")); err != nil {
		t.Errorf("after the restart a caller does not hear the message: %v", err)
	}
}

func TestACallerHearsAMessageOnce(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	f.flip(true)
	f.eventually("the incident is active", func() bool { return f.recall().Active })
	message := f.recording("kettle-recall.wav")
	first := f.dial(callerNumber, mainNumber)
	if _, err := first.Ear().WaitFor(f.within(patience), f.recording("welcome.wav")); err != nil {
		t.Fatal(err)
	}
	if _, heard := first.Ear().Find(message); !heard {
		t.Error("the first call did not hear the message")
	}
	if err := first.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	second := f.dial(callerNumber, mainNumber)
	if _, err := second.Ear().WaitFor(f.within(patience), f.recording("welcome.wav")); err != nil {
		t.Fatal(err)
	}
	if _, heard := second.Ear().Find(message); heard {
		t.Error("the second call heard the message again")
	}
}

func TestWhoHeardAMessageIsRememberedOverARestart(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	f.flip(true)
	f.eventually("the incident is active", func() bool { return f.recall().Active })
	first := f.dial(callerNumber, mainNumber)
	if _, err := first.Ear().WaitFor(f.within(patience), f.recording("welcome.wav")); err != nil {
		t.Fatal(err)
	}
	f.app.Close()
	f.run()
	second := f.dial(callerNumber, mainNumber)
	if _, err := second.Ear().WaitFor(f.within(patience), f.recording("welcome.wav")); err != nil {
		t.Fatal(err)
	}
	if _, heard := second.Ear().Find(f.recording("kettle-recall.wav")); heard {
		t.Error("after the restart the caller heard the message again")
	}
}
