package ops_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/opstest"
)

// shown returns an answer as a golden file has it.
func shown(t *testing.T, response *http.Response, body string) string {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(body), "", "  "); err != nil {
		t.Fatalf("%q is not JSON: %v", body, err)
	}
	return fmt.Sprintf("%s %s\n%s", response.Status, response.Header.Get("Content-Type"), &pretty)
}

// addresses are all that is read, but the events and the metrics.
var addresses = []string{"/healthz", "/readyz", "/api/v1/queues", "/api/v1/agents", "/api/v1/seats", "/api/v1/calls",
	"/api/v1/nodes", "/api/v1/incidents", "/api/v1/incidents/kettle-recall", "/api/v1/config"}

func TestEachAddressAnswersItsJSON(t *testing.T) {
	f := start(t, opstest.Kettle(), nil)
	for _, path := range addresses {
		response, body := f.ask(t, "GET", path, "")
		golden(t, "get"+strings.ReplaceAll(path, "/", "-")+".golden", shown(t, response, body))
		head, none := f.ask(t, "HEAD", path, "")
		if head.StatusCode != response.StatusCode || head.ContentLength != int64(len(body)) || none != "" {
			t.Errorf("HEAD %s: %s, %d bytes of %d", path, head.Status, len(none), head.ContentLength)
		}
	}
}

func TestWhatIsEmptyIsAListAndNotNull(t *testing.T) {
	f := start(t, opstest.State{Agents: []ops.Agent{{Name: "alice"}}, Calls: []ops.Call{{ID: "1"}}, Incidents: []ops.Incident{{Name: "i"}}}, nil)
	for path, want := range map[string]string{
		"/api/v1/queues":    `[]`,
		"/api/v1/seats":     `{"limit":0,"used":0,"agents":[],"waiting":[]}`,
		"/api/v1/agents":    `[{"name":"alice","state":"","since":null,"reason":"","queues":{},"calls":0,"node":""}]`,
		"/api/v1/calls":     `[{"id":"1","sip_call_id":"","from":"","to":"","state":"","queue":"","since":null,"position":null,"node":"","agent":"","incidents":[],"result":"","reason":""}]`,
		"/api/v1/nodes":     `{"redis":null,"nodes":[]}`,
		"/api/v1/incidents": `[{"name":"i","active":false,"title":"","since":null,"until":null,"revision":0,"by":"","reason":"","change":"","differs_from_file":false,"effects":{}}]`,
		"/api/v1/config":    `{"centre":"","timezone":"","version":"","applied_at":null,"error":null}`,
	} {
		if _, body := f.ask(t, "GET", path, ""); strings.TrimSpace(body) != want {
			t.Errorf("%s: got %s, want %s", path, body, want)
		}
	}
}

func TestANodeThatDrainsIsAliveAndNotReady(t *testing.T) {
	f := start(t, opstest.State{NotReady: errors.New("draining: 12 calls are still going")}, nil)
	if response, _ := f.ask(t, "GET", "/healthz", ""); response.StatusCode != http.StatusOK {
		t.Error(response.Status)
	}
	response, body := f.ask(t, "GET", "/readyz", "")
	golden(t, "not-ready.golden", shown(t, response, body))
}

const toggleOn = `{"active":true,"for":"6h","reason":"the K-200 overheats"}`

func TestATogglePostedReachesTheNodeAndAnswersTheIncident(t *testing.T) {
	f := start(t, opstest.Kettle(), nil)
	response, body := f.ask(t, "POST", "/api/v1/incidents/phones-down", toggleOn, "Content-Type", "application/json; charset=UTF-8")
	golden(t, "post-incident.golden", shown(t, response, body))
	want := ops.Toggle{Active: true, For: 6 * time.Hour, Reason: "the K-200 overheats", By: "local", From: "127.0.0.1"}
	if got := f.node.Toggles(); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheErrorsOfANodeHaveTheirStatuses(t *testing.T) {
	f := start(t, opstest.Kettle(), nil)
	for _, c := range []struct {
		failure error
		status  int
		message string
	}{
		{fmt.Errorf(`"nothing": %w`, ops.ErrUnknownIncident), 404, "no such incident"},
		{fmt.Errorf("until: the end has passed: %w", ops.ErrRefusedToggle), 422, "the end has passed"},
		{fmt.Errorf("revision 4 came first: %w", ops.ErrConflict), 409, "revision 4 came first"},
		{ops.ErrUnavailable, 503, "cannot answer now"},
		{errors.New("open /data/board.json: no space left"), 500, "its log says why"},
	} {
		f.node.Set(func(s *opstest.State) { s.Failure = c.failure })
		for _, method := range []string{"GET", "POST"} {
			response, body := f.ask(t, method, "/api/v1/incidents/kettle-recall", toggleOn, "Content-Type", "application/json")
			if response.StatusCode != c.status || !strings.Contains(body, c.message) || !strings.HasPrefix(body, `{"error":{"code":"`) {
				t.Errorf("%v by %s: %s %s", c.failure, method, response.Status, body)
			}
			if strings.Contains(body, "/data") {
				t.Errorf("the answer tells about the inside: %s", body)
			}
		}
	}
}

func TestARequestThatIsWrongIsRefusedAndChangesNothing(t *testing.T) {
	f := start(t, opstest.Kettle(), nil)
	const incident = "/api/v1/incidents/kettle-recall"
	for _, c := range []struct {
		method, path, body, kind string
		status                   int
		header, value            string
	}{
		{"POST", "/api/v1/queues", "", "", 405, "Allow", "GET, HEAD"},
		{"DELETE", incident, "", "", 405, "Allow", "GET, HEAD, POST"},
		{"POST", "/healthz", "", "", 405, "Allow", "GET, HEAD"},
		{"POST", "/metrics", "", "", 405, "Allow", "GET, HEAD"},
		{"POST", "/api/v1/events", "", "", 405, "Allow", "GET, HEAD"},
		{"GET", "/api/v1/nothing", "", "", 404, "Content-Type", "application/json"},
		{"GET", "/api/v1/queues/", "", "", 404, "Content-Type", "application/json"},
		{"GET", "/debug/pprof/", "", "", 404, "Content-Type", "application/json"},
		{"GET", "/api/v1/incidents/nothing", "", "", 404, "Content-Type", "application/json"},
		{"POST", "/api/v1/incidents/nothing", toggleOn, "application/json", 404, "Content-Type", "application/json"},
		{"POST", incident, toggleOn, "", 415, "Content-Type", "application/json"},
		{"POST", incident, toggleOn, "text/plain", 415, "", ""},
		{"POST", incident, toggleOn, "application/x-www-form-urlencoded", 415, "", ""},
		{"POST", incident, toggleOn, "application/json; charset=utf-16", 415, "", ""},
		{"POST", incident, toggleOn + strings.Repeat(" ", 64<<10), "application/json", 413, "", ""},
		{"POST", incident, "", "application/json", 400, "", ""},
		{"POST", incident, `{"active":true,"colour":"red"}`, "application/json", 400, "", ""},
	} {
		var headers []string
		if c.kind != "" {
			headers = []string{"Content-Type", c.kind}
		}
		response, body := f.ask(t, c.method, c.path, c.body, headers...)
		if response.StatusCode != c.status || c.header != "" && response.Header.Get(c.header) != c.value {
			t.Errorf("%s %s %.40q: %s %v %s", c.method, c.path, c.body, response.Status, response.Header, body)
		}
		if !strings.HasPrefix(body, `{"error":{"code":"`) {
			t.Errorf("%s %s: %s", c.method, c.path, body)
		}
	}
	if got := f.node.Toggles(); len(got) > 0 {
		t.Errorf("something was switched: %+v", got)
	}
}

// tokens are of three people.
func tokens(o *ops.Options) {
	o.Tokens = []ops.Token{
		{Name: "wallboard", Secret: "reads-and-nothing-else", Read: true},
		{Name: "robot", Secret: "acts-and-nothing-else", Act: true},
		{Name: "duty", Secret: "reads-and-acts-too", Read: true, Act: true},
	}
}

func TestATokenMayWhatItMay(t *testing.T) {
	f := start(t, opstest.Kettle(), tokens)
	for _, c := range []struct {
		authorization string
		read, act     int
	}{
		{"", 401, 401},
		{"Bearer wrong", 401, 401},
		{"Bearer ", 401, 401},
		{"Basic cmVhZHMtYW5kLWFjdHMtdG9v", 401, 401},
		{"Bearer reads-and-acts-too-", 401, 401},
		{"Bearer reads-and-nothing-else", 200, 403},
		{"Bearer acts-and-nothing-else", 403, 200},
		{"bearer reads-and-acts-too", 200, 200},
	} {
		headers := []string{"Content-Type", "application/json", "Host", "ops.kettle.example"}
		if c.authorization != "" {
			headers = append(headers, "Authorization", c.authorization)
		}
		read, readBody := f.ask(t, "GET", "/api/v1/queues", "", headers...)
		act, actBody := f.ask(t, "POST", "/api/v1/incidents/kettle-recall", toggleOn, headers...)
		if read.StatusCode != c.read || act.StatusCode != c.act {
			t.Errorf("%q: %s %s, %s %s", c.authorization, read.Status, readBody, act.Status, actBody)
		}
		challenge := read.Header.Get("WWW-Authenticate")
		if (c.read == 401) != strings.HasPrefix(challenge, `Bearer realm="spillway"`) {
			t.Errorf("%q: challenge %q", c.authorization, challenge)
		}
	}
	if got := f.node.Toggles(); len(got) != 2 || got[0].By != "robot" || got[1].By != "duty" {
		t.Errorf("switched by %+v", got)
	}
}

func TestHealthAndMetricsNeedNoToken(t *testing.T) {
	f := start(t, opstest.Kettle(), tokens)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if response, _ := f.ask(t, "GET", path, ""); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
	for _, path := range append(addresses[2:], "/api/v1/events", "/api/v1/nothing") {
		if response, _ := f.ask(t, "GET", path, ""); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
}

func TestATokenInTheAddressIsNone(t *testing.T) {
	f := start(t, opstest.Kettle(), tokens)
	if response, _ := f.ask(t, "GET", "/api/v1/queues?access_token=reads-and-acts-too", ""); response.StatusCode != http.StatusUnauthorized {
		t.Error(response.Status)
	}
}

func TestWithoutTokensAnotherNameOrOriginIsRefused(t *testing.T) {
	f := start(t, opstest.Kettle(), nil)
	address := f.server.Addr().String()
	_, port, _ := strings.Cut(address, ":")
	for _, c := range []struct {
		headers []string
		get     int
		post    int
	}{
		{nil, 200, 200},
		{[]string{"Host", "localhost:" + port}, 200, 200},
		{[]string{"Host", "[::1]:" + port}, 200, 200},
		{[]string{"Host", "evil.example"}, 403, 403},
		{[]string{"Host", "localhost.evil.example:" + port}, 403, 403},
		{[]string{"Host", "192.0.2.1"}, 403, 403},
		{[]string{"Origin", "http://" + address}, 200, 200},
		{[]string{"Origin", "http://evil.example"}, 403, 403},
		{[]string{"Origin", "http://localhost:1"}, 403, 403},
		{[]string{"Origin", "null"}, 403, 403},
		{[]string{"Origin", "http://" + address, "Origin", "http://evil.example"}, 403, 403},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 200, 403},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 200, 200},
	} {
		get, _ := f.ask(t, "GET", "/api/v1/queues", "", c.headers...)
		post, _ := f.ask(t, "POST", "/api/v1/incidents/kettle-recall", toggleOn, append(c.headers, "Content-Type", "application/json")...)
		if get.StatusCode != c.get || post.StatusCode != c.post {
			t.Errorf("%v: %s, %s", c.headers, get.Status, post.Status)
		}
	}
	if response, _ := f.ask(t, "GET", "/metrics", "", "Host", "evil.example"); response.StatusCode != http.StatusForbidden {
		t.Errorf("/metrics for another name: %s", response.Status)
	}
}

func TestEveryToggleIsInTheAuditLogWithoutSecrets(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	f := start(t, opstest.Kettle(), func(o *ops.Options) { tokens(o); o.Log = zap.New(core) })
	const path = "/api/v1/incidents/phones-down"
	f.ask(t, "POST", path, toggleOn, "Content-Type", "application/json", "Authorization", "Bearer reads-and-acts-too")
	f.ask(t, "POST", path, `{"active":1}`, "Content-Type", "application/json", "Authorization", "Bearer reads-and-acts-too")
	f.ask(t, "POST", path, toggleOn, "Content-Type", "application/json", "Authorization", "Bearer guessed-in-vain")
	f.ask(t, "GET", path, "", "Authorization", "Bearer reads-and-acts-too")
	var lines strings.Builder
	for _, entry := range logged.All() {
		fields, err := json.Marshal(entry.ContextMap())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, "%s %s %s\n", entry.Level, entry.Message, fields)
	}
	for _, token := range []string{"reads-and-acts-too", "guessed-in-vain"} {
		if strings.Contains(lines.String(), token) {
			t.Errorf("the log has a secret:\n%s", &lines)
		}
	}
	golden(t, "audit.golden", lines.String())
}

func TestStrangersCannotFloodTheLog(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	f := start(t, opstest.Kettle(), func(o *ops.Options) { tokens(o); o.Log = zap.New(core) })
	begun := time.Now()
	for range 100 {
		f.ask(t, "POST", "/api/v1/incidents/phones-down", toggleOn)
		f.ask(t, "POST", "/healthz", "")
	}
	allowed := 20 + 2*int(time.Since(begun).Seconds()+1)
	if n := logged.Len(); n < 1 || n > allowed {
		t.Errorf("%d lines about 200 requests, at most %d expected", n, allowed)
	}
}

func TestAPanicEndsItsRequestAlone(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	f := start(t, opstest.Kettle(), func(o *ops.Options) {
		o.Log = zap.New(core)
		o.Node = struct{ ops.Node }{} // every method is that of nil
	})
	if response, err := f.client.Get("http://" + f.server.Addr().String() + "/api/v1/queues"); err == nil {
		_ = response.Body.Close()
		t.Errorf("an answer: %s", response.Status)
	}
	if response, _ := f.ask(t, "GET", "/healthz", ""); response.StatusCode != http.StatusOK {
		t.Error(response.Status)
	}
	if logged.FilterMessage("the API panicked").Len() == 0 {
		t.Error("the log does not tell of it")
	}
}
