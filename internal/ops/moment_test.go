package ops

import (
	"encoding/json"
	"testing"
	"time"
)

func TestMomentsAndDurationsAsJSON(t *testing.T) {
	type both struct {
		Time    Time
		Seconds Seconds
	}
	for _, c := range []struct {
		value both
		text  string
	}{
		{both{}, `{"Time":null,"Seconds":0}`},
		{both{Time(time.Date(2026, 11, 22, 18, 0, 0, 0, time.FixedZone("", 11*3600))), Seconds(90 * time.Second)}, `{"Time":"2026-11-22T07:00:00Z","Seconds":90}`},
		{both{Time(time.Date(2026, 11, 22, 7, 0, 0, 123_456_789, time.UTC)), Seconds(1_234_567 * time.Microsecond)}, `{"Time":"2026-11-22T07:00:00.123Z","Seconds":1.235}`},
	} {
		text, err := json.Marshal(c.value)
		if err != nil || string(text) != c.text {
			t.Errorf("%s %v, want %s", text, err, c.text)
		}
		var back both
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if d := time.Time(c.value.Time).Sub(time.Time(back.Time)); d < 0 || d >= time.Millisecond {
			t.Errorf("%s came back as %s", c.value.Time, back.Time)
		}
		if back.Seconds != Seconds(time.Duration(c.value.Seconds).Round(time.Millisecond)) {
			t.Errorf("%d came back as %d", c.value.Seconds, back.Seconds)
		}
	}
}

func TestWhatIsNoMomentOrDurationIsRefused(t *testing.T) {
	for _, text := range []string{`1`, `"yesterday"`, `""`, `{}`} {
		if json.Unmarshal([]byte(text), new(Time)) == nil {
			t.Errorf("%s is a time", text)
		}
	}
	for _, text := range []string{`"6h"`, `1e300`, `-1e300`, `[]`} {
		if json.Unmarshal([]byte(text), new(Seconds)) == nil {
			t.Errorf("%s is a duration", text)
		}
	}
}
