package app

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/sipp"
)

const (
	loadCalls      = 200 // in all
	loadRate       = 20  // a second
	loadAgents     = 20  // the sample's reserves
	rehearsalCalls = 4   // before anything is counted: after them everything that is started once has been
)

// operator is an agent of ours who takes every call, asserts that it is heard, and hangs up. Its goroutine owns the figures.
type operator struct {
	name            string
	tone            int // his own, which comes back from callers who return what they hear
	phone           *phone.Phone
	heard, returned int // calls of either kind
}

// serve takes calls until the context ends.
func (o *operator) serve(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-o.phone.Incoming():
			if err := o.take(ctx, c); err != nil {
				return fmt.Errorf("%s with a call of %s: %w", o.name, c.From(), err)
			}
		}
	}
}

// take serves one call to its end.
func (o *operator) take(ctx context.Context, c *phone.Call) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := c.Answer(ctx); err != nil {
		return err
	}
	c.PlayTone(o.tone)
	count, expected := &o.heard, callerTone
	if c.From() == echoNumber {
		count, expected = &o.returned, o.tone
	}
	if err := c.Ear().WaitTone(ctx, float64(expected)); err != nil {
		return err
	}
	*count++
	return c.Hangup(ctx)
}

// The numbers of the two kinds of callers: those who say the caller's tone, and those who return what they hear.
const (
	sayingNumber = "+61491570156"
	echoNumber   = "+61491570157"
)

// TestTwoHundredCallsAtTwentyASecondAreAllAnsweredAndLeaveNothing runs by itself, so that what is left can be counted.
func TestTwoHundredCallsAtTwentyASecondAreAllAnsweredAndLeaveNothing(t *testing.T) {
	f := start(t, open, func(dir string) {
		replace(dir, "centre.yaml", `"reserve-[01..20]": {secret: "file:secrets/reserve-[01..20]", queues: {}}`,
			`"reserve-[01..20]": {secret: "file:secrets/reserve-[01..20]", queues: {orders: 1}}`)
		replace(dir, "centre.yaml", "ring: 15s", "ring: 60s")
		replace(dir, "centre.yaml", "wrap_up: 10s", "wrap_up: 0s")
	})
	operators := f.operators()
	serving, stop := context.WithCancel(t.Context())
	defer stop()
	var served sync.WaitGroup
	for _, o := range operators {
		served.Go(func() {
			if err := o.serve(serving); err != nil {
				t.Error(err)
			}
		})
	}
	f.callers(rehearsalCalls)
	goroutines, files := runtime.NumGoroutine(), openDescriptors(t)
	f.callers(loadCalls)
	defer reportGoroutines(t)
	f.eventually(fmt.Sprintf("goroutines are %d again", goroutines), func() bool { return runtime.NumGoroutine() <= goroutines })
	f.eventually(fmt.Sprintf("open files are %d again", files), func() bool { return openDescriptors(t) <= files })
	stop()
	served.Wait()
	var heard, returned int
	for _, o := range operators {
		heard, returned = heard+o.heard, returned+o.returned
	}
	if each := (rehearsalCalls + loadCalls) / 2; heard != each || returned != each {
		t.Errorf("%d callers were heard and %d returned what they heard, of %d each", heard, returned, each)
	}
	f.countsAreRight(rehearsalCalls + loadCalls)
}

// callers lets SIPp place calls, half of each kind, waits for their end, and checks that none was lost.
func (f *fixture) callers(calls int) {
	f.t.Helper()
	saying := f.shops(sayingNumber, "1", sipp.Options{Calls: calls / 2, Rate: loadRate / 2, Say: phone.Tone(callerTone, time.Second)})
	echoing := f.shops(echoNumber, "1", sipp.Options{Calls: calls / 2, Rate: loadRate / 2, Echo: true})
	f.went(saying, calls/2)
	f.went(echoing, calls/2)
	f.nothingLeft()
}

// reportGoroutines shows what runs when a test has failed.
func reportGoroutines(t *testing.T) {
	var running strings.Builder
	if t.Failed() && pprof.Lookup("goroutine").WriteTo(&running, 1) == nil {
		t.Log(running.String())
	}
}

// operators registers the reserves.
func (f *fixture) operators() []*operator {
	f.t.Helper()
	operators := make([]*operator, loadAgents)
	for i := range operators {
		name := fmt.Sprintf("reserve-%02d", i+1)
		operators[i] = &operator{name: name, tone: 600 + 50*(i%8), phone: f.agent(name, phone.Reply{})}
		f.agentIs(name, "ready")
	}
	return operators
}

// countsAreRight checks that the API and the metrics tell what happened.
func (f *fixture) countsAreRight(calls int) {
	f.t.Helper()
	_, metrics := f.get("/metrics")
	for _, line := range []string{
		fmt.Sprintf(`spillway_calls_ended_total{reason="agent",result="answered"} %d`, calls),
		fmt.Sprintf(`spillway_queue_wait_seconds_count{queue="orders",result="answered"} %d`, calls),
		fmt.Sprintf(`spillway_sip_requests_total{code="200",method="INVITE"} %d`, calls),
		fmt.Sprintf(`spillway_sip_requests_total{code="200",method="INFO"} %d`, calls),
		fmt.Sprintf(`spillway_match_seconds_count %d`, calls),
		fmt.Sprintf(`spillway_agents{state="ready"} %d`, loadAgents),
		`spillway_calls{state="ivr"} 0`,
		`spillway_calls{state="waiting"} 0`,
		`spillway_calls{state="ringing"} 0`,
		`spillway_calls{state="talking"} 0`,
		`spillway_queue_waiting{queue="orders"} 0`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			f.t.Errorf("the metrics do not have %s", line)
		}
	}
	for line := range strings.Lines(metrics) {
		ended := strings.HasPrefix(line, "spillway_calls_ended_total{") && !strings.HasSuffix(line, "} 0\n")
		if ended && !strings.Contains(line, `reason="agent",result="answered"`) {
			f.t.Errorf("calls ended in other ways, too: %s", line)
		}
	}
	taken := 0
	agents, err := f.app.node.Agents(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, a := range agents {
		taken += a.Calls
	}
	if taken != calls {
		f.t.Errorf("the agents took %d calls", taken)
	}
}

// openDescriptors counts the files and sockets that this process has open.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
