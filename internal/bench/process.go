package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/pprof"
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
	maps.Copy(roles, soundRoles)
}

// play is a child's life: say where it serves, answer each line with a number, end with the input.
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
		answer, err := obey(in.Text())
		if err != nil {
			return err
		}
		fmt.Println(answer)
	}
	return nil
}

// What a child does when it is told to; its answer is the processor time that it has used so far, in nanoseconds.
const (
	tellUsed   = ""          // nothing else
	giveBack   = "give back" // collect garbage, and give the system back what is free
	profileTo  = "profile "  // profile itself into the file that is named, until the next
	profileEnd = "profiled"
	heapTo     = "heap " // write what is on the heap into the file that is named
)

// obey does what a line asks for.
func obey(line string) (int64, error) {
	switch path, profile := strings.CutPrefix(line, profileTo); {
	case profile:
		file, err := os.Create(path)
		if err != nil {
			return 0, err
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return 0, errors.Join(err, file.Close())
		}
	case strings.HasPrefix(line, heapTo):
		file, err := os.Create(strings.TrimPrefix(line, heapTo))
		if err != nil {
			return 0, err
		}
		if err := errors.Join(pprof.WriteHeapProfile(file), file.Close()); err != nil {
			return 0, err
		}
	case line == profileEnd:
		pprof.StopCPUProfile() // the file ends with the process
	case line == giveBack:
		debug.FreeOSMemory()
	}
	used, err := processorTime()
	return int64(used), err
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
	p.out.Buffer(nil, 1<<20) // thousands of addresses
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

// pid names the process in /proc.
func (p *process) pid() string { return strconv.Itoa(p.command.Process.Pid) }

func (p *process) line() (string, error) {
	if !p.out.Scan() {
		return "", fmt.Errorf("it ended: %w", io.ErrUnexpectedEOF)
	}
	return p.out.Text(), nil
}

// used is the child's processor time so far.
func (p *process) used() (time.Duration, error) { return p.tell(tellUsed) }

// tell has the child do something, and returns its processor time so far.
func (p *process) tell(line string) (time.Duration, error) {
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return 0, err
	}
	answer, err := p.line()
	if err != nil {
		return 0, err
	}
	nanoseconds, err := strconv.ParseInt(answer, 10, 64)
	return time.Duration(nanoseconds), err
}

// end lets the child end by closing its input.
func (p *process) end() {
	_ = p.in.Close()     // it may have ended already
	_ = p.command.Wait() // how it ended does not matter any more
}
