package redisq

import (
	"reflect"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/routing"
)

func TestACallerIsReadAsHeWasWritten(t *testing.T) {
	now := time.UnixMicro(1_795_406_400_123_456).UTC()
	want := &routing.Caller{
		Call: "c1", Node: "n1", Number: "0412", Queue: "orders", Priority: 3, FirstEntry: now, Entered: now.Add(time.Microsecond),
		Spilled: []string{"support"}, SpillRule: "rule", Refused: map[string]time.Time{"alice": now}, Missed: []string{"bob"}, Offers: 2,
	}
	raw, err := enteringJSON(*want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseCaller(raw)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s is read as %+v, %v", raw, got, err)
	}
}

// FuzzEvent holds the reading of events to this: whatever lies in the stream, it is an event or an error.
func FuzzEvent(f *testing.F) {
	f.Add(`{"call":"c1","queue":"orders","claim":{"token":"7","offered":"1"}}`, `{"name":"alice","registered":"1795406400123456"}`, `{"name":"orders","open":{"rule":true}}`)
	f.Add(`{"refused":{"alice":"1"},"missed":[]}`, `{"claim":null}`, `null`)
	f.Add(`{"entered":1e30}`, `{"misses":"x"}`, `[]`)
	f.Fuzz(func(t *testing.T, caller, agent, queue string) {
		e, err := event(store.Entry{Fields: map[string]string{"caller": caller, "was": caller, "agent": agent, "queue": queue}})
		if err == nil && (e.Caller == nil) != (caller == "") {
			t.Errorf("%q is read as %+v", caller, e.Caller)
		}
	})
}
