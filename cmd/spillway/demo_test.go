package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
)

func TestTheDemoIsColouredOnATerminalAlone(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "story")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if colourful(file) || colourful(new(bytes.Buffer)) {
		t.Error("a file or a buffer is taken for a terminal")
	}
}

func TestTheDemoTakesNoArguments(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"demo", "loud"}, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "loud") {
		t.Errorf("exit code %d, and it says %q", code, errs.String())
	}
}

func TestADemoThatIsInterruptedFailsInOneLine(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"demo"}, &out, &errs); code != exitFailed || errs.String() != "spillway: the demo was interrupted\n" {
		t.Errorf("exit code %d, and it says %q", code, errs.String())
	}
}
