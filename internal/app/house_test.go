package app

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/spillway-voice/spillway/"

// forbidden are imports that a room must never have, and why (docs/ARCHITECTURE.md, Who may know whom).
var forbidden = []struct {
	room, imports, why string
}{
	{"sip", "media", "SDP is opaque to the front door"},
	{"sip", "ivr", "the front door knows no business"},
	{"sip", "routing", "the front door knows no business"},
	{"sip", "incident", "the front door knows no business"},
	{"sip", "config", "rooms own the words they are configured with"},
	{"sip", "internal", "joinery knows the rooms, not the other way round"},
	{"media", "sip", "sound knows no signalling"},
	{"media", "ivr", "sound knows no flows"},
	{"media", "routing", "sound knows no queues"},
	{"media", "incident", "sound knows no incidents"},
	{"media", "config", "rooms own the words they are configured with"},
	{"media", "internal", "joinery knows the rooms, not the other way round"},
	{"ivr", "sip", "the conversation is plain values"},
	{"ivr", "media", "the conversation is plain values"},
	{"ivr", "routing", "a flow names a queue, it does not know it"},
	{"ivr", "incident", "incidents are overlays, nothing asks for them"},
	{"ivr", "config", "rooms own the words they are configured with"},
	{"ivr", "internal", "joinery knows the rooms, not the other way round"},
	{"routing", "sip", "the switch room is pure"},
	{"routing", "media", "the switch room is pure"},
	{"routing", "ivr", "the switch room is pure"},
	{"routing", "incident", "incidents are overlays, nothing asks for them"},
	{"routing", "config", "rooms own the words they are configured with"},
	{"routing", "internal", "joinery knows the rooms, not the other way round"},
	{"incident", "sip", "an incident is a value"},
	{"incident", "media", "an incident is a value"},
	{"incident", "config", "rooms own the words they are configured with"},
	{"incident", "internal", "joinery knows the rooms, not the other way round"},
	{"config", "sip", "configuration compiles into values, it opens nothing"},
	{"config", "media", "whether a recording plays is asked through an interface"},
	{"config", "internal", "joinery knows the rooms, not the other way round"},
	{"internal/call", "config", "a call sees a plan, not files"},
	{"internal/call", "internal/ops", "nobody looks over a call's shoulder"},
	{"internal/ops", "sip", "staff see a node through its interface"},
	{"internal/ops", "media", "staff see a node through its interface"},
	{"internal/ops", "internal/call", "staff see a node through its interface"},
	{"internal/ops", "internal/app", "staff see a node through its interface"},
	{"internal/phone", "sip", "the far end must be independent of what it judges"},
	{"internal/phone", "media", "the far end must be independent of what it judges"},
}

// allowed are imports that a rule forbids in general.
var allowed = map[string]string{
	"routing/redisq": "internal/store", // the queues on Redis stand on the connection to it
}

// pure are the rooms that decide: no sockets, no files, no processes.
var pure = []string{"routing", "ivr", "incident"}

// packages returns the imports of each package of the module, those of tests left out.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	root := filepath.Join("..", "..")
	found := make(map[string][]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") && entry.Name() != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room, err := filepath.Rel(root, filepath.Dir(path))
		for _, i := range file.Imports {
			found[room] = append(found[room], strings.Trim(i.Path.Value, `"`))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// within reports whether a package is a room or below it.
func within(name, room string) bool { return name == room || strings.HasPrefix(name, room+"/") }

func TestNoRoomKnowsWhatItMustNot(t *testing.T) {
	found := packages(t)
	if len(found) < 15 {
		t.Fatalf("only %d packages were found", len(found))
	}
	for name, imports := range found {
		for _, rule := range forbidden {
			if !within(name, rule.room) {
				continue
			}
			for _, imported := range imports {
				if room, ours := strings.CutPrefix(imported, module); ours && within(room, rule.imports) && allowed[name] != room {
					t.Errorf("%s imports %s: %s", name, imported, rule.why)
				}
			}
		}
		if slices.Contains(pure, name) {
			for _, imported := range imports {
				if imported == "net" || imported == "os" || imported == "os/exec" || imported == "net/http" {
					t.Errorf("%s imports %s: it decides and does no I/O", name, imported)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for name := range packages(t) {
		files, err := filepath.Glob(filepath.Join("..", "..", name, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		documented := slices.ContainsFunc(files, func(path string) bool {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text := string(content)
			return strings.HasPrefix(text, "// Package ") || strings.HasPrefix(text, "// Command ")
		})
		if !documented {
			t.Errorf("package %s has no package comment", name)
		}
	}
}
