package main

import (
	"runtime/debug"
	"testing"
)

func TestVersionSaysWhatTheProgramWasBuiltFrom(t *testing.T) {
	released := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v0.1.0"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}, {Key: "vcs.modified", Value: "true"}}}
	for want, info := range map[string]*debug.BuildInfo{
		"spillway v0.1.0, commit 0123456789ab (changed), go1.26.0": released,
		"spillway (devel), commit unknown, go1.26.0":               {GoVersion: "go1.26.0"},
		"spillway unknown, commit unknown":                         nil,
	} {
		if got := version(info); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
