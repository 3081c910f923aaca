package ivr

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the walks in testdata")

// TestWalks plays the walks of testdata/walks: lines that begin with ">" are inputs, the lines that follow are what the machine
// answers. "flow NAME TIME" begins a new walk, "trace" prints the steps so far.
func TestWalks(t *testing.T) {
	files, err := filepath.Glob("testdata/walks/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no walks: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := walk(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("the walk goes otherwise:\n%s", got)
			}
		})
	}
}

// walk plays the inputs of a text and returns it with the answers as they are now.
func walk(t *testing.T, text string) string {
	t.Helper()
	plan := kettle(t)
	var m *Machine
	var now time.Time
	var out bytes.Buffer
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		command, isInput := strings.CutPrefix(line, "> ")
		if !isInput {
			if line == "" || strings.HasPrefix(line, "#") {
				fmt.Fprintln(&out, line)
			}
			continue
		}
		fmt.Fprintln(&out, line)
		words := strings.Fields(command)
		switch words[0] {
		case "flow":
			m, now = NewMachine(plan, words[1]), at(t, words[2]+" "+words[3], plan.Zone)
		case "trace":
			for _, v := range m.Trace() {
				fmt.Fprintf(&out, "  %s/%s: %s\n", v.Flow, v.Step, v.Why)
			}
		default:
			actions := m.Step(input(t, words), now)
			for _, a := range actions {
				fmt.Fprintf(&out, "  %s\n", describe(a))
			}
			if len(actions) == 0 {
				fmt.Fprintln(&out, "  -")
			}
		}
	}
	return out.String()
}

// input reads one input of a walk.
func input(t *testing.T, words []string) Input {
	t.Helper()
	switch words[0] {
	case "begin":
		return Begin{}
	case "key":
		return Digit{Key: words[1][0]}
	case "played":
		return Played{}
	case "expired":
		return Expired{}
	case "left":
		return Left{Reason: words[1]}
	}
	t.Fatalf("unknown input %q", words)
	return nil
}

// describe tells an action in words.
func describe(a Action) string {
	switch a := a.(type) {
	case Play:
		return "play " + strings.Join(a.Prompts, ", ")
	case Wait:
		return "wait " + a.For.String()
	case Enter:
		return fmt.Sprintf("enter %s priority %d", a.Queue, a.Priority)
	case End:
		return fmt.Sprintf("end %s, %s", a.Hangup, a.Reason)
	}
	return fmt.Sprintf("%T", a)
}

func TestTypeAheadIsBounded(t *testing.T) {
	m := NewMachine(kettle(t), "main")
	for range 1000 {
		m.Step(Digit{Key: '9'}, time.Time{})
	}
	if len(m.kept) != typeAhead {
		t.Errorf("%d keys are kept, want %d", len(m.kept), typeAhead)
	}
}

func TestAWalkThatNobodyHearsIsStopped(t *testing.T) {
	plan := kettle(t)
	plan.Flows["spin"] = flow("spin", map[string]*Step{
		"start": {When: &When{Hours: "office"}, Then: "again", Else: "again"}, "again": {Flow: "spin"},
	})
	want := End{Hangup: Normal, Reason: Internal}
	if got := NewMachine(plan, "spin").Step(Begin{}, time.Time{}); len(got) != 1 || got[0] != want {
		t.Errorf("a circle of branches: %v, want %v", got, want)
	}
	m := NewMachine(plan, "circle")
	actions := m.Step(Begin{}, time.Time{})
	for range silence {
		actions = append(actions, m.Step(Left{Reason: "full"}, time.Time{})...)
	}
	if last := actions[len(actions)-1]; last != want || len(actions) > silence {
		t.Errorf("a circle of full queues: %d actions, the last %v, want %v", len(actions), last, want)
	}
}

func TestOnlyBusyAndDeclineRefuseACallBeforeItIsAnswered(t *testing.T) {
	plan := &Plan{Flows: map[string]*Flow{
		"busy":    flow("busy", map[string]*Step{"start": {Hangup: Busy}}),
		"decline": flow("decline", map[string]*Step{"start": {Hangup: Decline}}),
		"normal":  flow("normal", map[string]*Step{"start": {Hangup: Normal}}),
		"later":   flow("later", map[string]*Step{"start": {Play: "closed.wav", Then: "end"}, "end": {Hangup: Busy}}),
		"empty":   flow("empty", nil),
	}}
	want := map[string]bool{"busy": true, "decline": true, "normal": false, "later": false, "empty": false, "unknown": false}
	for name, refuses := range want {
		if _, got := Refusal(plan, name); got != refuses {
			t.Errorf("flow %s refuses: %v, want %v", name, got, refuses)
		}
	}
	if h, _ := Refusal(plan, "decline"); h != Decline {
		t.Errorf("flow decline refuses with %q", h)
	}
}

func TestATraceIsBoundedAndKeepsTheNewest(t *testing.T) {
	plan := &Plan{Flows: map[string]*Flow{"round": flow("round", map[string]*Step{
		"start": {Play: "welcome.wav", Then: "again"}, "again": {Play: "choose.wav", Then: "start"},
	})}}
	m := NewMachine(plan, "round")
	m.Step(Begin{}, time.Time{})
	for range 3 * visits {
		m.Step(Played{}, time.Time{})
	}
	trace := m.Trace()
	if len(trace) != visits || trace[len(trace)-1].Step != m.step.Name {
		t.Errorf("%d visits, the last %v; want %d, the last %s", len(trace), trace[len(trace)-1], visits, m.step.Name)
	}
}

func TestEveryStepOfTheKettleCentreIsReached(t *testing.T) {
	plan := kettle(t)
	open, closed := at(t, "2026-11-23 10:00", plan.Zone), at(t, "2026-11-22 10:00", plan.Zone)
	reached := map[Place]bool{}
	for _, now := range []time.Time{open, closed} {
		for _, key := range []string{"", "1", "2", "0"} {
			steps, last := Explain(plan, "main", key, now)
			for _, v := range steps {
				reached[Place{v.Flow, v.Step}] = true
			}
			if _, queued := last.(Enter); !queued {
				continue
			}
			m := NewMachine(plan, "main") // again, to see where the queue's else leads
			for _, in := range []Input{Begin{}, Digit{Key: '1'}, Played{}, Left{Reason: "full"}, Played{}} {
				m.Step(in, now)
			}
			for _, v := range m.Trace() {
				reached[Place{v.Flow, v.Step}] = true
			}
		}
	}
	for step := range plan.Flows["main"].Steps {
		if !reached[Place{"main", step}] {
			t.Errorf("no walk comes to %s", step)
		}
	}
}

func TestExplainTellsTheWayAndWhereItLeads(t *testing.T) {
	plan := kettle(t)
	now := at(t, "2026-11-23 10:00", plan.Zone)
	steps, last := Explain(plan, "languages", "12", now)
	want := []Visit{
		{"languages", "start", "start"}, {"languages", "main", "key 1"}, {"main", "start", "flow languages"},
		{"main", "open", "then"}, {"main", "choose", "open (office)"}, {"main", "billing", "key 2"},
	}
	if !slices.Equal(steps, want) {
		t.Errorf("steps: %v\nwant:  %v", steps, want)
	}
	if last != (Enter{Queue: "billing"}) {
		t.Errorf("it leads to %v", last)
	}
	if _, last := Explain(plan, "unknown", "", now); last != (End{Hangup: Normal, Reason: Internal}) {
		t.Errorf("an unknown flow leads to %v", last)
	}
}

// FuzzMachine gives machines any inputs in any order: each answers with at most one action, ends once, and never spins.
func FuzzMachine(f *testing.F) {
	f.Add("main", []byte("bp1l"))
	f.Add("main", []byte("111111bp9p9e3e"))
	f.Add("circle", []byte("blllll"))
	f.Add("languages", []byte("b1p2"))
	f.Fuzz(func(t *testing.T, name string, inputs []byte) {
		plan := kettle(t)
		now := at(t, "2026-11-23 10:00", plan.Zone)
		m := NewMachine(plan, name)
		for _, b := range inputs {
			var in Input = Digit{Key: b}
			switch b {
			case 'b':
				in = Begin{}
			case 'p':
				in = Played{}
			case 'e':
				in = Expired{}
			case 'l':
				in = Left{Reason: "timeout"}
			}
			was := m.phase
			actions := m.Step(in, now)
			if len(actions) > 1 {
				t.Fatalf("%d actions at once: %v", len(actions), actions)
			}
			if was == ended && len(actions) > 0 {
				t.Fatalf("%v after the end", actions)
			}
			if len(actions) == 1 && (m.phase == ended) != (fmt.Sprintf("%T", actions[0]) == "ivr.End") {
				t.Fatalf("%v leaves the machine in phase %d", actions[0], m.phase)
			}
			if len(m.kept) > typeAhead || len(m.trace) > visits {
				t.Fatalf("%d keys, %d visits are kept", len(m.kept), len(m.trace))
			}
		}
	})
}
