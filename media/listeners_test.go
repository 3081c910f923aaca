package media

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/socket"
)

// deaf is a socket that is written to and nothing else.
type deaf struct{}

func (deaf) WriteToUDPAddrPort(datagram []byte, _ netip.AddrPort) (int, error) {
	return len(datagram), nil
}
func (deaf) Close() error { return nil }

// deafEngine starts an engine whose packets go nowhere.
func deafEngine(t testing.TB) *Engine {
	return startEngine(t, func(o *Options) {
		o.Listen = func(netip.AddrPort, socket.Receive) (socket.Conn, error) { return deaf{}, nil }
	})
}

// offerFrom describes a far end that need not exist.
func offerFrom(port, kind int) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %d\r\n", port, kind)
}

// deafSession agrees on a session whose playout the test drives by hand: it is taken off the clock.
func deafSession(t testing.TB, engine *Engine, kind int) *Session {
	t.Helper()
	s := open(t, engine)
	if _, err := s.Answer(offerFrom(4000, kind)); err != nil {
		t.Fatal(err)
	}
	return s
}

// assertNoAllocations fails when a step costs memory.
func assertNoAllocations(t *testing.T, what string, step func()) {
	t.Helper()
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%s costs %.2f allocations, want none", what, n)
	}
}

func TestNoPacketCostsAnAllocation(t *testing.T) {
	engine := deafEngine(t)
	a, b := deafSession(t, engine, 0), deafSession(t, engine, 8)
	engine.clock.close() // from here on this test is the clock
	engine.clock.workers = nil
	library, err := OpenLibrary("", LibraryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	hold, err := library.Prompt("hold.wav")
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, packetRoom)
	tick, now := uint32(0), time.Now()
	a.nextReport, b.nextReport = now.Add(time.Hour), now.Add(time.Hour)
	a.Background(NewMusic(hold).Source())
	assertNoAllocations(t, "a packet of music", func() {
		a.playout(now, tick, buffer)
		tick++
	})
	a.Play(1, Tone(440, -6, 0))
	assertNoAllocations(t, "a packet of a tone", func() {
		a.playout(now, tick, buffer)
		tick++
	})
	if err := Bridge(a, b); err != nil {
		t.Fatal(err)
	}
	in := rtp.Header{Version: 2, SSRC: 1}
	datagram := make([]byte, rtpHeader+FrameSize)
	from := netip.AddrPortFrom(loopback, 4000)
	a.receive(datagram, from, now)
	assertNoAllocations(t, "a packet through a bridge", func() {
		in.SequenceNumber++
		in.Timestamp += FrameSize
		if _, err := in.MarshalTo(datagram); err != nil {
			t.Fatal(err)
		}
		now = now.Add(FrameDuration)
		a.receive(datagram, from, now)
	})
	assertNoAllocations(t, "a stranger's packet", func() { a.receive(datagram, netip.MustParseAddrPort("192.0.2.77:1"), now) })
	if stats := b.Stats(); stats.PacketsOut < 1000 {
		t.Errorf("stats %+v: nothing passed the bridge", stats)
	}
}

func TestAFrameOfMusicIsEncodedOnceForAllWhoHearIt(t *testing.T) {
	prompt, err := ParseWAV(wav(16000, 1, sine(500, 16000, time.Second)), PromptOptions{Codecs: CodecsOf(codec.G722, codec.L16)})
	if err != nil {
		t.Fatal(err)
	}
	music := NewMusic(prompt)
	for _, c := range []codec.Codec{codec.PCMU, codec.PCMA, codec.G722, codec.L16} {
		one, other := voice{codec: c}, voice{codec: c}
		first, second := music.Source(), music.Source()
		for i := range 60 {
			a, b := one.frame(first, make([]byte, packetRoom)), other.frame(second, make([]byte, packetRoom))
			if len(a) != c.FrameBytes() || &a[0] != &b[0] {
				t.Fatalf("%v, frame %d: two listeners have payloads of their own", c, i)
			}
		}
	}
}

func BenchmarkPlayoutTick(b *testing.B) {
	engine := deafEngine(b)
	s := deafSession(b, engine, 0)
	engine.clock.remove(s)
	library, err := OpenLibrary("", LibraryOptions{})
	if err != nil {
		b.Fatal(err)
	}
	hold, err := library.Prompt("hold.wav")
	if err != nil {
		b.Fatal(err)
	}
	s.Background(NewMusic(hold).Source())
	buffer := make([]byte, packetRoom)
	now := time.Now()
	s.nextReport = now.Add(time.Hour)
	b.ReportAllocs()
	tick := uint32(0)
	for b.Loop() {
		s.playout(now, tick, buffer)
		tick++
	}
}

func BenchmarkBridge(b *testing.B) {
	engine := deafEngine(b)
	one, other := deafSession(b, engine, 0), deafSession(b, engine, 0)
	engine.clock.remove(one)
	engine.clock.remove(other)
	if err := Bridge(one, other); err != nil {
		b.Fatal(err)
	}
	datagram := make([]byte, rtpHeader+FrameSize)
	header := rtp.Header{Version: 2, SSRC: 1}
	from, now := netip.AddrPortFrom(loopback, 4000), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		header.SequenceNumber++
		header.Timestamp += FrameSize
		if _, err := header.MarshalTo(datagram); err != nil {
			b.Fatal(err)
		}
		now = now.Add(FrameDuration)
		one.receive(datagram, from, now)
	}
	if stats := other.Stats(); stats.PacketsOut < uint64(b.N)/2 {
		b.Fatalf("stats %+v of %d packets", stats, b.N)
	}
}

// cpu returns the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// sinkSocket is where the packets of a benchmark end: bound, never read, so that reading costs nothing.
func sinkSocket(b *testing.B) netip.AddrPort {
	b.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { socket.Close() })
	return socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

const (
	benchListeners = 100             // callers who hear music
	benchSpan      = 3 * time.Second // of real time, for each of the two
)

// BenchmarkListeners measures the processor time of 100 callers who hear music against that of a bare loop of sendto
// that sends as many packets of the same size at the same pace, from as many sockets. It prints both in milliseconds a second, and the ratio.
func BenchmarkListeners(b *testing.B) {
	for b.Loop() {
		runtime.GC()
		ours, packets := benchEngine(b)
		bare := benchBare(b, packets)
		b.ReportMetric(float64(ours.Microseconds())/1000/benchSpan.Seconds(), "cpu-ms/s")
		b.ReportMetric(float64(bare.Microseconds())/1000/benchSpan.Seconds(), "bare-cpu-ms/s")
		b.ReportMetric(float64(ours)/float64(bare), "ratio")
	}
}

// BenchmarkSessionMemory prints the memory of a caller who listens: heap and stacks, in bytes.
func BenchmarkSessionMemory(b *testing.B) {
	for b.Loop() {
		engine := startEngine(b, nil)
		memory := func() float64 {
			runtime.GC()
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			return float64(stats.HeapAlloc + stats.StackInuse)
		}
		before, to := memory(), sinkSocket(b)
		for range benchListeners {
			s := open(b, engine)
			if _, err := s.Answer(offerFrom(int(to.Port()), 0)); err != nil {
				b.Fatal(err)
			}
			s.Background(Silence(0))
		}
		time.Sleep(10 * FrameDuration)
		b.ReportMetric((memory()-before)/benchListeners, "B/listener")
		engine.Close()
	}
}

// benchEngine returns what the listeners cost, and how many packets they got.
func benchEngine(b *testing.B) (time.Duration, uint64) {
	b.Helper()
	engine := startEngine(b, nil)
	defer engine.Close()
	library, err := OpenLibrary("", LibraryOptions{})
	if err != nil {
		b.Fatal(err)
	}
	hold, err := library.Prompt("hold.wav")
	if err != nil {
		b.Fatal(err)
	}
	music, to := NewMusic(hold), sinkSocket(b)
	for range benchListeners {
		s := open(b, engine)
		if _, err := s.Answer(offerFrom(int(to.Port()), 0)); err != nil {
			b.Fatal(err)
		}
		s.Background(music.Source())
	}
	time.Sleep(FrameDuration * 10)
	before, sent := cpu(b), engine.Stats().PacketsOut
	time.Sleep(benchSpan)
	return cpu(b) - before, engine.Stats().PacketsOut - sent
}

// benchBare returns what it costs to send as many packets from as many sockets, all those of a frame's time together.
func benchBare(b *testing.B, packets uint64) time.Duration {
	b.Helper()
	var sockets []*net.UDPConn
	for range benchListeners {
		socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		defer socket.Close()
		sockets = append(sockets, socket)
	}
	to, packet := sinkSocket(b), make([]byte, rtpHeader+FrameSize)
	ticker := time.NewTicker(FrameDuration)
	defer ticker.Stop()
	before := cpu(b)
	for sent := uint64(0); sent < packets; {
		<-ticker.C
		for _, socket := range sockets {
			if _, err := socket.WriteToUDPAddrPort(packet, to); err != nil {
				b.Fatal(err)
			}
			sent++
		}
	}
	return cpu(b) - before
}
