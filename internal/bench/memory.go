//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// The memory of callers: a few come and go first, so that what the program needs once is not counted as theirs.
const (
	forerunners = 50
	remembered  = 1000

	// settled is how long the answers to INVITEs are kept for copies that come late, and some more: 64*T1 (RFC 6026 section 7.1).
	settled = 35 * time.Second
)

// memory measures what a listening caller costs beyond the idle process: as it is while they listen, and after garbage was
// collected. What the kernel keeps for their sockets is not in it.
func memory(ctx context.Context, out io.Writer, o options) error {
	c, err := gather(ctx, 0)
	if err != nil {
		return err
	}
	defer c.close()
	if err := firstError(c.grow(ctx, forerunners), c.grow(ctx, 0), wait(ctx, window)); err != nil {
		return err
	}
	if _, err := c.node.tell(giveBack); err != nil {
		return err
	}
	idle, err1 := resident(c.node.pid())
	before, err2 := scrape(ctx, c.node.serving[1])
	if err := firstError(err1, err2); err != nil {
		return err
	}
	for _, callers := range []int{remembered / 2, remembered} {
		if err := c.grow(ctx, callers); err != nil {
			return err
		}
		if err := wait(ctx, settled); err != nil {
			return err
		}
		var asItIs, collected series
		for range rounds {
			if err := wait(ctx, window); err != nil {
				return err
			}
			busy, err1 := resident(c.node.pid())
			_, err2 := c.node.tell(giveBack)
			clean, err3 := resident(c.node.pid())
			if err := firstError(err1, err2, err3); err != nil {
				return err
			}
			asItIs = append(asItIs, (busy-idle)/1024/float64(callers))
			collected = append(collected, (clean-idle)/1024/float64(callers))
		}
		alone(out, fmt.Sprintf("memory per caller of %d who listen", callers), "KiB", asItIs[:1]) // garbage of the set-up is in it
		alone(out, fmt.Sprintf("memory per caller of %d who listen, garbage collected", callers), "KiB", collected)
		after, err := scrape(ctx, c.node.serving[1])
		if err != nil {
			return err
		}
		for _, part := range []string{"heap_alloc", "stack_inuse"} {
			metric := "go_memstats_" + part + "_bytes"
			alone(out, "of it, "+part, "KiB", series{(after[metric] - before[metric]) / 1024 / float64(callers)})
		}
	}
	return heap(c.node, o, "memory")
}
