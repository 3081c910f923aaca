package ops_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/opstest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long something that must happen may take on a machine that is busy with other things.
const patience = 30 * time.Second

// fixture is a server on loopback with a node of plain values behind it.
type fixture struct {
	node   *opstest.Node
	feed   *ops.Feed
	server *ops.Server
	client *http.Client
}

// start serves a state until the test ends.
func start(t *testing.T, s opstest.State, change func(*ops.Options)) *fixture {
	t.Helper()
	f := &fixture{node: opstest.New(s), feed: ops.NewFeed("kettle", "syd-1"), client: &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	o := ops.Options{Listen: "127.0.0.1:0", Node: f.node, Feed: f.feed, Log: zap.NewNop(),
		Metrics: ops.NewMetrics(ops.Sources{Name: "syd-1", Node: f.node})}
	if change != nil {
		change(&o)
	}
	server, err := ops.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	f.server = server
	t.Cleanup(func() {
		f.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		f.feed.Close()
	})
	return f
}

// ask sends a request; headers are pairs of name and value, "Host" the one that is sent as such.
func (f *fixture) ask(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+f.server.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := f.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func TestWithoutTokensOnlyALoopbackAddressIsListenedOn(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0"} {
		node := opstest.New(opstest.State{})
		_, err := ops.Listen(ops.Options{Listen: address, Node: node, Feed: ops.NewFeed("kettle", "syd-1"), Log: zap.NewNop(),
			Metrics: ops.NewMetrics(ops.Sources{Node: node}), Tokens: []ops.Token{{Name: "empty", Read: true, Act: true}}})
		if err == nil || !strings.Contains(err.Error(), "http.tokens") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAnAddressInUseIsTold(t *testing.T) {
	f := start(t, opstest.State{}, nil)
	_, err := ops.Listen(ops.Options{Listen: f.server.Addr().String(), Node: f.node, Feed: f.feed, Log: zap.NewNop(), Metrics: ops.NewMetrics(ops.Sources{Node: f.node})})
	if err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Error(err)
	}
}

func TestCloseEndsStreamsAndMayBeCalledTwice(t *testing.T) {
	f := start(t, opstest.State{}, nil)
	events := f.stream(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 2 {
		if err := f.server.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadAll(events); err != nil {
		t.Errorf("the stream was cut, not ended: %v", err)
	}
	if err := f.server.Wait(); err != nil {
		t.Error(err)
	}
}
