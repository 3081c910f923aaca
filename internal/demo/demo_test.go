package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// promised is the longest that the demo may take, whatever happens.
const promised = time.Minute

// perform plays a production, shows it in the test's output, and returns what was told.
func perform(t *testing.T, ctx context.Context, p production) (string, error) {
	t.Helper()
	var told bytes.Buffer
	p.Out = io.MultiWriter(&told, t.Output())
	if p.flip == nil {
		p.flip = sample.Switch
	}
	t.Setenv("TMPDIR", t.TempDir())
	began := time.Now()
	err := p.run(ctx)
	if d := time.Since(began); d > promised {
		t.Errorf("the demo took %v", d)
	}
	left, readErr := os.ReadDir(os.TempDir())
	if readErr != nil || len(left) > 0 {
		t.Errorf("the demo left %v behind (%v)", left, readErr)
	}
	return told.String(), err
}

// tells checks that lines of the story hold all the words, each line its own.
func tells(t *testing.T, story string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		found := false
		for told := range strings.Lines(story) {
			found = found || containsAll(told, strings.Fields(line))
		}
		if !found {
			t.Errorf("nothing tells: %s", line)
		}
	}
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

func TestTheBadDayHappensAsItIsTold(t *testing.T) {
	told, err := perform(t, t.Context(), production{})
	if err != nil {
		t.Fatal(err)
	}
	tells(t, told,
		"ok Mia hears the music",
		"ok alice answers Mia both hear each other",
		"incidents.yaml:5:13: true or false",
		"ok Noah hears the recall message after the save",
		"ok Priya hears the recall message after the save",
		"ok Leo hears the recall message after the save",
		"ok Ruth hears the recall message before anything else",
		"ok dave answers Noah",
		"ok seats 4 of 12",
		"ok reserve-01 answers",
		"ok reserve-02 answers",
		"ok reserve-01 offline again",
		"ok Omar hears at once, and no message",
		"ok dave is free, and is not rung",
		"5 answered, 1 abandoned p50 max from save to first sound",
	)
	if strings.Contains(told, "FAIL") || strings.Contains(told, "\x1b") {
		t.Error("the story has failures, or colours in a plain text")
	}
}

func TestAMessageThatIsSilentIsNotTakenForHeard(t *testing.T) {
	told, err := perform(t, t.Context(), production{edit: func(dir string) error {
		return phone.WriteWAV(filepath.Join(dir, "prompts", sample.RecallMessage), make([]int16, 2*int(patience.Seconds())*phone.SampleRate))
	}})
	if err == nil {
		t.Error("the demo is content with silence")
	}
	tells(t, told, "FAIL Noah kettle-recall.wav but silence", "FAIL Priya kettle-recall.wav but silence", "FAIL Leo kettle-recall.wav but silence")
}

func TestASwitchThatIsNotSavedIsNoticed(t *testing.T) {
	told, err := perform(t, t.Context(), production{flip: func(string, bool) error { return nil }})
	if err == nil {
		t.Error("the demo is content though nothing was switched")
	}
	tells(t, told, "FAIL Noah kettle-recall.wav but hold.wav", "0 answered, 0 abandoned")
}

func TestAnInterruptedDemoEndsSoonAndLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	told, err := perform(t, ctx, production{edit: func(string) error { cancel(); return nil }})
	if !errors.Is(err, errInterrupted) {
		t.Errorf("an interrupted demo ends with %v", err)
	}
	if strings.Contains(told, "FAIL") {
		t.Error("an interruption is told as a failure")
	}
}
