package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNoCallWaitsForARecordingToBeDecoded(t *testing.T) {
	t.Parallel()
	f := start(t)
	if err := os.RemoveAll(filepath.Join(f.dir, "prompts")); err != nil {
		t.Fatal(err)
	}
	played := f.app.centre.current().plan.Prompts
	for _, name := range []string{"choose.wav", "closed.wav", "welcome.wav"} {
		if _, err := played.Prompt(name); err != nil {
			t.Errorf("%s was not decoded before: %v", name, err)
		}
	}
}
