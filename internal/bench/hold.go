//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// What a node must hold, and how much more or less is tried next.
const (
	heldListeners, listenersStep = 2000, 500
	heldBridges, bridgesStep     = 500, 100
	mostListeners, mostBridges   = 4500, 1500 // beyond it nobody asks
	promised                     = 99.9       // percent of the packets within inTime, and none lost by the node
)

// crowded is many calls, of a node or of bare loops.
type crowded interface {
	grow(ctx context.Context, to int) error
	judge(ctx context.Context) (delivery, error)
	process() *process
	load() *generator
	close()
}

// hold measures how many listening callers a node holds, and how many a bare loop does that sends and reads as many packets.
func hold(ctx context.Context, out io.Writer, _ options) error {
	ours := func() (crowded, error) {
		c, err := gather(ctx, 0)
		return listeningCrowd{c}, err
	}
	bare := func() (crowded, error) { return bareCrowdOf(ctx, "exchange", mostListeners) }
	return firstError(
		search(ctx, out, "listening", ours, heldListeners, listenersStep, mostListeners),
		search(ctx, out, "listening, bare", bare, heldListeners, listenersStep, mostListeners))
}

// bridges measures how many bridged calls a node holds, and how many bare loops do that pass on as many packets.
func bridges(ctx context.Context, out io.Writer, _ options) error {
	ours := func() (crowded, error) {
		c, err := gather(ctx, mostBridges)
		return bridgedCrowd{c}, err
	}
	bare := func() (crowded, error) { return bareCrowdOf(ctx, "relay", mostBridges) }
	return firstError(
		search(ctx, out, "bridged", ours, heldBridges, bridgesStep, mostBridges),
		search(ctx, out, "bridged, bare", bare, heldBridges, bridgesStep, mostBridges))
}

// search tries what must be held; then more, until it is not held, or less, until it is.
func search(ctx context.Context, out io.Writer, what string, open func() (crowded, error), first, step, most int) error {
	c, err := open()
	if err != nil {
		return err
	}
	defer c.close()
	held, failed := 0, most+1
	for n := first; n > held && n < failed; {
		ok, err := tried(ctx, out, what, c, n)
		if err != nil {
			return err
		}
		if ok {
			held = n
			n += step
		} else {
			failed = n
			n -= step
		}
	}
	end := fmt.Sprintf("%d not", failed)
	if failed > most {
		end = "more was not tried"
	}
	fmt.Fprintf(out, "%s: most calls with %v %% in time\t%d (%s)\t-\t-\n", what, promised, held, end)
	return nil
}

// tried measures so many calls in five windows, writes a line, and reports whether all of the promise was kept. That callers are not
// taken is a way to break it.
func tried(ctx context.Context, out io.Writer, what string, c crowded, n int) (bool, error) {
	line := fmt.Sprintf("%s: %d calls", what, n)
	if err := c.grow(ctx, n); err != nil {
		fmt.Fprintf(out, "%s\tnot set up: %v\t-\t-\n", line, err)
		return false, ctx.Err()
	}
	before, err := drops(c)
	if err != nil {
		return false, err
	}
	used, err := c.process().used()
	if err != nil {
		return false, err
	}
	own, err := processorTime()
	if err != nil {
		return false, err
	}
	c.load().behind() // that of the set-up
	began := time.Now()
	var shares series
	var all delivery
	for range rounds {
		d, err := c.judge(ctx)
		if err != nil {
			fmt.Fprintf(out, "%s\tnot heard: %v\t-\t-\n", line, err)
			return false, ctx.Err()
		}
		shares = append(shares, d.share())
		all.add(d)
	}
	after, err := drops(c)
	if err != nil {
		return false, err
	}
	usedThen, err := c.process().used()
	if err != nil {
		return false, err
	}
	ownThen, err := processorTime()
	if err != nil {
		return false, err
	}
	took := float64(time.Since(began))
	gone := after.minus(before)
	lost := max(0, all.lost()-int(gone.generator)) // what was dropped at the generator was not lost by the node
	fmt.Fprintf(out, "%s\t%s\t-\t-\n", line, shares.in("% in time"))
	fmt.Fprintf(out, "\t%d of %d packets lost; worst %d ms; kernel: no room for %d of the node's, %d dropped at its sockets with what its filters drop; %.0f %% of a core, the generator %.0f %%, which was %d ms behind at worst; load %s\t\t\n",
		lost, all.due, all.worst.Milliseconds(), gone.overflown(), gone.node,
		100*float64(usedThen-used)/took, 100*float64(ownThen-own)/took, c.load().behind().Milliseconds(), load())
	if table, ok := out.(*tabwriter.Writer); ok {
		table.Flush() // the next step may take minutes
	}
	return shares.median() >= promised && lost == 0 && gone.overflown() == 0, nil
}

// delivered is what the kernel dropped: at the sockets of the two, where what a filter drops on purpose counts as well, and as it found
// no room in any socket of the machine.
type delivered struct{ node, generator, machine uint64 }

// overflown is what the kernel dropped as it found no room in the node's sockets: the generator's have no filter, and nobody else is
// thought to lose anything.
func (d delivered) overflown() uint64 { return d.machine - min(d.machine, d.generator) }

func drops(c crowded) (delivered, error) {
	node, err1 := dropped(c.process().pid())
	generator, err2 := dropped("self")
	machine, err3 := receiveErrors()
	return delivered{node, generator, machine}, errors.Join(err1, err2, err3)
}

func (d delivered) minus(o delivered) delivered {
	return delivered{d.node - o.node, d.generator - o.generator, d.machine - o.machine}
}

// listeningCrowd are callers who hear music.
type listeningCrowd struct{ *crowd }

func (c listeningCrowd) process() *process { return c.node }
func (c listeningCrowd) load() *generator  { return c.generator }
func (c listeningCrowd) judge(ctx context.Context) (delivery, error) {
	var streams []*stream
	for _, l := range c.legs {
		streams = append(streams, l.sound)
	}
	return listen(ctx, streams, window)
}

// bridgedCrowd are callers who talk to agents.
type bridgedCrowd struct{ *crowd }

func (c bridgedCrowd) process() *process { return c.node }
func (c bridgedCrowd) load() *generator  { return c.generator }
func (c bridgedCrowd) judge(ctx context.Context) (delivery, error) {
	pairs, err := c.pairs(ctx)
	if err != nil {
		return delivery{}, err
	}
	return passedOn(ctx, pairs)
}

// passedOn judges what all pairs hear of each other.
func passedOn(ctx context.Context, pairs [][2]*stream) (all delivery, err error) {
	heard, _, err := between(ctx, pairs, window)
	for _, d := range heard {
		all.add(d)
	}
	return all, err
}

// bareCrowd are the streams of bare loops.
type bareCrowd struct {
	generator *generator
	loops     *process
	each      int // streams of a call
	streams   []*stream
}

func bareCrowdOf(ctx context.Context, role string, most int) (crowded, error) {
	loops, err := begin(ctx, role, strconv.Itoa(most))
	if err != nil {
		return nil, err
	}
	g, err := openGenerator()
	if err != nil {
		loops.end()
		return nil, err
	}
	return &bareCrowd{generator: g, loops: loops, each: len(loops.serving) / most}, nil
}

func (c *bareCrowd) process() *process { return c.loops }
func (c *bareCrowd) load() *generator  { return c.generator }
func (c *bareCrowd) close()            { c.loops.end(); c.generator.close() }

func (c *bareCrowd) grow(ctx context.Context, to int) error {
	for len(c.streams) < to*c.each {
		s := c.generator.reserve(callersTone, callersTone)
		c.generator.begin(s, c.loops.serving[len(c.streams)])
		c.streams = append(c.streams, s)
	}
	for len(c.streams) > to*c.each {
		last := len(c.streams) - 1
		c.generator.end(c.streams[last])
		c.streams = c.streams[:last]
	}
	return wait(ctx, settling)
}

func (c *bareCrowd) judge(ctx context.Context) (delivery, error) {
	if c.each == 1 {
		return listen(ctx, c.streams, window)
	}
	var pairs [][2]*stream
	for i := 0; i < len(c.streams); i += 2 {
		pairs = append(pairs, [2]*stream{c.streams[i], c.streams[i+1]})
	}
	return passedOn(ctx, pairs)
}
