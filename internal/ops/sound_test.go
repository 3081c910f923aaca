package ops_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/opstest"
)

func TestACallTellsOfItsSoundWhatIsKnown(t *testing.T) {
	mos, none, trip, still := 4.39, 0.0, ops.Seconds(20*time.Millisecond), ops.Seconds(0)
	f := start(t, opstest.State{Calls: []ops.Call{
		{ID: "1", Sound: &ops.CallSound{Caller: &ops.LegSound{Codec: "PCMU", MOS: &mos, Loss: &none, Jitter: &still, RoundTrip: &trip}}},
		{ID: "2"},
	}}, nil)
	_, body := f.ask(t, "GET", "/api/v1/calls", "")
	if want := `"reason":"","sound":{"caller":{"codec":"PCMU","mos":4.39,"loss":0,"jitter":0,"round_trip":0.02}}},{"id":"2"`; !strings.Contains(body, want) {
		t.Errorf("got %s, want %s in it", body, want)
	}
	if strings.Count(body, `"sound"`) != 1 {
		t.Errorf("a call without sound tells of it: %s", body)
	}
}

func TestTheSoundOfACallReachesTheOtherNodes(t *testing.T) {
	score, share, moment := 3.61, 0.0123, ops.Seconds(123*time.Millisecond)
	leg := &ops.LegSound{Codec: "PCMA", MOS: &score, Loss: &share, Jitter: &moment, RoundTrip: &moment, FarMOS: &score, FarLoss: &share, FarJitter: &moment}
	told := ops.Call{ID: "1", Sound: &ops.CallSound{Agent: leg}}
	text, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	var read ops.Call
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, told) {
		t.Errorf("told %s, read %+v", text, read.Sound)
	}
}
