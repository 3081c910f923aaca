package incident

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func TestNobodyHearsOneMessageTwice(t *testing.T) {
	h := NewHeard(HeardLimit)
	if !h.Add(Hearing{"+61400000001", "aa", "recall"}) || h.Add(Hearing{"+61400000001", "aa", "recall"}) {
		t.Error("the first hearing is news, the second is not")
	}
	for _, c := range []struct {
		caller, sound string
		want          bool
	}{{"+61400000001", "aa", true}, {"+61400000002", "aa", false}, {"+61400000001", "bb", false}, {"", "aa", false}} {
		if h.Has(c.caller, c.sound) != c.want {
			t.Errorf("%q has heard %s: %v", c.caller, c.sound, !c.want)
		}
	}
	if h.Add(Hearing{"", "aa", "recall"}) || h.Has("", "aa") || h.Len() != 1 {
		t.Error("an anonymous caller is remembered")
	}
}

func TestWhatWasHeardIsForgottenADayAfterTheEnd(t *testing.T) {
	end := noon.Add(time.Hour)
	ends := revision("ends", noon, end, Effects{})
	byHand := revision("by hand", noon, time.Time{}, Effects{})
	stopped := Revision{Incident: "stopped", Number: 2, At: noon}
	b := board(ends, byHand, stopped)
	for _, c := range []struct {
		incident string
		now      time.Time
		want     bool
	}{
		{"ends", noon, true}, {"ends", end.Add(Memory - 1), true}, {"ends", end.Add(Memory), false},
		{"by hand", noon.AddDate(1, 0, 0), true},
		{"stopped", noon.Add(Memory - 1), true}, {"stopped", noon.Add(Memory), false},
		{"unknown", noon, false},
	} {
		h := NewHeard(10)
		h.Add(Hearing{"+61400000001", "aa", c.incident})
		h.Sweep(b, c.now)
		if h.Has("+61400000001", "aa") != c.want || (h.Len() == 1) != c.want {
			t.Errorf("%s at %v is remembered: %v", c.incident, c.now, !c.want)
		}
	}
	h := NewHeard(10)
	h.Add(Hearing{"+61400000001", "aa", "ends"})
	h.Add(Hearing{"+61400000002", "aa", "by hand"})
	h.Add(Hearing{"+61400000003", "bb", "ends"})
	h.Sweep(b, end.Add(Memory))
	if !h.Has("+61400000001", "aa") || h.Has("+61400000003", "bb") || h.Len() != 2 {
		t.Error("a sound of two incidents is remembered for the later, another is not")
	}
}

func TestTheOldestHearingsGiveWay(t *testing.T) {
	h := NewHeard(3)
	for i := range 5 {
		h.Add(Hearing{fmt.Sprintf("+6140000000%d", i), fmt.Sprint(i / 2), "recall"})
	}
	for i := range 5 {
		if got := h.Has(fmt.Sprintf("+6140000000%d", i), fmt.Sprint(i/2)); got != (i >= 2) {
			t.Errorf("hearing %d is remembered: %v", i, got)
		}
	}
	if h.Len() != 3 || len(h.audiences) != 2 {
		t.Errorf("%d hearings of %d sounds", h.Len(), len(h.audiences))
	}
}

func TestHeardOutlivesARestart(t *testing.T) {
	h := NewHeard(10)
	h.Add(Hearing{"+61400000001", "aa", "recall"})
	h.Add(Hearing{"+61400000002", "aa", "recall"})
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var again Heard
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if again.Len() != 2 || !again.Has("+61400000001", "aa") || again.limit != HeardLimit {
		t.Errorf("%s is read as %+v", text, again)
	}
	if err := json.Unmarshal([]byte(`{"caller":1}`), &again); err == nil || again.Len() != 2 {
		t.Errorf("broken text: %v, %d hearings", err, again.Len())
	}
}
