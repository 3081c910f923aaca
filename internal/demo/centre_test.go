package demo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spillway-voice/spillway/config"
)

func TestTheDemosCopyKeepsEveryPromiseOfItsFiles(t *testing.T) {
	dir := t.TempDir()
	secrets, err := layOut(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(secrets["alice"]) < 12 || secrets["alice"] == secrets["dave"] {
		t.Errorf("the passwords are %q and %q", secrets["alice"], secrets["dave"])
	}
	for _, e := range edits {
		text, err := os.ReadFile(filepath.Join(dir, e.file))
		if err != nil {
			t.Fatal(err)
		}
		if !containsAll(string(text), []string{e.to}) {
			t.Errorf("%s lacks %q", e.file, e.to)
		}
	}
}

func TestAnEditIsTakenBackAndRefusedWhereItDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	if _, err := layOut(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, config.IncidentsFile)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := typo.save(dir); err != nil {
		t.Fatal(err)
	}
	if err := typo.save(dir); err == nil {
		t.Error("the same slip can be made twice")
	}
	if err := typo.undone().save(dir); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file is not as before (%v)", err)
	}
}
