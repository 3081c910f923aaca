package store

import (
	"encoding/json"
	"testing"
)

// FuzzNodeOfTheStore holds the reading of nodes to this: what was read can be announced, and is read again as the same.
func FuzzNodeOfTheStore(f *testing.F) {
	for _, seed := range []string{
		"", "{", "null", `{"boot":"b1","wall":"1795406400123456","at":"1795406400123456","sip":"10.0.0.1:5060"}`,
		`{"boot":"b1","wall":"0","at":"0","sip":"nowhere"}`, `{"boot":"b\u0000","wall":"0","at":"0"}`, `{"boot":"b1","wall":"x","at":"0"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		peer, err := decodeNode("syd-1", text)
		if err != nil || len(text) > nodeLimit/16 { // JSON writes some characters longer
			return
		}
		again, err := encodeNode(peer.Node)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", text, err)
		}
		var record nodeRecord
		if err := json.Unmarshal([]byte(again), &record); err != nil {
			t.Fatal(err)
		}
		record.At = "7"
		stamped, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		if once, err := decodeNode("syd-1", string(stamped)); err != nil || once.Node != peer.Node {
			t.Fatalf("%q was written as %q: %v", text, stamped, err)
		}
	})
}
