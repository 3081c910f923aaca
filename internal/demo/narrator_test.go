package demo

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestALineIsPlainInAPipeAndColouredOnATerminal(t *testing.T) {
	for _, colour := range []bool{false, true} {
		var out bytes.Buffer
		n := &narrator{out: &out, colour: colour, began: time.Now()}
		n.title("title")
		n.chapter("chapter")
		n.say("officer", "saves %s", "a file")
		n.hold("Noah", "hears it")
		n.fail("Leo", "hears it", errors.New("only\nsilence"))
		n.table([][]string{{"caller", "waited"}, {"Mia", "1.5s"}})
		if got := strings.Contains(out.String(), "\x1b"); got != colour {
			t.Errorf("colour %v: %q", colour, out.String())
		}
		if n.held != 1 || n.failed != 1 || n.broken != nil {
			t.Errorf("it counts %d and %d, %v", n.held, n.failed, n.broken)
		}
		tells(t, out.String(), "officer saves a file", "ok Noah hears it", "FAIL Leo only; silence", "Mia 1.5s")
	}
}

// full is a disk that takes nothing more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAStoryThatCouldNotBeWrittenIsNotTold(t *testing.T) {
	n := &narrator{out: full{}, began: time.Now()}
	n.say("Mia", "dials")
	if n.broken == nil || !strings.Contains(n.broken.Error(), "no space left") {
		t.Errorf("a failed write is told as %v", n.broken)
	}
}

func TestOnlyWarningsAndErrorsOfTheLogAreTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), logFile)
	log := `{"level":"info","msg":"ready"}
{"level":"warn","msg":"careful"}
{"level":"error","msg":"broken"}
`
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readWarnings(path)
	if want := []string{`{"level":"warn","msg":"careful"}`, `{"level":"error","msg":"broken"}`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the warnings are %q, %v", got, err)
	}
}

func TestTheMedianIsTheMiddleOfWhatWasMeasured(t *testing.T) {
	for _, c := range []struct {
		all  []time.Duration
		want time.Duration
	}{
		{[]time.Duration{3}, 3},
		{[]time.Duration{9, 1}, 1},
		{[]time.Duration{5, 1, 3}, 3},
	} {
		if got := median(c.all); got != c.want {
			t.Errorf("the median of %v is %v, not %v", c.all, got, c.want)
		}
	}
}
