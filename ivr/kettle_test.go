package ivr

import (
	"testing"
	"time"
	_ "time/tzdata"
)

// kettle returns the sample centre's conversations, as config compiles them, and a few flows beside them for what it does not do.
func kettle(t testing.TB) *Plan {
	t.Helper()
	week, err := ParseWeekly(map[string]string{"mon-fri": "09:00-12:30, 13:00-17:30", "sat": "closed"})
	if err != nil {
		t.Fatal(err)
	}
	menu := &Menu{
		Prompt: "choose.wav", Keys: map[byte]string{'1': "orders", '2': "billing", '0': "support"},
		Wait: 5 * time.Second, Tries: 3, Invalid: "not-understood.wav",
	}
	return &Plan{
		Zone: zone(t, "Australia/Sydney"),
		Hours: map[string]*Hours{"office": {Weekly: week, Dates: map[Date][]Span{
			{2026, 12, 25}: nil, {2026, 12, 24}: {{From: 9 * 60, Until: 12 * 60}},
		}}},
		Flows: map[string]*Flow{
			"main": flow("main", map[string]*Step{
				"start":   {Play: "welcome.wav", Then: "open"},
				"open":    {When: &When{Hours: "office"}, Then: "choose", Else: "closed"},
				"choose":  {Menu: menu, Else: "support"},
				"orders":  {Queue: &QueueEntry{Queue: "orders"}, Else: "sorry"},
				"billing": {Queue: &QueueEntry{Queue: "billing"}, Else: "sorry"},
				"support": {Queue: &QueueEntry{Queue: "support", Priority: 5}, Else: "sorry"},
				"closed":  {Play: "closed.wav", Then: "bye"},
				"sorry":   {Play: "sorry.wav", Then: "bye"},
				"bye":     {Hangup: Normal},
			}),
			"billing-line": flow("billing-line", map[string]*Step{"start": {Queue: &QueueEntry{Queue: "billing"}}}),
			"languages": flow("languages", map[string]*Step{
				"start": {Menu: &Menu{Prompt: "language.wav", Keys: map[byte]string{'1': "main", '#': "bye"}, Wait: 2 * time.Second, Tries: 2}},
				"main":  {Flow: "main"},
				"bye":   {Hangup: Normal},
			}),
			"busy":    flow("busy", map[string]*Step{"start": {Hangup: Busy}}),
			"circle":  flow("circle", map[string]*Step{"start": {Queue: &QueueEntry{Queue: "orders"}, Else: "again"}, "again": {Flow: "circle"}}),
			"nowhere": flow("nowhere", map[string]*Step{"start": {Play: "welcome.wav", Then: "gone"}}),
		},
	}
}

// flow returns a flow of steps, each named as its key.
func flow(name string, steps map[string]*Step) *Flow {
	for key, step := range steps {
		step.Name = key
	}
	return &Flow{Name: name, Steps: steps}
}

// zone returns a time zone.
func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// at returns a moment by the clock of a zone.
func at(t testing.TB, text string, z *time.Location) time.Time {
	t.Helper()
	moment, err := time.ParseInLocation("2006-01-02 15:04", text, z)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}
