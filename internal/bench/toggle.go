package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spillway-voice/spillway/internal/ops/client"
	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

// How the toggle is measured.
const (
	atOnce     = 16                   // callers who call at the same time
	hearing    = 4 * time.Second      // is recorded after the save: enough to recognise the message beyond doubt, with packets lost
	recognised = 4 * phone.SampleRate // of the message, in samples: looking for all of it at 500 callers takes a minute
	settling   = time.Second          // between the message's end, or the switch-off, and the next save
)

// toggle measures the time from the save of incidents.yaml to the first packet of the message at each of the callers who wait, by
// what they hear, beside that of a bare loop that sends a packet to as many when a file is saved. A caller hears a message once, so each round has a recording of its own.
func toggle(ctx context.Context, out io.Writer, o options) error {
	waiting := o.waiting
	dir, ours, err := beginNode(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer ours.end()
	bare, err := beginNotice(ctx, waiting)
	if err != nil {
		return err
	}
	defer bare.end()
	return flips(ctx, out, fmt.Sprintf("from save to sound, %d waiting", waiting), dir, ours, waiting, bare)
}

// flips lets callers wait at a node, and measures both sides of the toggle: the node hears of what is saved in dir, whichever node's that is.
func flips(ctx context.Context, out io.Writer, what, dir string, serving *process, waiting int, bare *noticed) error {
	message, err := phone.ReadWAV(filepath.Join(dir, "prompts", sample.RecallMessage))
	if err != nil {
		return err
	}
	agent, err := paused(ctx, serving.serving[0], "alice")
	if err != nil {
		return err
	}
	defer agent.Close()
	caller, err := phone.New(phone.Options{Bind: loopback, Server: serving.serving[0], User: "caller"})
	if err != nil {
		return err
	}
	defer caller.Close()
	calls, err := enqueue(ctx, caller, serving.serving[1], waiting)
	if err != nil {
		return err
	}
	var ours99, bare99, oursMedian, bareMedian series
	for round := range rounds {
		if err := record(filepath.Join(dir, "prompts", sample.RecallMessage), byte(round)); err != nil {
			return err
		}
		times, err := flip(ctx, dir, calls, message)
		if err != nil {
			return err
		}
		bareTimes, err := bare.save(ctx)
		if err != nil {
			return err
		}
		oursMedian, bareMedian = append(oursMedian, times.median()), append(bareMedian, bareTimes.median())
		ours99, bare99 = append(ours99, times.quantile(0.99)), append(bare99, bareTimes.quantile(0.99))
	}
	compared(out, what+": median", "ms", oursMedian, bareMedian)
	compared(out, what+": p99", "ms", ours99, bare99)
	return nil
}

// enqueue lets callers wait for orders, and returns when all of them do.
func enqueue(ctx context.Context, caller *phone.Phone, api netip.AddrPort, n int) ([]*phone.Call, error) {
	calls := make([]*phone.Call, n)
	group, calling := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range calls {
		group.Go(func() (err error) {
			calls[i], err = caller.Dial(calling, sample.MainNumber, phone.CallOptions{})
			if err != nil {
				return err
			}
			if err := calls[i].Ear().WaitSound(calling); err != nil {
				return err
			}
			return calls[i].SendDigits("1")
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return calls, allWait(ctx, api, n)
}

// allWait returns when so many callers wait, or with an error when they do not within the time that a caller who pressed no key
// would need as well.
func allWait(ctx context.Context, api netip.AddrPort, n int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	node, err := client.New("http://"+api.String(), "")
	if err != nil {
		return err
	}
	for {
		queues, err := node.Queues(ctx)
		if err != nil {
			return err
		}
		waiting := 0
		for _, q := range queues {
			waiting += q.Waiting
		}
		if waiting == n {
			return nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d callers wait: %w", waiting, n, err)
		}
	}
}

// record makes a recording another one that sounds the same: a chunk that players pass over tells the rounds apart.
func record(path string, round byte) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	content = append(content, 'j', 'u', 'n', 'k', 2, 0, 0, 0, 'r', round)
	binary.LittleEndian.PutUint32(content[4:], uint32(len(content)-8)) // RIFF counts what follows
	return os.WriteFile(path, content, 0o600)
}

// flip switches the incident on, records what each caller hears, switches it off again, and returns when the message is over: the
// milliseconds from the save to the message's first packet at each caller.
func flip(ctx context.Context, dir string, calls []*phone.Call, message []int16) (series, error) {
	for _, c := range calls {
		c.Ear().Forget()
	}
	saved := time.Now()
	if err := sample.Switch(dir, true); err != nil {
		return nil, err
	}
	if err := wait(ctx, hearing); err != nil {
		return nil, err
	}
	began, err := listenTo(calls, message[:recognised])
	if err != nil {
		return nil, err
	}
	var times series
	for _, at := range began {
		times = append(times, float64(at.Sub(saved))/float64(time.Millisecond))
	}
	if err := sample.Switch(dir, false); err != nil {
		return nil, err
	}
	over := slices.MaxFunc(began, time.Time.Compare).Add(time.Duration(len(message)) * time.Second / phone.SampleRate)
	return times, wait(ctx, max(0, time.Until(over))+settling)
}

// listenTo returns when the beginning of a message came to each caller.
func listenTo(calls []*phone.Call, beginning []int16) ([]time.Time, error) {
	began := make([]time.Time, len(calls))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range calls {
		group.Go(func() error {
			heard, ok := c.Ear().Find(beginning)
			if !ok {
				return fmt.Errorf("caller %d of %d did not hear the message (%v of it in one piece; packets were missing %d times in the call)",
					i+1, len(calls), heard.Matched, c.Ear().Gaps())
			}
			began[i] = heard.Began
			return nil
		})
	}
	return began, group.Wait()
}
