//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
)

// talking is how many bridged calls are measured.
const talking = 100

// bridgedCalls measures the processor time of bridged calls, both sides of which send, beside that of bare loops that pass on as many
// packets between as many sockets, both at once.
func bridgedCalls(ctx context.Context, out io.Writer, o options) error {
	c, err := gather(ctx, talking)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.grow(ctx, talking); err != nil {
		return err
	}
	if _, err := c.pairs(ctx); err != nil {
		return err
	}
	bare, err := begin(ctx, "relay", strconv.Itoa(talking))
	if err != nil {
		return err
	}
	defer bare.end()
	for _, at := range bare.serving {
		c.generator.begin(c.generator.reserve(callersTone, callersTone), at)
	}
	oursUsed, bareUsed, err := together(ctx, c.node, bare)
	if err != nil {
		return err
	}
	compared(out, "CPU per bridged call", "% of a core", oursUsed.over(talking), bareUsed.over(talking))
	return firstError(allocations(ctx, out, c, "bridged"), profile(ctx, c.node, o, "bridged"))
}

// over is the series divided by n.
func (s series) over(n float64) series {
	parts := make(series, len(s))
	for i, v := range s {
		parts[i] = v / n
	}
	return parts
}

// pairs are the callers of a crowd with the agents that they talk to, all of them.
func (c *crowd) pairs(ctx context.Context) ([][2]*stream, error) {
	var all [][2]*stream
	for i, l := range c.legs {
		agent, err := bridged(ctx, l.sound)
		if err != nil {
			return nil, fmt.Errorf("call %d of %d: %w", i+1, len(c.legs), err)
		}
		all = append(all, [2]*stream{l.sound, agent})
	}
	return all, nil
}
