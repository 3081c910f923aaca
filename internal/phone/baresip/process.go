package baresip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

const (
	// readiness bounds how long the program takes from its start to an open control port.
	readiness = 20 * time.Second

	// quitting bounds how long it takes to end by itself: it says goodbye to its registrar first.
	quitting = 5 * time.Second

	// eventsKept is how many events wait for a reader; the oldest are dropped then.
	eventsKept = 256
)

// Options says what phone the program is to be.
type Options struct {
	Dir     string         // an empty folder for its configuration and recordings; needed
	User    string         // the name of its account; default "baresip"
	Secret  string         // for digest
	Server  netip.AddrPort // its registrar and proxy; zero: it registers nowhere and takes calls at Addr
	Network string         // "udp" (the default) or "tcp"
	Expires time.Duration  // of its registration; default one minute
	Manual  bool           // leave incoming calls to Accept instead of answering them at once
	Codecs  []Codec        // in order of preference; nil: PCMU, PCMA
	SRTP    SRTP           // whether its sound is protected; the zero value: not
	Say     []int16        // what it says in every call, once; nil: two minutes of silence
	SayRate int            // of Say, in samples a second; default phone.SampleRate. It brings it to the codec's own by itself
}

// Process is a running baresip. Its methods are safe for concurrent use. The owner stops it.
type Process struct {
	options Options
	addr    netip.AddrPort
	command *exec.Cmd
	control *control
	ended   chan struct{} // closed when the program has ended
	stop    sync.Once
}

// Start runs the program and returns when it is ready. It is killed when the context ends.
func Start(ctx context.Context, options Options) (*Process, error) {
	program, err := exec.LookPath("baresip")
	if err != nil {
		return nil, errors.New("baresip is not installed: apt-get install baresip-core")
	}
	if options.User == "" {
		options.User = "baresip"
	}
	if options.Network == "" {
		options.Network = "udp"
	}
	if options.Expires == 0 {
		options.Expires = time.Minute
	}
	if options.SayRate == 0 {
		options.SayRate = phone.SampleRate
	}
	p := &Process{options: options, ended: make(chan struct{})}
	controlAt, err := p.configure()
	if err != nil {
		return nil, fmt.Errorf("baresip: %w", err)
	}
	log, err := os.Create(p.logPath())
	if err != nil {
		return nil, fmt.Errorf("baresip: %w", err)
	}
	defer log.Close() // the program has its own copy
	p.command = exec.CommandContext(ctx, program, "-f", options.Dir)
	p.command.Dir = options.Dir
	p.command.Env = append(os.Environ(), "HOME="+options.Dir)
	p.command.Stdout, p.command.Stderr = log, log
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("baresip: %w", err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // how it ended is in its log
	}()
	if err := p.connect(ctx, controlAt); err != nil {
		_ = p.command.Process.Kill() // it may have ended already
		<-p.ended
		return nil, fmt.Errorf("baresip: %w\n%s", err, p.Log())
	}
	return p, nil
}

// connect waits for the control port to open.
func (p *Process) connect(ctx context.Context, at netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, readiness)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", at.String())
		if err == nil {
			p.control = newControl(conn)
			return nil
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("its control port did not open: %w", err)
		}
	}
}

// configure writes the files that the program reads, and returns where its control port will be.
func (p *Process) configure() (netip.AddrPort, error) {
	first, err := phone.FreePorts(3) // SIP, SIP over TLS, control
	if err != nil {
		return netip.AddrPort{}, err
	}
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	p.addr = netip.AddrPortFrom(loopback, first)
	controlAt := netip.AddrPortFrom(loopback, first+2)
	say := p.options.Say
	if say == nil {
		say = make([]int16, 120*p.options.SayRate)
	}
	if err := phone.WriteWAVAt(filepath.Join(p.options.Dir, "say.wav"), say, p.options.SayRate); err != nil {
		return netip.AddrPort{}, err
	}
	files := map[string]string{"config": p.config(controlAt), "accounts": p.account(), "contacts": ""}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(p.options.Dir, name), []byte(text), 0o600); err != nil {
			return netip.AddrPort{}, err
		}
	}
	return controlAt, nil
}

// config is the program's configuration: sound from and to files, the control port, nothing else.
func (p *Process) config(controlAt netip.AddrPort) string {
	dir := p.options.Dir
	lines := []string{
		"poll_method epoll",
		"sip_listen " + p.addr.String(),
		"call_local_timeout 120",
		"call_max_calls 8",
		"audio_source aufile," + filepath.Join(dir, "say.wav"),
		"audio_player aubridge,ear",
		"audio_alert aubridge,alert",
		fmt.Sprintf("ausrc_srate %d", p.options.SayRate), "auplay_srate 8000", "ausrc_channels 1", "auplay_channels 1",
		"ausrc_format s16", "auplay_format s16", "auenc_format s16", "audec_format s16",
		"audio_level no",
		"jitter_buffer_delay 1-5",
		"module_path " + modulePath(),
		"module g711.so", "module g722.so", "module l16.so", "module opus.so", "module srtp.so", "module sndfile.so", "module aubridge.so", "module aufile.so",
		"module_tmp uuid.so", "module_tmp account.so",
		"module_app menu.so", "module_app ctrl_tcp.so",
		"ctrl_tcp_listen " + controlAt.String(),
		"snd_path " + dir,
		"ringback_disabled yes",
		"statmode_default off",
		"",
	}
	return strings.Join(lines, "\n")
}

// modulePath is where the modules are installed.
func modulePath() string {
	for _, pattern := range []string{"/usr/lib/baresip/modules", "/usr/lib/*/baresip/modules", "/usr/local/lib/baresip/modules"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	return "/usr/lib/baresip/modules"
}

// account is the program's one account.
func (p *Process) account() string {
	o := p.options
	server, interval := o.Server, int(o.Expires/time.Second)
	if !server.IsValid() {
		server, interval = p.addr, 0
	}
	answer := "auto"
	if o.Manual {
		answer = "manual"
	}
	codecs := o.Codecs
	if len(codecs) == 0 {
		codecs = []Codec{PCMU, PCMA}
	}
	var names []string
	for _, c := range codecs {
		names = append(names, string(c))
	}
	line := fmt.Sprintf("<sip:%s@%s;transport=%s>;regint=%d;answermode=%s;audio_codecs=%s",
		o.User, server, o.Network, interval, answer, strings.Join(names, ","))
	if o.SRTP != "" {
		line += ";mediaenc=" + string(o.SRTP)
	}
	if o.Secret != "" {
		line += ";auth_user=" + o.User + ";auth_pass=" + o.Secret
	}
	return line + "\n"
}

// Addr returns where the program takes SIP requests.
func (p *Process) Addr() netip.AddrPort { return p.addr }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.ended }

// Log returns what the program has printed.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.logPath())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (p *Process) logPath() string { return filepath.Join(p.options.Dir, "baresip.log") }

// Stop asks the program to end, and kills it when it does not within five seconds. Stopping twice is harmless.
func (p *Process) Stop() {
	p.stop.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), quitting)
		defer cancel()
		_, _ = p.Command(ctx, "quit", "")
		select {
		case <-p.ended:
		case <-ctx.Done():
			_ = p.command.Process.Kill()
			<-p.ended
		}
		p.control.close()
	})
}

// Kill ends the program at once, as a crash does: nobody is told.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// Heard returns what the program has heard in its latest call, at phone.SampleRate. While the call goes on the last half
// second may be missing.
func (p *Process) Heard() ([]int16, error) {
	path, err := p.latest()
	if err != nil {
		return nil, err
	}
	return phone.ReadWAV(path)
}

// HeardAsItIs is Heard at the codec's own rate, in samples a second.
func (p *Process) HeardAsItIs() (pcm []int16, rate int, err error) {
	path, err := p.latest()
	if err != nil {
		return nil, 0, err
	}
	return phone.ReadWAVAsItIs(path)
}

// latest is the file that the program writes what it hears into.
func (p *Process) latest() (string, error) {
	files, err := filepath.Glob(filepath.Join(p.options.Dir, "dump-*-dec.wav"))
	if err != nil || len(files) == 0 {
		return "", errors.New("baresip: it has heard nothing yet")
	}
	return slices.Max(files), nil // their names are times
}

// WaitHeard waits until what the program has heard satisfies a condition.
func (p *Process) WaitHeard(ctx context.Context, enough func(pcm []int16) bool) error {
	return p.wait(ctx, func() (int, bool) {
		pcm, err := p.Heard()
		return len(pcm), err == nil && enough(pcm)
	})
}

// wait asks every tenth of a second whether what was heard is enough; heard is how many samples there are.
func (p *Process) wait(ctx context.Context, enough func() (heard int, is bool)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		heard, is := enough()
		if is {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("baresip: %d samples heard, not what was waited for: %w", heard, ctx.Err())
		}
	}
}

// WaitTone waits until the program has heard a tone of the given frequency in Hz for half a second at the end of what it
// has written down. A codec of 16 kHz carries tones up to 7 kHz.
func (p *Process) WaitTone(ctx context.Context, frequency float64) error {
	return p.wait(ctx, func() (int, bool) {
		pcm, rate, err := p.HeardAsItIs()
		window := rate / 2
		return len(pcm), err == nil && len(pcm) >= window && phone.HasToneAt(pcm[len(pcm)-window:], frequency, rate)
	})
}
