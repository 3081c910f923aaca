package incident

import (
	"reflect"
	"testing"
	"time"
)

func TestAnIncidentHoldsBetweenItsStartAndItsEnd(t *testing.T) {
	hour := noon.Add(time.Hour)
	for _, c := range []struct {
		what string
		rev  Revision
		now  time.Time
		want State
	}{
		{"switched off", Revision{}, noon, Off},
		{"before its start", Revision{On: true, Start: noon, End: hour}, noon.Add(-1), Scheduled},
		{"at its start", Revision{On: true, Start: noon, End: hour}, noon, On},
		{"before its end", Revision{On: true, Start: noon, End: hour}, hour.Add(-1), On},
		{"at its end", Revision{On: true, Start: noon, End: hour}, hour, Ended},
		{"without an end", Revision{On: true, Start: noon}, noon.AddDate(1, 0, 0), On},
	} {
		if got := Status(c.rev, c.now); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
		if c.rev.Active(c.now) != (c.want == On) {
			t.Errorf("%s: active although %s", c.what, c.want)
		}
	}
}

func TestTheScopeDecidesWhomAnIncidentConcerns(t *testing.T) {
	b := board(
		revision("both", noon, time.Time{}, Effects{Numbers: []string{"+61280000001"}, Queues: []string{"orders"}}),
		revision("number", noon.Add(time.Minute), time.Time{}, Effects{Numbers: []string{"+61280000002"}}),
		revision("queue", noon.Add(time.Minute), time.Time{}, Effects{Queues: []string{"orders", "billing"}}),
		revision("all", noon.Add(2*time.Minute), time.Time{}, Effects{}),
		revision("over", noon.Add(-time.Hour), noon, Effects{}),
	)
	for _, c := range []struct {
		what  string
		facts Facts
		want  []string
	}{
		{"answered", Facts{Number: "+61280000001"}, []string{"both: number +61280000001", "all: everyone"}},
		{"another number", Facts{Number: "+61280000002"}, []string{"number: number +61280000002", "all: everyone"}},
		{"an unknown number", Facts{Number: "+61280000009"}, []string{"all: everyone"}},
		{"a queue, whatever was dialled", Facts{Number: "+61280000009", Queue: "orders"},
			[]string{"queue: queue orders", "both: queue orders", "all: everyone"}},
		{"a number stays more specific than a queue", Facts{Number: "+61280000001", Queue: "orders"},
			[]string{"both: number +61280000001", "queue: queue orders", "all: everyone"}},
		{"nothing known", Facts{}, []string{"all: everyone"}},
	} {
		var got []string
		for _, r := range Active(b, c.facts, noon.Add(time.Hour)) {
			got = append(got, r.Incident+": "+r.Why)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
	var all []string
	for _, r := range ActiveNow(b, noon.Add(time.Hour)) {
		all = append(all, r.Incident)
	}
	if want := []string{"number", "both", "queue", "all"}; !reflect.DeepEqual(all, want) {
		t.Errorf("active now: %q, want %q", all, want)
	}
}

func TestACallerIsDueOneMessageTheMostSpecificThenTheLatest(t *testing.T) {
	orders := []string{"orders"}
	b := board(
		revision("older", noon, time.Time{}, Effects{Queues: orders, Message: "older.wav", WaitingCallers: true, Then: HangUp}),
		revision("newer", noon.Add(time.Minute), time.Time{}, Effects{Queues: orders, Message: "newer.wav", Then: HangUp}),
		revision("silent", noon.Add(2*time.Minute), time.Time{}, Effects{Queues: orders, SeatsAdd: 5}),
		revision("all", noon.Add(3*time.Minute), time.Time{}, Effects{Message: "all.wav"}),
	)
	now := noon.Add(time.Hour)
	for _, c := range []struct {
		what  string
		facts Facts
		want  Message
	}{
		{"entering", Facts{Queue: "orders"}, Message{"newer", "newer.wav", "sound of newer.wav", HangUp, "newer: queue orders"}},
		{"waiting: only those for waiting callers, and nobody is cut off",
			Facts{Queue: "orders", Waiting: true}, Message{"older", "older.wav", "sound of older.wav", Continue, "older: queue orders"}},
		{"answered", Facts{Number: "+61280000001"}, Message{"all", "all.wav", "sound of all.wav", Continue, "all: everyone"}},
	} {
		if got, ok := MessageFor(b, c.facts, now); !ok || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.what, got, ok, c.want)
		}
	}
	if m, ok := MessageFor(b, Facts{Queue: "billing", Waiting: true}, now); ok {
		t.Errorf("who waits elsewhere is due %+v", m)
	}
}

func TestNextIsWhenTimeAloneChangesSomething(t *testing.T) {
	b := board(
		revision("on", noon, noon.Add(3*time.Hour), Effects{}),
		revision("planned", noon.Add(2*time.Hour), noon.Add(4*time.Hour), Effects{}),
		revision("by hand", noon, time.Time{}, Effects{}),
		Revision{Incident: "off", Number: 1, Start: noon.Add(time.Minute), End: noon.Add(time.Hour)},
	)
	now := noon
	for _, hours := range []int{2, 3, 4} {
		want := noon.Add(time.Duration(hours) * time.Hour)
		if now = Next(b, now); !now.Equal(want) {
			t.Fatalf("next: %v, want %v", now, want)
		}
	}
	if last := Next(b, now); !last.IsZero() {
		t.Errorf("after the last: %v", last)
	}
}

func TestNodesAgreeInWhateverOrderRevisionsArrive(t *testing.T) {
	revisions := []Revision{
		{Incident: "kettle-recall", Number: 1, At: noon.Add(time.Hour), By: "file@syd-2"},
		{Incident: "kettle-recall", Number: 2, At: noon, By: "file@syd-1"},
		{Incident: "kettle-recall", Number: 2, At: noon, By: "file@syd-2"},
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}} {
		var b Board
		for _, i := range order {
			b = b.With(revisions[i])
		}
		if got := b.Revisions["kettle-recall"]; !reflect.DeepEqual(got, revisions[2]) {
			t.Errorf("in order %v: %+v holds", order, got)
		}
	}
}

func TestABoardIsNotChangedByWhatIsPutOnACopy(t *testing.T) {
	first := board(revision("a", noon, time.Time{}, Effects{}))
	second := first.With(revision("b", noon, time.Time{}, Effects{}))
	if len(first.Revisions) != 1 || len(second.Revisions) != 2 {
		t.Errorf("%d and %d incidents, want 1 and 2", len(first.Revisions), len(second.Revisions))
	}
}

func TestAnIncidentThatItsFileNoLongerHasIsNotListed(t *testing.T) {
	gone := Revision{Incident: "gone", Number: 2, Removed: true}
	list := board(revision("b", noon, time.Time{}, Effects{}), gone, revision("a", noon, time.Time{}, Effects{})).List()
	if len(list) != 2 || list[0].Incident != "a" || list[1].Incident != "b" {
		t.Errorf("listed: %+v", list)
	}
}
