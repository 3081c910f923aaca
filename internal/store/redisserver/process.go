package redisserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Program is what is run; Debian's package has the same name.
const Program = "redis-server"

// ErrNotInstalled says that there is no redis-server on this machine.
var ErrNotInstalled = errors.New("redis-server is not installed (Debian package redis-server)")

const (
	// readyInterval is how often a starting server is asked whether it answers.
	readyInterval = 10 * time.Millisecond
	// readyLimit bounds one such question.
	readyLimit = time.Second
	// outputGrace is how long the output is read after the end of the process: nobody else should hold its end.
	outputGrace = time.Second
)

// Process is one redis-server that runs. Its methods are safe for concurrent use.
type Process struct {
	command *exec.Cmd
	said    *tail
	done    chan struct{} // closed when it has ended
	ended   error         // how; to be read after done
}

// Start runs a redis-server and returns when it answers, with its data loaded. The context bounds the start alone. The server ends
// with this process at the latest, by SIGKILL: what it has answered for is with the kernel by then.
func Start(ctx context.Context, c Configuration) (*Process, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	path, err := exec.LookPath(Program)
	if err != nil {
		return nil, ErrNotInstalled
	}
	held, err := lock(ctx, c.Folder)
	if err != nil {
		return nil, err
	}
	defer held.Close() // the child has it now, or nobody should
	if filepath.IsAbs(c.Address) {
		if err := os.Remove(c.Address); err != nil && !errors.Is(err, os.ErrNotExist) { // left by one that was killed; the folder is ours
			return nil, err
		}
	}
	p := &Process{said: new(tail), done: make(chan struct{})}
	p.command = exec.Command(path, "-") // "-": the configuration comes by stdin, so that no password is seen among the processes
	p.command.Stdin = strings.NewReader(c.text())
	p.command.Stdout, p.command.Stderr = p.said, p.said
	p.command.ExtraFiles = []*os.File{held}
	p.command.WaitDelay = outputGrace
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // a Ctrl-C at the terminal is for the node alone
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	if err := p.ready(ctx, c.Address); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// run starts the program and waits for its end, on a thread of its own: the death signal of prctl(2) is sent when the thread that
// made the child ends, not the process.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.command.Start()
	started <- err
	if err == nil {
		p.ended = p.command.Wait()
		close(p.done)
	}
}

// ready waits until the server answers on its address.
func (p *Process) ready(ctx context.Context, address string) error {
	again := time.NewTicker(readyInterval)
	defer again.Stop()
	for {
		if answers(ctx, address) {
			return nil
		}
		select {
		case <-again.C:
		case <-p.done:
			return fmt.Errorf("redis-server ended at its start (%w); it said: %s", p.end(), p.said)
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer at %s (%w); it said: %s", address, ctx.Err(), p.said)
		}
	}
}

// answers asks a server for a sign of life. One that wants TLS or a password answers too; one that still loads its data says so.
func answers(ctx context.Context, address string) bool {
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return false
	}
	defer conn.Close()
	limit, _ := ctx.Deadline()
	if err := conn.SetDeadline(limit); err != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer := make([]byte, 64) // "+PONG", "-NOAUTH …", "-LOADING …"; a TLS alert, or the end of a connection that was no TLS
	n, err := conn.Read(answer)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return false
	}
	return !strings.HasPrefix(string(answer[:n]), "-LOADING")
}

// end returns how the process ended, after done.
func (p *Process) end() error {
	if p.ended == nil {
		return errors.New("exit status 0")
	}
	return p.ended
}

// Done is closed when the process has ended, by whatever.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err returns how the process ended with its last words, and nil while it runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return fmt.Errorf("redis-server ended (%w); it said last: %s", p.end(), p.said)
	default:
		return nil
	}
}

// PID returns the process's number.
func (p *Process) PID() int { return p.command.Process.Pid }

// Signal sends a signal, such as SIGSTOP; to one that has ended it is an error.
func (p *Process) Signal(s os.Signal) error { return p.command.Process.Signal(s) }

// Kill ends the process at once and waits until it is gone.
func (p *Process) Kill() {
	if p.Signal(syscall.SIGKILL) == nil || p.Err() == nil {
		<-p.done // SIGKILL cannot be refused
	}
}

// Stop asks the process to end, waits for it and, when the context is over before that, kills it. What was written is on the disk
// then, with AppendOnly.
func (p *Process) Stop(ctx context.Context) {
	if p.Signal(syscall.SIGTERM) == nil {
		select {
		case <-p.done:
			return
		case <-ctx.Done():
		}
	}
	p.Kill()
}
