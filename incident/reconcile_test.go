package incident

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// file returns the saved file of a node with one incident.
func file(definitions ...Definition) File {
	sound := func(prompt string) (string, error) { return "sound of " + prompt, nil }
	return File{Definitions: definitions, By: "file@syd-1", From: "incidents.yaml", Sound: sound}
}

// TestWhateverHappensAFileIsSaidOnce lets files be edited, APIs toggle and time pass at random: each revision's number is one above the
// one before, saving again says nothing, a file with a mistake changes nothing, and what is off never holds.
func TestWhateverHappensAFileIsSaidOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, now, said := Board{}, noon, map[string]Said(nil)
		d := recall()
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "minutes")) * time.Minute)
			before := b
			if rapid.Bool().Draw(t, "by API") {
				b = toggleAtRandom(t, b, d, now)
				continue
			}
			d = editAtRandom(t, d, now)
			out := Reconcile(b, file(d), said, now)
			if len(out.Mistakes) > 0 {
				if len(out.Revisions) > 0 || !reflect.DeepEqual(out.Said, said) {
					t.Fatalf("a mistake changes something: %+v", out)
				}
				continue
			}
			for _, r := range out.Revisions {
				if r.Number != before.Revisions[r.Incident].Number+1 || r.At != now {
					t.Fatalf("revision %+v follows %+v", r, before.Revisions[r.Incident])
				}
				b = b.With(r)
			}
			said = out.Said
			if again := Reconcile(b, file(d), said, now); len(again.Revisions) > 0 || len(again.Mistakes) > 0 {
				t.Fatalf("saved again, the file says %+v", again)
			}
			if !d.wanted() && before.Revisions == nil && b.Revisions[d.Name].Active(now) {
				t.Fatalf("it is on, and nobody switched it on: %+v", b)
			}
		}
	})
}

// editAtRandom changes a definition.
func editAtRandom(t *rapid.T, d Definition, now time.Time) Definition {
	end := now.Add(time.Duration(rapid.IntRange(-60, 600).Draw(t, "end")) * time.Minute)
	switch rapid.IntRange(0, 7).Draw(t, "edit") {
	case 0:
		d.Active, d.Schedule = true, nil
	case 1:
		d.Active, d.Schedule = false, nil
	case 2:
		d.For, d.Until, d.Manual = time.Hour, time.Time{}, false
	case 3:
		d.For, d.Until, d.Manual = 0, end, false
	case 4:
		d.For, d.Until, d.Manual = 0, time.Time{}, true
	case 5:
		d.Active, d.Schedule = false, &Schedule{From: end.Add(-time.Hour), Until: end}
	case 6:
		d.Title = rapid.String().Draw(t, "title")
	case 7:
		d.Effects.Message = rapid.SampledFrom([]string{"", "a.wav", "b.wav"}).Draw(t, "message")
	}
	return d
}

// toggleAtRandom uses the API.
func toggleAtRandom(t *rapid.T, b Board, d Definition, now time.Time) Board {
	toggle := Toggle{Active: rapid.Bool().Draw(t, "active"), For: rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "for"), By: "duty"}
	r, err := Switch(b, d.Name, d, toggle, now)
	if err != nil {
		return b
	}
	if r.Active(now) != toggle.Active {
		t.Fatalf("asked for %v: %+v", toggle.Active, r)
	}
	return b.With(r)
}

func TestAnEditOfAnIncidentThatStaysOnKeepsItsStart(t *testing.T) {
	out := Reconcile(Board{}, file(with(recall(), on)), nil, noon)
	b := board(out.Revisions...)
	edited := with(recall(), func(d *Definition) { on(d); d.Effects.Message = "other.wav" })
	out = Reconcile(b, file(edited), out.Said, noon.Add(time.Hour))
	if len(out.Revisions) != 1 {
		t.Fatalf("%d revisions", len(out.Revisions))
	}
	r := out.Revisions[0]
	if !r.Start.Equal(noon) || !r.End.Equal(noon.Add(6*time.Hour)) || r.Sound != "sound of other.wav" {
		t.Errorf("from %v to %v with %q", r.Start, r.End, r.Sound)
	}
}

func TestAMistakeNamesItsFieldSoThatItCanBePlaced(t *testing.T) {
	endless := Schedule{From: noon.Add(time.Hour), Until: noon.Add(furthest + 1)}
	said := Reconcile(Board{}, file(recall()), nil, noon)
	b := board(said.Revisions...)
	for field, d := range map[string]Definition{
		"until":    with(recall(), func(d *Definition) { on(d); d.For, d.Until = 0, noon.Add(-time.Minute) }),
		"for":      with(recall(), func(d *Definition) { on(d); d.For = furthest + 1 }),
		"schedule": with(recall(), func(d *Definition) { d.Schedule = &endless }),
	} {
		out := Reconcile(b, file(d), said.Said, noon)
		if len(out.Mistakes) != 1 || out.Mistakes[0].Field != field || out.Mistakes[0].Incident != d.Name {
			t.Errorf("mistakes %+v, want one of field %s", out.Mistakes, field)
		}
	}
}

func TestSwitchingOnForTheFirstTimeWithAnEndInThePastIsAMistake(t *testing.T) {
	d := with(recall(), func(d *Definition) { on(d); d.For, d.Until = 0, noon.Add(-time.Minute) })
	if out := Reconcile(Board{}, file(d), nil, noon); len(out.Mistakes) != 1 || out.Mistakes[0].Field != "until" {
		t.Errorf("mistakes: %+v", out.Mistakes)
	}
}

func TestWhatANodeRemembersAndPublishesOutlivesJSON(t *testing.T) {
	out := Reconcile(Board{}, file(with(recall(), on)), nil, noon)
	b := board(out.Revisions...)
	text, err := json.Marshal(struct {
		Board Board
		Said  map[string]Said
	}{b, out.Said})
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Board Board
		Said  map[string]Said
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	again := Reconcile(kept.Board, file(with(recall(), on)), kept.Said, noon.Add(time.Hour))
	if len(again.Revisions)+len(again.Warnings)+len(again.Mistakes) > 0 {
		t.Errorf("after a restart the same file says %+v", again)
	}
	if got, want := kept.Board.Revisions["kettle-recall"].Effects, b.Revisions["kettle-recall"].Effects; !reflect.DeepEqual(got, want) {
		t.Errorf("effects: %+v, want %+v", got, want)
	}
}

func TestAReasonIsOneLineOfText(t *testing.T) {
	b := board(Reconcile(Board{}, file(recall()), nil, noon).Revisions...)
	for reason, right := range map[string]bool{
		"": true, "batch 7 — überhitzt": true, strings.Repeat("ü", maxReason): true,
		strings.Repeat("ü", maxReason+1): false, "two\nlines": false, "\x1b[31m": false, "\xff": false,
	} {
		_, err := Switch(b, "kettle-recall", recall(), Toggle{Active: true, Reason: reason}, noon)
		if (err == nil) != right {
			t.Errorf("%.20q: %v", reason, err)
		}
	}
}

func TestNamesAndLengthsInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		20 * time.Second: "20s", time.Minute: "1m", 90 * time.Second: "1m30s", 20 * time.Minute: "20m",
		time.Hour: "1h", 70 * time.Minute: "1h10m", 3610 * time.Second: "1h0m10s",
	} {
		if got := length(d); got != want {
			t.Errorf("%v in words: %s, want %s", d, got, want)
		}
	}
	if got, want := names([]string{"a", "b", "c", "d", "e"}), "a, b, c and 2 more"; got != want {
		t.Errorf("names: %s, want %s", got, want)
	}
	old := Revision{Incident: "a", Effects: Effects{SeatsAgents: map[string]map[string]int{"alice": {"orders": 1}}}}
	next := old
	next.Effects = Effects{SeatsAgents: map[string]map[string]int{"alice": {"orders": 2}}, WaitingCallers: true}
	if got, want := Difference(old, next), "waiting callers hear it, other queues for agents: alice"; got != want {
		t.Errorf("difference: %s, want %s", got, want)
	}
	if got := Difference(next, next); got != "nothing" {
		t.Errorf("difference of the same: %s", got)
	}
}
