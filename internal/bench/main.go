// Command bench measures what Spillway costs beside what the kernel, or a bare library, costs for the same work in the same run:
// `make bench`. It prints medians of five with the ratio, never a verdict: a machine is noisy, a timed test lies.
//
// The program starts itself again for each part, so that the processor time of the node, of the bare loop and of the generator
// (callers of internal/phone, in the first process) are told apart by the kernel:
//
//	node DIR     a node on the configuration in DIR
//	sendto       a bare loop of sendto, as many packets at the same pace
//	sipgo        a bare sipgo server that answers the same calls
//	notice       a bare loop that sends one packet to each listener when a file was replaced
//
// It is not a test: nothing here fails but what cannot be measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// rounds is how often each figure is measured; the median is told.
const rounds = 5

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && roles[args[0]] != nil {
		return play(args[0], args[1:])
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	waiting := flags.Int("waiting", 500, "callers who wait when the toggle is flipped")
	if err := flags.Parse(args); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %s/%s, %d cores; medians of %d, least and most in brackets\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds)
	table := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "FIGURE\tSPILLWAY\tBARE\tRATIO")
	if err := listeners(ctx, table); err != nil {
		return fmt.Errorf("listening callers: %w", err)
	}
	if err := setups(ctx, table); err != nil {
		return fmt.Errorf("calls set up and torn down: %w", err)
	}
	if err := toggle(ctx, table, *waiting); err != nil {
		return fmt.Errorf("from save to sound: %w", err)
	}
	return nil
}

// series is one figure, measured several times.
type series []float64

func (s series) median() float64 { return s.quantile(0.5) }

// quantile is the smallest value that at least the share q of the values does not exceed.
func (s series) quantile(q float64) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// in renders the series in a unit.
func (s series) in(unit string) string {
	return fmt.Sprintf("%.3g %s [%.3g..%.3g]", s.median(), unit, slices.Min(s), slices.Max(s))
}

// compared writes one line of the table; the ratio is that of each round, so that what disturbs a round disturbs both sides.
func compared(out io.Writer, what, unit string, ours, bare series) {
	ratios := make(series, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / bare[i]
	}
	fmt.Fprintf(out, "%s\t%s\t%s\t%.2f [%.2f..%.2f]\n", what, ours.in(unit), bare.in(unit), ratios.median(), slices.Min(ratios), slices.Max(ratios))
}

// wait sleeps, or returns the context's error.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
