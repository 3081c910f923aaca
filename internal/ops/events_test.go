package ops_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/opstest"
)

// stream opens the events and reads their beginning; headers are pairs.
func (f *fixture) stream(t *testing.T, headers ...string) *bufio.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+f.server.Addr().String()+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := f.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %v", response.Status, response.Header)
	}
	reader := bufio.NewReader(response.Body)
	for _, want := range []string{"retry: 2000", ": from now on", ""} {
		if got := line(t, reader); got != want {
			t.Fatalf("the stream begins with %q, not %q", got, want)
		}
	}
	return reader
}

func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	text, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(text, "\n")
}

// event reads one event and checks its id.
func event(t *testing.T, r *bufio.Reader) ops.Event {
	t.Helper()
	id, data, end := line(t, r), line(t, r), line(t, r)
	var e ops.Event
	if err := json.Unmarshal([]byte(strings.TrimPrefix(data, "data: ")), &e); err != nil || end != "" {
		t.Fatalf("%q %q %q: %v", id, data, end, err)
	}
	if id != fmt.Sprintf("id: %d", e.Seq) {
		t.Fatalf("%q before %q", id, data)
	}
	return e
}

func TestEventsComeInOrderWithTheirNumbers(t *testing.T) {
	f := start(t, opstest.State{}, nil)
	f.feed.Publish(ops.Event{Type: ops.CallQueued, Call: "before"})
	events := f.stream(t)
	f.feed.Publish(ops.Event{Type: ops.CallQueued, Time: ops.Time(opstest.Start), Call: "c1", Queue: "orders"})
	f.feed.Publish(ops.Event{Type: ops.CallDone, Node: "mel-1", Call: "c1", Reason: "answered: caller"})
	first, second := event(t, events), event(t, events)
	if want := (ops.Event{Seq: first.Seq, Time: ops.Time(opstest.Start), Centre: "kettle", Node: "syd-1", Type: "call.queued", Call: "c1", Queue: "orders"}); first != want {
		t.Errorf("got %+v, want %+v", first, want)
	}
	if second.Seq != first.Seq+1 || second.Type != "call.ended" || second.Node != "mel-1" || second.Time.String() == "" {
		t.Errorf("after %d comes %+v", first.Seq, second)
	}
}

func TestAReaderWhoComesBackGetsWhatHeMissed(t *testing.T) {
	f := start(t, opstest.State{}, nil)
	events := f.stream(t)
	for i := range 4 {
		f.feed.Publish(ops.Event{Type: ops.AgentChanged, Agent: fmt.Sprint(i)})
	}
	first := event(t, events)
	again := f.stream(t, "Last-Event-ID", fmt.Sprint(first.Seq))
	for i := 1; i < 4; i++ {
		if e := event(t, again); e.Agent != fmt.Sprint(i) || e.Seq != first.Seq+uint64(i) {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	f.feed.Publish(ops.Event{Type: ops.AgentChanged, Agent: "new"})
	if e := event(t, again); e.Agent != "new" {
		t.Errorf("then comes %+v", e)
	}
}

func TestAReaderOfAnotherLifeIsToldOfTheGap(t *testing.T) {
	f := start(t, opstest.State{}, nil)
	f.feed.Publish(ops.Event{Type: ops.ConfigApplied})
	for _, id := range []string{"1", "18446744073709551615"} {
		events := f.stream(t, "Last-Event-ID", id)
		if name, data, end := line(t, events), line(t, events), line(t, events); name != "event: gap" || data != `data: {"after":`+id+`}` || end != "" {
			t.Errorf("%q %q %q", name, data, end)
		}
		if e := event(t, events); e.Type != "config.applied" {
			t.Errorf("%+v", e)
		}
	}
}

func TestALastEventIDThatIsNoneIsRefused(t *testing.T) {
	f := start(t, opstest.State{}, nil)
	if response, body := f.ask(t, "GET", "/api/v1/events", "", "Last-Event-ID", "abc"); response.StatusCode != http.StatusBadRequest {
		t.Errorf("%s %s", response.Status, body)
	}
}

func TestOnlySoManyStreamsAreServed(t *testing.T) {
	f := start(t, opstest.State{}, nil)
	for range 64 {
		f.stream(t)
	}
	response, body := f.ask(t, "GET", "/api/v1/events", "")
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "too_many_streams") {
		t.Errorf("%s %s", response.Status, body)
	}
	if response, _ := f.ask(t, "GET", "/api/v1/queues", ""); response.StatusCode != http.StatusOK {
		t.Errorf("other answers: %s", response.Status)
	}
}

func TestAStreamEndsWithTheFeed(t *testing.T) {
	f := start(t, opstest.State{}, nil)
	events := f.stream(t)
	f.feed.Close()
	if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
		t.Errorf("%q %v", rest, err)
	}
}
