//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// window is how long processor time is taken for one figure: long beside the ticks of the kernel's accounting (4 ms at most).
const window = 4 * time.Second

// together measures two processes in the same windows, in percent of a core.
func together(ctx context.Context, ours, bare *process) (oursUsed, bareUsed series, err error) {
	for range rounds {
		oursBefore, err1 := ours.used()
		bareBefore, err2 := bare.used()
		if err := firstError(err1, err2, wait(ctx, window)); err != nil {
			return nil, nil, err
		}
		oursAfter, err1 := ours.used()
		bareAfter, err2 := bare.used()
		if err := firstError(err1, err2); err != nil {
			return nil, nil, err
		}
		oursUsed = append(oursUsed, 100*float64(oursAfter-oursBefore)/float64(window))
		bareUsed = append(bareUsed, 100*float64(bareAfter-bareBefore)/float64(window))
	}
	return oursUsed, bareUsed, nil
}

// profiled is how long a node is profiled, after what was measured and under the same load.
const profiled = 20 * time.Second

// heap writes what is on a node's heap into the folder of the options, if one is named.
func heap(node *process, o options, name string) error {
	if o.profiles == "" {
		return nil
	}
	path, err := filepath.Abs(filepath.Join(o.profiles, name+".heap"))
	if err != nil {
		return err
	}
	_, err = node.tell(heapTo + path)
	return err
}

// profile writes a node's profile into the folder of the options, if one is named.
func profile(ctx context.Context, node *process, o options, name string) error {
	if o.profiles == "" {
		return nil
	}
	path, err := filepath.Abs(filepath.Join(o.profiles, name+".pprof"))
	if err != nil {
		return err
	}
	if _, err := node.tell(profileTo + path); err != nil {
		return err
	}
	if err := wait(ctx, profiled); err != nil {
		return err
	}
	_, err = node.tell(profileEnd)
	return err
}

// allocations tells how many objects a node allocates for each packet that it takes: what it allocates in a window, less what it does
// in a window in which nobody sends, by the packets that are missing then. Reports, clocks and the asking itself are in both.
func allocations(ctx context.Context, out io.Writer, c *crowd, what string) error {
	var perPacket, second series
	for range rounds {
		talking, err1 := allocated(ctx, c.node)
		c.generator.mute(true)
		mute, err2 := allocated(ctx, c.node)
		c.generator.mute(false)
		if err := firstError(err1, err2, wait(ctx, settling)); err != nil {
			return err
		}
		perPacket = append(perPacket, (talking.objects-mute.objects)/(talking.packets-mute.packets))
		second = append(second, talking.objects/window.Seconds())
	}
	alone(out, "objects allocated per packet, "+what, "", perPacket)
	alone(out, "objects allocated a second in all, "+what, "", second)
	return nil
}

// allocation is what a node did in a window.
type allocation struct{ objects, packets float64 }

func allocated(ctx context.Context, node *process) (allocation, error) {
	before, err1 := scrape(ctx, node.serving[1])
	err2 := wait(ctx, window)
	after, err3 := scrape(ctx, node.serving[1])
	return allocation{after[mallocsMetric] - before[mallocsMetric], after[packetsIn] - before[packetsIn]}, firstError(err1, err2, err3)
}

// alone writes one line of the table that has nothing beside it.
func alone(out io.Writer, what, unit string, ours series) {
	fmt.Fprintf(out, "%s\t%s\t-\t-\n", what, ours.in(unit))
}
