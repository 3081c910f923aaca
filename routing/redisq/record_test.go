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
		Returns: "c0",
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

func TestAnAgentIsReadAsHeWasWritten(t *testing.T) {
	now := time.UnixMicro(1_795_406_400_123_456).UTC()
	later := func(n int) time.Time { return now.Add(time.Duration(n) * time.Microsecond) }
	want := &routing.AgentState{
		Name: "alice", Registered: later(1), Seat: later(2), Paused: later(3), PauseReason: "lunch", PauseSaid: later(4),
		Phones: []routing.Phone{
			{Place: "desk", Node: "n1", Direct: true, Since: later(5), Refreshed: later(6), Until: later(7), Record: `{"contact":"<sip:a@b>"}`},
			{Place: "mobile"},
		},
		Claim: &routing.Claim{
			Token: 1<<53 - 1, Call: "c1", Agent: "alice", Queue: "orders", Node: "n1", Offered: later(8), Deadline: later(9), Answered: later(10),
		},
		Outside: "x1", OutsideNode: "n2", WrapUp: later(11), Idle: later(12), NotBefore: later(13),
		Cause: routing.Busy, Misses: 2, Calls: 3, Changed: later(14),
	}
	whole(t, *want)
	whole(t, want.Phones[0])
	whole(t, *want.Claim)
	for _, want := range []*routing.AgentState{want, {Name: "bob"}} {
		raw, err := recalledJSON(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseAgent(raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, %v", raw, got, err)
		}
	}
}

// whole checks that a value leaves out nothing that there is to be written.
func whole(t *testing.T, value any) {
	t.Helper()
	v := reflect.ValueOf(value)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%T leaves out %s", value, v.Type().Field(i).Name)
		}
	}
}

func TestWhatIsNotTextIsNotWritten(t *testing.T) {
	for _, a := range []*routing.AgentState{
		{Name: "a\x00"},
		{Name: "alice", OutsideNode: "\xff"},
		{Name: "alice", Phones: []routing.Phone{{Place: "a\x00"}}},
		{Name: "alice", Phones: []routing.Phone{{Place: "desk", Record: "\xff"}}},
		{Name: "alice", Claim: &routing.Claim{Node: "\xff"}},
	} {
		if raw, err := recalledJSON(a); err == nil {
			t.Errorf("%+v is written as %s", a, raw)
		}
	}
}

func TestALostPlaceIsRead(t *testing.T) {
	got, err := parseLost(`{"at":"1795406400123456","caller":{"call":"c1","queue":"orders","first_entry":"7"}}`)
	if err != nil || got.At.UnixMicro() != 1_795_406_400_123_456 || got.Caller.Call != "c1" || got.Caller.FirstEntry.UnixMicro() != 7 {
		t.Errorf("it is %+v, %v", got, err)
	}
	for _, raw := range []string{"", "{}", `{"at":"1"}`, `{"at":"1","caller":[]}`} {
		if got, err := parseLost(raw); err == nil {
			t.Errorf("%q is read as %+v", raw, got)
		}
	}
}

// FuzzEvent holds the reading of events to this: whatever lies in the stream, it is an event or an error.
func FuzzEvent(f *testing.F) {
	f.Add(`{"call":"c1","queue":"orders","claim":{"token":"7","offered":"1"}}`, `{"name":"alice","registered":"1795406400123456"}`, `{"name":"orders","open":{"rule":true}}`)
	f.Add(`{"returns":"c0"}`, `{"name":"alice","phones":[{"place":"desk","node":"n1","direct":true,"expires":"7"}],"outside_node":"n2"}`, `{}`)
	f.Add(`{"refused":{"alice":"1"},"missed":[]}`, `{"claim":null}`, `null`)
	f.Add(`{"entered":1e30}`, `{"misses":"x"}`, `[]`)
	f.Fuzz(func(t *testing.T, caller, agent, queue string) {
		e, err := event(store.Entry{Fields: map[string]string{"caller": caller, "was": caller, "agent": agent, "queue": queue}})
		if err == nil && (e.Caller == nil) != (caller == "") {
			t.Errorf("%q is read as %+v", caller, e.Caller)
		}
	})
}
