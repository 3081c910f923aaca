package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/sample"
)

// kettle lays out the sample centre and returns a function that runs a command on it; the folder's name is left out of what it returns.
func kettle(t *testing.T) (dir string, spillway func(args ...string) string) {
	t.Helper()
	dir = t.TempDir()
	if err := sample.Write(dir, sample.Options{}); err != nil {
		t.Fatal(err)
	}
	return dir, func(args ...string) string {
		t.Helper()
		args = append(args[:1:1], append([]string{"--config", dir}, args[1:]...)...)
		return strings.ReplaceAll(transcript(t, args...), dir, "kettle")
	}
}

// write replaces a file of a folder.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheckIsSilentAboutWhatIsRight(t *testing.T) {
	_, spillway := kettle(t)
	if got, want := spillway("check"), "$ spillway check --config kettle\n--- standard error\n--- exit 0\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCheckSaysWhereEachMistakeStands(t *testing.T) {
	dir, spillway := kettle(t)
	write(t, dir, "incidents.yaml", "incidents:\n  kettle-recall:\n    active: on\n    for: ages\n    message: ../secret.wav\n    \"e\\e[31m\": 1\n")
	golden(t, "check-mistakes", spillway("check"))
}

func TestCheckExitsWithTwoWhenItCannotRead(t *testing.T) {
	dir, spillway := kettle(t)
	if err := os.Remove(filepath.Join(dir, "centre.yaml")); err != nil {
		t.Fatal(err)
	}
	got := spillway("check")
	if !strings.Contains(got, "\nspillway: centre.yaml: cannot be read: ") || !strings.HasSuffix(got, "--- exit 2\n") {
		t.Error(got)
	}
}
