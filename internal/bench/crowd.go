//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

// crowd is a node with its callers and agents.
type crowd struct {
	dir       string
	node      *process
	generator *generator
	callers   *side
	agents    *side
	away      *phone.Phone // an agent who takes no calls, so that callers may wait; nil: there are agents who do
	legs      []*leg       // the callers
	dialled   int
	stop      context.CancelFunc // of the registrations that are refreshed; nil: there are none
}

// gather starts a node, with edits of its spillway.yaml. With agents, so many answer at once who calls; without, callers hear music.
func gather(ctx context.Context, agents int, edits ...[2]string) (c *crowd, err error) {
	c = &crowd{}
	defer func() {
		if err != nil {
			c.close()
			c = nil
		}
	}()
	if c.generator, err = openGenerator(); err != nil {
		return c, err
	}
	if c.dir, c.node, err = beginNodeOn(ctx, func(dir string) error { return staff(dir, max(agents, sample.Reserves), edits) }); err != nil {
		return c, err
	}
	sip := c.node.serving[0]
	if c.callers, err = openSide(c.generator, sip, callersTone, agentsTone); err != nil {
		return c, err
	}
	if c.agents, err = openSide(c.generator, sip, agentsTone, callersTone); err != nil {
		return c, err
	}
	if agents == 0 {
		c.away, err = paused(ctx, sip, "carol")
		return c, err
	}
	group, registering := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range agents {
		group.Go(func() error { return c.agents.register(registering, agentAt(i)) })
	}
	if err = group.Wait(); err != nil {
		return c, err
	}
	refreshing, stop := context.WithCancel(ctx)
	c.stop = stop
	go c.refresh(refreshing, agents)
	return c, nil
}

func agentAt(i int) string { return fmt.Sprintf("reserve-%04d", i+1) }

// refreshed is how often each phone registers again, well within what a node grants.
const refreshed = 45 * time.Second

// refresh keeps the agents registered until the context ends, one after another: all at once would be a burst in what is measured.
func (c *crowd) refresh(ctx context.Context, agents int) {
	pace := time.NewTicker(refreshed / time.Duration(agents))
	defer pace.Stop()
	for i := 0; ; i = (i + 1) % agents {
		select {
		case <-pace.C:
			go func() { _ = c.agents.register(ctx, agentAt(i)) }() // the next time will do
		case <-ctx.Done():
			return
		}
	}
}

// staff gives a centre so many agents of billing, and room for callers there.
func staff(dir string, agents int, edits [][2]string) error {
	var err error
	for _, e := range edits {
		err = errors.Join(err, sample.Edit(dir, "spillway.yaml", e[0], e[1]))
	}
	return errors.Join(err,
		sample.Edit(dir, "centre.yaml", "seats: 20 ", "seats: 5000 "),
		sample.Edit(dir, "centre.yaml", "  billing:  {strategy: round-robin,", "  billing:  {strategy: round-robin, capacity: 10000, max_wait: 5h, wrap_up: 0s,"),
		sample.Edit(dir, "centre.yaml", `"reserve-[01..20]": {secret: "file:secrets/reserve-[01..20]", queues: {}}`,
			fmt.Sprintf(`"reserve-[0001..%04d]": {secret: "file:secrets/reserve-01", queues: {billing: 1}}`, agents)),
		sample.Edit(dir, "incidents.yaml", "reserve-[01..10]", "reserve-[0001..0010]"))
}

func (c *crowd) close() {
	if c.stop != nil {
		c.stop()
	}
	if c.away != nil {
		c.away.Close()
	}
	for _, s := range []*side{c.callers, c.agents} {
		if s != nil {
			s.close()
		}
	}
	if c.node != nil {
		c.node.end()
		os.RemoveAll(c.dir)
	}
	if c.generator != nil {
		c.generator.close()
	}
}

// grow lets callers come, or go, until there are so many.
func (c *crowd) grow(ctx context.Context, to int) error {
	group, calling := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for len(c.legs) > to {
		last := c.legs[len(c.legs)-1]
		c.legs = c.legs[:len(c.legs)-1]
		group.Go(func() error { return last.hangup(calling) })
	}
	before := len(c.legs)
	c.legs = append(c.legs, make([]*leg, to-before)...)
	for i := before; i < to; i++ {
		c.dialled++
		from := fmt.Sprintf("+614%08d", c.dialled)
		group.Go(func() (err error) {
			c.legs[i], err = c.callers.dial(calling, sample.BillingNumber, from)
			return err
		})
	}
	err := group.Wait()
	c.legs = slices.DeleteFunc(c.legs, func(l *leg) bool { return l == nil }) // who was not taken
	return errors.Join(err, wait(ctx, settling))
}

// bridged returns when a caller and an agent hear each other, and who the agent is.
func bridged(ctx context.Context, caller *stream) (*stream, error) {
	ctx, cancel := context.WithTimeout(ctx, bridgedWithin)
	defer cancel()
	for {
		if agent := caller.hears(); agent != nil && agent.hears() == caller {
			return agent, nil
		}
		if err := wait(ctx, packetTime); err != nil {
			return nil, fmt.Errorf("caller and agent do not hear each other: %w", err)
		}
	}
}

// bridgedWithin is how long it may take.
const bridgedWithin = 20 * time.Second

// listen judges the music that streams hear in a window.
func listen(ctx context.Context, streams []*stream, window time.Duration) (delivery, error) {
	for _, s := range streams {
		s.listen()
	}
	err := wait(ctx, window)
	var all delivery
	for _, s := range streams {
		all.add(s.listened(window))
	}
	return all, err
}

// What a window of bridged sound leaves out: the packets of the moment in which it begins, and how long late ones are waited for.
const (
	headStart  = 5 // packets
	stragglers = 500 * time.Millisecond
)

// between judges what both of each pair hear of each other in a window: for each pair what the second heard, then what the first did.
func between(ctx context.Context, pairs [][2]*stream, window time.Duration) (heard []delivery, sounds []tones, err error) {
	firsts := make([][2]uint16, len(pairs))
	for i, p := range pairs {
		for side, s := range p {
			firsts[i][side] = s.heads() + headStart
			p[1-side].begins(firsts[i][side])
		}
	}
	err = wait(ctx, window)
	afters := make([][2]uint16, len(pairs))
	for i, p := range pairs {
		afters[i] = [2]uint16{p[0].heads(), p[1].heads()}
	}
	err = errors.Join(err, wait(ctx, stragglers))
	for i, p := range pairs {
		for side := range p {
			d, t := p[1-side].ends(afters[i][side])
			heard, sounds = append(heard, d), append(sounds, t)
		}
	}
	return heard, sounds, err
}
