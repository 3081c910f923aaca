package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// row is what docs/reference.md says about a key.
type row struct{ file, path, byDefault, allowed, meaning string }

// reference reads the tables of docs/reference.md: a heading names the file of the table under it.
func reference(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	file := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			file = heading
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 5 {
			t.Fatalf("not five cells: %s", line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, row{file, strings.Trim(cells[0], "`"), strings.Trim(cells[1], "`"), cells[2], cells[4]})
	}
	return rows
}

func TestTheReferenceListsExactlyTheKeysThatAreAccepted(t *testing.T) {
	rows := reference(t)
	for _, file := range []string{NodeFile, CentreFile, IncidentsFile} {
		for _, k := range Keys(file) {
			i := slices.IndexFunc(rows, func(r row) bool { return r.file == file && r.path == k.Path })
			if i < 0 {
				t.Errorf("%s: %s is not in docs/reference.md", file, k.Path)
				continue
			}
			byDefault := k.Default
			if k.Required {
				byDefault = "required"
			}
			if rows[i].byDefault != byDefault || rows[i].allowed != k.Allowed || rows[i].meaning == "" {
				t.Errorf("%s: the reference says %+v, the code has the default %q and allows %q", file, rows[i], byDefault, k.Allowed)
			}
			rows = slices.Delete(rows, i, i+1)
		}
	}
	for _, r := range rows {
		t.Errorf("docs/reference.md has %s of %s, which the code does not accept", r.path, r.file)
	}
}

func TestEachDefaultIsAcceptedWhenItIsWrittenOut(t *testing.T) {
	var text strings.Builder
	for _, section := range schemaOf(NodeFile).under("") {
		text.WriteString(section + ":\n")
		for _, k := range Keys(NodeFile) {
			if name, ok := strings.CutPrefix(k.Path, section+"."); ok && k.Default != "" && !strings.Contains(name, "*") {
				fmt.Fprintf(&text, "  %s: %s\n", name, k.Default)
			}
		}
	}
	written, mistakes := judgeNode([]byte(text.String()))
	if len(mistakes) > 0 {
		t.Fatalf("%s%v", text.String(), mistakes)
	}
	implied, mistakes := judgeNode([]byte("node: {}\n"))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	if fmt.Sprint(*written) != fmt.Sprint(*implied) {
		t.Errorf("written out: %+v\nleft out: %+v", *written, *implied)
	}
}

// elsewhere has for each key of spillway.yaml a value that is not its default, and how the node shows that it has it.
var elsewhere = map[string]struct {
	value string
	has   func(*Node) bool
}{
	"node.id":                 {"mel-2", func(n *Node) bool { return n.ID == "mel-2" }},
	"node.data":               {"/var/lib/spillway", func(n *Node) bool { return n.Data == "/var/lib/spillway" }},
	"sip.listen":              {"udp://127.0.0.5:5070, tcp://127.0.0.5:5071", func(n *Node) bool { return fmt.Sprint(n.SIP.Listen) == "[udp://127.0.0.5:5070 tcp://127.0.0.5:5071]" }},
	"sip.advertise":           {"192.0.2.7", func(n *Node) bool { return n.SIP.Advertise.String() == "192.0.2.7" }},
	"sip.realm":               {"other.example", func(n *Node) bool { return n.SIP.Realm == "other.example" }},
	"sip.digest":              {"sha-256,md5", func(n *Node) bool { return slices.Equal(n.SIP.Digest, []string{"sha-256", "md5"}) }},
	"media.ports":             {"40000-49999", func(n *Node) bool { return n.Media.FirstPort == 40000 && n.Media.LastPort == 49999 }},
	"media.advertise":         {"192.0.2.8,2001:db8::8", func(n *Node) bool { return fmt.Sprint(n.Media.Advertise) == "[192.0.2.8 2001:db8::8]" }},
	"media.codecs":            {"g722,pcma", func(n *Node) bool { return slices.Equal(n.Media.Codecs, []string{"g722", "pcma"}) }},
	"media.timeout":           {"30s", func(n *Node) bool { return n.Media.Timeout.String() == "30s" }},
	"redis.url":               {"redis://192.0.2.10", func(n *Node) bool { return n.Redis.URL == "redis://192.0.2.10" }},
	"cluster.advertise":       {"192.0.2.9", func(n *Node) bool { return n.Cluster.Advertise.String() == "192.0.2.9" }},
	"http.listen":             {"127.0.0.1:9090", func(n *Node) bool { return n.HTTP.Listen.String() == "127.0.0.1:9090" }},
	"http.tokens":             {`{Duty: {secret: "a long enough secret", may: [act]}}`, func(n *Node) bool { return n.HTTP.Tokens["Duty"].Act && !n.HTTP.Tokens["Duty"].Read }},
	"limits.calls":            {"20", func(n *Node) bool { return n.Limits.Calls == 20 }},
	"limits.calls_per_second": {"3", func(n *Node) bool { return n.Limits.CallsPerSecond == 3 }},
	"limits.call_duration":    {"1h", func(n *Node) bool { return n.Limits.CallDuration.Hours() == 1 }},
	"limits.drain":            {"5s", func(n *Node) bool { return n.Limits.Drain.Seconds() == 5 }},
	"log.level":               {"debug", func(n *Node) bool { return n.Log.Level.String() == "DEBUG" }},
	"log.format":              {"text", func(n *Node) bool { return n.Log.Format == "text" }},
}

func TestEachKeyOfTheNodeIsServedFromTheEnvironment(t *testing.T) {
	for _, k := range Keys(NodeFile) {
		if k.Allowed == "a map" || strings.Contains(k.Path, "*") {
			continue
		}
		t.Run(k.Path, func(t *testing.T) {
			switch k.Path {
			case "cluster.secret": // looked up only with a shared store: the override must be harmless
				t.Setenv(k.Env(), "not to be shown")
				if _, list := judgeNode([]byte("node: {}\n")); len(list) > 0 {
					t.Errorf("mistakes: %v", list)
				}
				return
			}
			want, ok := elsewhere[k.Path]
			if !ok {
				t.Fatal("the test has no value for the key")
			}
			for _, file := range []string{"node: {}\n", string(base(t, NodeFile))} {
				if n, _ := judgeNode([]byte(file)); want.has(n) {
					t.Fatal("the value is the default")
				}
			}
			t.Setenv(k.Env(), want.value)
			n, list := judgeNode([]byte("node: {}\n")) // no section for the key in the file
			if len(list) > 0 || !want.has(n) {
				t.Errorf("%s=%s is not served: %v", k.Env(), want.value, list)
			}
		})
	}
}

func TestTheEnvironmentComesBeforeTheFile(t *testing.T) {
	t.Setenv("SPILLWAY_LIMITS_CALLS", "7")
	n, list := judgeNode([]byte("limits: {calls: 9, drain: 1s}\n"))
	if len(list) > 0 || n.Limits.Calls != 7 || n.Limits.Drain.Seconds() != 1 {
		t.Errorf("limits %+v, %v", n.Limits, list)
	}
}

func TestAMistakeInTheEnvironmentNamesTheVariable(t *testing.T) {
	t.Setenv("SPILLWAY_LIMITS_CALLS", "many")
	_, list := judgeNode([]byte("limits: {calls: 9}\n"))
	if len(list) != 1 || list[0].String() != `SPILLWAY_LIMITS_CALLS: limits.calls is "many", but must be a whole number from 1 to 100000` {
		t.Errorf("mistakes: %v", list)
	}
}
