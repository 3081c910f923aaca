package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// seed adds the good file and those of testdata to a corpus.
func seed(f *testing.F, name, kind string) {
	f.Add(base(f, name))
	paths, err := filepath.Glob(filepath.Join(testdata, kind, "*.yaml"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

// toldWell checks what holds for every mistake, whatever the file.
func toldWell(t *testing.T, file string, list []Mistake) {
	t.Helper()
	for _, m := range list {
		if m.File != file || m.Line < 0 || m.Column < 0 || m.Text == "" || strings.ContainsAny(m.Text, "\r\n\x00\x1b") {
			t.Errorf("a mistake that is told badly: %q at %+v", m.Text, m.Place)
		}
	}
}

func FuzzLoadCentre(f *testing.F) {
	seed(f, CentreFile, "centre")
	f.Fuzz(func(t *testing.T, text []byte) {
		snapshot, list := judgePair(Sources{Centre: text, Incidents: []byte("incidents: {}\n")})
		toldWell(t, CentreFile, list)
		if (snapshot == nil) != refused(list, CentreFile) {
			t.Fatalf("a snapshot with errors, or none without: %v", list)
		}
		if snapshot == nil {
			return
		}
		for number, flow := range snapshot.Numbers {
			if NormalNumber(number) != number || snapshot.Conversation.Flows[flow] == nil {
				t.Errorf("number %q starts %q", number, flow)
			}
		}
		for _, agent := range snapshot.Routing.Agents {
			for queue := range agent.Queues {
				if snapshot.Routing.Queue(queue) == nil {
					t.Errorf("agent %s serves %s, which is nowhere", agent.Name, queue)
				}
			}
		}
		if again, _ := judgePair(Sources{Centre: text, Incidents: []byte("incidents: {}\n")}); again.Version != snapshot.Version {
			t.Error("the same text has two versions")
		}
	})
}

func FuzzLoadIncidents(f *testing.F) {
	seed(f, IncidentsFile, "incidents")
	centre := base(f, CentreFile)
	f.Fuzz(func(t *testing.T, text []byte) {
		snapshot, list := judgePair(Sources{Centre: centre, Incidents: text})
		toldWell(t, IncidentsFile, list)
		if (snapshot == nil) != refused(list, IncidentsFile) {
			t.Fatalf("a snapshot with errors, or none without: %v", list)
		}
		if snapshot == nil {
			return
		}
		for _, d := range snapshot.Incidents {
			if d.For == 0 && d.Until.IsZero() && !d.Manual && d.Schedule == nil {
				t.Errorf("incident %s has no end", d.Name)
			}
		}
	})
}

func FuzzLoadNode(f *testing.F) {
	seed(f, NodeFile, "node")
	f.Fuzz(func(t *testing.T, text []byte) {
		node, list := judgeNode(text)
		toldWell(t, NodeFile, list)
		if node == nil && !refused(list, NodeFile) {
			t.Fatal("no node and no mistake")
		}
		if refused(list, NodeFile) {
			return
		}
		if len(node.SIP.Listen) == 0 || node.Media.Legs() < legsPerCall || node.Limits.Calls < 1 || len(node.Media.Codecs) == 0 {
			t.Errorf("an empty node was accepted: %+v", node)
		}
		if len(node.HTTP.Tokens) == 0 && !node.HTTP.Listen.Addr().IsLoopback() {
			t.Errorf("an open API was accepted: %+v", node.HTTP)
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, text := range []string{"0", "15s", "1h30m", "90d", "30s1m", "1.5h", "5", "99999d23h59m59s999ms"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := parseDuration(text)
		if d < 0 || !ok && d != 0 {
			t.Fatalf("%q is %v %v", text, d, ok)
		}
		if standard, err := time.ParseDuration(text); err == nil && ok && standard != d {
			t.Errorf("%q is %v, but elsewhere %v", text, d, standard)
		}
	})
}

func FuzzMoment(f *testing.F) {
	for _, text := range []string{"2026-11-22 18:00", "2026-10-04 02:30", "2027-04-04 02:30", "2026-11-22T18:00:00+11:00", "0000-01-01 00:00"} {
		f.Add(text)
	}
	zone, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		moment, err := parseMoment(text, zone)
		if err != nil {
			return
		}
		if again, err := parseMoment(moment.Format(time.RFC3339), zone); err != nil || !again.Equal(moment.Truncate(time.Second)) {
			t.Errorf("%q is %v, which reads as %v %v", text, moment, again, err)
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, text := range []string{"+61280000001", "+61-2-8000.0001", "%2B61(2)80000001;phone-context=x", "%zz"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if once := NormalNumber(text); numberPattern.MatchString(once) && NormalNumber(once) != once {
			t.Errorf("%q becomes %q, and then %q", text, once, NormalNumber(once))
		}
	})
}

func FuzzGateway(f *testing.F) {
	for _, text := range []string{"sip:192.0.2.1:5060", "sip:carrier.example;transport=tcp", "sips:x", "sip:", "SIP:[::1]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		g, err := parseGateway(text)
		if err == nil && (g.Host == "" || g.Port < 1 || g.Port > 65535 || strings.ContainsAny(g.Host, " \r\n;@<>\"")) {
			t.Errorf("%q is %+v", text, g)
		}
	})
}

func FuzzSuggest(f *testing.F) {
	f.Add("quees", "queues")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 100 || len(b) > 100 {
			return
		}
		if d, e := distance(a, b, 200), distance(b, a, 200); d != e || (d == 0) != (a == b) {
			t.Errorf("from %q to %q it is %d, and back %d", a, b, d, e)
		}
	})
}
