package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/media"
)

// TestOnlyTheSoundsOfTheBoardAreKept replaces an incident's message, as a day with many announcements does again and again.
func TestOnlyTheSoundsOfTheBoardAreKept(t *testing.T) {
	keep, err := openKeeper(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	library, err := media.OpenLibrary("", media.LibraryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	soundOf := keep.soundOf(library, t.TempDir())
	var board incident.Board
	var last string
	for number, message := range []string{"welcome.wav", "sorry.wav", "closed.wav"} {
		if last, err = soundOf(message); err != nil {
			t.Fatal(err)
		}
		board = board.With(incident.Revision{Incident: "kettle-recall", Number: number + 1, Sound: last})
		if err := keep.forgetSounds(board); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(filepath.Join(keep.dir, soundsDir))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Name() != last+".wav" || len(keep.sounds) != 1 {
		t.Errorf("kept are %v and %d in memory, want the last message alone", files, len(keep.sounds))
	}
	if _, err := keep.sound(last); err != nil {
		t.Error(err)
	}
}
