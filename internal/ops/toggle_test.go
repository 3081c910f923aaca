package ops

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
)

// sydney is the zone of the sample centre. Its clocks go forward on 2026-10-04 at 02:00 and back on 2027-04-04 at 03:00.
func sydney(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestAToggleIsReadAsItIsWritten(t *testing.T) {
	six := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC) // 18:00 in Sydney
	for body, want := range map[string]Toggle{
		`{"active":true}`:                                        {Active: true},
		`{"active":false,"reason":"fixed"}`:                      {Reason: "fixed"},
		`{"active":true,"for":"90m"}`:                            {Active: true, For: 90 * time.Minute},
		`{"active":true,"for":"1d12h"}`:                          {Active: true, For: 36 * time.Hour},
		`{"active":true,"for":"90d"}`:                            {Active: true, For: 90 * 24 * time.Hour},
		`{"active":true,"for":5400}`:                             {Active: true, For: 90 * time.Minute},
		`{"active":true,"for":1.5}`:                              {Active: true, For: 1500 * time.Millisecond},
		`{"active":true,"for":null,"until":null}`:                {Active: true},
		`{"active":true,"until":"manual"}`:                       {Active: true, Manual: true},
		`{"active":true,"until":"2026-11-22T18:00:00+11:00"}`:    {Active: true, Until: six},
		`{"active":true,"until":"2026-11-22 18:00"}`:             {Active: true, Until: six},
		` {"reason":"über 9000 Kessel ☎","active":true} ` + "\n": {Active: true, Reason: "über 9000 Kessel ☎"},
	} {
		got, err := parseToggle([]byte(body), sydney(t))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if !got.Until.Equal(want.Until) {
			t.Errorf("%s: until %v, want %v", body, got.Until, want.Until)
		}
		got.Until, want.Until = time.Time{}, time.Time{}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", body, got, want)
		}
	}
}

func TestAToggleThatIsWrongIsRefusedWithTheReason(t *testing.T) {
	for body, want := range map[string]string{
		``:                                "ends too early",
		`{"active":true`:                  "ends too early",
		`[]`:                              "cannot be of type array",
		`"on"`:                            "cannot be of type string",
		`null`:                            "active is missing",
		`{}`:                              "active is missing",
		`{"active":"on"}`:                 "active cannot be of type string",
		`{"active":1}`:                    "active cannot be of type number",
		`{"active":true,"colour":"red"}`:  `unknown field "colour"`,
		`{"active":true}{"active":false}`: "goes on after",
		`{"active":true} x`:               "goes on after",
		`{"active":true,"for":"6h","until":"manual"}`:                 "exclude each other",
		`{"active":false,"for":"6h"}`:                                 "go with active: true",
		`{"active":false,"until":"manual"}`:                           "go with active: true",
		`{"active":true,"for":"soon"}`:                                `not "soon"`,
		`{"active":true,"for":true}`:                                  "a number of seconds",
		`{"active":true,"for":"-6h"}`:                                 "for is from",
		`{"active":true,"for":0}`:                                     "for is from",
		`{"active":true,"for":1e300}`:                                 "a number of seconds",
		`{"active":true,"for":"1d-2h"}`:                               "such as",
		`{"active":true,"for":"-1d"}`:                                 "such as",
		`{"active":true,"for":"91d"}`:                                 "to 90d",
		`{"active":true,"for":"1d2562047h"}`:                          "to 90d",
		`{"active":true,"for":"9000h"}`:                               "for is from",
		`{"active":true,"until":""}`:                                  "must be a time",
		`{"active":true,"until":"18:00"}`:                             "must be a time",
		`{"active":true,"until":"2026-10-04 02:30"}`:                  "go forward",
		`{"active":true,"until":"2027-04-04 02:30"}`:                  "2027-04-04T02:30:00+11:00 or 2027-04-04T02:30:00+10:00",
		`{"active":true,"reason":"two\nlines"}`:                       "one line",
		`{"active":true,"reason":"\u202eback"}`:                       "one line",
		`{"active":true,"reason":"` + strings.Repeat("ü", 501) + `"}`: "more than 500",
	} {
		_, err := parseToggle([]byte(body), sydney(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", body, err, want)
		}
	}
}

func FuzzToggle(f *testing.F) {
	for _, seed := range []string{`{"active":true}`, `{"active":true,"for":"6h","reason":"x"}`, `{"active":true,"until":"manual"}`,
		`{"active":true,"until":"2027-04-04 02:30"}`, `{"active":false,"for":1e9}`, `[[[[`, `{"active":true,"until":"0000-01-01 00:00"}`} {
		f.Add([]byte(seed))
	}
	zone := sydney(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		toggle, err := parseToggle(body, zone)
		if err != nil {
			if failureOf(err).status != 400 {
				t.Errorf("%v", err)
			}
			return
		}
		ends := 0
		for _, set := range []bool{toggle.For != 0, !toggle.Until.IsZero(), toggle.Manual} {
			if set {
				ends++
			}
		}
		if ends > 1 || ends > 0 && !toggle.Active || toggle.For < 0 || toggle.For > longestFor || strings.ContainsFunc(toggle.Reason, unicode.IsControl) {
			t.Errorf("%q: %+v", body, toggle)
		}
	})
}

func FuzzFor(f *testing.F) {
	for _, seed := range []string{`"6h"`, `"1h30m"`, `90`, `1e400`, `-1`, `"9999999999h"`, `"1ns"`, `"1d12h"`, `"65535d"`, `"d"`, `{}`, `"\u0000"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := parseFor(json.RawMessage(text)); err == nil && (d < shortestFor || d > longestFor) {
			t.Errorf("%q is %s", text, d)
		}
	})
}

func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "0", "17", "-1", "18446744073709551616", "0x10", " 1", "1_000"} {
		f.Add(seed)
	}
	feed := NewFeed("kettle", "syd-1")
	for range 10 {
		feed.Publish(Event{Type: ConfigApplied})
	}
	f.Fuzz(func(t *testing.T, text string) {
		after, err := parseEventID(text)
		if err != nil {
			return
		}
		s := feed.Subscribe(after)
		s.Cancel()
		if after != 0 && !s.Lost && len(s.Past) > 10 {
			t.Errorf("%q: %d events", text, len(s.Past))
		}
	})
}

func FuzzMoment(f *testing.F) {
	for _, seed := range []string{"2026-11-22 18:00", "2026-10-04 02:30", "2027-04-04 02:30", "2026-11-22T18:00:00Z", "9999-12-31 23:59", "2026-11-22 9:05"} {
		f.Add(seed)
	}
	zone := sydney(f)
	f.Fuzz(func(t *testing.T, text string) {
		moment, err := ParseMoment(text, zone)
		if err != nil {
			return
		}
		if wall, err := time.Parse(localForm, text); err == nil && moment.In(zone).Format(localForm) != wall.Format(localForm) {
			t.Errorf("%q is %v", text, moment)
		}
	})
}
