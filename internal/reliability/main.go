// Command reliability shows what becomes of calls on bad days of the machines: `make reliability`. It runs a redis-server, nodes as
// processes of their own, and callers and agents with sound (internal/phone), lets one fault happen under load, and judges from
// outside: what the phones saw and heard, and what the API says. It prints a table of what is promised and what was measured, and ends with
// 1 if a promise was broken.
//
// Nothing is faked: nodes and redis-server are killed and stopped by signals, and a node that is cut off from Redis has its connections
// cut by a link of redistest. Only what this program started is touched, and all of it ends with it.
//
// Who owns what: a play is one scenario from the rise of the curtain to the verdict. Its stage has the redis-server and the nodes, its
// crowd the phones and the books of what happened to each, its watch what the nodes' APIs said meanwhile.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options say how a play is run.
type options struct {
	rate    int           // calls a second
	length  time.Duration // of the load around the fault, half before it and half after
	slack   float64       // what times that are promised are multiplied by on a machine that has other things to do
	program string        // the spillway that is tried
	folder  string        // where logs are left; "" nowhere
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	kept, err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "reliability:", err)
	}
	if err != nil || !kept {
		os.Exit(1)
	}
}

// run plays the scenarios, and reports whether all promises were kept.
func run(ctx context.Context, args []string, out io.Writer) (kept bool, err error) {
	flags := flag.NewFlagSet("reliability", flag.ContinueOnError)
	name := flags.String("scenario", "", "the one to play: "+strings.Join(scenarioNames(), ", ")+"; none plays all")
	rate := flags.Int("rate", 20, "calls a second")
	seconds := flags.Int("seconds", 14, "length of the load around the fault")
	slack := flags.Float64("slack", 1, "what promised times are multiplied by, for a loaded machine")
	program := flags.String("spillway", "", "the program that is tried; none builds it")
	folder := flags.String("logs", "", "a folder for the nodes' logs")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	o := options{rate: *rate, length: time.Duration(*seconds) * time.Second, slack: *slack, program: *program, folder: *folder}
	if o.program == "" {
		dir, err := os.MkdirTemp("", "reliability-")
		if err != nil {
			return false, err
		}
		defer os.RemoveAll(dir)
		if o.program, err = build(ctx, dir); err != nil {
			return false, err
		}
	}
	kept = true
	for _, s := range scenarios {
		if *name != "" && *name != s.name {
			continue
		}
		verdict, err := s.play(ctx, o)
		if err != nil {
			return false, fmt.Errorf("%s: %w", s.name, err)
		}
		verdict.print(out)
		kept = kept && verdict.kept()
	}
	return kept, nil
}

// build makes the program that is tried.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "spillway")
	command := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/spillway-voice/spillway/cmd/spillway")
	if said, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build spillway: %w\n%s", err, said)
	}
	return path, nil
}
