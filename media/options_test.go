package media

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/socket"
)

func TestAnEngineSaysWhatItCannotWorkWith(t *testing.T) {
	good := Options{Low: 10000, High: 10010, Bind: loopback, Advertise: []netip.Addr{loopback}}
	for _, tt := range []struct {
		why    string
		change func(*Options)
	}{
		{"no address", func(o *Options) { o.Advertise = nil }},
		{"advertised address", func(o *Options) { o.Advertise = []netip.Addr{netip.IPv4Unspecified()} }},
		{"advertised addresses", func(o *Options) { o.Advertise = []netip.Addr{loopback, netip.MustParseAddr("127.0.0.2")} }},
		{"bind address", func(o *Options) { o.Bind = netip.IPv6Loopback() }},
		{"no even port", func(o *Options) { o.Low, o.High = 10001, 10002 }},
		{"codec(9)", func(o *Options) { o.Codecs = []codec.Codec{codec.PCMA, 9} }},
	} {
		options := good
		tt.change(&options)
		if _, err := NewEngine(options); err == nil || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("error %v, want one with %q", err, tt.why)
		}
	}
}

func TestAnAddressThatTheMachineHasNotGotIsKnownAtTheStart(t *testing.T) {
	elsewhere := netip.MustParseAddr("192.0.2.1") // of no machine (RFC 5737)
	_, err := NewEngine(Options{Low: 10000, High: 10010, Bind: elsewhere, Advertise: []netip.Addr{elsewhere}})
	if err == nil || !strings.Contains(err.Error(), "192.0.2.1") {
		t.Errorf("error %v, want one that names the address", err)
	}
}

// What every port would fail for is not looked for at another, and costs none of them.
func TestAShortageOfDescriptorsCostsNoPort(t *testing.T) {
	tried := 0
	engine := startEngine(t, func(o *Options) {
		o.Listen = func(netip.AddrPort, socket.Receive) (socket.Conn, error) {
			tried++
			return nil, os.NewSyscallError("socket", syscall.EMFILE)
		}
	})
	before := engine.FreePorts()
	if _, err := engine.Open(SessionOptions{}); !errors.Is(err, syscall.EMFILE) || errors.Is(err, ErrNoPorts) {
		t.Errorf("error %v, want that of the system alone", err)
	}
	if after := engine.FreePorts(); tried != 1 || after != before {
		t.Errorf("%d tries, %d ports free of %d", tried, after, before)
	}
}

func TestAClosedEngineOpensNothing(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s := w.open()
		w.engine.Close()
		w.engine.Close()
		if _, err := w.engine.Open(SessionOptions{}); !errors.Is(err, ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}
		if _, open := <-s.Events(); open {
			t.Error("a session of a closed engine has events")
		}
		if late := w.engine.Late(); late != 0 {
			t.Errorf("%d late runs on fake time", late)
		}
	})
}

func TestAPortThatSomebodyElseHoldsIsPassedOver(t *testing.T) {
	onWire(t, func(o *Options) { o.Low, o.High = 10000, 10005 }, func(w *wire) {
		for _, port := range []uint16{10000, 10003} { // the RTP port of one pair, the RTCP port of another
			taken, err := w.network.Listen(netip.AddrPortFrom(ours, port))
			if err != nil {
				t.Fatal(err)
			}
			defer taken.Close()
		}
		if s := w.open(); s.Local().Port() != 10004 {
			t.Errorf("the session is on %v, want port 10004", s.Local())
		}
		if _, err := w.engine.Open(SessionOptions{}); !errors.Is(err, ErrNoPorts) {
			t.Errorf("error %v, want ErrNoPorts", err)
		}
	})
}

func TestEventsThatNobodyReadsAreCounted(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s := w.open()
		for range maxEvents + 3 {
			s.post(Silent{})
		}
		if got := len(said(s)); got != maxEvents {
			t.Errorf("%d events waited, want %d", got, maxEvents)
		}
		if stats := s.Stats(); stats.EventsLost != 3 {
			t.Errorf("%d events lost, want 3", stats.EventsLost)
		}
	})
}
