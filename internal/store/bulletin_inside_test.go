package store

import "testing"

// FuzzItemID holds the reading of ids to this: what was read is written as an id that is read as the same.
func FuzzItemID(f *testing.F) {
	for _, seed := range []string{"0-0", "1795406400123-7", "", "-", "7", "07-1", "18446744073709551616-0", "+1-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := parseItemID(text)
		if err != nil {
			return
		}
		if again, err := parseItemID(id.String()); err != nil || again != id || id.before(again) {
			t.Fatalf("%q is read as %v, then as %v, %v", text, id, again, err)
		}
	})
}
