package app

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
	"github.com/spillway-voice/spillway/media/prompts"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(programs.dir); err != nil {
			code = 1
		}
		os.Exit(code)
	}))
}

// patience bounds every wait for something that should happen soon: the machine may be slow and loaded.
const patience = 45 * time.Second

var loopback = netip.MustParseAddr("127.0.0.1")

// fixture is a node that runs the sample centre, with real sockets on free ports.
type fixture struct {
	t   *testing.T
	dir string
	app *App      // the node in this process; nil for one that is a process of its own
	sip []Address // where it takes calls
	api string    // where it answers staff: host and port
}

// secret is every agent's password in the tests, without the spaces that baresip cannot be told.
const secret = "long-enough-a-password"

// start runs a node on a copy of the sample; edit changes its files before the start.
func start(t *testing.T, edits ...func(dir string)) *fixture {
	t.Helper()
	f := lay(t, edits...)
	f.run()
	return f
}

// lay makes a copy of the sample for a node that is not started yet.
func lay(t *testing.T, edits ...func(dir string)) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	secrets := make(map[string]string)
	for _, agent := range sample.Agents() {
		secrets[agent] = secret
	}
	free := netip.AddrPortFrom(loopback, 0)
	if err := sample.Write(f.dir, sample.Options{SIP: free, HTTP: free, Secrets: secrets}); err != nil {
		t.Fatal(err)
	}
	for _, edit := range edits {
		edit(f.dir)
	}
	return f
}

// run starts the node; it is closed at the end of the test.
func (f *fixture) run() {
	f.t.Helper()
	node, err := New(Options{Dir: f.dir, Log: testLog{f.t}})
	if err != nil {
		f.t.Fatal(err)
	}
	f.app, f.sip, f.api = node, node.SIP(), node.HTTP()
	f.t.Cleanup(node.Close)
}

// testLog keeps the node's log in a file among the test's artifacts.
type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	file, err := os.OpenFile(filepath.Join(l.t.ArtifactDir(), "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return file.Write(line)
}

// phone returns a phone that talks to the node; it is closed at the end of the test.
func (f *fixture) phone(o phone.Options) *phone.Phone {
	f.t.Helper()
	o.Bind, o.Server = loopback, f.at(o.Network)
	p, err := phone.New(o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(p.Close)
	return p
}

// at is where the node takes calls over a network; "" is UDP.
func (f *fixture) at(network string) (found netip.AddrPort) {
	f.t.Helper()
	for _, a := range f.sip {
		if a.Network == network || a.Network == "udp" && network == "" {
			return a.AddrPort
		}
	}
	f.t.Fatalf("the node does not listen on %s", network)
	return found
}

// agent registers a phone as an agent.
func (f *fixture) agent(name string, reply phone.Reply) *phone.Phone {
	f.t.Helper()
	p := f.phone(phone.Options{User: name, Secret: secret, Reply: reply})
	if err := p.Register(f.within(patience), time.Hour); err != nil {
		f.t.Fatalf("%s registers: %v", name, err)
	}
	return p
}

// dial calls a number and waits for the answer.
func (f *fixture) dial(from, number string) *phone.Call {
	f.t.Helper()
	c, err := f.phone(phone.Options{User: from}).Dial(f.within(patience), number, phone.CallOptions{})
	if err != nil {
		f.t.Fatalf("%s dials %s: %v", from, number, err)
	}
	return c
}

// within is a context that ends with the test, or after d.
func (f *fixture) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(f.t.Context(), d)
	f.t.Cleanup(cancel)
	return ctx
}

// eventually waits until something is true.
func (f *fixture) eventually(what string, is func() bool) {
	f.t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	over := time.After(patience)
	for !is() {
		select {
		case <-poll.C:
		case <-over:
			f.t.Fatalf("never: %s", what)
		}
	}
}

// agentIs waits until an agent is in a state.
func (f *fixture) agentIs(name, state string) {
	f.t.Helper()
	f.eventually(name+" is "+state, func() bool { return f.agentNow(name).State == state })
}

func (f *fixture) agentNow(name string) ops.Agent {
	agents, err := f.app.node.Agents(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, a := range agents {
		if a.Name == name {
			return a
		}
	}
	f.t.Fatalf("no agent %s", name)
	return ops.Agent{}
}

// callNow is the call of a caller, as the API tells it.
func (f *fixture) callNow(from string) (found ops.Call) {
	calls, err := f.app.node.Calls(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range calls {
		if c.From == from {
			found = c
		}
	}
	return found
}

// callIs waits until a caller's call is in a state.
func (f *fixture) callIs(from, state string) {
	f.t.Helper()
	f.eventually(from+" is "+state, func() bool { return f.callNow(from).State == state })
}

// recording reads one of the sample's recordings.
func (f *fixture) recording(name string) []int16 {
	f.t.Helper()
	pcm, err := phone.ReadWAV(filepath.Join(f.dir, "prompts", name))
	if err != nil {
		f.t.Fatal(err)
	}
	return pcm
}

// hears waits until a call hears a tone.
func (f *fixture) hears(c *phone.Call, frequency float64) {
	f.t.Helper()
	if err := c.Ear().WaitTone(f.within(patience), frequency); err != nil {
		f.t.Fatalf("%s never heard %.0f Hz: %v", c.From(), frequency, err)
	}
}

// nothingLeft checks that after the calls the node is as it was before: no port, leg or agent is held.
func (f *fixture) nothingLeft() {
	f.t.Helper()
	f.eventually("no call is left", func() bool { return f.app.house.Ledger.Live() == 0 })
	f.eventually("no session is left", func() bool { return f.app.engine.Sessions() == 0 })
	f.eventually("no leg is left", func() bool { return f.app.front.server.Calls() == 0 })
	f.eventually("no agent is held", func() bool {
		agents, err := f.app.node.Agents(f.t.Context())
		return err == nil && !slices.ContainsFunc(agents, func(a ops.Agent) bool { return a.State == "ringing" || a.State == "talking" })
	})
	_, metrics := f.get("/metrics")
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "spillway_invariant_violations_total{") && !strings.HasSuffix(line, " 0\n") {
			f.t.Errorf("an invariant did not hold: %s", line)
		}
	}
}

// replace changes a text in one of the files.
func replace(dir, file, old, new string) {
	path := filepath.Join(dir, file)
	content, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	changed := strings.Replace(string(content), old, new, 1)
	if changed == string(content) {
		panic(file + " has no " + old)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(changed), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		panic(err)
	}
}

// builtIn reads one of the built-in recordings.
func (f *fixture) builtIn(name string) []int16 {
	f.t.Helper()
	file, err := fs.ReadFile(prompts.English(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	pcm, err := phone.ParseWAV(file)
	if err != nil {
		f.t.Fatal(err)
	}
	return pcm
}
