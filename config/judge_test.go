package config

import (
	"bytes"
	"strings"
	"testing"
)

// the bytes of small files that the tests of judgement change
func edited(t *testing.T, text []byte, from, to string) []byte {
	t.Helper()
	if !bytes.Contains(text, []byte(from)) {
		t.Fatalf("the text has no %q", from)
	}
	return bytes.Replace(text, []byte(from), []byte(to), 1)
}

// switchedOn is incidents.yaml of the base with the recall on.
func switchedOn(t *testing.T) []byte {
	return edited(t, base(t, IncidentsFile), "for: 6h", "active: true, for: 6h")
}

// judged is a judgement after a save.
func judged(t *testing.T, current *Sources, saved Sources) Verdict {
	t.Helper()
	before := Sources{}
	if current != nil {
		before = Sources{bytes.Clone(current.Centre), bytes.Clone(current.Incidents)}
	}
	v := Judge("/etc/spillway", current, saved, world())
	if current != nil && (!bytes.Equal(before.Centre, current.Centre) || !bytes.Equal(before.Incidents, current.Incidents)) {
		t.Error("judging changed what held")
	}
	return v
}

func TestABrokenCentreDoesNotStopAToggle(t *testing.T) {
	holds := basePair(t)
	for name, broken := range map[string][]byte{
		"half written": holds.Centre[:len(holds.Centre)/2],
		"a typo":       edited(t, holds.Centre, "queues: {orders: {}", "queues: {orders: {rng: 5s}"),
		"not YAML":     []byte("centre: [kettle\n"),
		"empty":        {},
		"missing":      nil,
	} {
		t.Run(name, func(t *testing.T) {
			v := judged(t, &holds, Sources{Centre: broken, Incidents: switchedOn(t)})
			if v.Snapshot == nil || !v.Snapshot.Incident("kettle-recall").Active {
				t.Fatalf("the toggle does not hold: %v", v.Mistakes)
			}
			if !bytes.Equal(v.Sources.Centre, holds.Centre) || !refused(v.Mistakes, CentreFile) || refused(v.Mistakes, IncidentsFile) {
				t.Errorf("the broken centre was taken, or not told: %v", v.Mistakes)
			}
		})
	}
}

func TestBrokenIncidentsDoNotStopTheCentre(t *testing.T) {
	holds := basePair(t)
	v := judged(t, &holds, Sources{Centre: edited(t, holds.Centre, "support: {}", "support: {ring: 20s}"), Incidents: []byte("incidents: [")})
	if v.Snapshot == nil || v.Snapshot.Routing.Queue("support").Ring.Seconds() != 20 || v.Snapshot.Incident("kettle-recall") == nil {
		t.Fatalf("the new centre does not hold: %v", v.Mistakes)
	}
	if !refused(v.Mistakes, IncidentsFile) || refused(v.Mistakes, CentreFile) {
		t.Errorf("mistakes: %v", v.Mistakes)
	}
}

func TestACentreThatBreaksAReferenceOfTheIncidentsIsRefusedNamingBothPlaces(t *testing.T) {
	holds := Sources{Centre: base(t, CentreFile), Incidents: []byte("incidents:\n  kettle-recall: {for: 6h, message: kettle-recall.wav, applies_to: {queues: [support]}}\n")}
	v := judged(t, &holds, Sources{Centre: edited(t, holds.Centre, ", support: {}", ""), Incidents: holds.Incidents})
	if v.Snapshot == nil || v.Snapshot.Routing.Queue("support") == nil {
		t.Fatalf("what held does not hold on: %v", v.Mistakes)
	}
	if len(v.Mistakes) != 1 || !strings.HasPrefix(v.Mistakes[0].String(), "incidents.yaml:2:78: ") || !strings.Contains(v.Mistakes[0].Text, "centre.yaml:13:1") {
		t.Errorf("mistakes: %v", v.Mistakes)
	}
}

func TestFilesThatNeedEachOtherAreTakenTogether(t *testing.T) {
	holds := Sources{Centre: base(t, CentreFile), Incidents: []byte("incidents:\n  kettle-recall: {for: 6h, overflow: {orders: [{after_wait: 60s, to: [support]}]}}\n")}
	saved := Sources{
		Centre:    edited(t, holds.Centre, "support: {}", "help: {}"),
		Incidents: edited(t, holds.Incidents, "support", "help"),
	}
	// Saved one after the other: the first alone breaks a reference and waits, the second brings both in.
	v := judged(t, &holds, Sources{Centre: saved.Centre, Incidents: holds.Incidents})
	if v.Snapshot == nil || v.Snapshot.Routing.Queue("help") != nil {
		t.Fatal("a centre that breaks the incidents was taken")
	}
	v = judged(t, v.Sources, saved)
	if v.Snapshot == nil || v.Snapshot.Routing.Queue("help") == nil || refused(v.Mistakes, CentreFile) {
		t.Errorf("the two were not taken together: %v", v.Mistakes)
	}
}

func TestWithTheTwoAtOddsTheToggleWins(t *testing.T) {
	holds := basePair(t)
	saved := Sources{
		Centre:    edited(t, holds.Centre, ", support: {}", ""),
		Incidents: []byte("incidents:\n  kettle-recall: {active: true, for: 6h, message: kettle-recall.wav, applies_to: {queues: [support]}}\n"),
	}
	v := judged(t, &holds, saved)
	if v.Snapshot == nil || !v.Snapshot.Incident("kettle-recall").Active || v.Snapshot.Routing.Queue("support") == nil {
		t.Errorf("the toggle lost: %v", v.Mistakes)
	}
}

func TestWhatTheWorldLacksDoesNotStopTheOtherFile(t *testing.T) {
	holds := basePair(t)
	holds.Centre = edited(t, holds.Centre, "bye: {hangup: normal}", "bye: {play: gone.wav, then: end}\n    end: {hangup: normal}")
	v := judged(t, &holds, Sources{Centre: holds.Centre, Incidents: switchedOn(t)})
	if v.Snapshot == nil || !v.Snapshot.Incident("kettle-recall").Active {
		t.Fatalf("a recording that went away stopped the toggle: %v", v.Mistakes)
	}
	if len(v.Mistakes) != 1 || v.Mistakes[0].Severity != Warning || !strings.Contains(v.Mistakes[0].Text, "gone.wav") {
		t.Errorf("mistakes: %v", v.Mistakes)
	}
	// The file that is being saved must have all that it needs.
	v = judged(t, &holds, Sources{Centre: holds.Centre, Incidents: edited(t, holds.Incidents, "kettle-recall.wav", "kettle-two.wav")})
	if !refused(v.Mistakes, IncidentsFile) {
		t.Errorf("a missing message was accepted: %v", v.Mistakes)
	}
}

func TestAnAccountWithoutItsPasswordIsNoAccount(t *testing.T) {
	holds := basePair(t)
	holds.Centre = edited(t, holds.Centre, "env:ALICE_SECRET", "env:GONE")
	v := judged(t, &holds, holds)
	if v.Snapshot == nil {
		t.Fatalf("what held no longer does: %v", v.Mistakes)
	}
	if account, ok := v.Snapshot.Accounts["alice"]; ok {
		t.Errorf("alice can register with %q", account.Secret.Reveal())
	}
}

func TestAnEndInThePastIsAMistakeOnlyForWhoSwitchesOn(t *testing.T) {
	past := func(active string) []byte {
		return []byte("incidents:\n  kettle-recall: {active: " + active + ", until: 2026-11-22 18:00, message: kettle-recall.wav}\n")
	}
	centre := base(t, CentreFile)
	off, on := Sources{centre, past("false")}, Sources{centre, past("true")}

	if v := judged(t, &off, on); !refused(v.Mistakes, IncidentsFile) {
		t.Errorf("switched on with an end in the past: %v", v.Mistakes)
	}
	if v := judged(t, &on, on); v.Snapshot == nil || len(v.Mistakes) != 1 || v.Mistakes[0].Severity != Warning {
		t.Errorf("ended and untouched: %v", v.Mistakes)
	}
	touched := Sources{centre, edited(t, on.Incidents, "18:00", "19:00")}
	if v := judged(t, &on, touched); !refused(v.Mistakes, IncidentsFile) {
		t.Errorf("moved to another end in the past: %v", v.Mistakes)
	}
	if v := judged(t, nil, on); !refused(v.Mistakes, IncidentsFile) {
		t.Errorf("nothing known before: %v", v.Mistakes)
	}
	starting := world()
	starting.Starting = true
	if v := Judge("/etc/spillway", nil, on, starting); v.Snapshot == nil || len(v.Mistakes) != 1 {
		t.Errorf("at a first start: %v", v.Mistakes)
	}
}

func TestNothingGoodMeansNothingHolds(t *testing.T) {
	v := judged(t, nil, Sources{Centre: []byte("centre: [\n"), Incidents: base(t, IncidentsFile)})
	if v.Snapshot != nil || v.Sources != nil || !refused(v.Mistakes, CentreFile) {
		t.Errorf("verdict: %+v", v)
	}
}

func TestTheVersionFollowsTheText(t *testing.T) {
	pair := basePair(t)
	first := judged(t, nil, pair).Snapshot.Version
	if again := judged(t, nil, pair).Snapshot.Version; again != first || len(first) != versionDigits {
		t.Errorf("versions %q and %q", first, again)
	}
	pair.Incidents = switchedOn(t)
	if other := judged(t, nil, pair).Snapshot.Version; other == first {
		t.Error("the version did not change with the text")
	}
	if version(Sources{[]byte("ab"), []byte("c")}) == version(Sources{[]byte("a"), []byte("bc")}) {
		t.Error("the border between the files does not count")
	}
}

func TestTheEndOfAnIncidentHasAPlace(t *testing.T) {
	v := judged(t, nil, basePair(t))
	if at := v.Snapshot.IncidentEnd("kettle-recall"); at.File != IncidentsFile || at.Line == 0 || at.Column == 0 {
		t.Errorf("the end of the recall stands at %v", at)
	}
	if at := v.Snapshot.IncidentEnd("another"); at != (Place{File: IncidentsFile}) {
		t.Errorf("the end of an incident that is not there stands at %v", at)
	}
}
