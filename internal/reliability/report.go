package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// verdict is what was promised, what was measured, and whether it was kept.
type verdict struct {
	scenario scenario
	slack    float64
	lines    []line
	remarks  []string
}

// line is one promise.
type line struct {
	about, promised, measured string
	kept                      bool
}

// say adds a promise.
func (v *verdict) say(about, promised, measured string, kept bool) {
	v.lines = append(v.lines, line{about, promised, measured, kept})
}

// within adds a promise of a time; was says whether it happened at all.
func (v *verdict) within(about string, promised, measured time.Duration, was bool) {
	said := short(measured)
	if !was {
		said = "not within " + said
	}
	v.say(about, "≤ "+short(promised), said, was && measured <= v.allowed(promised))
}

// never adds a promise that something happens not once; the first few are told.
func (v *verdict) never(about string, found []string) {
	v.say(about, "0", fmt.Sprint(len(found)), len(found) == 0)
	for i, text := range found {
		if i == 5 {
			v.remarks = append(v.remarks, about+": …")
			break
		}
		v.remarks = append(v.remarks, about+": "+text)
	}
}

// allowed is a promised time on this machine.
func (v *verdict) allowed(promised time.Duration) time.Duration {
	return time.Duration(float64(promised) * v.slack)
}

// kept reports whether all promises were.
func (v *verdict) kept() bool {
	return !slices.ContainsFunc(v.lines, func(l line) bool { return !l.kept })
}

// print writes the table.
func (v *verdict) print(out io.Writer) {
	fmt.Fprintf(out, "%s: %s\n", v.scenario.name, v.scenario.what)
	table := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintln(table, "\tABOUT\tPROMISED\tMEASURED\tKEPT")
	for _, l := range v.lines {
		kept := "yes"
		if !l.kept {
			kept = "NO"
		}
		fmt.Fprintf(table, "\t%s\t%s\t%s\t%s\n", l.about, l.promised, l.measured, kept)
	}
	table.Flush()
	for _, text := range v.remarks {
		fmt.Fprintln(out, "   ", text)
	}
	fmt.Fprintln(out)
}

// short is a time for people.
func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// spread is the median, the 99th percentile and the largest of times.
func spread(all []time.Duration) (text string, largest time.Duration) {
	if len(all) == 0 {
		return "none", 0
	}
	slices.Sort(all)
	at := func(q float64) time.Duration { return all[min(len(all)-1, int(q*float64(len(all))))] }
	largest = all[len(all)-1]
	return fmt.Sprintf("p50 %s, p99 %s, max %s of %d", short(at(0.5)), short(at(0.99)), short(largest), len(all)), largest
}
