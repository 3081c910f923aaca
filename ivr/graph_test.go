package ivr

import (
	"reflect"
	"testing"
)

func TestLoopsFindsCirclesInWhichNobodyHearsAnything(t *testing.T) {
	when := func(open, closed string) *Step { return &Step{When: &When{Hours: "office"}, Then: open, Else: closed} }
	for _, c := range []struct {
		name  string
		flows map[string]*Flow
		want  [][]Place
	}{
		{"a prompt in between", map[string]*Flow{"a": flow("a", map[string]*Step{
			"start": when("say", "say"), "say": {Play: "welcome.wav", Then: "start"},
		})}, nil},
		{"a menu in between", map[string]*Flow{"a": flow("a", map[string]*Step{
			"start": {Menu: &Menu{Prompt: "choose.wav", Keys: map[byte]string{'1': "open"}}, Else: "start"}, "open": when("start", "start"),
		})}, nil},
		{"a step to itself", map[string]*Flow{"a": flow("a", map[string]*Step{"start": when("start", "")})}, [][]Place{{{"a", "start"}}}},
		{"two flows", map[string]*Flow{
			"a": flow("a", map[string]*Step{"start": when("on", ""), "on": {Flow: "b"}}), "b": flow("b", map[string]*Step{"start": {Flow: "a"}}),
		}, [][]Place{{{"a", "on"}, {"b", "start"}, {"a", "start"}}}},
		{"a full queue", map[string]*Flow{"a": flow("a", map[string]*Step{
			"start": {Queue: &QueueEntry{Queue: "orders"}, Else: "again"}, "again": {Queue: &QueueEntry{Queue: "billing"}, Else: "start"},
		})}, [][]Place{{{"a", "again"}, {"a", "start"}}}},
		{"a dangling name", map[string]*Flow{"a": flow("a", map[string]*Step{"start": when("gone", ""), "on": {Flow: "gone"}})}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (&Plan{Flows: c.flows}).Loops(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("loops: %v, want %v", got, c.want)
			}
		})
	}
}

func TestTheKettleCentreHasNoLoopAndNoStepInVain(t *testing.T) {
	plan := kettle(t)
	delete(plan.Flows, "circle")
	if loops := plan.Loops(); loops != nil {
		t.Errorf("loops: %v", loops)
	}
	for name, f := range plan.Flows {
		if missed := f.Unreachable(); missed != nil {
			t.Errorf("%s: nothing leads to %v", name, missed)
		}
	}
}

func TestUnreachableNamesTheStepsThatNothingLeadsTo(t *testing.T) {
	f := flow("main", map[string]*Step{
		"start": {Play: "welcome.wav", Then: "bye"}, "bye": {Hangup: Normal},
		"island": {Play: "sorry.wav", Then: "sea"}, "sea": {Flow: "main"},
	})
	if got, want := f.Unreachable(), []string{"island", "sea"}; !reflect.DeepEqual(got, want) {
		t.Errorf("unreachable: %v, want %v", got, want)
	}
}
