package ivr

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// hours returns a week from texts, and dates.
func hours(t testing.TB, weekly map[string]string, dates map[string]string) *Hours {
	t.Helper()
	week, err := ParseWeekly(weekly)
	if err != nil {
		t.Fatal(err)
	}
	h := &Hours{Weekly: week, Dates: map[Date][]Span{}}
	for key, text := range dates {
		date, err := ParseDate(key)
		if err != nil {
			t.Fatal(err)
		}
		if h.Dates[date], err = ParseSpans(text); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func TestHoursAreOpenFromTheFirstMinuteToTheLast(t *testing.T) {
	sydney := zone(t, "Australia/Sydney")
	office := hours(t, map[string]string{"mon-fri": "09:00-12:30, 13:00-17:30", "sat": "closed"},
		map[string]string{"2026-12-25": "closed", "2026-12-24": "09:00-12:00", "2026-11-28": "10:00-11:00"})
	night := hours(t, map[string]string{"fri": "22:00-06:00", "thu": "22:00-24:00"}, map[string]string{"2026-11-28": "closed"})
	always := hours(t, map[string]string{"mon-sun": "00:00-24:00"}, map[string]string{"2027-03-01": "closed"})
	for _, c := range []struct {
		what  string
		hours *Hours
		now   string
		open  bool
	}{
		{"before", office, "2026-11-23 08:59", false}, {"first minute", office, "2026-11-23 09:00", true},
		{"last minute", office, "2026-11-23 12:29", true}, {"lunch", office, "2026-11-23 12:30", false},
		{"afternoon", office, "2026-11-23 17:29", true}, {"evening", office, "2026-11-23 17:30", false},
		{"a closed day", office, "2026-11-21 10:00", false}, {"a day that is not given", office, "2026-11-22 10:00", false},
		{"a date closes", office, "2026-12-25 10:00", false}, {"a date shortens", office, "2026-12-24 12:00", false},
		{"a date opens a closed day", office, "2026-11-28 10:30", true},
		{"until midnight", night, "2026-11-26 23:59", true}, {"at midnight", night, "2026-11-27 00:00", false},
		{"past midnight", night, "2026-11-21 05:59", true}, {"the end past midnight", night, "2026-11-21 06:00", false},
		{"a closed date does not cut the night that began before it", night, "2026-11-28 05:59", true},
		{"nothing begins on a closed date", night, "2026-11-28 22:00", false},
		{"always", always, "2026-11-28 00:00", true}, {"always but that day", always, "2027-03-01 00:00", false},
	} {
		if got := c.hours.Open(at(t, c.now, sydney), sydney); got != c.open {
			t.Errorf("%s: open at %s: %v, want %v", c.what, c.now, got, c.open)
		}
	}
}

func TestNextIsTheNextChange(t *testing.T) {
	sydney := zone(t, "Australia/Sydney")
	office := hours(t, map[string]string{"mon-fri": "09:00-12:30, 13:00-17:30"}, map[string]string{"2026-12-25": "closed"})
	always := hours(t, map[string]string{"mon-sun": "00:00-24:00"}, map[string]string{"2031-03-01": "closed"})
	for _, c := range []struct {
		hours     *Hours
		now, next string
	}{
		{office, "2026-11-23 08:00", "2026-11-23 09:00"},
		{office, "2026-11-23 09:00", "2026-11-23 12:30"},
		{office, "2026-11-20 17:30", "2026-11-23 09:00"},
		{office, "2026-12-24 18:00", "2026-12-28 09:00"},
		{always, "2026-11-23 08:00", "2031-03-01 00:00"},
		{always, "2031-03-01 12:00", "2031-03-02 00:00"},
	} {
		if got := c.hours.Next(at(t, c.now, sydney), sydney); !got.Equal(at(t, c.next, sydney)) {
			t.Errorf("next after %s: %v, want %s", c.now, got, c.next)
		}
	}
	for what, h := range map[string]*Hours{
		"never":  hours(t, nil, nil),
		"always": hours(t, map[string]string{"mon-sun": "00:00-24:00"}, nil),
		"round":  hours(t, map[string]string{"mon-sun": "08:00-20:00"}, nil),
	} {
		if next := h.Next(at(t, "2026-11-23 08:00", sydney), sydney); next.IsZero() == (what == "round") {
			t.Errorf("%s: next change %v", what, next)
		}
	}
}

// TestClocksThatChange holds the hours to instants in UTC around changes of the clocks, where the clock on the wall misleads.
func TestClocksThatChange(t *testing.T) {
	for _, c := range []struct {
		what, zone, day, spans string
		open, closed           string // the first and the last moment, in UTC
	}{
		// Sydney, 4 October 2026: 02:00 is 03:00.
		{"the night is an hour shorter", "Australia/Sydney", "2026-10-03", "22:00-06:00", "2026-10-03 12:00", "2026-10-03 19:00"},
		{"the beginning is missing", "Australia/Sydney", "2026-10-04", "02:30-06:00", "2026-10-03 16:00", "2026-10-03 19:00"},
		{"the end is missing", "Australia/Sydney", "2026-10-04", "01:00-02:30", "2026-10-03 15:00", "2026-10-03 16:00"},
		// Sydney, 5 April 2026: 03:00 is 02:00.
		{"the night is an hour longer", "Australia/Sydney", "2026-04-04", "22:00-06:00", "2026-04-04 11:00", "2026-04-04 20:00"},
		{"it begins in the hour that comes twice", "Australia/Sydney", "2026-04-05", "02:30-06:00", "2026-04-04 15:30", "2026-04-04 20:00"},
		{"it ends in the hour that comes twice", "Australia/Sydney", "2026-04-05", "01:00-02:30", "2026-04-04 14:00", "2026-04-04 16:30"},
		// Dublin, 29 March 2026: 01:00 is 02:00; in Dublin the winter is what departs from the standard.
		{"the beginning is missing", "Europe/Dublin", "2026-03-29", "01:30-09:00", "2026-03-29 01:00", "2026-03-29 08:00"},
		{"a day with the change", "Europe/Dublin", "2026-03-29", "00:00-24:00", "2026-03-29 00:00", "2026-03-29 23:00"},
		// Dublin, 25 October 2026: 02:00 is 01:00.
		{"it ends in the hour that comes twice", "Europe/Dublin", "2026-10-25", "00:30-01:30", "2026-10-24 23:30", "2026-10-25 01:30"},
		{"a day with the change", "Europe/Dublin", "2026-10-25", "00:00-24:00", "2026-10-24 23:00", "2026-10-26 00:00"},
		// Apia had no 30 December 2011.
		{"a day before the missing one", "Pacific/Apia", "2011-12-29", "20:00-04:00", "2011-12-30 06:00", "2011-12-30 10:00"},
		// Havana, 1 November 2026: 01:00 is 00:00.
		{"midnight comes twice", "America/Havana", "2026-11-01", "00:00-01:00", "2026-11-01 04:00", "2026-11-01 06:00"},
	} {
		t.Run(c.zone+" "+c.day+" "+c.what, func(t *testing.T) {
			z := zone(t, c.zone)
			date, err := ParseDate(c.day)
			if err != nil {
				t.Fatal(err)
			}
			spans, err := ParseSpans(c.spans)
			if err != nil {
				t.Fatal(err)
			}
			h := &Hours{Dates: map[Date][]Span{date: spans}}
			open, closed := at(t, c.open, time.UTC), at(t, c.closed, time.UTC)
			if got := h.Next(open.Add(-time.Hour), z); !got.Equal(open) {
				t.Errorf("it opens at %v, want %v", got.UTC(), open)
			}
			if got := h.Next(open, z); !got.Equal(closed) {
				t.Errorf("it closes at %v, want %v", got.UTC(), closed)
			}
			for now := open.Add(-3 * time.Hour); now.Before(closed.Add(3 * time.Hour)); now = now.Add(15 * time.Minute) {
				if want := !now.Before(open) && now.Before(closed); h.Open(now, z) != want {
					t.Errorf("open at %v: %v", now, !want)
				}
			}
		})
	}
}

func TestASpanThatIsMissingFromTheClockNeverOpens(t *testing.T) {
	sydney := zone(t, "Australia/Sydney")
	h := hours(t, map[string]string{"sun": "02:10-02:50"}, nil)
	now := at(t, "2026-10-03 12:00", sydney)
	if next, want := h.Next(now, sydney), at(t, "2026-10-11 02:10", sydney); !next.Equal(want) {
		t.Errorf("it opens at %v, want %v, the Sunday after the change", next, want)
	}
}

// TestNothingChangesBeforeNext samples the time up to the next change, in random weeks and at random moments.
func TestNothingChangesBeforeNext(t *testing.T) {
	zones := []*time.Location{time.UTC, zone(t, "Australia/Sydney"), zone(t, "Europe/Dublin"), zone(t, "America/Havana")}
	rapid.Check(t, func(t *rapid.T) {
		z := rapid.SampledFrom(zones).Draw(t, "zone")
		h := &Hours{Dates: map[Date][]Span{}}
		span := rapid.Custom(func(t *rapid.T) Span {
			from := rapid.IntRange(0, minutesPerDay-1).Draw(t, "from")
			return Span{From: from, Until: from + rapid.IntRange(1, minutesPerDay).Draw(t, "length")}
		})
		for day := range h.Weekly {
			h.Weekly[day] = rapid.SliceOfN(span, 0, 2).Draw(t, "spans")
		}
		now := time.Unix(rapid.Int64Range(1767225600, 1798761600).Draw(t, "now"), 0) // in 2026
		h.Dates[On(now).add(rapid.IntRange(-2, 20).Draw(t, "date"))] = rapid.SliceOfN(span, 0, 2).Draw(t, "date's spans")
		open, next := h.Open(now, z), h.Next(now, z)
		end := next
		if next.IsZero() {
			end = now.AddDate(0, 0, 30)
		} else if h.Open(next, z) == open {
			t.Fatalf("nothing changes at %v", next)
		}
		for range 50 {
			sample := now.Add(time.Duration(rapid.Int64Range(0, int64(end.Sub(now))-1).Draw(t, "sample")))
			if h.Open(sample, z) != open {
				t.Fatalf("open at %v: %v; at %v: %v; next is %v", now, open, sample, !open, next)
			}
		}
	})
}

func TestTextsOfHoursAreReadOrRefusedWithTheirPlace(t *testing.T) {
	spans := func(text string) error { _, err := ParseSpans(text); return err }
	days := func(text string) error { _, err := ParseDays(text); return err }
	date := func(text string) error { _, err := ParseDate(text); return err }
	for _, c := range []struct {
		parse func(string) error
		text  string
		at    int    // -1: it is right
		want  string // part of the error
	}{
		{spans, "closed", -1, ""}, {spans, "00:00-24:00", -1, ""}, {spans, "22:00-06:00, 09:00-10:00", -1, ""}, {spans, "23:59-00:00", -1, ""},
		{spans, "", 0, `"" is no span; allowed: closed`},
		{spans, "open", 0, `"open" is no span`},
		{spans, "09:00-12:30, 13:00", 13, `"13:00" is no span`},
		{spans, "9:00-12:30", 0, `"9:00" begins no span; allowed: 00:00 to 23:59`},
		{spans, "09:00-12:60", 6, `"12:60" ends no span; allowed: 00:00 to 24:00`},
		{spans, "09:00-24:01", 6, "ends no span"}, {spans, "24:00-06:00", 0, "begins no span"},
		{spans, "09:00-12:30-13:00", 6, "ends no span"},
		{spans, "09:00-09:00", 6, "ends when it begins; all day is 00:00-24:00"},
		{spans, "09:00-12:30, 12:00-13:00", 13, "12:00-13:00 overlaps 09:00-12:30"},
		{spans, "22:00-06:00, 23:00-23:30", 13, "23:00-23:30 overlaps 22:00-06:00"},
		{spans, "09:00-10:00,", 12, "is no span"},
		{spans, strings.Repeat("00:00-00:01,", 2), 12, "overlaps"},
		{days, "sat", -1, ""}, {days, "mon-fri", -1, ""}, {days, "fri-mon", -1, ""},
		{days, "monday", 0, `"monday" is no day; allowed: sun, mon, tue`}, {days, "mon-", 4, `"" is no day`},
		{days, "mon-mon", 4, `one day is no range; allowed: mon, or mon-sun`}, {days, "", 0, "is no day"},
		{date, "2026-12-25", -1, ""}, {date, "2028-02-29", -1, ""},
		{date, "2026-02-29", 0, `"2026-02-29" is no date; allowed: 2000-01-01 to 2199-12-31`},
		{date, "25.12.2026", 0, "is no date"}, {date, "1999-12-31", 0, "is no date"},
	} {
		err := c.parse(c.text)
		var place *TextError
		switch {
		case c.at < 0:
			if err != nil {
				t.Errorf("%q: %v", c.text, err)
			}
		case !errors.As(err, &place):
			t.Errorf("%q is taken (%v)", c.text, err)
		case place.At != c.at || place.Text != c.text || !strings.Contains(err.Error(), c.want):
			t.Errorf("%q: at %d %q, want at %d …%s…", c.text, place.At, err, c.at, c.want)
		}
	}
}

func TestAWeekIsReadOrRefused(t *testing.T) {
	week, err := ParseWeekly(map[string]string{"fri-mon": "22:00-02:00", "tue": "13:00-17:00, 09:00-12:00"})
	if err != nil {
		t.Fatal(err)
	}
	night, tuesday := []Span{{22 * 60, 26 * 60}}, []Span{{9 * 60, 12 * 60}, {13 * 60, 17 * 60}}
	for day, want := range [7][]Span{night, night, tuesday, nil, nil, night, night} {
		if !slices.Equal(week[day], want) {
			t.Errorf("%v: %v, want %v", time.Weekday(day), week[day], want)
		}
	}
	for want, texts := range map[string]map[string]string{
		`"tue": tue is given already by "mon-fri"`:     {"mon-fri": "09:00-17:00", "tue": "closed"},
		"mon 22:00-06:00 runs into tue 05:00-09:00":    {"mon": "22:00-06:00", "tue": "05:00-09:00"},
		"sat 22:00-06:00 runs into sun 05:00-09:00":    {"sat": "22:00-06:00", "sun": "05:00-09:00"},
		`"wed": "noon" is no span; allowed: closed, o`: {"wed": "noon"},
		`"xyz": "xyz" is no day`:                       {"xyz": "closed"},
	} {
		if _, err := ParseWeekly(texts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want …%s…", texts, err, want)
		}
	}
}

// FuzzParseSpans reads any text: what is taken is in order, without overlaps, and reads the same again from what is printed.
func FuzzParseSpans(f *testing.F) {
	for _, text := range []string{"closed", "09:00-12:30, 13:00-17:30", "22:00-06:00", "00:00-24:00", "24:00-00:00", " 09:00 - 10:00 ,", "ab:cd-ef:gh"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spans, err := ParseSpans(text)
		if err != nil {
			var place *TextError
			if !errors.As(err, &place) || place.At < 0 || place.At > len(text) {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		var printed []string
		for i, s := range spans {
			right := s.From >= 0 && s.From < minutesPerDay && s.Until > s.From && s.Until <= s.From+minutesPerDay
			if !right || i > 0 && spans[i-1].Until > s.From {
				t.Fatalf("%q: %v", text, spans)
			}
			printed = append(printed, s.String())
		}
		if again, err := ParseSpans(strings.Join(printed, ", ")); len(spans) > 0 && (err != nil || !slices.Equal(again, spans)) {
			t.Fatalf("%q is %v, printed and read %v (%v)", text, spans, again, err)
		}
	})
}

// FuzzParseWeekly reads any days and dates without harm.
func FuzzParseWeekly(f *testing.F) {
	f.Add("mon-fri", "09:00-17:00", "2026-12-25")
	f.Add("fri-mon", "22:00-06:00", "2026-02-30")
	f.Fuzz(func(t *testing.T, days, spans, date string) {
		if week, err := ParseWeekly(map[string]string{days: spans}); err == nil && week.Check() != nil {
			t.Fatalf("%q: %q is taken and overlaps", days, spans)
		}
		if d, err := ParseDate(date); err == nil && d.String() != date {
			t.Fatalf("%q is read as %v", date, d)
		}
	})
}
