package sip

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestNodeThatLivesAnswersTheProbeOfAStranger(t *testing.T) {
	here, there := serving(t, staff{}, "udp4"), serving(t, staff{}, "tcp4", "udp4")
	there.SetDirectory(testDirectory()) // in which loopback is nobody
	at := there.Addresses()[1].Address
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := here.Probe(ctx, at); err != nil {
		t.Errorf("alive: %v", err)
	}
	there.Drain()
	if err := here.Probe(ctx, at); err != nil {
		t.Errorf("draining: %v", err)
	}
	there.Close()
	short, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	if err := here.Probe(short, at); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("closed: %v", err)
	}
	if err := there.Probe(ctx, here.Addresses()[0].Address); err != ErrClosed {
		t.Errorf("from a closed server: %v", err)
	}
}

// probing is a probe of an address under way, with the channel of its result.
func probing(ctx context.Context, w *world, to netip.AddrPort) <-chan error {
	result := make(chan error, 1)
	go func() { result <- w.server.Probe(ctx, to) }()
	return result
}

func TestRFC3261_11_ProbeIsOptionsOutOfAnyDialog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		result := probing(context.Background(), w, carrierAddress)
		m, sent := w.next()
		req := w.asRequest(m)
		rport, asked := param(req.Via().Params, "rport")
		if req.Method != "OPTIONS" || sent.to != carrierAddress || req.Recipient.String() != "sip:192.0.2.9:5060" ||
			req.Via().Host != "192.0.2.1" || req.Via().Port != 5060 || !asked || rport != "" ||
			req.MaxForwards().Val() != 70 || tagOf(req.From().Params) == "" || tagOf(req.To().Params) != "" ||
			req.Contact().Address.String() != "sip:spillway@192.0.2.1:5060" || inspect(req) != nil {
			t.Errorf("to %s:\n%s", sent.to, sent.text)
		}
		w.from(carrierAddress).reply(req, 404, "tag", "")
		if err := <-result; err != nil {
			t.Error(err)
		}
		w.quiet(time.Minute)
		if left := w.server.remains(); left != "" {
			t.Errorf("left behind: %s", left)
		}
	})
}

func TestProbeIsRepeatedInTimeForTheLeastPatient(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		ctx, cancel := context.WithTimeout(context.Background(), 250*time.Millisecond)
		defer cancel()
		start := time.Now()
		result := probing(ctx, w, carrierAddress)
		first := w.expectRequest("OPTIONS")
		for _, due := range []time.Duration{80 * time.Millisecond, 160 * time.Millisecond} {
			again := w.expectRequest("OPTIONS")
			if at := time.Since(start); at != due || branchOf(again) != branchOf(first) {
				t.Errorf("repeated after %v, want %v:\n%s", at, due, again)
			}
		}
		w.from(carrierAddress).reply(first, 100, "", "") // any answer will do
		if err := <-result; err != nil {
			t.Error(err)
		}
		w.quiet(time.Minute)
	})
}

func TestProbeEndsWithoutAnAnswer(t *testing.T) {
	t.Run("when the context does", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, UDP, staff{})
			ctx, cancel := context.WithTimeout(context.Background(), 250*time.Millisecond)
			defer cancel()
			start := time.Now()
			err := w.server.Probe(ctx, carrierAddress)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 250*time.Millisecond {
				t.Errorf("%v after %v", err, time.Since(start))
			}
			if err := w.server.Probe(ctx, carrierAddress); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with a context that has ended: %v", err)
			}
			synctest.Wait()
			if left := w.server.remains(); left != "" {
				t.Errorf("left behind: %s", left)
			}
		})
	})
	t.Run("when patience does", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, UDP, staff{})
			start := time.Now()
			if err := w.server.Probe(context.Background(), carrierAddress); err != ErrGone || time.Since(start) != 32*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
	})
	t.Run("when the server closes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, UDP, staff{})
			result := probing(context.Background(), w, carrierAddress)
			w.expectRequest("OPTIONS")
			w.server.Close()
			if err := <-result; err != ErrClosed {
				t.Error(err)
			}
			if err := w.server.Probe(context.Background(), carrierAddress); err != ErrClosed {
				t.Errorf("afterwards: %v", err)
			}
		})
	})
	t.Run("when there is no way", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, TCP, staff{})
			if err := w.server.Probe(context.Background(), carrierAddress); err != ErrFlowGone {
				t.Errorf("without a UDP listener: %v", err)
			}
			w = newWorld(t, UDP, staff{})
			if err := w.server.Probe(context.Background(), netip.AddrPort{}); err == nil {
				t.Error("no address was probed")
			}
		})
	})
}
