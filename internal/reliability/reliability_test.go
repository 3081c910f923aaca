package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the tests are played with: fewer seconds than people take, and promised times that a loaded machine can keep.
const (
	testSeconds = "8"
	testSlack   = "4"
	testLimit   = 2 * time.Minute // of one scenario
)

// made builds a program of this module as it is meant to run: without the race detector, with which phones are too slow for the load.
func made(t *testing.T, dir, name, path string) string {
	t.Helper()
	to := filepath.Join(dir, name)
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", to, path).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", path, err, said)
	}
	return to
}

// The scenarios are played one after the other: each has the machine for itself.
func TestEveryFaultKeepsItsPromises(t *testing.T) {
	dir := t.TempDir()
	program, spillway := made(t, dir, "reliability", "."), made(t, dir, "spillway", "../../cmd/spillway")
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), testLimit)
			defer cancel()
			command := exec.CommandContext(ctx, program, "-scenario", s.name, "-spillway", spillway, "-seconds", testSeconds, "-slack", testSlack,
				"-logs", t.ArtifactDir())
			command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // it ends what it started
			command.WaitDelay = 30 * time.Second
			said, err := command.CombinedOutput()
			if t.Log(string(said)); err != nil {
				t.Error(err)
			}
		})
	}
}

// at is a moment of the plays below, in seconds.
func at(seconds float64) time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// judged is a play that is over, with a crowd of these visits and agents.
func judged(visits []*visit, agents []*agent) *play {
	s := &stage{hand: new(hand), nodes: []*node{{id: "node-1"}, {id: "node-2"}}}
	c := &crowd{stage: s, visits: visits, agents: agents}
	return &play{stage: s, crowd: c, watch: &watch{crowd: c}, verdict: &verdict{slack: 1}}
}

// broken are the promises that were not kept.
func (v *verdict) broken() string {
	var about []string
	for _, l := range v.lines {
		if !l.kept {
			about = append(about, l.about)
		}
	}
	return strings.Join(about, ", ")
}

func TestWhoIsOvertakenIsFound(t *testing.T) {
	caller := func(n *node, priority int, came, offered float64) *visit {
		return &visit{queue: crowdQueue, node: n, priority: priority, rank: at(came), entered: at(came), offered: at(offered)}
	}
	one, other := &node{id: "node-1"}, &node{id: "node-2"}
	for name, c := range map[string]struct {
		visits []*visit
		broken string
	}{
		"in order":                     {[]*visit{caller(one, 0, 1, 3), caller(other, 0, 2, 4)}, ""},
		"overtaken":                    {[]*visit{caller(one, 0, 1, 5), caller(other, 0, 2, 4)}, "overtaken in their queue"},
		"by one with priority":         {[]*visit{caller(one, 0, 1, 5), caller(other, 5, 2, 4)}, ""},
		"at the same time":             {[]*visit{caller(one, 0, 1.9, 5), caller(other, 0, 2, 4)}, ""},
		"while apart":                  {[]*visit{caller(one, 0, 1, 15), caller(other, 0, 2, 14)}, ""},
		"while apart, of one node":     {[]*visit{caller(one, 0, 1, 15), caller(one, 0, 2, 14)}, "overtaken in their queue"},
		"before he was there to offer": {[]*visit{{queue: crowdQueue, node: one, rank: at(1), entered: at(6), offered: at(7)}, caller(one, 0, 2, 4)}, ""},
		"although he came back":        {[]*visit{{queue: crowdQueue, node: one, rank: at(1), entered: at(3), offered: at(7)}, caller(one, 0, 2, 4)}, "overtaken in their queue"},
	} {
		t.Run(name, func(t *testing.T) {
			p := judged(c.visits, nil)
			p.faults = []*fault{{began: at(10), ended: at(20)}}
			p.judgeOrder()
			if got := p.verdict.broken(); got != c.broken {
				t.Errorf("broken: %q, %v", got, p.verdict.remarks)
			}
		})
	}
}

func TestAnAgentWithTwoCallsIsFound(t *testing.T) {
	call := func(rang, over float64) *taken { return &taken{rang: at(rang), talked: at(rang), over: at(over)} }
	for name, c := range map[string]struct {
		takes  []*taken
		broken string
	}{
		"one after the other":   {[]*taken{call(1, 2), call(2.5, 3)}, ""},
		"crossing with the end": {[]*taken{call(1, 2), call(1.99, 3)}, ""},
		"both":                  {[]*taken{call(1, 2), call(1.5, 3)}, "agents with two calls"},
		"the first not over":    {[]*taken{{rang: at(1)}, call(1.5, 3)}, "agents with two calls"},
	} {
		t.Run(name, func(t *testing.T) {
			p := judged(nil, []*agent{{name: "agent-001", takes: c.takes}})
			p.judgeAgents()
			if got := p.verdict.broken(); got != c.broken {
				t.Errorf("broken: %q", got)
			}
		})
	}
}

func TestRecoveryEndsWithTheLastStretchOfWrongAnswers(t *testing.T) {
	n := &node{id: "node-1"}
	rounds := func(right string) (list []round) { // one every 100 ms: y right, n wrong
		for i, is := range right {
			told := report{alive: 1, waiting: 30}
			if told.redis.Up = is == 'y'; !told.redis.Up {
				told.waiting = 0
			}
			list = append(list, round{at: at(float64(i) / 10), before: 30, now: 31, reports: map[*node]report{n: told}})
		}
		return list
	}
	for right, seconds := range map[string]float64{
		"yyyyyyyy":       0,
		"nnnyyyyyy":      0.3,
		"yynnyyyyy":      0.4,
		"nnynnnyyyyyyyy": 0.6,
		"nnnn":           -1,
		"nyyyyy" + strings.Repeat("y", 50) + "ny": 0.1, // much later: another thing
	} {
		w := &watch{rounds: rounds(right)}
		got := w.recovered(at(0), 5, 1)
		if want := at(seconds); seconds >= 0 && !got.Equal(want) || seconds < 0 && !got.IsZero() {
			t.Errorf("%s: %v", right, got.Sub(at(0)))
		}
	}
}

func TestATableSaysWhatWasNotKept(t *testing.T) {
	v := &verdict{scenario: scenarios[0], slack: 2}
	v.within("soon", time.Second, 1900*time.Millisecond, true)
	v.never("lost", nil)
	if !v.kept() {
		t.Error("a loaded machine is given no time")
	}
	v.within("late", time.Second, 2100*time.Millisecond, true)
	v.never("lost", []string{"somebody"})
	v.within("never", time.Second, 0, false)
	if got := v.broken(); got != "late, lost, never" {
		t.Errorf("broken: %s", got)
	}
	var out strings.Builder
	v.print(&out)
	if text := out.String(); strings.Count(text, "  NO\n") != 3 || !strings.Contains(text, "lost: somebody") {
		t.Errorf("the table is\n%s", text)
	}
}

func Example_spread() {
	text, _ := spread([]time.Duration{20 * time.Millisecond, 1500 * time.Millisecond, 30 * time.Millisecond})
	fmt.Println(text)
	// Output: p50 30ms, p99 1.5s, max 1.5s of 3
}
