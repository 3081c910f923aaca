// Command bench measures what Spillway costs beside what the kernel, or a bare library, costs for the same work in the same run:
// `make bench`. It prints medians of five with the ratio, never a verdict: a machine is noisy, a timed test lies. Only the soak
// (`make soak`) judges, as what it judges does not depend on the machine's speed. Names as arguments
// choose some of the figures (see -h).
//
// The program starts itself again for each part, so that the processor time of the node, of the bare loop and of the generator
// (callers of internal/phone, in the first process) are told apart by the kernel:
//
//	node DIR     a node on the configuration in DIR
//	sendto       a bare loop of sendto, as many packets at the same pace
//	sipgo        a bare sipgo server that answers the same calls
//	notice       a bare loop that sends one packet to each listener when a file was replaced
//	publish      a bare loop that appends an entry to a stream of Redis when a file was replaced
//	subscribe    a bare loop that sends one packet to each listener when an entry was appended
//	relay        bare loops that pass on what comes to one socket from another, as many at the same pace
//	exchange     bare loops that send from each socket, and read and drop what comes
//
// The sound of all callers and agents comes from one generator (type generator), which shares the cores with what it measures.
//
// What nodes share is a redis-server that this program starts.
//
// It is not a test: nothing here fails but what cannot be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spillway-voice/spillway/internal/store/redisserver"
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
	var o options
	flags.IntVar(&o.waiting, "waiting", 500, "callers who wait when the toggle is flipped")
	flags.StringVar(&o.profiles, "profile", "", "a folder for profiles of the node: the processor under load (listeners, bridged), the heap with callers (memory), before and after (soak)")
	flags.DurationVar(&o.soak, "soak", 0, "instead of figures: so long 300 bridged calls at a time, and whether all is as it was then")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "bench [-waiting N] [-profile DIR] [-soak TIME] [FIGURE ...]; without a name all figures are measured:")
		for _, f := range figures {
			fmt.Fprintf(flags.Output(), "  %s\t%s\n", f.name, f.what)
		}
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if o.soak > 0 {
		return soak(ctx, out, o)
	}
	chosen, err := choose(flags.Args())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %s/%s, %d cores; medians of %d, least and most in brackets\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds)
	table := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintln(table, "FIGURE\tSPILLWAY\tBARE\tRATIO")
	for _, f := range chosen {
		err := f.measure(ctx, table, o)
		table.Flush() // what is known is not kept back for an hour
		if err != nil {
			return fmt.Errorf("%s: %w", f.what, err)
		}
	}
	return nil
}

// options are what the command line says.
type options struct {
	waiting  int
	profiles string // a folder; "" none
	soak     time.Duration
}

// figure is something that is measured.
type figure struct {
	name, what string
	redis      bool // it needs a redis-server
	measure    func(ctx context.Context, out io.Writer, o options) error
}

// figures are all of them, in the order in which they are told.
var figures = slices.Concat(soundFigures, []figure{
	{"setups", "calls set up and torn down", false, setups},
	{"toggle", "from save to sound", false, toggle},
	{"elsewhere", "from save to sound on another node", true, elsewhere},
	{"matches", "matches through Redis", true, matches},
	{"offers", "from free to offered through Redis", true, offers},
})

// choose returns the figures with these names; without names, all. That a program is missing is said before anything is measured.
func choose(names []string) ([]figure, error) {
	var chosen []figure
	for _, f := range figures {
		if len(names) == 0 || slices.Contains(names, f.name) {
			chosen = append(chosen, f)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(figures, func(f figure) bool { return f.name == name }) {
			return nil, fmt.Errorf("there is no figure %q; -h names them", name)
		}
	}
	if slices.ContainsFunc(chosen, func(f figure) bool { return f.redis }) {
		if _, err := exec.LookPath(redisserver.Program); err != nil {
			return nil, redisserver.ErrNotInstalled
		}
	}
	return chosen, nil
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

// firstError is the first that is one.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
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
