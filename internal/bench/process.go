package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// roles are what this program can be when it is started by itself. A role serves until the returned function is called.
var roles map[string]func(args []string) (serving []netip.AddrPort, end func(), err error)

func init() {
	roles = map[string]func(args []string) ([]netip.AddrPort, func(), error){
		"node": node, "sendto": sendto, "sipgo": bareSIP, "notice": notice, "publish": publish, "subscribe": subscribe,
	}
}

// play is a child's life: say where it serves, answer each line with the processor time used so far, end with the input.
func play(role string, args []string) error {
	serving, end, err := roles[role](args)
	if err != nil {
		return err
	}
	defer end()
	words := make([]string, len(serving))
	for i, a := range serving {
		words[i] = a.String()
	}
	fmt.Println(strings.Join(words, " "))
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		used, err := processorTime()
		if err != nil {
			return err
		}
		fmt.Println(int64(used))
	}
	return nil
}

// processorTime is what this process has used, in user and system together.
func processorTime() (time.Duration, error) {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0, err
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano()), nil
}

// process is a child that plays a role. One goroutine uses it.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	serving []netip.AddrPort
}

// begin starts a child.
func begin(ctx context.Context, role string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{command: exec.CommandContext(ctx, self, append([]string{role}, args...)...)}
	p.command.Stderr = os.Stderr
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	line, err := p.line()
	if err != nil {
		p.end()
		return nil, fmt.Errorf("%s did not start: %w", role, err)
	}
	for _, word := range strings.Fields(line) {
		address, err := netip.ParseAddrPort(word)
		if err != nil {
			p.end()
			return nil, err
		}
		p.serving = append(p.serving, address)
	}
	return p, nil
}

func (p *process) line() (string, error) {
	if !p.out.Scan() {
		return "", fmt.Errorf("it ended: %w", io.ErrUnexpectedEOF)
	}
	return p.out.Text(), nil
}

// used is the child's processor time so far.
func (p *process) used() (time.Duration, error) {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return 0, err
	}
	line, err := p.line()
	if err != nil {
		return 0, err
	}
	nanoseconds, err := strconv.ParseInt(line, 10, 64)
	return time.Duration(nanoseconds), err
}

// end lets the child end by closing its input.
func (p *process) end() {
	_ = p.in.Close()     // it may have ended already
	_ = p.command.Wait() // how it ended does not matter any more
}
