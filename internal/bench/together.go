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
const profiled = 10 * time.Second

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

// allocations tells how many objects a node allocates for each packet that it takes or sends, beyond what the asking itself costs.
func allocations(ctx context.Context, out io.Writer, node *process, what string) error {
	api := node.serving[1]
	var perPacket series
	for range rounds {
		var at [3]map[string]float64
		for i := range at {
			var err error
			if at[i], err = scrape(ctx, api); err != nil {
				return err
			}
			if i == 1 { // the first two tell what asking costs
				if err := wait(ctx, window); err != nil {
					return err
				}
			}
		}
		asking := at[1][mallocsMetric] - at[0][mallocsMetric]
		packets := at[2][packetsIn] + at[2][packetsOut] - at[1][packetsIn] - at[1][packetsOut]
		perPacket = append(perPacket, max(0, at[2][mallocsMetric]-at[1][mallocsMetric]-asking)/packets)
	}
	alone(out, "allocations per packet, "+what, "", perPacket)
	return nil
}

// alone writes one line of the table that has nothing beside it.
func alone(out io.Writer, what, unit string, ours series) {
	fmt.Fprintf(out, "%s\t%s\t-\t-\n", what, ours.in(unit))
}
