package incident

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

var update = flag.Bool("update", false, "rewrite the stories in testdata")

// TestStories plays the stories of testdata/stories. Lines that begin with ">" are what happens, the lines that follow what comes
// of it:
//
//	at +2h | at 2026-11-23 12:00   the time
//	node syd-2                     the node whose file and API are used from here on
//	save FIELD[=VALUE] ...         the node's file is changed and saved: on, off, for, until, manual, schedule, title, owner, message,
//	                               sound, then, waiting, numbers, queues, overflow, seats, agents; absent; present
//	first                          the node knows no more what its file last said
//	lost                           the board is empty
//	toggle on|off FIELD[=VALUE]    by the API: for, until, manual, reason, noend (the node's file does not have the incident)
//	status                         what is, and whether the node's file differs
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("the story goes otherwise:\n%s", got)
			}
		})
	}
}

// story is a centre with its board, some nodes and a clock.
type story struct {
	t     *testing.T
	now   time.Time
	board Board
	nodes map[string]*desk
	node  string
	out   bytes.Buffer
}

// desk is one node's file and what it remembers of it.
type desk struct {
	file   Definition
	absent bool
	sound  string
	said   map[string]Said
}

// play plays a story and returns it with what comes of it now.
func play(t *testing.T, text string) string {
	t.Helper()
	s := &story{t: t, now: noon, node: "syd-1", nodes: map[string]*desk{}}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		command, happens := strings.CutPrefix(line, "> ")
		if happens || line == "" || strings.HasPrefix(line, "#") {
			fmt.Fprintln(&s.out, line)
		}
		if happens {
			words := strings.Fields(command)
			s.step(words[0], words[1:])
		}
	}
	return s.out.String()
}

// step lets one thing happen.
func (s *story) step(what string, words []string) {
	switch what {
	case "at":
		s.at(words)
	case "node":
		s.node = words[0]
	case "save":
		s.save(words)
	case "first":
		s.desk().said = nil
	case "lost":
		s.board = Board{}
	case "toggle":
		s.toggle(words)
	case "status":
		s.status()
	default:
		s.t.Fatalf("unknown: %s", what)
	}
}

// desk returns the present node's.
func (s *story) desk() *desk {
	if s.nodes[s.node] == nil {
		s.nodes[s.node] = &desk{file: recall(), sound: "aa"}
	}
	return s.nodes[s.node]
}

// at moves the clock.
func (s *story) at(words []string) {
	if ahead, ok := strings.CutPrefix(words[0], "+"); ok {
		s.now = s.now.Add(s.duration(ahead))
		return
	}
	s.now = s.moment(strings.Join(words, "T"))
}

// moment reads a time of the centre's clock.
func (s *story) moment(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02T15:04", text, sydney)
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

// duration reads a length of time.
func (s *story) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// save changes the node's file and reconciles it with the board.
func (s *story) save(words []string) {
	d := s.desk()
	for _, word := range words {
		s.edit(d, word)
	}
	file := File{By: "file@" + s.node, From: "incidents.yaml", Sound: func(prompt string) (string, error) {
		if prompt == "missing.wav" {
			return "", fmt.Errorf("%s is missing", prompt)
		}
		return d.sound, nil
	}}
	if !d.absent {
		file.Definitions = []Definition{d.file}
	}
	out := Reconcile(s.board, file, d.said, s.now)
	for _, m := range out.Mistakes {
		s.tell("mistake: %v", &m)
	}
	for _, w := range out.Warnings {
		s.tell("warning: %s: %s", w.Incident, w.Text)
	}
	for _, r := range out.Revisions {
		s.apply(r)
	}
	if len(out.Mistakes)+len(out.Warnings)+len(out.Revisions) == 0 {
		s.tell("-")
	}
	d.said = out.Said
}

// apply puts a revision on the board and tells of it.
func (s *story) apply(r Revision) {
	old := s.board.Revisions[r.Incident]
	s.board = s.board.With(r)
	s.tell("%s", Sentence(old, r, s.now))
	by := r.By
	if r.Reason != "" {
		by += " (" + r.Reason + ")"
	}
	s.tell("revision %d by %s: %s", r.Number, by, r.Difference)
}

// edit changes one field of a file.
func (s *story) edit(d *desk, word string) {
	field, value, _ := strings.Cut(word, "=")
	e := &d.file.Effects
	list := strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
	switch field {
	case "on", "off":
		d.file.Active, d.file.Schedule = field == "on", nil
	case "for":
		d.file.For, d.file.Until, d.file.Manual = s.duration(value), time.Time{}, false
	case "until":
		d.file.For, d.file.Until, d.file.Manual = 0, s.moment(value), false
	case "manual":
		d.file.For, d.file.Until, d.file.Manual = 0, time.Time{}, true
	case "schedule":
		d.file.Schedule = &Schedule{From: s.moment(list[0]), Until: s.moment(list[1])}
		d.file.Active, d.file.For, d.file.Until, d.file.Manual = false, 0, time.Time{}, false
	case "title":
		d.file.Title = value
	case "owner":
		d.file.Owner = value
	case "message":
		e.Message = value
	case "sound":
		d.sound = value
	case "then":
		e.Then = Then(value)
	case "waiting":
		e.WaitingCallers = value == "true"
	case "numbers":
		e.Numbers = list
	case "queues":
		e.Queues = list
	case "overflow":
		e.Overflow = nil
		if len(list) > 0 {
			e.Overflow = map[string][]routing.OverflowRule{"orders": {{AfterWait: s.duration(list[0]), To: list[1:]}}}
		}
	case "seats":
		e.SeatsAdd, _ = strconv.Atoi(value)
	case "agents":
		e.SeatsAgents = map[string]map[string]int{}
		for _, name := range list {
			e.SeatsAgents[name] = map[string]int{"orders": 1}
		}
	case "absent", "present":
		d.absent = field == "absent"
	default:
		s.t.Fatalf("unknown field %q", field)
	}
}

// toggle uses the node's API.
func (s *story) toggle(words []string) {
	d, toggle := s.desk().file, Toggle{Active: words[0] == "on", By: "duty", From: "127.0.0.1"}
	for _, word := range words[1:] {
		field, value, _ := strings.Cut(word, "=")
		switch field {
		case "for":
			toggle.For = s.duration(value)
		case "until":
			toggle.Until = s.moment(value)
		case "manual":
			toggle.Manual = true
		case "reason":
			toggle.Reason = value
		case "noend":
			d = Definition{}
		}
	}
	r, err := Switch(s.board, "kettle-recall", d, toggle, s.now)
	switch {
	case err != nil:
		s.tell("refused: %v", err)
	case r.Number == s.board.Revisions["kettle-recall"].Number:
		s.tell("-")
	default:
		s.apply(r)
	}
}

// status tells what is.
func (s *story) status() {
	for _, name := range slices.Sorted(maps.Keys(s.board.Revisions)) {
		r := s.board.Revisions[name]
		differs := ""
		if DiffersFromFile(r, s.desk().file, s.now) {
			differs = ", differs from the file"
		}
		s.tell("%s: %s%s", name, Status(r, s.now), differs)
	}
}

// tell writes one line of what comes of something.
func (s *story) tell(format string, args ...any) { fmt.Fprintf(&s.out, "  "+format+"\n", args...) }
