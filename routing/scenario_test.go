package routing_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var update = flag.Bool("update", false, "rewrite the expected output of the scenarios")

// TestScenarios plays testdata/scenarios: each block is a command, `----`, and what it leads to. Run with -update to rewrite the
// answers, then read the difference.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			synctest.Test(t, func(t *testing.T) { got = play(t, want) })
			if bytes.Equal(got, want) {
				return
			}
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s", difference(string(want), string(got)))
		})
	}
}

// difference shows the first lines that differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\n  want %s\n  got  %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines wanted, %d got", len(w), len(g))
}

// play runs a scenario and returns it with the answers that the room gave.
func play(t *testing.T, text []byte) []byte {
	s := &scenario{started: time.Now()}
	s.room = newSwitchRoom(t, &routing.Plan{}, func(format string, args ...any) {
		fmt.Fprintf(&s.out, "%s %s\n", s.at(), fmt.Sprintf(format, args...))
	})
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		command, _, answered := strings.Cut(block+"\n", "----\n")
		if strings.HasPrefix(block, "#") && !answered {
			s.out.WriteString(block + "\n\n")
			continue
		}
		s.out.WriteString(command + "----\n")
		s.run(strings.TrimSpace(command))
		if err := s.room.broken(); err != nil {
			t.Errorf("after %q: %v", command, err)
		}
		s.out.WriteString("\n")
	}
	return append(bytes.TrimSpace(s.out.Bytes()), '\n')
}

// scenario is one being played.
type scenario struct {
	room    *switchRoom
	started time.Time
	out     bytes.Buffer
}

// at is the time since the beginning.
func (s *scenario) at() string { return "t+" + time.Since(s.started).String() }

// run carries one command out and lets the room come to rest.
func (s *scenario) run(command string) {
	lines := strings.Split(command, "\n")
	words := strings.Fields(lines[len(lines)-1])
	if slices.ContainsFunc(lines, func(l string) bool { return l == "plan" || strings.HasPrefix(l, "plan ") }) {
		s.plan(lines)
	} else if err := s.command(words); err != nil {
		fmt.Fprintf(&s.out, "%s error: %v\n", s.at(), err)
	}
	s.room.settle()
}

// command carries out a command of one line.
func (s *scenario) command(words []string) error {
	r, verb, args := s.room, words[0], words[1:]
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch verb {
	case "register":
		until := 1000 * time.Hour
		if text := option(args, "for"); text != "" {
			until = duration(r, text)
		}
		return r.store.Register(r.ctx, name, "n1", desk(r.now().Add(until)))
	case "unregister":
		return r.store.Register(r.ctx, name, "n1", nil)
	case "enter":
		priority, _ := strconv.Atoi(option(args, "priority"))
		return r.enter(routing.Caller{Call: name, Queue: args[1], Priority: priority})
	case "leave":
		return r.store.Leave(r.ctx, name, routing.LeftByCaller)
	case "pause":
		return r.store.Pause(r.ctx, name, "lunch")
	case "resume":
		return r.store.Resume(r.ctx, name)
	case "outside":
		return r.store.Outside(r.ctx, name, "n1", option(args, "call"))
	case "tick":
		r.pass(duration(r, name))
		return nil
	case "show":
		s.show(name)
		return nil
	case "explain":
		fmt.Fprintln(&s.out, routing.Explain(r.plan, r.view, r.now(), name))
		return nil
	default:
		return s.offer(verb, name)
	}
}

// offer carries out what an agent does with an offer or a conversation.
func (s *scenario) offer(verb, agent string) error {
	r := s.room
	token, err := r.token(agent)
	if err != nil {
		return err
	}
	switch verb {
	case "answer":
		return r.store.Accept(r.ctx, token)
	case "finish":
		return r.store.Finish(r.ctx, token, r.plan.Queue(r.view.Agents[agent].Claim.Queue).WrapUp)
	case "refused", "busy", "no-answer", "unreachable", "failed":
		return r.store.Release(r.ctx, token, routing.Outcome(verb))
	default:
		return fmt.Errorf("no such command: %s", verb)
	}
}

// show prints a part of the state.
func (s *scenario) show(what string) {
	r, now := s.room, s.room.now()
	switch what {
	case "agents":
		for _, a := range r.plan.Agents {
			state, since, reason := a.Condition(r.view.Agents[a.Name], now)
			fmt.Fprintf(&s.out, "%s %s %s", a.Name, state, reason)
			if !since.IsZero() {
				fmt.Fprintf(&s.out, " since %v ago", now.Sub(since))
			}
			s.out.WriteString("\n")
		}
	case "queues":
		for _, name := range sorted(r.plan.Queues) {
			fmt.Fprintf(&s.out, "%s waiting %d, overflowed in %d, longest wait %v\n",
				name, r.view.Waiting(name), r.view.OverflowedIn(name), r.view.LongestWait(name, now))
			for i, c := range r.view.Line(name) {
				fmt.Fprintf(&s.out, "  %d %s\n", i+1, c.Call)
			}
		}
	case "figures":
		figures := r.tally.Figures(now)
		for _, name := range sorted(figures) {
			f := figures[name]
			within, offered := f.ServiceLevel()
			fmt.Fprintf(&s.out, "%s offered %d, answered %d, abandoned %d (%d short), left %d %v, waiting %d, service level %d of %d\n",
				name, f.Offered, f.Answered, f.Abandoned, f.ShortAbandons, f.Left, f.Reasons, f.Waiting, within, offered)
		}
	}
}

// plan puts the plan that is written out into force.
func (s *scenario) plan(lines []string) {
	plan := &routing.Plan{Queues: make(map[string]*routing.Queue)}
	for _, line := range lines {
		words := strings.Fields(line)
		switch words[0] {
		case "plan":
			plan.Seats, _ = strconv.Atoi(option(words, "seats"))
		case "queue":
			plan.Queues[words[1]] = s.queue(words[1:])
		case "overflow":
			q := plan.Queues[words[1]]
			q.Overflow = append(q.Overflow, s.overflow(words[2:]))
		case "agent":
			plan.Agents = append(plan.Agents, agent(words[1:]))
		}
	}
	s.room.setPlan(plan)
}

// queue reads a queue's rules; what is not said is as in the sample centre.
func (s *scenario) queue(words []string) *routing.Queue {
	q := &routing.Queue{
		Name: words[0], Strategy: routing.LongestIdle, ServiceLevel: 20 * time.Second, Ring: 15 * time.Second, WrapUp: 10 * time.Second,
		Incident: option(words, "incident"),
	}
	if text := option(words, "strategy"); text != "" {
		q.Strategy = routing.Strategy(text)
	}
	q.Capacity, _ = strconv.Atoi(option(words, "capacity"))
	q.MaxWait = duration(s.room, option(words, "max_wait"))
	return q
}

// overflow reads an overflow rule.
func (s *scenario) overflow(words []string) routing.OverflowRule {
	rule := routing.OverflowRule{
		AfterWait: duration(s.room, option(words, "after_wait")),
		To:        strings.Split(option(words, "to"), ","),
		Incident:  option(words, "incident"),
	}
	rule.WhenWaiting, _ = strconv.Atoi(option(words, "when_waiting"))
	return rule
}

// agent reads an agent with his tiers.
func agent(words []string) *routing.Agent {
	a := &routing.Agent{Name: words[0], Queues: make(map[string]int), Incident: option(words, "incident")}
	for _, word := range words[1:] {
		queue, text, _ := strings.Cut(word, "=")
		if tier, err := strconv.Atoi(text); err == nil {
			a.Queues[queue] = tier
		}
	}
	return a
}

// option returns the value of key=value, or "".
func option(words []string, key string) string {
	for _, word := range words {
		if value, found := strings.CutPrefix(word, key+"="); found {
			return value
		}
	}
	return ""
}

// duration reads a duration; "" is none.
func duration(r *switchRoom, text string) time.Duration {
	r.t.Helper()
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	r.must(err)
	return d
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
