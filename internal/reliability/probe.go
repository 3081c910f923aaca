package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

// probe is a conversation that lasts over the fault, heard on both sides.
type probe struct {
	visit         *visit
	take          *taken
	agent         *agent
	tones         [2]int       // what the caller says, and the agent
	ears          [2]*listener // of the caller, and of the agent
	gaps          [2]gap
	deaf          []string // when a tone was not heard that should have been
	callerNode    *node
	throughFailed bool // its own node failed: it cannot last
}

// toneTime is how long a tone may take to be recognised; a loaded machine needs some of it.
const toneTime = 3 * time.Second

// openProbes brings conversations about, callers on each node in turn, agents on any.
func (c *crowd) openProbes(ctx context.Context) ([]*probe, error) {
	var all []*probe
	for i := range probes {
		n := c.stage.nodes[(i+i/len(c.stage.nodes))%len(c.stage.nodes)] // so that some have agents of their own node, and some of another
		v := c.newVisit(n, probeQueue, 0)
		if err := c.arrive(ctx, v, phone.Sound{}); err != nil {
			return all, err
		}
		c.probing.Go(func() { c.attend(ctx, v) })
		p := &probe{visit: v, tones: [2]int{400 + 50*i, 1000 + 50*i}, callerNode: n}
		err := eventually(ctx, patience, "a conversation begins", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			if v.agent == nil {
				return false
			}
			p.agent = v.agent
			for _, t := range v.agent.takes {
				if t.visit == v && !t.talked.IsZero() {
					p.take = t
				}
			}
			return p.take != nil
		})
		if err != nil {
			return all, err
		}
		select {
		case <-p.take.call.Answered():
		case <-p.take.call.Done():
			return all, fmt.Errorf("the conversation of %s ended at once", v.number)
		}
		v.call.PlayTone(p.tones[0])
		p.take.call.PlayTone(p.tones[1])
		all = append(all, p)
	}
	if err := hearAll(ctx, all, "before the fault"); err != nil {
		return all, err
	}
	for _, p := range all {
		if len(p.deaf) > 0 {
			return all, fmt.Errorf("a conversation is not heard: %v", p.deaf)
		}
		p.ears = [2]*listener{c.listeners.add(p.visit.call), c.listeners.add(p.take.call)}
	}
	return all, nil
}

// hearAll listens on both sides of all conversations that can be for what the other says, and notes who does not hear it.
func hearAll(ctx context.Context, all []*probe, when string) error {
	var hearing sync.WaitGroup
	var mu sync.Mutex
	for _, p := range all {
		if p.throughFailed {
			continue
		}
		for side, call := range []*phone.Call{p.visit.call, p.take.call} {
			hearing.Go(func() {
				within, cancel := context.WithTimeout(ctx, toneTime)
				defer cancel()
				call.Ear().Forget()
				if err := call.Ear().WaitTone(within, float64(p.tones[1-side])); err != nil {
					mu.Lock()
					defer mu.Unlock()
					p.deaf = append(p.deaf, fmt.Sprintf("%s, %s of %s", when, []string{"the caller", "the agent"}[side], p.visit.number))
				}
			})
		}
	}
	hearing.Wait()
	return ctx.Err()
}

// measured ends the measuring of gaps.
func (c *crowd) measured(all []*probe) {
	for _, p := range all {
		for side, ear := range p.ears {
			if ear != nil {
				p.gaps[side] = c.listeners.remove(ear)
			}
		}
	}
}

// hangUp ends the conversations.
func (c *crowd) hangUp(ctx context.Context, all []*probe) {
	for _, p := range all {
		c.note(func() { p.visit.hungUp = true })
		within, cancel := context.WithTimeout(ctx, farewell)
		_ = p.visit.call.Hangup(within) // whose node died gets no answer
		if p.throughFailed {
			_ = p.take.call.Hangup(within)
		}
		cancel()
	}
}
