package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/client"
	"github.com/spillway-voice/spillway/internal/phone"
)

// programs is the binary that these tests run, built when the first of them needs it.
var programs struct {
	once sync.Once
	dir  string // removed by TestMain; "" when none was built
	err  error
}

// program returns the path of the binary.
func program(t *testing.T) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "spillway"); programs.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", filepath.Join(programs.dir, "spillway"), "../../cmd/spillway")
		if said, err := build.CombinedOutput(); err != nil {
			programs.err = fmt.Errorf("build spillway: %w\n%s", err, said)
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return filepath.Join(programs.dir, "spillway")
}

// journal is what a process has written to its standard error so far. It is safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// process is a node that runs as a process of its own.
type process struct {
	command *exec.Cmd
	log     journal
	ended   chan struct{}
}

// serves runs `spillway serve` on the fixture's files; it is killed at the end of the test, if it still runs.
func (f *fixture) serves() *process {
	f.t.Helper()
	p := &process{command: exec.Command(program(f.t), "serve", "--config", f.dir), ended: make(chan struct{})}
	p.command.Stderr = &p.log
	if err := p.command.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // its status is read from ProcessState
	}()
	f.t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.ended
		if f.t.Failed() {
			f.t.Log(p.log.String())
		}
	})
	return p
}

// ready is the line of the log that says where a node is.
type ready struct {
	Message string   `json:"msg"`
	SIP     []string `json:"sip"`
	HTTP    string   `json:"http"`
}

// isReady waits until a process says that it is ready, and where.
func (f *fixture) isReady(p *process) {
	f.t.Helper()
	var said ready
	f.eventually("the process is ready", func() bool {
		for line := range strings.Lines(p.log.String()) {
			if json.Unmarshal([]byte(line), &said) == nil && said.Message == "ready" {
				return true
			}
		}
		return p.over()
	})
	if said.Message != "ready" {
		f.t.Fatal("the process ended instead of getting ready")
	}
	f.sip, f.api = nil, said.HTTP
	for _, text := range said.SIP {
		network, address, _ := strings.Cut(text, "://")
		f.sip = append(f.sip, Address{network, netip.MustParseAddrPort(address)})
	}
}

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// signal sends SIGTERM.
func (f *fixture) signal(p *process) {
	f.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
}

// drains waits until a node says that it takes no new calls.
func (f *fixture) drains() {
	f.t.Helper()
	f.eventually("the node drains", func() bool {
		status, _ := f.get("/readyz")
		return status == http.StatusServiceUnavailable
	})
}

// exits waits until a process has ended and checks its code.
func (f *fixture) exits(p *process, code int) {
	f.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		f.t.Fatal("the process does not end")
	}
	if got := p.command.ProcessState.ExitCode(); got != code {
		f.t.Errorf("the process ended with %d, not %d", got, code)
	}
}

// spillway runs a command against the fixture's node, and returns what it wrote and its exit code.
func (f *fixture) spillway(arguments ...string) (out, said string, code int) {
	f.t.Helper()
	var o, e bytes.Buffer
	command := exec.CommandContext(f.within(patience), program(f.t), arguments...)
	command.Env = append(os.Environ(), "SPILLWAY_API=http://"+f.api)
	command.Stdout, command.Stderr = &o, &e
	if err := command.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			f.t.Fatal(err)
		}
	}
	return o.String(), e.String(), command.ProcessState.ExitCode()
}

// does runs a command that must succeed and returns what it wrote.
func (f *fixture) does(arguments ...string) string {
	f.t.Helper()
	out, said, code := f.spillway(arguments...)
	if code != 0 || said != "" {
		f.t.Fatalf("spillway %s: exit %d: %s", strings.Join(arguments, " "), code, said)
	}
	return out
}

// talks brings a caller and alice into a conversation, both heard.
func (f *fixture) talks() (caller, agent *phone.Call) {
	f.t.Helper()
	alice := f.agent("alice", phone.Reply{})
	caller = f.dial(callerNumber, mainNumber)
	if err := caller.SendDigits("1"); err != nil {
		f.t.Fatal(err)
	}
	agent = f.rings(alice)
	if err := agent.Answer(f.within(patience)); err != nil {
		f.t.Fatal(err)
	}
	caller.PlayTone(callerTone)
	agent.PlayTone(agentTone)
	f.hears(caller, agentTone)
	f.hears(agent, callerTone)
	return caller, agent
}

// refusesNewCalls checks that a caller and a phone are told to come back later.
func (f *fixture) refusesNewCalls() {
	f.t.Helper()
	_, err := f.phone(phone.Options{User: "+61491570199"}).Dial(f.within(patience), mainNumber, phone.CallOptions{})
	refused, ok := errors.AsType[*phone.RefusedError](err)
	if !ok || refused.Code != 503 || refused.RetryAfter <= 0 {
		f.t.Errorf("a new call: %v", err)
	}
	err = f.phone(phone.Options{User: "bob", Secret: secret}).Register(f.within(patience), time.Hour)
	if refused, ok = errors.AsType[*phone.RefusedError](err); !ok || refused.Code != 503 || refused.RetryAfter <= 0 {
		f.t.Errorf("a registration: %v", err)
	}
}

func TestSIGTERMLetsCallsFinishAndTakesNoNewOnes(t *testing.T) {
	t.Parallel()
	f := lay(t, open)
	p := f.serves()
	f.isReady(p)
	if status, _ := f.get("/readyz"); status != http.StatusOK {
		t.Errorf("before the drain readyz is %d", status)
	}
	caller, agent := f.talks()
	f.signal(p)
	f.drains()
	f.refusesNewCalls()
	if status, _ := f.get("/healthz"); status != http.StatusOK {
		t.Errorf("while it drains healthz is %d", status)
	}
	caller.Ear().Forget()
	agent.Ear().Forget()
	f.hears(caller, agentTone)
	f.hears(agent, callerTone)
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.exits(p, 0)
}

func TestASecondSIGTERMStopsAtOnce(t *testing.T) {
	t.Parallel()
	f := lay(t, open)
	p := f.serves()
	f.isReady(p)
	caller, agent := f.talks()
	f.signal(p)
	f.drains()
	if p.over() {
		t.Fatal("the first signal did not wait for the call")
	}
	f.signal(p)
	f.exits(p, 0)
	for _, c := range []*phone.Call{caller, agent} {
		select {
		case <-c.Done():
		case <-time.After(patience):
			t.Error("a phone was not told that its call is over")
		}
	}
}

func TestANodeDoesNotStartWithInvalidFilesAndSaysWhatCheckSays(t *testing.T) {
	t.Parallel()
	f := lay(t, open, func(dir string) {
		replace(dir, "centre.yaml", "strategy: longest-idle", "strategy: shortest-idle")
		replace(dir, "incidents.yaml", "active: false", "active: off")
	})
	p := f.serves()
	f.exits(p, 1)
	mistakes, _, code := f.spillway("check", "--config", f.dir)
	if code != 1 || strings.Count(mistakes, "\n") < 2 {
		t.Errorf("check ended with %d:\n%s", code, mistakes)
	}
	for line := range strings.Lines(mistakes) {
		if !strings.Contains(p.log.String(), line) {
			t.Errorf("serve did not say %s", line)
		}
	}
}

func TestANodeStartsWithTheLastGoodFilesWhenThoseOnDiskAreInvalid(t *testing.T) {
	t.Parallel()
	f := lay(t, open)
	p := f.serves()
	f.isReady(p)
	f.signal(p)
	f.exits(p, 0)
	replace(f.dir, "centre.yaml", "play: welcome.wav", "play: wellcome.wav")
	p = f.serves()
	f.isReady(p)
	caller := f.dial(callerNumber, mainNumber)
	if _, err := caller.Ear().WaitFor(f.within(patience), f.recording("welcome.wav")); err != nil {
		t.Errorf("the caller never heard the welcome: %v", err)
	}
	c, err := client.New("http://"+f.api, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	told, err := c.Config(t.Context())
	if err != nil || told.Error == nil || told.Error.File != "centre.yaml" || !strings.Contains(told.Error.Message, "wellcome.wav") {
		t.Errorf("the configuration is shown as %+v, %+v, %v", told, told.Error, err)
	}
	if _, metrics := f.get("/metrics"); !strings.Contains(metrics, "spillway_config_last_reload_success 0\n") {
		t.Error("the metric does not show that the files are invalid")
	}
	replace(f.dir, "centre.yaml", "play: wellcome.wav", "play: welcome.wav")
	f.eventually("the corrected file is in force", func() bool {
		told, err := c.Config(t.Context())
		return err == nil && told.Error == nil
	})
}

func TestAWaitingCallerHearsTheIncidentThatACommandStarts(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	alice := f.agent("alice", phone.Reply{})
	first := f.waitsFor("+61491570001", "1")
	f.rings(alice)
	waiting := f.waitsFor(callerNumber, "1")
	f.callIs(callerNumber, "waiting")
	said := f.does("incident", "start", "kettle-recall", "--for", "2h", "--reason", "the handle gets hot")
	if !strings.HasPrefix(said, "kettle-recall is ON until ") {
		t.Errorf("the command said %q", said)
	}
	if _, err := waiting.Ear().WaitFor(f.within(patience), f.recording("kettle-recall.wav")); err != nil {
		t.Errorf("the waiting caller never heard the message: %v", err)
	}
	recall := listed[ops.Incident](f, "incident")[0]
	until := time.Time(recall.Until).Sub(time.Time(recall.Since))
	if !recall.Active || recall.Reason != "the handle gets hot" || until != 2*time.Hour || !recall.DiffersFromFile {
		t.Errorf("the incident is listed as %+v", recall)
	}
	if shown := f.does("incident", "show", "kettle-recall"); !strings.Contains(shown, "the handle gets hot") {
		t.Errorf("the incident is shown as\n%s", shown)
	}
	if table := f.does("incident", "list"); !strings.Contains(table, "kettle-recall ON until ") {
		t.Errorf("the list is\n%s", table)
	}
	if said := f.does("incident", "stop", "kettle-recall", "--reason", "all kettles are back"); !strings.HasPrefix(said, "kettle-recall is off") {
		t.Errorf("the command said %q", said)
	}
	if recall := f.recall(); recall.Active || recall.Reason != "all kettles are back" {
		t.Errorf("in the end the incident is %+v", recall)
	}
	if _, said, code := f.spillway("incident", "start", "kettle-fire"); code != 1 || strings.Count(said, "\n") != 1 {
		t.Errorf("an unknown incident: exit %d, %q", code, said)
	}
	for _, c := range []*phone.Call{first, waiting} {
		if err := c.Hangup(f.within(patience)); err != nil {
			t.Fatal(err)
		}
	}
	f.nothingLeft()
}

// listed runs a list command for machines.
func listed[T any](f *fixture, noun string) (all []T) {
	f.t.Helper()
	if err := json.Unmarshal([]byte(f.does(noun, "list", "--json")), &all); err != nil {
		f.t.Fatal(err)
	}
	return all
}

func TestTheListCommandsTellWhatGoesOn(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	alice := f.agent("alice", phone.Reply{})
	talking := f.waitsFor("+61491570001", "1")
	f.picksUp(alice)
	f.callIs("+61491570001", "talking")
	waiting := f.waitsFor(callerNumber, "1")
	f.callIs(callerNumber, "waiting")
	for _, q := range listed[ops.Queue](f, "queue") {
		if q.Name == "orders" && (q.Waiting != 1 || q.AgentsBusy != 1 || q.AgentsReady != 0 || q.ServiceLevel.AnsweredWithin != 1) {
			t.Errorf("orders is listed as %+v", q)
		}
	}
	for _, a := range listed[ops.Agent](f, "agent") {
		if a.Name == "alice" && (a.State != "talking" || a.Node != "syd-1") {
			t.Errorf("alice is listed as %+v", a)
		}
	}
	calls := listed[ops.Call](f, "call")
	if len(calls) != 2 || calls[0].Agent != "alice" || calls[1].State != "waiting" || calls[1].Position == nil || *calls[1].Position != 1 {
		t.Errorf("the calls are listed as %+v", calls)
	}
	var seats ops.Seats
	if err := json.Unmarshal([]byte(f.does("seat", "list", "--json")), &seats); err != nil || seats.Used != 1 || seats.Limit != 20 {
		t.Errorf("the seats are listed as %+v, %v", seats, err)
	}
	for _, c := range []*phone.Call{talking, waiting} {
		if err := c.Hangup(f.within(patience)); err != nil {
			t.Fatal(err)
		}
	}
	f.nothingLeft()
}
