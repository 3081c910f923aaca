package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/opstest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long something that must happen may take on a machine that is busy with other things.
const patience = 30 * time.Second

// startNode serves a state on loopback until the test ends, and makes the commands ask it.
func startNode(t *testing.T, s opstest.State, tokens ...ops.Token) *opstest.Node {
	t.Helper()
	node, feed := opstest.New(s), ops.NewFeed("kettle", "syd-1")
	server, err := ops.Listen(ops.Options{Listen: "127.0.0.1:0", Node: node, Feed: feed, Log: zap.NewNop(), Tokens: tokens,
		Metrics: ops.NewMetrics(ops.Sources{Name: "syd-1", Node: node})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		feed.Close()
	})
	t.Setenv(apiVariable, "http://"+server.Addr().String())
	t.Setenv(tokenVariable, "")
	return node
}

// transcript runs a command in this process and returns all that can be seen of it.
func transcript(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, &out, &errs)
	return fmt.Sprintf("$ spillway %s\n%s--- standard error\n%s--- exit %d\n", strings.Join(args, " "), &out, &errs, code)
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func TestWhatTheCommandsShow(t *testing.T) {
	for name, args := range map[string]string{
		"queue-list":         "queue list",
		"queue-list-json":    "queue list --json",
		"agent-list":         "agent list",
		"agent-list-json":    "agent list --json",
		"call-list":          "call list",
		"call-list-json":     "call list --json",
		"seat-list":          "seat list",
		"seat-list-json":     "seat list --json",
		"node-list":          "node list",
		"node-list-json":     "node list --json",
		"incident-list":      "incident list",
		"incident-list-json": "incident list --json",
		"incident-show":      "incident show kettle-recall",
		"incident-show-off":  "incident show phones-down",
		"incident-show-json": "incident show phones-down --json",
		"incident-unknown":   "incident show nothing",
		"incident-no-name":   "incident stop",
		"incident-two-ends":  "incident start kettle-recall --for 6h --until manual",
		"incident-bad-for":   "incident start kettle-recall --for soon",
		"unknown-command":    "queues",
		"unknown-below":      "queue lost",
		"unknown-flag":       "queue list --colour",
		"bad-api":            "queue list --api ftp://127.0.0.1",
	} {
		t.Run(name, func(t *testing.T) {
			startNode(t, opstest.Kettle())
			golden(t, name, transcript(t, strings.Fields(args)...))
		})
	}
}

func TestWhatTheCommandsShowWhenThereIsNothing(t *testing.T) {
	startNode(t, opstest.State{Config: ops.Config{Timezone: "Australia/Sydney"}})
	var all strings.Builder
	for _, noun := range []string{"queue", "agent", "call", "seat", "node", "incident"} {
		all.WriteString(transcript(t, noun, "list"))
	}
	golden(t, "nothing", all.String())
}

func TestAnIncidentIsStartedAndStopped(t *testing.T) {
	node := startNode(t, opstest.Kettle())
	story := transcript(t, "incident", "start", "phones-down", "--for", "90m", "--reason", "the exchange is on fire") +
		transcript(t, "incident", "start", "phones-down", "--until", "2026-11-22 18:00") +
		transcript(t, "incident", "start", "phones-down", "--until", "manual") +
		transcript(t, "incident", "stop", "phones-down", "--json")
	golden(t, "incident-start-stop", story)
	want := []ops.Toggle{
		{Active: true, For: 90 * time.Minute, Reason: "the exchange is on fire", By: "local", From: "127.0.0.1"},
		{Active: true, Until: time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC), By: "local", From: "127.0.0.1"},
		{Active: true, Manual: true, By: "local", From: "127.0.0.1"},
		{By: "local", From: "127.0.0.1"},
	}
	got := node.Toggles()
	if len(got) != len(want) {
		t.Fatalf("%d toggles: %+v", len(got), got)
	}
	for i := range want {
		if !got[i].Until.Equal(want[i].Until) {
			t.Errorf("until %v, want %v", got[i].Until, want[i].Until)
		}
		got[i].Until = want[i].Until
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

func TestATokenIsTakenFromTheEnvironment(t *testing.T) {
	node := startNode(t, opstest.Kettle(), ops.Token{Name: "duty", Secret: "reads-and-acts-too", Read: true, Act: true},
		ops.Token{Name: "wallboard", Secret: "reads-and-nothing-else", Read: true})
	story := transcript(t, "incident", "stop", "kettle-recall")
	for _, token := range []string{"guessed", "reads-and-nothing-else", "reads-and-acts-too"} {
		t.Setenv(tokenVariable, token)
		story += transcript(t, "incident", "stop", "kettle-recall")
	}
	golden(t, "token", story)
	if got := node.Toggles(); len(got) != 1 || got[0].By != "duty" {
		t.Errorf("%+v", got)
	}
}

func TestANodeThatCannotAnswerIsSaidInOneLine(t *testing.T) {
	node := startNode(t, opstest.Kettle())
	node.Set(func(s *opstest.State) { s.Failure = errors.New("disk\nfull") })
	if got := transcript(t, "call", "list"); !strings.HasSuffix(got, "--- standard error\nspillway: the node could not do it; its log says why\n--- exit 1\n") {
		t.Error(got)
	}
	if got := transcript(t, "call", "list", "--api", "http://127.0.0.1:1"); !strings.Contains(got, "spillway: no node answers at http://127.0.0.1:1: is it running?") || !strings.Contains(got, "exit 1") {
		t.Error(got)
	}
}

func TestWhatCallersSayCannotReachTheTerminal(t *testing.T) {
	startNode(t, opstest.State{Calls: []ops.Call{{ID: "1", From: "\x1b[2J\u202e\u009b31m\tlong\r\n", To: "+61280000001", State: "ivr"}}})
	got := transcript(t, "call", "list") + transcript(t, "call", "list", "--json")
	golden(t, "hostile", got)
	if strings.ContainsAny(got, "\x1b\u202e\u009b\r\t") {
		t.Errorf("%q", got)
	}
}

// screen is a writer that tells of what was written.
type screen struct {
	mu      sync.Mutex
	text    strings.Builder
	written chan struct{} // has room for one sign
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.written <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

func (s *screen) shows(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

// await waits until a text is shown.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for !s.shows(text) {
		select {
		case <-s.written:
		case <-deadline:
			t.Fatalf("%q was not shown in %s", text, patience)
		}
	}
}

func TestWatchLooksAgainUntilInterrupted(t *testing.T) {
	node := startNode(t, opstest.Kettle())
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	shown := &screen{written: make(chan struct{}, 1)}
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"queue", "list", "--watch"}, shown, shown) }()
	shown.await(t, "orders")
	node.Set(func(s *opstest.State) { s.Failure = ops.ErrUnavailable })
	shown.await(t, "the node cannot answer now\n")
	node.Set(func(s *opstest.State) { s.Failure, s.Queues[1].Name = nil, "returns" })
	shown.await(t, "returns")
	interrupt()
	if c := <-code; c != 0 {
		t.Errorf("exit %d", c)
	}
}
