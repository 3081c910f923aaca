package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

const (
	// talkTime is how long a conversation of the crowd lasts when as many wait as should.
	talkTime = 2 * time.Second
	// fewWait and manyWait are how many should wait: conversations are longer or shorter outside of them.
	fewWait, manyWait = 20, 40
	// scoutTalk is how long scouts talk, and scoutPause how long they rest.
	scoutTalk, scoutPause = 60 * time.Millisecond, 250 * time.Millisecond
	// impatience is when one caller in impatientOf hangs up by himself.
	impatience, impatientOf = 700 * time.Millisecond, 20
	// urgentOf is how many callers there are for one with priority.
	urgentOf = 12
	// dialTime bounds a dial, and farewell the end of a call.
	dialTime, farewell = 8 * time.Second, 2 * time.Second
	// probes is how many conversations last over the fault.
	probes = 6
)

// visit is one caller's call, and what became of it. The mutex of the crowd guards what is not set when it is made.
type visit struct {
	number, queue string
	priority      int
	node          *node
	call          *phone.Call
	rank          time.Time // when his place is from: his entry, or that of the visit whose place he takes
	returns       bool

	dialled  time.Time
	entered  time.Time // the 200 arrived; zero: not answered
	offered  time.Time // the first agent's phone was called
	agent    *agent    // whose that was
	answered time.Time // the last agent picked up
	served   bool      // an agent said goodbye
	hungUp   bool      // he went by his own plan
	gone     bool      // his node died
	ended    time.Time
	refusals int // 503 of a node that drains, before another took him
	err      error
	music    gap // the largest, while he waited
}

// taken is one call of an agent's phone.
type taken struct {
	visit     *visit
	call      *phone.Call
	rang      time.Time
	talked    time.Time // he picked up; zero: never
	over      time.Time // zero: not over
	cut       bool      // ended by the far end while the caller had not hung up
	offeredBy *node
}

// agent is a phone that takes calls, one at a time.
type agent struct {
	name  string
	node  *node // where it is registered
	phone *phone.Phone
	turn  chan struct{} // holds one token while he talks
	takes []*taken      // guarded by the crowd
}

// crowd is everybody with a phone.
type crowd struct {
	stage     *stage
	options   options
	listeners listeners
	working   sync.WaitGroup // agents, until the end of the play
	calling   sync.WaitGroup // callers
	probing   sync.WaitGroup
	lines     map[*node]*phone.Phone // the carrier's phone at each node

	mu      sync.Mutex
	visits  []*visit
	waiting map[*visit]bool   // entered and not with an agent, the dead left out
	byFrom  map[string]*visit // by number, the latest
	agents  []*agent
	numbers int
}

// agentsFor is how many agents serve a rate: what they can is a bit more than what is asked.
func agentsFor(rate int) int {
	return int(float64(rate)*talkTime.Seconds()*1.15) + 1
}

// openCrowd registers the agents, evenly over the nodes, and starts to serve.
func openCrowd(ctx context.Context, s *stage) (*crowd, error) {
	c := &crowd{
		stage: s, options: s.options, listeners: listeners{all: make(map[*listener]struct{})},
		lines: make(map[*node]*phone.Phone), waiting: make(map[*visit]bool), byFrom: make(map[string]*visit),
	}
	for _, n := range s.nodes {
		line, err := phone.New(phone.Options{Bind: loopback, Server: n.sip, User: "carrier"})
		if err != nil {
			return c, err
		}
		c.lines[n] = line
	}
	var names []string
	for i := range agentsFor(s.options.rate) {
		names = append(names, fmt.Sprintf("agent-%03d", i+1))
	}
	for i := range s.nodes {
		names = append(names, fmt.Sprintf("scout-%d", i+1))
	}
	for i := range probes {
		names = append(names, fmt.Sprintf("probe-%d", i+1))
	}
	counted := make(map[string]int)
	for _, name := range names {
		kind := name[:5]
		if err := c.employ(ctx, name, s.nodes[counted[kind]%len(s.nodes)]); err != nil {
			return c, err
		}
		counted[kind]++
	}
	c.working.Go(func() { c.listeners.run(ctx) })
	return c, nil
}

// employ registers an agent, who serves until the context ends.
func (c *crowd) employ(ctx context.Context, name string, n *node) error {
	probe := name[:5] == "probe"
	p, err := phone.New(phone.Options{Bind: loopback, Server: n.sip, User: name, Secret: secret, Sound: phone.Sound{Deaf: !probe}})
	if err != nil {
		return err
	}
	a := &agent{name: name, node: n, phone: p, turn: make(chan struct{}, 1)}
	c.mu.Lock()
	c.agents = append(c.agents, a)
	c.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.Register(within, time.Hour); err != nil {
		return fmt.Errorf("%s registers: %w", name, err)
	}
	c.working.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case call := <-p.Incoming():
				t := c.rings(a, call)
				c.working.Go(func() { c.serve(ctx, a, t) })
			}
		}
	})
	return nil
}

// rings notes that an agent's phone is called.
func (c *crowd) rings(a *agent, call *phone.Call) *taken {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &taken{call: call, rang: call.Times().Began, visit: c.byFrom[call.From()]}
	a.takes = append(a.takes, t)
	if v := t.visit; v != nil {
		t.offeredBy = v.node
		if v.offered.IsZero() {
			v.offered, v.agent = t.rang, a
		}
	}
	return t
}

// serve takes one call to its end. A second call at the same time rings until the first is over, as on a phone with two lines.
func (c *crowd) serve(ctx context.Context, a *agent, t *taken) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-t.call.Done():
		c.note(func() { t.over = t.call.Times().Ended })
		return
	case <-ctx.Done():
		return
	}
	v := t.visit
	if v == nil {
		_ = t.call.Hangup(ctx) // a leftover of another play: it will be counted as a call nobody made
		return
	}
	c.note(func() {
		t.talked = time.Now()
		v.answered = t.talked
		delete(c.waiting, v)
	})
	acknowledged, cancel := context.WithTimeout(ctx, farewell)
	err := t.call.Answer(acknowledged)
	cancel()
	if err != nil {
		t.call.End() // whose node died waits for no acknowledgement: he hangs up, and can be called again
		c.note(func() {
			t.over = time.Now()
			c.backLocked(v)
		})
		return
	}
	var talk <-chan time.Time
	if v.queue != probeQueue {
		talk = time.After(c.talkTime(v.queue))
	}
	select {
	case <-talk:
	case <-t.call.Done():
		c.note(func() {
			t.over = t.call.Times().Ended
			if t.cut = v.ended.IsZero() && !v.hungUp && !v.gone; t.cut {
				c.backLocked(v)
			}
		})
		return
	case <-ctx.Done():
		return
	}
	c.note(func() { t.over, v.served = time.Now(), true })
	within, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	_ = t.call.Hangup(within) // a node that died does not answer
}

// backLocked notes that a caller waits again.
func (c *crowd) backLocked(v *visit) {
	if v.ended.IsZero() && !v.gone {
		v.answered = time.Time{}
		c.waiting[v] = true
	}
}

// note changes the books.
func (c *crowd) note(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// talkTime is how long a conversation of a queue lasts: so long that some callers wait at any time, and not too many.
func (c *crowd) talkTime(queue string) time.Duration {
	if queue == scoutQueue {
		return scoutTalk
	}
	switch waiting := c.waitIn(crowdQueue); {
	case waiting < fewWait:
		return talkTime * 5 / 4
	case waiting > manyWait:
		return talkTime * 3 / 4
	}
	return talkTime
}

// waitIn is how many callers wait in a queue, in truth.
func (c *crowd) waitIn(queue string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for v := range c.waiting {
		if v.queue == queue {
			n++
		}
	}
	return n
}

// newVisit makes a caller with a number that nobody else has.
func (c *crowd) newVisit(n *node, queue string, priority int) *visit {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers++
	v := &visit{number: fmt.Sprintf("+6149%07d", c.numbers), queue: queue, priority: priority, node: n}
	c.visits = append(c.visits, v)
	c.byFrom[v.number] = v
	return v
}

// dials are the numbers that lead into a queue.
func (v *visit) dials() string {
	switch {
	case v.queue == scoutQueue:
		return scoutNumber
	case v.queue == probeQueue:
		return probeNumber
	case v.priority > 0:
		return urgentNumber
	}
	return crowdNumber
}

// arrive dials as a carrier does: a node that answers 503 is passed over for the next.
func (c *crowd) arrive(ctx context.Context, v *visit, sound phone.Sound) error {
	c.note(func() { v.dialled = time.Now() })
	for {
		within, cancel := context.WithTimeout(ctx, dialTime)
		call, err := c.lines[v.node].Dial(within, v.dials(), phone.CallOptions{From: v.number, Sound: sound})
		cancel()
		refused, isRefused := errors.AsType[*phone.RefusedError](err)
		others := slices.DeleteFunc(c.stage.living(), func(n *node) bool { return n == v.node })
		if isRefused && refused.Code == 503 && len(others) > 0 && v.refusals < len(c.stage.nodes) {
			c.note(func() { v.refusals++; v.node = others[rand.IntN(len(others))] })
			continue
		}
		c.note(func() {
			v.call, v.err = call, err
			if err == nil {
				v.entered = call.Times().Answered
				if v.rank.IsZero() {
					v.rank = v.entered
				}
				if v.answered.IsZero() {
					c.waiting[v] = true
				}
			}
		})
		return err
	}
}

// attend waits for the end of a call. Nobody who planned to go earlier stays.
func (c *crowd) attend(ctx context.Context, v *visit) {
	var tired <-chan time.Time
	if v.queue == crowdQueue && !v.returns && rand.IntN(impatientOf) == 0 {
		tired = time.After(impatience)
	}
	listener := c.listeners.add(v.call)
	listening := true
	heard := func() {
		if listening {
			listening = false
			music := c.listeners.remove(listener)
			c.note(func() { v.music = music })
		}
	}
	look := time.NewTicker(glance)
	defer look.Stop()
	for {
		c.mu.Lock()
		answered, gone := !v.answered.IsZero(), v.gone
		c.mu.Unlock()
		if answered || gone {
			heard()
		}
		select {
		case <-v.call.Done():
			c.note(func() { v.ended = v.call.Times().Ended; delete(c.waiting, v) })
			heard()
			return
		case <-tired:
			tired = nil
			if answered {
				continue
			}
			c.note(func() { v.hungUp, v.ended = true, time.Now(); delete(c.waiting, v) })
			heard()
			within, cancel := context.WithTimeout(ctx, farewell)
			_ = v.call.Hangup(within) // a node that stands still does not answer
			cancel()
			return
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// quiet is how the callers of the crowd handle sound: they say nothing, and count what they hear.
var quiet = phone.Sound{Silent: true, Deaf: true}

// call is one caller of the crowd.
func (c *crowd) call(ctx context.Context, v *visit) {
	if c.arrive(ctx, v, quiet) == nil {
		c.attend(ctx, v)
	}
}

// flood lets callers come until the context ends; those who are there stay. So many come at once, that there is a queue.
func (c *crowd) flood(ctx, living context.Context) {
	come := func(i int) {
		nodes := c.stage.living()
		if len(nodes) == 0 {
			return
		}
		priority := 0
		if i%urgentOf == urgentOf-1 {
			priority = 5
		}
		v := c.newVisit(nodes[rand.IntN(len(nodes))], crowdQueue, priority)
		c.calling.Go(func() { c.call(living, v) })
	}
	tick := time.NewTicker(time.Second / time.Duration(c.options.rate))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
			come(i)
			if i < fewWait {
				come(i) // at first twice as many
			}
		case <-ctx.Done():
			return
		}
	}
}

// scout calls a node again and again until the context ends: somebody is ready there, so each call is offered at once.
func (c *crowd) scout(ctx, living context.Context, n *node) {
	for ctx.Err() == nil {
		if !n.away.Load() {
			v := c.newVisit(n, scoutQueue, 0)
			c.call(living, v)
		}
		_ = wait(ctx, scoutPause) // the loop looks at the context
	}
}

// dies notes that a node is no more: its callers are thrown out, and their phones know it.
func (c *crowd) dies(n *node) (lost []*visit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.visits {
		if v.node == n && v.ended.IsZero() && !v.gone {
			v.gone = true
			if c.waiting[v] {
				lost = append(lost, v)
			}
			delete(c.waiting, v)
		}
	}
	return lost
}

// close hangs up and closes all phones.
func (c *crowd) close() {
	var closing sync.WaitGroup
	for _, line := range c.lines {
		closing.Go(line.Close)
	}
	for _, a := range c.agents {
		closing.Go(a.phone.Close)
	}
	closing.Wait()
	c.working.Wait()
	c.calling.Wait()
}
