package incident

import (
	"strings"
	"testing"
	"time"
)

// TestOfTwoFirstRevisionsTheEarlierHolds has a node start without the others, and with an older file: what they have holds.
func TestOfTwoFirstRevisionsTheEarlierHolds(t *testing.T) {
	theirs := Revision{Incident: "kettle-recall", Number: 1, On: true, By: "file@syd-1", At: noon}
	ours := Revision{Incident: "kettle-recall", Number: 1, By: "file@syd-2", At: noon.Add(time.Hour)}
	for _, order := range [][]Revision{{theirs, ours}, {ours, theirs}} {
		if b := board(order...); !b.Revisions["kettle-recall"].On {
			t.Errorf("after %s and %s holds that of %s", order[0].By, order[1].By, b.Revisions["kettle-recall"].By)
		}
	}
	ours.Number = 2
	if !ours.Replaces(theirs) {
		t.Error("what somebody said since does not replace the first")
	}
}

// TestOfTwoRevisionsOfOneNumberTheLaterHolds has two people use two nodes that cannot ask each other.
func TestOfTwoRevisionsOfOneNumberTheLaterHolds(t *testing.T) {
	early := Revision{Incident: "kettle-recall", Number: 2, By: "duty", At: noon}
	late := Revision{Incident: "kettle-recall", Number: 2, By: "manager", At: noon.Add(time.Second)}
	for _, order := range [][]Revision{{early, late}, {late, early}} {
		if b := board(order...); b.Revisions["kettle-recall"].By != "manager" {
			t.Errorf("after %s and %s holds that of %s", order[0].By, order[1].By, b.Revisions["kettle-recall"].By)
		}
	}
}

func TestARevisionThatNobodyCanHaveMadeIsRecognised(t *testing.T) {
	right := Reconcile(Board{}, File{Definitions: []Definition{with(recall(), on)}, By: "file@syd-1", From: "/etc/kettle/incidents.yaml",
		Sound: func(string) (string, error) { return strings.Repeat("a", 64), nil }}, nil, noon).Revisions[0]
	if err := right.Check(); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*Revision){
		"without a name":            func(r *Revision) { r.Incident = "" },
		"named like a path":         func(r *Revision) { r.Incident = "../x" },
		"with a name without end":   func(r *Revision) { r.Incident = strings.Repeat("x", 65) },
		"without a number":          func(r *Revision) { r.Number = 0 },
		"that nothing can follow":   func(r *Revision) { r.Number = maxNumber + 1 },
		"with a sound like a path":  func(r *Revision) { r.Sound = "../../etc/passwd" },
		"with another way to go on": func(r *Revision) { r.Effects.Then = "explode" },
		"that writes on a terminal": func(r *Revision) { r.Reason = "\x1b[2J" },
	} {
		spoilt := right
		if spoil(&spoilt); spoilt.Check() == nil {
			t.Errorf("a revision %s passes", what)
		}
	}
}

func TestAHearingThatNobodyCanHaveToldIsRecognised(t *testing.T) {
	right := Hearing{Caller: "+61491570001", Sound: strings.Repeat("a", 64), Incident: "kettle-recall"}
	if err := right.Check(); err != nil {
		t.Fatal(err)
	}
	for _, spoil := range []func(*Hearing){
		func(h *Hearing) { h.Caller = "" },
		func(h *Hearing) { h.Caller = strings.Repeat("6", maxCaller+1) },
		func(h *Hearing) { h.Sound = "short" },
		func(h *Hearing) { h.Incident = "" },
	} {
		spoilt := right
		if spoil(&spoilt); spoilt.Check() == nil {
			t.Errorf("%+v passes", spoilt)
		}
	}
}
