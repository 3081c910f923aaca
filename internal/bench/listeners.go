//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
)

// listening is how many callers listen.
const listening = 100

// listeners measures the processor time of callers who hear music and send sound all the while, beside that of a bare loop that
// sends as many packets of the same size at the same pace from as many sockets, both at once and to the same sockets.
func listeners(ctx context.Context, out io.Writer, o options) error {
	c, err := gather(ctx, 0)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.grow(ctx, listening); err != nil {
		return err
	}
	var ports []string
	for _, l := range c.legs {
		ports = append(ports, strconv.Itoa(int(l.sound.loop.rtp.address().Port())))
	}
	bare, err := begin(ctx, "sendto", ports...)
	if err != nil {
		return err
	}
	defer bare.end()
	oursUsed, bareUsed, err := together(ctx, c.node, bare)
	if err != nil {
		return err
	}
	compared(out, fmt.Sprintf("CPU per %d callers who listen and send", listening), "% of a core", oursUsed, bareUsed)
	return firstError(allocations(ctx, out, c, "listening"), profile(ctx, c.node, o, "listeners"))
}
