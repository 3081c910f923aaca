package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/internal/ops/client"
	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

const (
	// patience bounds every wait for something that should happen at once; the machine may be slow and loaded.
	patience = 30 * time.Second
	// glance is the pause between two looks at something that is waited for.
	glance = 20 * time.Millisecond
	// secret is every agent's password.
	secret = "a password for bad days"
	// firstPort is the first of the nodes' media ports: below those that are given to phones. Each node has its own portsEach.
	firstPort = 20000
	portsEach = 3300
)

var loopback = netip.MustParseAddr("127.0.0.1")

// Numbers of the small centre that is tried.
const (
	crowdNumber  = "+61280000001" // the queue under load
	urgentNumber = "+61280000002" // the same, with priority
	scoutNumber  = "+61280000003" // a queue that has one idle agent on each node
	probeNumber  = "+61280000004" // a queue for conversations that last
)

// Queues of the same.
const (
	crowdQueue = "crowd"
	scoutQueue = "scouts"
	probeQueue = "probes"
)

// centreFile is the centre that is tried: callers go straight into a queue, and nobody has a wrap-up.
const centreFile = `centre: reliability
timezone: Australia/Sydney
seats: 200
trunks:
  carrier: {accept: [127.0.0.1/32]}
numbers:
  +61280000001: crowd
  +61280000002: urgent
  +61280000003: scouts
  +61280000004: probes
flows:
  crowd:  {start: {queue: crowd}}
  urgent: {start: {queue: crowd, priority: 5}}
  scouts: {start: {queue: scouts}}
  probes: {start: {queue: probes}}
queues:
  crowd:  {strategy: longest-idle, ring: 10s, wrap_up: 0s, capacity: 500, music: hold.wav, announce: {say: [position], first: 10m, every: 10m}}
  scouts: {strategy: longest-idle, ring: 10s, wrap_up: 0s, capacity: 500, music: hold.wav, announce: {say: [position], first: 10m, every: 10m}}
  probes: {strategy: longest-idle, ring: 10s, wrap_up: 0s, capacity: 500, music: hold.wav, announce: {say: [position], first: 10m, every: 10m}}
agents:
  "agent-[001..150]": {secret: %q, queues: {crowd: 1}}
  "scout-[1..9]": {secret: %q, queues: {scouts: 1}}
  "probe-[1..9]": {secret: %q, queues: {probes: 1}}
`

// stage is the redis-server and the nodes of one play.
type stage struct {
	*hand
	options options
	name    string // of the play
	dir     string
	server  *redistest.Server
	links   []*redistest.Link // of each node, when it goes by one
	nodes   []*node
}

// openStage starts a redis-server that keeps its data, and lays out so many nodes, which are not started. Where linked is set, each
// goes to Redis by a link of its own.
func openStage(o options, name string, nodes int, linked bool) (s *stage, err error) {
	defer caught(&err)
	s = &stage{hand: new(hand), options: o, name: name}
	if s.dir, err = os.MkdirTemp("", "reliability-"); err != nil {
		return s, err
	}
	s.Cleanup(func() { os.RemoveAll(s.dir) })
	s.server = redistest.Start(s, redistest.TCP, redistest.AppendOnly)
	for i := range nodes {
		url := s.server.URL()
		if linked {
			s.links = append(s.links, s.server.Link())
			url = s.links[i].URL()
		}
		n, err := s.layOut(i, fmt.Sprintf("node-%d", i+1), url)
		if err != nil {
			return s, err
		}
		s.nodes = append(s.nodes, n)
	}
	return s, nil
}

// node is one spillway that runs, or ran. Its process belongs to the play's goroutine; its state may be read by all.
type node struct {
	number  int
	id, dir string
	program string
	command *exec.Cmd
	log     journal
	ended   chan struct{} // closed when the process has ended
	sip     netip.AddrPort
	api     string
	client  *client.Client
	away    atomic.Bool // killed, stopped, or about to end: no carrier would send it calls
	dead    atomic.Bool // it will never come back
}

// layOut writes a node's files.
func (s *stage) layOut(number int, id, url string) (*node, error) {
	n := &node{number: number, id: id, dir: filepath.Join(s.dir, fmt.Sprintf("%s-%d", id, number)), program: s.options.program}
	port, err := phone.FreePorts(1) // none that a phone may be given for its sound: nodes send none to a port of their signalling
	if err != nil {
		return nil, err
	}
	ports := firstPort + number*portsEach
	err = sample.Write(n.dir, sample.Options{
		SIP: netip.AddrPortFrom(loopback, port), HTTP: netip.AddrPortFrom(loopback, 0), FirstPort: ports, LastPort: ports + portsEach - 1,
	})
	if err != nil {
		return nil, err
	}
	return n, errors.Join(
		os.WriteFile(filepath.Join(n.dir, config.CentreFile), fmt.Appendf(nil, centreFile, secret, secret, secret), 0o600),
		os.WriteFile(filepath.Join(n.dir, config.IncidentsFile), []byte("incidents: {}\n"), 0o600),
		sample.Edit(n.dir, config.NodeFile, "id: syd-1", "id: "+id),
		sample.Edit(n.dir, config.NodeFile, `url: ""`, fmt.Sprintf("url: %q", url)),
		sample.Edit(n.dir, config.NodeFile, "calls: 2000", "calls: 600"))
}

// start starts all nodes, and waits until they are ready.
func (s *stage) start(ctx context.Context) error {
	for _, n := range s.nodes {
		if err := s.begin(n); err != nil {
			return err
		}
	}
	for _, n := range s.nodes {
		if err := n.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin starts a node's process. It is killed at the end of the play, if it still runs.
func (s *stage) begin(n *node) error {
	n.command, n.ended = exec.Command(n.program, "serve", "--config", n.dir), make(chan struct{})
	n.command.Stderr = &n.log
	n.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C at the terminal is for this program, which ends it
	if err := n.command.Start(); err != nil {
		return err
	}
	go func() {
		defer close(n.ended)
		_ = n.command.Wait() // its status is read from ProcessState
	}()
	s.Cleanup(func() {
		_ = n.command.Process.Kill()
		<-n.ended
		if n.client != nil {
			n.client.Close()
		}
		if s.options.folder != "" {
			_ = os.WriteFile(filepath.Join(s.options.folder, fmt.Sprintf("%s-%d-%s.log", s.name, n.number+1, n.id)), []byte(n.log.String()), 0o600) // for a person who looks
		}
	})
	return nil
}

// ready waits until a node says where it serves.
func (n *node) ready(ctx context.Context) error {
	var said struct {
		Message string   `json:"msg"`
		SIP     []string `json:"sip"`
		HTTP    string   `json:"http"`
	}
	err := eventually(ctx, patience, n.id+" is ready", func() bool {
		for line := range strings.Lines(n.log.String()) {
			if json.Unmarshal([]byte(line), &said) == nil && said.Message == "ready" {
				return true
			}
		}
		return n.over()
	})
	if err == nil && said.Message != "ready" {
		err = errors.New("it ended")
	}
	if err != nil {
		return fmt.Errorf("%w; it said: %s", err, n.log.String())
	}
	for _, text := range said.SIP {
		if address, udp := strings.CutPrefix(text, "udp://"); udp {
			n.sip = netip.MustParseAddrPort(address)
		}
	}
	n.api = "http://" + said.HTTP
	n.client, err = client.New(n.api, "")
	return err
}

// over reports whether the process has ended.
func (n *node) over() bool {
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// signal sends a signal to the process.
func (n *node) signal(s syscall.Signal) error { return n.command.Process.Signal(s) }

// metrics is what the node tells Prometheus.
func (n *node) metrics(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.api+"/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// living are the nodes that take calls.
func (s *stage) living() (nodes []*node) {
	for _, n := range s.nodes {
		if !n.away.Load() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// journal is what a process has written so far. It is safe for concurrent use.
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

// eventually waits until something is true.
func eventually(ctx context.Context, limit time.Duration, what string, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	again := time.NewTicker(glance)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("never within %v: %s", limit, what)
		}
	}
	return nil
}

// wait lets time pass, or returns the context's error.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
