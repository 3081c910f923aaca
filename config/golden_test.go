package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the expected messages in testdata/config")

// testdata is where the configurations good and bad are. Those in base are whole and right; each of the others replaces one
// of them.
const testdata = "../testdata/config"

// shelf is the recordings that the configurations of testdata may name.
type shelf map[string]bool

func (s shelf) Check(name string) error {
	if !s[name] {
		return errors.New("there is no such recording")
	}
	return nil
}

// world is what surrounds the files of testdata: the recordings, the environment, and a fixed now.
func world() Options {
	recordings := shelf{"hold.wav": true, "choose.wav": true, "closed.wav": true, "welcome.wav": true, "kettle-recall.wav": true}
	env := map[string]string{"ALICE_SECRET": "wonderland-of-alice", "RESERVE_SECRET": "kept-for-the-bad-day"}
	return Options{
		Prompts: func(Centre) Prompts { return recordings },
		Env:     func(name string) (string, bool) { text, ok := env[name]; return text, ok },
		Now:     time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC),
	}
}

// base returns the text of a good file.
func base(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testdata, "base", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// basePair is the good pair.
func basePair(t testing.TB) Sources {
	return Sources{Centre: base(t, CentreFile), Incidents: base(t, IncidentsFile)}
}

// judgePair judges a pair as `spillway check` does.
func judgePair(pair Sources) (*Snapshot, []Mistake) {
	return newCompiler("/etc/spillway", nil, true, world()).compile(pair)
}

// judgeNode judges a spillway.yaml.
func judgeNode(text []byte) (*Node, []Mistake) {
	found := &mistakes{}
	node := decodeNode("/etc/spillway", text, Options{Redis: redisAddress, Codec: spoken}, found)
	return node, found.sorted()
}

// redisAddress stands for the room that knows what a store's address may be.
func redisAddress(url string) error {
	if !strings.HasPrefix(url, "redis://") {
		return errors.New("redis.url: unknown scheme; allowed are redis and others")
	}
	return nil
}

// spoken stands for the room that knows what the program can speak.
func spoken(codec string) error {
	if codec == "opus" {
		return errors.New("opus is not in this program")
	}
	return nil
}

// judgements is how the files of each folder of testdata are judged.
var judgements = map[string]func(t *testing.T, text []byte) []Mistake{
	"node": func(_ *testing.T, text []byte) []Mistake {
		_, list := judgeNode(text)
		return list
	},
	"centre": func(t *testing.T, text []byte) []Mistake {
		_, list := judgePair(Sources{Centre: text, Incidents: base(t, IncidentsFile)})
		return list
	},
	"incidents": func(t *testing.T, text []byte) []Mistake {
		_, list := judgePair(Sources{Centre: base(t, CentreFile), Incidents: text})
		return list
	},
}

func TestTheBaseHasNoMistake(t *testing.T) {
	if _, list := judgeNode(base(t, NodeFile)); len(list) > 0 {
		t.Errorf("spillway.yaml: %v", list)
	}
	if _, list := judgePair(basePair(t)); len(list) > 0 {
		t.Errorf("the pair: %v", list)
	}
}

func TestEachBadFileIsRefusedWithItsMessage(t *testing.T) { golden(t, "bad", true) }

func TestEachGoodFileIsAccepted(t *testing.T) { golden(t, "good", false) }

// golden compares what is said about each file of testdata of one sort with the text beside it.
func golden(t *testing.T, sort string, wantError bool) {
	for kind, judge := range judgements {
		paths, err := filepath.Glob(filepath.Join(testdata, kind, "*."+sort+".yaml"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s has no %s files: %v", kind, sort, err)
		}
		for _, path := range paths {
			t.Run(kind+"/"+strings.TrimSuffix(filepath.Base(path), "."+sort+".yaml"), func(t *testing.T) {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				list := judge(t, text)
				refused := false
				var said strings.Builder
				for _, m := range list {
					refused = refused || m.Severity == Error
					said.WriteString(m.String() + "\n")
				}
				if refused != wantError {
					t.Errorf("refused is %v:\n%s", refused, said.String())
				}
				compare(t, strings.TrimSuffix(path, ".yaml")+".txt", said.String())
			})
		}
	}
}

// compare holds a text against a golden file; with -update it writes that instead. No text is no file.
func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if got == "" {
			return
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("said:\n%s\nexpected (%s):\n%s", got, path, want)
	}
}
