package socket

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback4 = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)

// datagram is what a socket got.
type datagram struct {
	content string
	from    netip.AddrPort
}

// listen opens a socket of a new poll, which sends what it gets to a channel, and closes both at the end.
func listen(t *testing.T, local netip.AddrPort) (*socket, chan datagram) {
	t.Helper()
	poll, err := NewPoll()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(poll.Close)
	got := make(chan datagram, 1000)
	conn, err := poll.Listen(local, func(d []byte, from netip.AddrPort, _ time.Time) { got <- datagram{string(d), from} })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // a test may have closed it
	return conn.(*socket), got
}

// far is an ordinary socket, and where the one under test is reached from it.
func far(t *testing.T, s *socket, address string) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenPacket("udp", netip.AddrPortFrom(netip.MustParseAddr(address), 0).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	file, err := s.local()
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UDPConn), netip.AddrPortFrom(netip.MustParseAddr(address), file)
}

// local returns the port that the socket is bound to.
func (s *socket) local() (uint16, error) {
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return uint16(name.Port), nil
	case *unix.SockaddrInet6:
		return uint16(name.Port), nil
	}
	return 0, unix.EAFNOSUPPORT
}

func addressOf(conn *net.UDPConn) netip.AddrPort {
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

func next(t *testing.T, got chan datagram) datagram {
	t.Helper()
	select {
	case d := <-got:
		return d
	case <-time.After(5 * time.Second):
		t.Fatal("nothing came")
		return datagram{}
	}
}

func TestDatagramsGoBothWaysInBothFamilies(t *testing.T) {
	for _, tt := range []struct{ name, bind, far string }{
		{"IPv4", "127.0.0.1", "127.0.0.1"},
		{"IPv6", "::1", "::1"},
		{"IPv4 to a socket of both", "::", "127.0.0.1"},
		{"IPv6 to a socket of both", "::", "::1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, got := listen(t, netip.AddrPortFrom(netip.MustParseAddr(tt.bind), 0))
			peer, to := far(t, s, tt.far)
			if _, err := peer.WriteToUDPAddrPort([]byte("hello"), to); err != nil {
				t.Fatal(err)
			}
			if d := next(t, got); d.content != "hello" || d.from != addressOf(peer) {
				t.Fatalf("got %+v, want hello from %v", d, addressOf(peer))
			}
			if _, err := s.WriteToUDPAddrPort([]byte("welcome"), addressOf(peer)); err != nil {
				t.Fatal(err)
			}
			buffer := make([]byte, 100)
			n, from, err := peer.ReadFromUDPAddrPort(buffer)
			if err != nil || string(buffer[:n]) != "welcome" || netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != to {
				t.Fatalf("got %q from %v (%v), want welcome from %v", buffer[:n], from, err, to)
			}
		})
	}
}

func TestSoundIsExpeditedInBothFamilies(t *testing.T) {
	for _, bind := range []string{"127.0.0.1", "::1", "::"} {
		s, _ := listen(t, netip.AddrPortFrom(netip.MustParseAddr(bind), 0))
		options := [][2]int{{unix.IPPROTO_IP, unix.IP_TOS}}
		if s.family == unix.AF_INET6 {
			options = append(options, [2]int{unix.IPPROTO_IPV6, unix.IPV6_TCLASS})
		}
		for _, o := range options {
			if class, err := unix.GetsockoptInt(s.fd, o[0], o[1]); err != nil || class != expedited {
				t.Errorf("%s: traffic class %d (%v), want %d", bind, class, err, expedited)
			}
		}
	}
}

func TestNothingIsLostOnManySockets(t *testing.T) {
	const sockets, packets = 100, 50
	poll, err := NewPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer poll.Close()
	got := make(chan string, sockets*packets)
	peer, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	var ports []uint16
	for i := range sockets {
		conn, err := poll.Listen(loopback4, func(d []byte, _ netip.AddrPort, _ time.Time) { got <- fmt.Sprint(i, ":", string(d)) })
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		port, err := conn.(*socket).local()
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	for p := range packets {
		for _, port := range ports {
			to := netip.AddrPortFrom(loopback4.Addr(), port)
			if _, err := peer.(*net.UDPConn).WriteToUDPAddrPort(fmt.Append(nil, p), to); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := map[string]bool{}
	for range sockets * packets {
		select {
		case d := <-got:
			seen[d] = true
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of %d came", len(seen), sockets*packets)
		}
	}
	if len(seen) != sockets*packets {
		t.Errorf("%d different datagrams, want %d", len(seen), sockets*packets)
	}
}

func TestNothingIsReceivedOnceCloseHasReturned(t *testing.T) {
	poll, err := NewPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer poll.Close()
	peer, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	for range 200 {
		closed := false // written after Close, so the race detector sees a receive that comes late
		conn, err := poll.Listen(loopback4, func([]byte, netip.AddrPort, time.Time) {
			if closed {
				t.Error("received after Close")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		port, err := conn.(*socket).local()
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := peer.(*net.UDPConn).WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(loopback4.Addr(), port)); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		closed = true
		if _, err := conn.WriteToUDPAddrPort([]byte("x"), addressOf(peer.(*net.UDPConn))); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("writing to a closed socket: %v", err)
		}
		if err := conn.Close(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("closing twice: %v", err)
		}
	}
}

func TestAPortInUseIsAnError(t *testing.T) {
	s, _ := listen(t, loopback4)
	port, err := s.local()
	if err != nil {
		t.Fatal(err)
	}
	poll, err := NewPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer poll.Close()
	if _, err := poll.Listen(netip.AddrPortFrom(loopback4.Addr(), port), nil); err == nil {
		t.Error("a second socket got the same port")
	}
}

// A filter drops the sound of one stream but for a sample, and nothing else. What passes is known to have passed when a
// packet that always passes comes behind it.
func TestAFilterDropsTheSoundThatNobodyHearsAndNothingElse(t *testing.T) {
	s, got := listen(t, loopback4)
	peer, to := far(t, s, "127.0.0.1")
	other, _ := far(t, s, "127.0.0.1")
	stream := Stream{From: addressOf(peer).Port(), SSRC: 0xCAFE, Type: 8}
	if err := s.Thin(stream); err != nil {
		t.Fatal(err)
	}
	send := func(conn *net.UDPConn, content []byte) {
		t.Helper()
		if _, err := conn.WriteToUDPAddrPort(content, to); err != nil {
			t.Fatal(err)
		}
	}
	packet := func(kind uint8, ssrc uint32, sequence uint16, marker bool) []byte {
		raw, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: kind, SSRC: ssrc, SequenceNumber: sequence, Marker: marker},
			Payload: make([]byte, 160)}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	// passes counts those of n that come, with a mark behind them.
	passes := func() int {
		send(peer, []byte("mark"))
		for n := 0; ; n++ {
			if next(t, got).content == "mark" {
				return n
			}
		}
	}
	for _, tt := range []struct {
		name string
		send func()
		want int
	}{
		{"sound but for a sample", func() {
			for i := range 160 {
				send(peer, packet(8, 0xCAFE, uint16(65500+i), i%7 == 0))
			}
		}, 160 / Sample},
		{"telephone-events", func() {
			for i := range 20 {
				send(peer, packet(101, 0xCAFE, uint16(i*2+1), i == 0))
			}
		}, 20},
		{"another type", func() { send(peer, packet(0, 0xCAFE, 1, false)) }, 1},
		{"another stream", func() { send(peer, packet(8, 0xBEEF, 1, false)) }, 1},
		{"another source", func() { send(other, packet(8, 0xCAFE, 1, false)) }, 1},
		{"reports", func() { send(peer, append([]byte{0x80, 200, 0, 6}, make([]byte, 24)...)) }, 1},
		{"what is no RTP", func() { send(peer, make([]byte, 200)); send(peer, []byte{0x80, 8}) }, 2},
	} {
		tt.send()
		if n := passes(); n != tt.want {
			t.Errorf("%s: %d passed, want %d", tt.name, n, tt.want)
		}
	}
	if err := s.Full(); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		send(peer, packet(8, 0xCAFE, uint16(i), false))
	}
	if n := passes(); n != 100 {
		t.Errorf("without the filter %d passed, want 100", n)
	}
}

func TestADatagramCostsNoAllocation(t *testing.T) {
	s, _ := listen(t, loopback4)
	peer, to := far(t, s, "127.0.0.1")
	content, buffer := make([]byte, 172), make([]byte, LargestDatagram)
	s.reader.remove(s) // read here, not by the reader
	s.receive = func([]byte, netip.AddrPort, time.Time) {}
	now := time.Now()
	if n := testing.AllocsPerRun(200, func() {
		if _, err := s.WriteToUDPAddrPort(content, addressOf4(peer)); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.WriteToUDPAddrPort(content, to); err != nil {
			t.Fatal(err)
		}
		s.read(buffer, now)
	}); n > 0 {
		t.Errorf("%v allocations for a datagram each way", n)
	}
}

// addressOf4 is addressOf without what the net package allocates.
func addressOf4(conn *net.UDPConn) netip.AddrPort {
	return netip.AddrPortFrom(loopback4.Addr(), conn.LocalAddr().(*net.UDPAddr).AddrPort().Port())
}

func BenchmarkSend(b *testing.B) {
	poll, err := NewPoll()
	if err != nil {
		b.Fatal(err)
	}
	defer poll.Close()
	conn, err := poll.Listen(loopback4, func([]byte, netip.AddrPort, time.Time) {})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	to, content := addressOf(sink), make([]byte, 172)
	for _, tt := range []struct {
		name string
		conn interface {
			WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
		}
	}{{"ours", conn}, {"net", sink}} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := tt.conn.WriteToUDPAddrPort(content, to); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
