package app

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/phone"
)

// ask begins a request to the node's API on a connection of its own; the caller closes the body.
func (f *fixture) ask(path string, header http.Header) *http.Response {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.within(patience), http.MethodGet, "http://"+f.api+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	request.Header, request.Close = header, true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	return response
}

// get asks the node's API for a page.
func (f *fixture) get(path string) (status int, body string) {
	f.t.Helper()
	response := f.ask(path, http.Header{})
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// events reads the node's stream after an event, as a browser does that was cut off, until one of a type about a call comes.
func (f *fixture) events(after uint64, last, call string) (read []ops.Event) {
	f.t.Helper()
	response := f.ask("/api/v1/events", http.Header{"Last-Event-Id": {strconv.FormatUint(after, 10)}})
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var e ops.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			f.t.Fatalf("the stream says %s: %v", data, err)
		}
		if e.Seq == 0 {
			continue // that events before all that is remembered are not known
		}
		if read = append(read, e); e.Type == last && e.Call == call {
			return read
		}
	}
	f.t.Fatalf("the stream ended before %s of %s: %v", last, call, lines.Err())
	return nil
}

// story is what a stream told of one call.
func story(events []ops.Event, call string) (types string) {
	for _, e := range events {
		if e.Call == call && strings.HasPrefix(e.Type, "call.") {
			types += " " + strings.TrimPrefix(e.Type, "call.")
		}
	}
	return types
}

// TestAReaderWhoWasCutOffMissesNoEvent has whole calls happen between two readings of a stream.
func TestAReaderWhoWasCutOffMissesNoEvent(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	alice := f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	first := f.serveOne(alice, "+61491570001")
	begun := f.events(1, "call.ended", first) // a number of no event of this node: all that it remembers
	if got := story(begun, first); got != " queued offered answered ended" {
		t.Errorf("of the first call was told:%s", got)
	}
	f.agentIs("alice", "ready")
	second := f.serveOne(alice, "+61491570002")
	missed := f.events(begun[len(begun)-1].Seq, "call.ended", second)
	if got := story(missed, second); got != " queued offered answered ended" {
		t.Errorf("of the second call was told:%s", got)
	}
	if got := story(missed, first); got != "" {
		t.Errorf("of the first call was told again:%s", got)
	}
	told := append(begun, missed...)
	for i := 1; i < len(told); i++ {
		if told[i].Seq != told[i-1].Seq+1 {
			t.Fatalf("event %d comes after %d", told[i].Seq, told[i-1].Seq)
		}
	}
	f.nothingLeft()
}

// serveOne has a caller reach an agent, who hangs up, and returns the call's id.
func (f *fixture) serveOne(agent *phone.Phone, from string) (id string) {
	f.t.Helper()
	caller := f.waitsFor(from, "1")
	atAgent := f.picksUp(agent)
	f.callIs(from, "talking")
	if err := atAgent.Hangup(f.within(patience)); err != nil {
		f.t.Fatal(err)
	}
	f.ends(caller)
	return f.callNow(from).ID
}
