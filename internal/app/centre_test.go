package app

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/routing"
)

// newTestCentre returns a centre of 20 seats whose board has an incident that adds 10, with everything else left out.
func newTestCentre(t *testing.T, until time.Time) *centre {
	t.Helper()
	keep, err := openKeeper(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := newCentre("syd-1", "incidents.yaml", 0, keep, zap.NewNop())
	c.onPublish, c.onChange = func(*edition) {}, func(change) {}
	c.board = incident.Board{}.With(incident.Revision{Incident: "kettle-recall", Number: 1, On: true,
		Start: time.Now().Add(-time.Hour), End: until, Effects: incident.Effects{SeatsAdd: 10}})
	snapshot := &config.Snapshot{Routing: &routing.Plan{Seats: 20}, Conversation: &ivr.Plan{}}
	snapshot.Centre.Zone = time.UTC
	library, err := openLibrary(snapshot.Centre, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.publish(snapshot, library, nil, time.Now())
	return c
}

// TestAnIncidentThatEndsWhileARequestIsServedReverts has a request, such as a file that is judged, take the owner's time while an
// incident ends.
func TestAnIncidentThatEndsWhileARequestIsServedReverts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCentre(t, time.Now().Add(time.Second/2))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.run(ctx)
		if seats := c.current().plan.Routing.Seats; seats != 30 {
			t.Fatalf("%d seats while the incident holds, want 30", seats)
		}
		if err := c.do(ctx, func() { time.Sleep(5 * time.Second) }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if seats := c.current().plan.Routing.Seats; seats != 20 {
			t.Errorf("%d seats after the incident's end, want 20", seats)
		}
	})
}

// TestWithoutAnEndOrAStartNothingIsPublished looks at the same edition for a minute: calls are woken by a new one.
func TestWithoutAnEndOrAStartNothingIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCentre(t, time.Now().Add(time.Hour))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.run(ctx)
		before := c.current()
		time.Sleep(time.Minute)
		if c.current() != before {
			t.Error("a new edition was published although nothing changed")
		}
	})
}

// TestWhoWaitsIsCountedAlsoWhenAnotherEditionComesBeforeTheSentence has something else change while callers begin to hear a message.
func TestWhoWaitsIsCountedAlsoWhenAnotherEditionComesBeforeTheSentence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCentre(t, time.Now().Add(time.Hour))
		said := make(chan string, 1)
		c.onChange = func(told change) { said <- told.sentence }
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go c.run(ctx)
		if err := c.do(ctx, func() {
			if err := c.toggle("kettle-recall", incident.Toggle{Active: true, For: 2 * time.Hour}); err != nil {
				t.Error(err)
			}
			c.told("kettle-recall")
			c.republish()
			c.told("kettle-recall")
		}); err != nil {
			t.Fatal(err)
		}
		if got := <-said; !strings.HasSuffix(got, ", played to 2 waiting, 1 of 1 nodes") {
			t.Errorf("said was %q", got)
		}
	})
}

// TestAFolderThatCannotBeTakenOverIsShown shortens an incident's time to one that has passed: only the node knows that it has.
func TestAFolderThatCannotBeTakenOverIsShown(t *testing.T) {
	c := newTestCentre(t, time.Now().Add(5*time.Hour))
	before := c.current()
	c.said = map[string]incident.Said{"kettle-recall": {Active: true, Since: time.Now().Add(-time.Hour)}}
	report := config.Report{Sources: &config.Sources{}, Snapshot: &config.Snapshot{Version: "2", Routing: before.snapshot.Routing,
		Incidents: []incident.Definition{{Name: "kettle-recall", Active: true, For: time.Minute}}}}
	report.Snapshot.Centre.Zone = time.UTC
	if err := c.apply(report); err == nil {
		t.Fatal("an end in the past was accepted")
	}
	now := c.current()
	if now.snapshot != before.snapshot || now.plan != before.plan {
		t.Error("a folder that was refused changed what holds")
	}
	if m := now.trouble; m == nil || m.File != config.IncidentsFile || !strings.Contains(m.Text, "has passed") {
		t.Errorf("the API shows %v, want that the end has passed", m)
	}
}
