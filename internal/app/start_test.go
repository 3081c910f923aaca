package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
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

func TestAnAgentsSecretMayArriveLater(t *testing.T) {
	f := start(t, open, func(dir string) {
		if err := os.Remove(filepath.Join(dir, "secrets", "alice")); err != nil {
			panic(err)
		}
	})
	p := f.phone(phone.Options{User: "alice", Secret: secret})
	if err := p.Register(f.within(patience), time.Hour); err == nil {
		t.Fatal("alice registered although nobody knows her secret")
	}
	if err := os.WriteFile(filepath.Join(f.dir, "secrets", "alice"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.eventually("her secret is known", func() bool { return len(f.app.centre.current().snapshot.Accounts) == len(sample.Agents()) })
	if err := p.Register(f.within(patience), time.Hour); err != nil {
		t.Errorf("alice cannot register: %v", err)
	}
}
