package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

// How the toggle is measured.
const (
	atOnce  = 16              // callers who call at the same time
	hearing = 3 * time.Second // is recorded after the save: enough to recognise the message beyond doubt
)

// toggle measures the time from the save of incidents.yaml to the first packet of the message at each of the callers who wait, by
// what they hear. They withhold their numbers: who is known by his number hears a message once.
func toggle(ctx context.Context, out io.Writer, waiting int) error {
	dir, ours, err := beginNode(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer ours.end()
	message, err := phone.ReadWAV(filepath.Join(dir, "prompts", sample.RecallMessage))
	if err != nil {
		return err
	}
	agent, err := paused(ctx, ours.serving[0], "alice")
	if err != nil {
		return err
	}
	defer agent.Close()
	caller, err := phone.New(phone.Options{Bind: loopback, Server: ours.serving[0], User: "anonymous"})
	if err != nil {
		return err
	}
	defer caller.Close()
	calls, err := enqueue(ctx, caller, waiting)
	if err != nil {
		return err
	}
	var medians, p99s series
	for range rounds {
		times, err := flip(ctx, dir, calls, message)
		if err != nil {
			return err
		}
		medians, p99s = append(medians, times.median()), append(p99s, times.quantile(0.99))
	}
	fmt.Fprintf(out, "from save to sound, %d waiting: median\t%s\t\t\n", waiting, medians.in("ms"))
	fmt.Fprintf(out, "from save to sound, %d waiting: p99\t%s\t\t\n", waiting, p99s.in("ms"))
	return nil
}

// enqueue lets callers wait for orders.
func enqueue(ctx context.Context, caller *phone.Phone, n int) ([]*phone.Call, error) {
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
	return calls, wait(ctx, 15*time.Second) // the welcome ends, and all of them wait
}

// flip switches the incident on, records what each caller hears, and switches it off again. It returns the milliseconds from the
// save to the message's first packet at each.
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
	var times series
	for i, c := range calls {
		heard, ok := c.Ear().Find(message)
		if !ok {
			return nil, fmt.Errorf("caller %d of %d did not hear the message", i+1, len(calls))
		}
		times = append(times, float64(heard.Began.Sub(saved))/float64(time.Millisecond))
	}
	if err := sample.Switch(dir, false); err != nil {
		return nil, err
	}
	return times, wait(ctx, time.Duration(len(message))*time.Second/phone.SampleRate)
}
