package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAnInvalidFileAtTheStartLeavesTheLastGoodCopyInForce(t *testing.T) {
	f := start(t, open)
	version := f.app.node.Config().Version
	f.app.Close()
	if err := os.WriteFile(filepath.Join(f.dir, "centre.yaml"), []byte("centre: [kettle\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.run()
	config := f.app.node.Config()
	if config.Version != version || config.Error == nil || config.Error.File != "centre.yaml" {
		t.Errorf("the configuration in force is %+v, %+v; before it was %s", config, config.Error, version)
	}
	f.flip(true)
	f.eventually("the duty officer's toggle works all the same", func() bool { return f.recall().Active })
}

func TestWithoutACopyAnInvalidFileIsNoStart(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"spillway.yaml", "centre.yaml", "incidents.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("nothing: here\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := New(Options{Dir: dir})
	if _, ok := errors.AsType[*MistakesError](err); !ok {
		t.Errorf("the node started, or failed with %v", err)
	}
}
