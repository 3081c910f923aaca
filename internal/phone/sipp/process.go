package sipp

import (
	"context"
	_ "embed" // the scenarios
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

// Caller is a scenario that places a call in PCMU, says say.ulaw again and again for Options.Talk, and hangs up.
//
//go:embed scenarios/caller.xml
var Caller string

// Agent is a scenario that rings, answers in PCMU, says say.ulaw again and again, and waits for the BYE.
//
//go:embed scenarios/agent.xml
var Agent string

// Echo is a scenario that answers in PCMU and sends back what it hears, when run with Options.Echo.
//
//go:embed scenarios/echo.xml
var Echo string

const (
	// quitting bounds how long the program takes to end after SIGTERM.
	quitting = 5 * time.Second

	// readiness bounds how long a waiting program takes to open its port.
	readiness = 20 * time.Second

	// logLimit is how much of each log is kept in a result, in bytes.
	logLimit = 16 << 10
)

// Options says what the program is to do.
type Options struct {
	Dir       string         // a folder for its files; needed, one for each run
	Scenario  string         // the text of the scenario (Caller, Agent, Echo, or the content of a file); needed
	Target    netip.AddrPort // whom to call; zero: wait for calls at Addr
	Number    string         // what to dial: [service] in the scenario
	From      string         // who calls: [from] in the scenario; default "sipp"
	Network   string         // "udp" (the default) or "tcp"
	Calls     int            // how many calls before it ends; default 1
	Rate      int            // calls a second; default 10
	Talk      time.Duration  // how long a <pause/> without a length lasts; default 1 s
	Say       []int16        // say.ulaw, at phone.SampleRate; nil: a second of silence
	Echo      bool           // send back the RTP that arrives at [media_port]
	Limit     time.Duration  // after which it gives up; default one minute
	Arguments []string       // further ones
}

// Result says how a run went.
type Result struct {
	Successful int    // calls that went as the scenario says
	Failed     int    // calls that did not
	Code       int    // the exit status: 0 when all calls were successful
	Log        string // what it printed about messages that it did not expect, and about itself
}

// Process is a running SIPp. The owner waits for its end or stops it.
type Process struct {
	options Options
	addr    netip.AddrPort
	command *exec.Cmd
	ended   chan struct{}
}

// Run runs a scenario to its end. The error is about the run itself; calls that failed are in the result.
func Run(ctx context.Context, options Options) (Result, error) {
	p, err := Start(ctx, options)
	if err != nil {
		return Result{}, err
	}
	return p.Wait(ctx)
}

// Start runs the program; one that waits for calls is ready when Start returns. It is killed when the context ends.
func Start(ctx context.Context, options Options) (*Process, error) {
	program, err := exec.LookPath("sipp")
	if err != nil {
		return nil, errors.New("sipp is not installed: apt-get install sip-tester")
	}
	p := &Process{options: options.complete(), ended: make(chan struct{})}
	ports, err := freePorts()
	if err != nil {
		return nil, fmt.Errorf("sipp: %w", err)
	}
	p.addr = ports.signalling
	if err := p.prepare(); err != nil {
		return nil, fmt.Errorf("sipp: %w", err)
	}
	log, err := os.Create(p.file("screen.log"))
	if err != nil {
		return nil, fmt.Errorf("sipp: %w", err)
	}
	defer log.Close() // the program has its own copy
	p.command = exec.CommandContext(ctx, program, p.arguments(ports)...)
	p.command.Dir = p.options.Dir
	p.command.Env = append(os.Environ(), "TERM=dumb")
	p.command.Stdout, p.command.Stderr = log, log
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("sipp: %w", err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // its status is read from ProcessState
	}()
	if !p.options.Target.IsValid() {
		if err := p.awaitPort(ctx); err != nil {
			p.Stop()
			return nil, fmt.Errorf("sipp: %w\n%s", err, p.log())
		}
	}
	return p, nil
}

// complete fills in the defaults.
func (o Options) complete() Options {
	if o.Calls == 0 {
		o.Calls = 1
	}
	if o.Rate == 0 {
		o.Rate = 10
	}
	if o.Talk == 0 {
		o.Talk = time.Second
	}
	if o.Limit == 0 {
		o.Limit = time.Minute
	}
	if o.From == "" {
		o.From = "sipp"
	}
	if o.Say == nil {
		o.Say = make([]int16, phone.SampleRate)
	}
	return o
}

// prepare writes the scenario and its sound.
func (p *Process) prepare() error {
	if err := os.WriteFile(p.file("scenario.xml"), []byte(p.options.Scenario), 0o600); err != nil {
		return err
	}
	return os.WriteFile(p.file("say.ulaw"), phone.PCMU.Encode(p.options.Say), 0o600)
}

func (p *Process) arguments(ports ports) []string {
	o := p.options
	transport := "u1"
	if o.Network == "tcp" {
		transport = "t1"
	}
	media := strconv.Itoa(int(ports.media))
	list := []string{
		"-sf", "scenario.xml", "-nostdin", "-t", transport,
		"-i", p.addr.Addr().String(), "-p", strconv.Itoa(int(p.addr.Port())),
		"-mi", p.addr.Addr().String(), "-mp", media,
		"-m", strconv.Itoa(o.Calls), "-r", strconv.Itoa(o.Rate), "-d", strconv.FormatInt(o.Talk.Milliseconds(), 10),
		"-key", "from", o.From,
		"-timeout", strconv.Itoa(int(o.Limit/time.Second)) + "s", "-timeout_error",
		"-trace_stat", "-stf", "statistics.csv", "-fd", "1",
		"-trace_err", "-error_file", "errors.log",
	}
	if o.Number != "" {
		list = append(list, "-s", o.Number)
	}
	if o.Echo {
		list = append(list, "-rtp_echo")
	}
	list = append(list, o.Arguments...)
	if o.Target.IsValid() {
		list = append(list, o.Target.String())
	}
	return list
}

// ports are what the program binds.
type ports struct {
	signalling netip.AddrPort
	media      uint16 // even; the two above it are free as well
}

// freePorts finds ports that nobody uses: one for signalling, four for sound.
func freePorts() (ports, error) {
	signalling, err := phone.FreePorts(1)
	if err != nil {
		return ports{}, err
	}
	media, err := phone.FreePorts(4)
	if err != nil {
		return ports{}, err
	}
	return ports{signalling: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), signalling), media: media}, nil
}

// awaitPort waits until the program has bound its port: until nobody else can.
func (p *Process) awaitPort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readiness)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !p.bound() {
		select {
		case <-tick.C:
		case <-p.ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("its port did not open: %w", ctx.Err())
		}
	}
	return nil
}

// bound says whether the program's port is taken, without getting in its way: the kernel's tables are read.
func (p *Process) bound() bool {
	table := "/proc/net/udp"
	if p.options.Network == "tcp" {
		table = "/proc/net/tcp"
	}
	b, err := os.ReadFile(table)
	if err != nil {
		return false
	}
	ip := p.addr.Addr().As4()
	local := fmt.Sprintf(" %02X%02X%02X%02X:%04X ", ip[3], ip[2], ip[1], ip[0], p.addr.Port())
	return strings.Contains(string(b), local)
}

// Addr returns where the program takes SIP messages.
func (p *Process) Addr() netip.AddrPort { return p.addr }

// Wait waits until the program has ended and says how it went.
func (p *Process) Wait(ctx context.Context) (Result, error) {
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.Stop()
		return Result{Log: p.log()}, fmt.Errorf("sipp: %w", ctx.Err())
	}
	r := Result{Code: p.command.ProcessState.ExitCode(), Log: p.log()}
	var err error
	if r.Successful, r.Failed, err = p.statistics(); err != nil {
		return r, fmt.Errorf("sipp: %w\n%s", err, r.Log)
	}
	return r, nil
}

// Stop ends the program, whatever it is doing. Stopping one that has ended is harmless.
func (p *Process) Stop() {
	_ = p.command.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(quitting):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// statistics reads the last line of the figures that the program writes.
func (p *Process) statistics() (successful, failed int, err error) {
	f, err := os.Open(p.file("statistics.csv"))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	r.FieldsPerRecord = -1
	lines, err := r.ReadAll()
	if err != nil || len(lines) < 2 {
		return 0, 0, fmt.Errorf("statistics of %d lines: %w", len(lines), errors.Join(err, errors.New("too short")))
	}
	last := lines[len(lines)-1]
	for i, name := range lines[0] {
		if i >= len(last) {
			break
		}
		switch name {
		case "SuccessfulCall(C)":
			successful, err = strconv.Atoi(last[i])
		case "FailedCall(C)":
			failed, err = strconv.Atoi(last[i])
		}
		if err != nil {
			return 0, 0, fmt.Errorf("statistics: %w", err)
		}
	}
	return successful, failed, nil
}

// log collects what the program wrote about errors and about itself.
func (p *Process) log() string {
	var text strings.Builder
	for _, name := range []string{"errors.log", "screen.log"} {
		b, err := os.ReadFile(p.file(name))
		if err != nil || len(b) == 0 {
			continue
		}
		if len(b) > logLimit {
			b = b[len(b)-logLimit:]
		}
		fmt.Fprintf(&text, "%s:\n%s\n", name, b)
	}
	return text.String()
}

func (p *Process) file(name string) string { return filepath.Join(p.options.Dir, name) }
