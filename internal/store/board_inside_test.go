package store

import "testing"

func FuzzRevisionOfTheStore(f *testing.F) {
	for _, seed := range []string{"", "{", "null", `{"incident":"kettle-recall","number":1}`, `{"incident":"kettle-recall","number":1,"sound":"../x","end":"2026-11-23T09:00:00+11:00"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rev, err := decodeRevision("kettle-recall", text)
		if err != nil {
			return
		}
		again, err := encodeRevision(rev)
		if err != nil && len(text) < revisionLimit/8 { // what grows, since JSON writes some characters longer, has a limit too
			t.Fatalf("%q was read and cannot be written: %v", text, err)
		}
		if err != nil {
			return
		}
		if once, err := decodeRevision("kettle-recall", again); err != nil || !same(rev, once) {
			t.Fatalf("%q was written as %q: %v", text, again, err)
		}
	})
}
