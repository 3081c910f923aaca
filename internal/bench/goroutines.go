//go:build linux

package main

import (
	"context"
	"io"
)

// counted is how many calls goroutines are counted in.
const counted = 100

// goroutines counts the node's goroutines for each listening and for each bridged call.
func goroutines(ctx context.Context, out io.Writer, _ options) error {
	for _, kind := range []struct {
		name   string
		agents int
	}{{"listening", 0}, {"bridged", counted}} {
		per, err := goroutinesPer(ctx, kind.agents)
		if err != nil {
			return err
		}
		alone(out, "goroutines per "+kind.name+" call", "", per)
	}
	return nil
}

func goroutinesPer(ctx context.Context, agents int) (series, error) {
	c, err := gather(ctx, agents)
	if err != nil {
		return nil, err
	}
	defer c.close()
	idle, err := scrape(ctx, c.node.serving[1])
	if err != nil {
		return nil, err
	}
	if err := c.grow(ctx, counted); err != nil {
		return nil, err
	}
	if agents > 0 {
		if _, err := c.pairs(ctx); err != nil {
			return nil, err
		}
	}
	var per series
	for range rounds {
		busy, err := scrape(ctx, c.node.serving[1])
		if err := firstError(err, wait(ctx, settling)); err != nil {
			return nil, err
		}
		per = append(per, (busy[goroutinesMetric]-idle[goroutinesMetric])/counted)
	}
	return per, nil
}
