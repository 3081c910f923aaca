//go:build !opus

package codec

import (
	"strings"
	"testing"
)

func TestWithoutTheTagOpusSaysHowToHaveIt(t *testing.T) {
	if Opus.Available() {
		t.Error("Opus is available in a build without it")
	}
	if _, err := Parse("opus"); err == nil || !strings.Contains(err.Error(), "-tags opus") {
		t.Errorf("asking for opus says %v", err)
	}
	for what, start := range map[string]func(){
		"encoder": func() { Opus.NewEncoder() },
		"decoder": func() { Opus.NewDecoder() },
	} {
		func() {
			defer func() {
				if said, isText := recover().(string); !isText || !strings.Contains(said, "-tags opus") {
					t.Errorf("making an %s says %q", what, said)
				}
			}()
			start()
		}()
	}
}
