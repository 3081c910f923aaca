//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spillway-voice/spillway/internal/sample"
)

// What the soak does to a node.
const (
	soaked            = 300              // bridged calls at a time
	soakers           = 400              // agents, and as many calls as the ports of soakPorts carry
	soakPorts         = "61000-62599"    // two pairs for each of 400 calls, where nobody else on a machine takes ports by chance
	shortest, longest = 30, 60           // seconds of a call
	quietBefore       = 75 * time.Second // when a node has forgotten calls that ended (60 s), and looked for what is left (70 s)
	forgotten         = 11 * time.Minute // when it has forgotten how their waits ended, too (routing.LostKept, 10 minutes)
)

// What is allowed.
const (
	soundWanted   = 99 // percent of the packets on each side of each call; the rest is a machine's that is too busy
	memoryAllowed = 10 // percent more than at the beginning
)

// soak lets bridged calls come and go for so long, listens to both sides of each, and compares what the node has afterwards with what
// it had before. The error says what is not as it was.
func soak(ctx context.Context, out io.Writer, o options) error {
	c, err := gather(ctx, soakers, [2]string{"ports: 10000-29999", "ports: " + soakPorts},
		[2]string{"calls: 5000,", fmt.Sprintf("calls: %d,", soakers)})
	if err != nil {
		return err
	}
	defer c.close()
	// What a node needs once for so many calls is not counted.
	fmt.Fprintf(out, "a first wave of %d calls, then %v of quiet\n", soakers, quietBefore)
	if err := allPorts(ctx, c); err != nil {
		return err
	}
	before, err := quietly(ctx, c, o, quietBefore, "before")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d bridged calls at a time for %v, each %d to %d s\n", soaked, o.soak, shortest, longest)
	t := &tally{}
	busy, err := t.talk(ctx, c, o.soak)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d calls at a time take all ports once more, then %v of quiet\n", soakers, forgotten)
	ports := allPorts(ctx, c)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	after, err := quietly(ctx, c, o, forgotten, "after")
	if err != nil {
		return err
	}
	t.print(out)
	return errors.Join(t.wrong(), before.compare(out, busy, after), ports)
}

// allPorts has so many bridged calls at a time that each port of the node is taken: one that was not given back is missed.
func allPorts(ctx context.Context, c *crowd) error {
	if err := wait(ctx, portsRest); err != nil {
		return err
	}
	err := c.grow(ctx, soakers)
	if err == nil {
		_, err = c.pairs(ctx)
	}
	if err != nil {
		err = fmt.Errorf("not all ports are free: %w", err)
	}
	return errors.Join(err, c.grow(ctx, 0))
}

// portsRest is beyond the 5 s for which a node does not use a port again.
const portsRest = 6 * time.Second

// state is what a node has.
type state struct{ memory, goroutines, files, sockets, violations float64 }

// quietly waits until the node has forgotten of its calls what it will in that time, and returns what it has then.
func quietly(ctx context.Context, c *crowd, o options, quiet time.Duration, name string) (state, error) {
	if err := wait(ctx, quiet); err != nil {
		return state{}, err
	}
	if _, err := c.node.tell(giveBack); err != nil {
		return state{}, err
	}
	if err := heap(c.node, o, "soak-"+name); err != nil {
		return state{}, err
	}
	return stateOf(ctx, c.node)
}

func stateOf(ctx context.Context, node *process) (state, error) {
	metrics, err := scrape(ctx, node.serving[1])
	if err != nil {
		return state{}, err
	}
	s := state{goroutines: metrics[goroutinesMetric], violations: metrics[stuck]}
	for name, value := range metrics {
		if strings.HasPrefix(name, violations) {
			s.violations += value
		}
	}
	memory, err1 := resident(node.pid())
	files, err2 := openFiles(node.pid())
	sockets, err3 := socketsOf(node.pid())
	s.memory, s.files, s.sockets = memory/(1<<20), float64(files), float64(len(sockets))
	return s, errors.Join(err1, err2, err3)
}

// compare prints all three states and says what is not as it was.
func (s state) compare(out io.Writer, busy, after state) error {
	table := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "\nTHE NODE\tBEFORE\tTALKING\tAFTER\tALLOWED")
	var wrong error
	row := func(what string, before, busy, after, allowed float64) {
		fmt.Fprintf(table, "%s\t%.4g\t%.4g\t%.4g\t%.4g\n", what, before, busy, after, allowed)
		if after > allowed {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %.4g before, %.4g after", what, before, after))
		}
	}
	row("memory of its own, garbage collected but for the middle, MiB", s.memory, busy.memory, after.memory, s.memory*(1+memoryAllowed/100.))
	row("goroutines", s.goroutines, busy.goroutines, after.goroutines, s.goroutines)
	row("open files", s.files, busy.files, after.files, s.files)
	row("sockets", s.sockets, busy.sockets, after.sockets, s.sockets)
	row("invariants violated and callers stuck", s.violations, busy.violations, after.violations, 0)
	return wrong
}

// tally is what was heard in all calls. Safe for concurrent use.
type tally struct {
	mu     sync.Mutex
	calls  int
	sound  delivery
	tones  tones
	faults []error
}

// talk keeps the calls going for so long; busy is what the node has in the middle of it.
func (t *tally) talk(ctx context.Context, c *crowd, long time.Duration) (busy state, err error) {
	over := time.Now().Add(long)
	turns := make(chan struct{}, atOnce)
	var calling sync.WaitGroup
	for i := range soaked {
		calling.Go(func() {
			for n := 0; time.Now().Before(over) && ctx.Err() == nil; n++ {
				lasts := time.Duration(shortest+rand.IntN(longest-shortest+1)) * time.Second
				t.note(t.call(ctx, c, turns, fmt.Sprintf("+614%03d%05d", i, n), min(lasts, max(time.Until(over), packetTime*100))))
			}
		})
	}
	err = wait(ctx, long/2)
	if err == nil {
		busy, err = stateOf(ctx, c.node)
	}
	calling.Wait()
	return busy, err
}

// note keeps a fault.
func (t *tally) note(err error) {
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.faults = append(t.faults, err)
	}
}

// call is one call from its beginning to its end, both sides of which are listened to.
func (t *tally) call(ctx context.Context, c *crowd, turns chan struct{}, from string, lasts time.Duration) error {
	turns <- struct{}{}
	l, err := c.callers.dial(ctx, sample.BillingNumber, from)
	<-turns
	if err != nil {
		return err
	}
	agent, err := bridged(ctx, l.sound)
	if err != nil {
		return errors.Join(err, l.hangup(ctx))
	}
	pairs := [][2]*stream{{l.sound, agent}}
	heard, sounds, err := between(ctx, pairs, lasts)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.calls++
	for side, d := range heard {
		t.sound.add(d)
		t.tones.looked += sounds[side].looked
		t.tones.right += sounds[side].right
	}
	t.mu.Unlock()
	for side, d := range heard {
		if 100*d.came < soundWanted*d.due || sounds[side].looked == 0 || sounds[side].right < sounds[side].looked {
			err = errors.Join(err, fmt.Errorf("call from %s: %s heard %d of %d packets, the tone in %d of %d",
				from, [2]string{"the agent", "the caller"}[side], d.came, d.due, sounds[side].right, sounds[side].looked))
		}
	}
	return errors.Join(err, l.hangup(ctx))
}

// print tells what was heard.
func (t *tally) print(out io.Writer) {
	table := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "\nTHE CALLS\t")
	fmt.Fprintf(table, "calls, both sides heard\t%d, %d with a fault\n", t.calls, len(t.faults))
	fmt.Fprintf(table, "packets through the bridge\t%d of %d; %.3f %% within %v; the latest %v\n", t.sound.came, t.sound.due, t.sound.share(), inTime, t.sound.worst.Round(time.Millisecond))
	fmt.Fprintf(table, "looks at the tone, right\t%d of %d\n", t.tones.right, t.tones.looked)
	fmt.Fprintf(table, "the machine's load\t%s\n", load())
}

// faultsTold bounds what is said about faults that are all alike.
const faultsTold = 5

// wrong is what was wrong with the calls.
func (t *tally) wrong() error {
	if t.calls == 0 {
		return errors.New("there was no call")
	}
	if len(t.faults) == 0 {
		return nil
	}
	return fmt.Errorf("%d faults in %d calls: %w", len(t.faults), t.calls, errors.Join(t.faults[:min(faultsTold, len(t.faults))]...))
}
