package config

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/routing"
)

// compiled is the snapshot of a centre.yaml made from the base, which must be right.
func compiled(t *testing.T, from, to string) *Snapshot {
	t.Helper()
	snapshot, list := judgePair(Sources{Centre: edited(t, base(t, CentreFile), from, to), Incidents: base(t, IncidentsFile)})
	if snapshot == nil {
		t.Fatalf("refused: %v", list)
	}
	return snapshot
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	s := compiled(t, "centre", "centre")
	orders := *s.Routing.Queue("orders")
	want := routing.Queue{
		Name: "orders", Strategy: routing.LongestIdle, ServiceLevel: 20 * time.Second, Ring: 15 * time.Second,
		WrapUp: 10 * time.Second, Capacity: 500, MaxWait: 30 * time.Minute,
	}
	if fmt.Sprint(orders) != fmt.Sprint(want) {
		t.Errorf("orders is %+v, expected %+v", orders, want)
	}
	if waiting := s.Conversation.Waiting["orders"]; waiting.Music != "hold.wav" || waiting.Say != nil || waiting.First != 0 {
		t.Errorf("those who wait hear %+v", waiting)
	}
	menu := s.Conversation.Flows["main"].Steps["start"].Menu
	if menu.Wait != 5*time.Second || menu.Tries != 3 || menu.Invalid != "" {
		t.Errorf("the menu is %+v", menu)
	}
	if s.Centre.Language != "en" || s.Centre.Seats != 10000 || s.Centre.PromptLevel != -19 || s.Routing.Seats != 10000 {
		t.Errorf("the centre is %+v", s.Centre)
	}
	if trunk := s.Trunks[0]; trunk.Channels != 0 || trunk.KeepForCallers != 80 || trunk.CallerID != "" {
		t.Errorf("the trunk is %+v", trunk)
	}
}

func TestTheLevelOfRecordingsIsServed(t *testing.T) {
	for text, want := range map[string]int{"-40": -40, "-10": -10, "as-recorded": 0} {
		centre := edited(t, base(t, CentreFile), "centre: kettle\n", "centre: kettle\nprompt_level: "+text+"\n")
		s, list := judgePair(Sources{Centre: centre, Incidents: base(t, IncidentsFile)})
		if s == nil || s.Centre.PromptLevel != want {
			t.Errorf("prompt_level %s is not %d: %v", text, want, list)
		}
	}
}

func TestARangeStandsForItsAgentsAlsoWithinTheValue(t *testing.T) {
	options := world()
	options.Env = func(name string) (string, bool) { return "secret of " + name, true }
	centre := edited(t, base(t, CentreFile), `"reserve-[01..20]": {secret: "env:RESERVE_SECRET", queues: {}}`,
		`"night-[08..11]": {name: "Night [08..11]", secret: "env:NIGHT_[08..11]", queues: {support: 2}}`)
	snapshot, list := newCompiler("/etc", nil, true, options).compile(Sources{Centre: centre, Incidents: base(t, IncidentsFile)})
	if snapshot == nil {
		t.Fatal(list)
	}
	var names []string
	for _, a := range snapshot.Routing.Agents {
		names = append(names, a.Name)
	}
	if got := strings.Join(names, " "); got != "alice night-08 night-09 night-10 night-11" {
		t.Errorf("agents: %s", got)
	}
	night := snapshot.Routing.Agent("night-09")
	if night.Display != "Night 09" || night.Queues["support"] != 2 || snapshot.Accounts["night-09"].Secret.Reveal() != "secret of NIGHT_09" {
		t.Errorf("night-09 is %+v", night)
	}
	night.Queues["orders"] = 1
	if snapshot.Routing.Agent("night-10").Queues["orders"] != 0 {
		t.Error("the agents of a range share one map")
	}
}

func TestATrunkIsFoundByTheAddressOfTheCaller(t *testing.T) {
	s := compiled(t, "carrier: {accept: [127.0.0.1]}", "carrier: {accept: [127.0.0.1, 192.0.2.0/24], media: [198.51.100.0/24], gateways: [sip:192.0.2.1, \"sip:b.example:5070;transport=tcp\"], caller_id: +61-2-8000, channels: 30, keep_for_callers: 50%}")
	for from, want := range map[string]bool{"192.0.2.200": true, "::ffff:192.0.2.200": true, "127.0.0.1": true, "127.0.0.2": false, "::1": false} {
		if got := s.Trunk(netip.MustParseAddr(from)); (got != nil) != want {
			t.Errorf("from %s: %v", from, got)
		}
	}
	trunk := s.Trunks[0]
	if !slices.Equal(trunk.Gateways, []Gateway{{"192.0.2.1", 5060, "udp"}, {"b.example", 5070, "tcp"}}) || trunk.CallerID != "+6128000" ||
		trunk.Channels != 30 || trunk.KeepForCallers != 50 || len(trunk.Media) != 1 {
		t.Errorf("the trunk is %+v", trunk)
	}
}

func TestNumbersKeepWhatWasWrittenQuotedOrNot(t *testing.T) {
	s := compiled(t, "{+61280000001: main}", `{+61280000001: main, 061: main, "01": main, 0x1F: main, 1e3: main, (02)9-0.0: main}`)
	for _, number := range []string{"+61280000001", "061", "01", "0x1F", "1e3", "02900"} {
		if s.Numbers[number] != "main" {
			t.Errorf("%s is not among %v", number, s.Numbers)
		}
	}
}

func TestStepsBecomeTheirVerbs(t *testing.T) {
	s := compiled(t, "bye: {hangup: normal}", `bye: {play: closed.wav, then: ask}
    ask: {when: {hours: office}, then: again, else: night}
    again: {queue: support, priority: 9}
    night: {flow: late}
  late: {start: {hangup: decline}}`)
	steps := s.Conversation.Flows["main"].Steps
	if ask := steps["ask"]; ask.When.Hours != "office" || ask.Then != "again" || ask.Else != "night" {
		t.Errorf("ask is %+v", ask)
	}
	if again := steps["again"]; again.Queue.Queue != "support" || again.Queue.Priority != 9 || again.Else != "" {
		t.Errorf("again is %+v", again)
	}
	if steps["night"].Flow != "late" || s.Conversation.Flows["late"].Steps["start"].Hangup != ivr.Decline {
		t.Errorf("night is %+v", steps["night"])
	}
	zone := s.Centre.Zone
	if !s.Conversation.Hours["office"].Open(time.Date(2026, 11, 23, 9, 0, 0, 0, zone), zone) {
		t.Error("the office is closed on a Monday at nine")
	}
}

func TestIncidentsBecomeTheirDefinitions(t *testing.T) {
	snapshot, list := judgePair(Sources{Centre: base(t, CentreFile), Incidents: []byte(`incidents:
  recall:
    schedule: {from: 2026-12-01 08:00, until: 2026-12-01T18:00:00+10:00}
    title: Recall of the K-200 kettle
    owner: duty
    applies_to: {numbers: [+61-280-000-001], queues: [orders]}
    message: kettle-recall.wav
    then: hangup
    waiting_callers: true
    overflow: {orders: [{after_wait: 60s, when_waiting: 10, to: [support]}]}
    seats: {add: 10, agents: {"reserve-[01..02]": {orders: 1}}}
  outage: {active: true, until: manual, message: closed.wav}
`)})
	if snapshot == nil || len(snapshot.Incidents) != 2 || snapshot.Incidents[0].Name != "recall" {
		t.Fatal(list)
	}
	zone := snapshot.Centre.Zone
	want := incident.Definition{
		Name: "recall", Title: "Recall of the K-200 kettle", Owner: "duty",
		Schedule: &incident.Schedule{From: time.Date(2026, 12, 1, 8, 0, 0, 0, zone), Until: time.Date(2026, 12, 1, 19, 0, 0, 0, zone)},
		Effects: incident.Effects{
			Numbers: []string{"+61280000001"}, Queues: []string{"orders"}, Message: "kettle-recall.wav", Then: incident.HangUp, WaitingCallers: true,
			Overflow: map[string][]routing.OverflowRule{"orders": {{AfterWait: time.Minute, WhenWaiting: 10, To: []string{"support"}}}},
			SeatsAdd: 10, SeatsAgents: map[string]map[string]int{"reserve-01": {"orders": 1}, "reserve-02": {"orders": 1}},
		},
	}
	got := snapshot.Incidents[0]
	if !got.Schedule.From.Equal(want.Schedule.From) || !got.Schedule.Until.Equal(want.Schedule.Until) {
		t.Errorf("the schedule is %v", got.Schedule)
	}
	got.Schedule = want.Schedule
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("the recall is\n%+v, expected\n%+v", got, want)
	}
	if outage := snapshot.Incident("outage"); !outage.Active || !outage.Manual || outage.Effects.Then != incident.Continue {
		t.Errorf("the outage is %+v", outage)
	}
}

func TestTheFilesOfOtherSystemsEditorsAreRead(t *testing.T) {
	plain, _ := judgePair(basePair(t))
	for name, change := range map[string]func([]byte) []byte{
		"carriage returns":   func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) },
		"a byte order mark":  func(b []byte) []byte { return append([]byte("\ufeff"), b...) },
		"no last line break": func(b []byte) []byte { return bytes.TrimRight(b, "\n") },
		"a document's mark":  func(b []byte) []byte { return append([]byte("---\n"), b...) },
		"blank ends":         func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("  \n")) },
	} {
		pair := basePair(t)
		snapshot, list := judgePair(Sources{Centre: change(pair.Centre), Incidents: change(pair.Incidents)})
		if snapshot == nil || len(list) > 0 {
			t.Errorf("%s: %v", name, list)
			continue
		}
		if fmt.Sprintf("%+v", snapshot.Numbers) != fmt.Sprintf("%+v", plain.Numbers) || len(snapshot.Routing.Agents) != len(plain.Routing.Agents) ||
			snapshot.Centre.Name != "kettle" || snapshot.Incidents[0].Effects.Message != "kettle-recall.wav" {
			t.Errorf("%s: %+v", name, snapshot.Centre)
		}
	}
}

func TestASecretsFileIsOneLineBelowTheFolderOrAnywhereByItsFullPath(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "secrets/good", []byte("wonderland of alice\r\n"))
	put(t, dir, "secrets/lines", []byte("one\ntwo\n"))
	put(t, dir, "secrets/empty", []byte("\n"))
	put(t, dir, "secrets/large", []byte(strings.Repeat("x", maxSecretBytes+1)))
	for text, want := range map[string]string{
		"file:secrets/good": "wonderland of alice", "file:" + filepath.Join(dir, "secrets/good"): "wonderland of alice",
		"file:secrets/lines": "", "file:secrets/empty": "", "file:secrets/large": "", "file:secrets": "", "file:": "", "file:../secrets/good": "",
	} {
		found := &mistakes{}
		secret, ok := secrets{dir: dir}.resolve("the secret", text, Place{File: CentreFile}, found)
		if secret.Reveal() != want || ok != (want != "") || ok == (len(found.list) > 0) {
			t.Errorf("%s is %q, %v", text, secret.Reveal(), found.list)
		}
	}
}

func TestALocalTimeAroundAChangeOfTheClockIsTakenOnlyWhenItIsPlain(t *testing.T) {
	for _, c := range []struct{ zone, text, want string }{
		{"Australia/Sydney", "2026-10-04 01:59", "2026-10-03T15:59:00Z"},
		{"Australia/Sydney", "2026-10-04 02:00", ""},
		{"Australia/Sydney", "2026-10-04 02:59", ""},
		{"Australia/Sydney", "2026-10-04 03:00", "2026-10-03T16:00:00Z"},
		{"Australia/Sydney", "2027-04-04 01:59", "2027-04-03T14:59:00Z"},
		{"Australia/Sydney", "2027-04-04 02:00", ""},
		{"Australia/Sydney", "2027-04-04 02:59", ""},
		{"Australia/Sydney", "2027-04-04 03:00", "2027-04-03T17:00:00Z"},
		{"Australia/Sydney", "2027-04-04T02:30:00+10:00", "2027-04-03T16:30:00Z"},
		{"Europe/Dublin", "2026-03-29 01:30", ""},
		{"Europe/Dublin", "2026-10-25 01:30", ""},
		{"Europe/Dublin", "2026-10-25 02:00", "2026-10-25T02:00:00Z"},
		{"Australia/Lord_Howe", "2027-04-04 01:45", ""}, // half an hour
		{"UTC", "2026-11-22 18:00", "2026-11-22T18:00:00Z"},
		{"UTC", "2026-11-22", ""},
		{"UTC", "2026-11-22 18:00:00", ""},
		{"UTC", "2026-02-29 18:00", ""},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseMoment(c.text, zone)
		if (err == nil) != (c.want != "") || err == nil && got.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("%s in %s is %v %v, expected %s", c.text, c.zone, got, err, c.want)
		}
	}
}

func TestDurationsAreWholeNumbersWithUnits(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "15s": 15 * time.Second, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "250ms": 250 * time.Millisecond, "1m30s": 90 * time.Second,
	} {
		if got, ok := parseDuration(text); !ok || got != want {
			t.Errorf("%q is %v %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "s", "15", "1.5h", "-1s", "+1s", "30s1m", "1s1s", "1 s", "1w", "999999s", "١s"} {
		if got, ok := parseDuration(text); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestAHostileFileIsRefusedBeforeItCosts(t *testing.T) {
	const size = 1 << 17
	for name, text := range map[string]string{
		"brackets":        strings.Repeat("[", size),
		"braces":          strings.Repeat("{a: ", size/4),
		"dashes":          strings.Repeat("- ", size/2),
		"question marks":  strings.Repeat("? ", size/2),
		"one line a key":  strings.Repeat("a: b\n", size/5),
		"anchors":         strings.Repeat("&a ", size/3),
		"quotes":          strings.Repeat(`"`, size),
		"keys in braces":  "{" + strings.Repeat("a: b, ", size/6) + "}",
		"agents no end":   "agents:\n" + strings.Repeat("  \"r-[0000..9999]\": {secret: x}\n", 500),
		"not text":        "centre: \xff\xfe",
		"a zero byte":     "centre: \x00",
		"a broken escape": `centre: "\u00`,
	} {
		t.Run(name, func(t *testing.T) {
			snapshot, list := judgePair(Sources{Centre: []byte(text), Incidents: base(t, IncidentsFile)})
			if snapshot != nil || len(list) == 0 || len(list) > 3*MaxMistakes {
				t.Errorf("%d mistakes", len(list))
			}
		})
	}
}

func TestManyWarningsDoNotHideAMistake(t *testing.T) {
	var agents strings.Builder
	for i := range 3 * MaxMistakes {
		fmt.Fprintf(&agents, "  agent-%d: {secret: short}\n", i)
	}
	centre := string(base(t, CentreFile)) + agents.String() + "  last: {secret: short, queues: {nowhere: 1}}\n"
	snapshot, list := judgePair(Sources{Centre: []byte(centre), Incidents: base(t, IncidentsFile)})
	if snapshot != nil || !refused(list, CentreFile) {
		t.Errorf("accepted with %d remarks", len(list))
	}
}

func TestTheNodeCountsItsPortsAndFiles(t *testing.T) {
	n, list := judgeNode([]byte("media: {ports: 10001-10010}\nlimits: {calls: 2}\n"))
	if len(list) != 0 && list[0].Severity != Warning {
		t.Fatal(list)
	}
	if n.Media.FirstPort != 10002 || n.Media.LastPort != 10009 || n.Media.Legs() != 4 {
		t.Errorf("ports %d-%d carry %d legs", n.Media.FirstPort, n.Media.LastPort, n.Media.Legs())
	}
	if got := n.OpenFiles(); got != 2*4+spareFiles {
		t.Errorf("it needs %d files", got)
	}
}
