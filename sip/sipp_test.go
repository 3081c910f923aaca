package sip

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serving is a real server on loopback, with a trunk at 127.0.0.1.
func serving(t testing.TB, h Handler, networks ...string) *Server {
	t.Helper()
	o := Options{Realm: testRealm, Handler: h, Panicked: func() { t.Error("panic") }, Unfinished: func() { t.Error("a call of ours was left without an end") }}
	for _, n := range networks {
		o.Listen = append(o.Listen, Listen{n, loopback})
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	d := testDirectory()
	d.Trunks = []Trunk{{Name: "carrier", Accept: loopbackOnly}}
	s.SetDirectory(d)
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

// sipp runs a scenario against a server until it has made that many calls, and fails unless all succeed. If its port
// was taken by somebody else in the meantime, it has done nothing yet and gets another.
func sipp(t *testing.T, s *Server, calls int, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out []byte
	var err error
	for range 5 {
		all := append(slices.Clone(args), "-m", fmt.Sprint(calls), "-i", "127.0.0.1", "-p", freePort(t), "-nostdin",
			"-timeout", "100s", "-timeout_error", s.Addresses()[0].Address.String())
		cmd := exec.CommandContext(ctx, "sipp", all...)
		cmd.Dir = t.TempDir()
		if out, err = cmd.CombinedOutput(); err == nil {
			return
		}
		if !bytes.Contains(out, []byte("Unable to bind")) {
			break
		}
	}
	t.Fatalf("sipp %v: %v\n%s", args, err, out[max(0, len(out)-3000):])
}

// freePort is a port that was free for both transports just now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// scenario is the absolute name of a scenario file.
func scenario(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "sipp", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// drained waits until no leg and no dialog is left.
func drained(t *testing.T, s *Server) {
	t.Helper()
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		s.dialogs.mu.Lock()
		left := len(s.dialogs.byTag)
		s.dialogs.mu.Unlock()
		if left == 0 && s.Calls() == 0 {
			return
		}
	}
	s.dialogs.mu.Lock()
	defer s.dialogs.mu.Unlock()
	for _, d := range s.dialogs.byTag {
		t.Errorf("left behind: %+v", (&Leg{d}).State())
	}
}

func TestSippRegistersWithDigest(t *testing.T) {
	for network, transport := range map[string]string{"udp4": "u1", "tcp4": "t1"} {
		t.Run(network, func(t *testing.T) {
			registered := make(chan int, 10)
			s := serving(t, staff{registered: func(_ string, live []Binding) { registered <- len(live) }}, network)
			sipp(t, s, 1, "-t", transport, "-sf", scenario(t, "register.xml"))
			if n := <-registered; n != 1 {
				t.Errorf("%d bindings", n)
			}
			if network == "tcp4" {
				if n := <-registered; n != 0 {
					t.Errorf("%d bindings after the connection closed", n)
				}
			}
		})
	}
}

func TestSippCancels(t *testing.T) {
	ended := make(chan Event, 10)
	s := serving(t, staff{invite: func(l *Leg) {
		_ = l.Ring()
		for e := range l.Events() {
			ended <- e
		}
	}}, "udp4")
	sipp(t, s, 1, "-sf", scenario(t, "cancel.xml"))
	if e := (<-ended).(Ended); e.By != ByFarEnd || e.Code != 487 {
		t.Errorf("%+v", e)
	}
	drained(t, s)
}

func TestSippCallsInNumbers(t *testing.T) {
	for network, transport := range map[string]string{"udp4": "u1", "tcp4": "t1"} {
		t.Run(network, func(t *testing.T) {
			var good atomic.Int32
			s := serving(t, counting(&good), network)
			sipp(t, s, 200, "-sf", scenario(t, "call.xml"), "-t", transport, "-r", "40")
			drained(t, s)
			if good.Load() != 200 {
				t.Errorf("%d of 200 calls ended well", good.Load())
			}
		})
	}
}

func TestSippCallsThroughALossyNetwork(t *testing.T) {
	var good atomic.Int32
	s := serving(t, counting(&good), "udp4")
	sipp(t, s, 20, "-sf", scenario(t, "call.xml"), "-r", "20", "-lost", "15")
	drained(t, s)
	if good.Load() != 20 {
		t.Errorf("%d of 20 calls ended well", good.Load())
	}
}

// counting answers calls, and counts those that the far end hung up.
func counting(good *atomic.Int32) staff {
	return staff{invite: func(l *Leg) {
		_ = l.Answer([]byte(answerSDP))
		for e := range l.Events() {
			if end, ok := e.(Ended); ok && end.By == ByFarEnd {
				good.Add(1)
			}
		}
	}}
}
