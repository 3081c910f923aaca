package media

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/internal/memnet"
	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
	"github.com/spillway-voice/spillway/media/socket"
	"github.com/spillway-voice/spillway/media/srtp"
)

// A wire is an engine on a network in memory, in a bubble of fake time.
type wire struct {
	t       *testing.T
	network *memnet.Network
	engine  *Engine
}

// ours is the engine's address on the wire, far that of the phones.
var (
	ours     = netip.MustParseAddr("192.0.2.9")
	farAway  = netip.MustParseAddr("198.51.100.1")
	stranded = netip.MustParseAddr("203.0.113.5")
)

// onWire runs a test on fake time.
func onWire(t *testing.T, change func(*Options), run func(*wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t, change)
		defer w.engine.Close()
		run(w)
	})
}

// newWire starts an engine on a network in memory. Whoever asks is in a bubble, and closes the engine.
func newWire(t *testing.T, change func(*Options)) *wire {
	t.Helper()
	w := &wire{t: t, network: memnet.New(1)}
	options := Options{Low: 10000, High: 10099, Bind: ours, Advertise: []netip.Addr{ours}, Timeout: 10 * time.Second,
		Listen: w.listen}
	if change != nil {
		change(&options)
	}
	var err error
	if w.engine, err = NewEngine(options); err != nil {
		t.Fatal(err)
	}
	return w
}

// listen opens one of the engine's sockets.
func (w *wire) listen(local netip.AddrPort, receive socket.Receive) (socket.Conn, error) {
	endpoint, err := w.network.Listen(local)
	if err != nil {
		return nil, err
	}
	return socket.Follow(endpoint, receive), nil
}

func (w *wire) open() *Session {
	w.t.Helper()
	s, err := w.engine.Open(SessionOptions{Signalling: farAway})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// arrival is a packet that a far end got.
type arrival struct {
	rtp.Packet
	at time.Time
}

// loudness returns the mean of the decoded samples' magnitudes.
func (a arrival) loudness() int {
	c := codec.PCMU
	if a.PayloadType == 8 {
		c = codec.PCMA
	}
	sum := 0
	for _, sample := range decode(c, a.Payload) {
		sum += max(int(sample), -int(sample))
	}
	return sum / max(len(a.Payload), 1)
}

// remote is a far end on the wire: it keeps all that it gets, and sends what it is told.
type remote struct {
	w        *wire
	sound    *memnet.Endpoint
	reporter *memnet.Endpoint
	to       netip.AddrPort
	header   rtp.Header

	mu      sync.Mutex
	secure  *srtp.Context // of the far end; nil: in the clear
	got     []arrival
	reports []rtcp.Packet
}

// remote starts a far end. It ends with the test.
func (w *wire) remote(address netip.Addr, port uint16) *remote {
	w.t.Helper()
	r := &remote{w: w, header: rtp.Header{Version: 2, SSRC: 0xFA5, SequenceNumber: 65533, Timestamp: 0xFFFFF000}}
	var err error
	if r.sound, err = w.network.Listen(netip.AddrPortFrom(address, port)); err != nil {
		w.t.Fatal(err)
	}
	if r.reporter, err = w.network.Listen(netip.AddrPortFrom(address, port+1)); err != nil {
		w.t.Fatal(err)
	}
	go r.read(r.sound, r.takeSound)
	go r.read(r.reporter, r.takeReport)
	w.t.Cleanup(func() {
		r.sound.Close()
		r.reporter.Close()
	})
	return r
}

func (r *remote) read(from *memnet.Endpoint, take func([]byte)) {
	for {
		buffer := make([]byte, 2048)
		n, _, err := from.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		r.mu.Lock()
		take(buffer[:n])
		r.mu.Unlock()
	}
}

func (r *remote) takeSound(datagram []byte) {
	if r.secure != nil {
		var err error
		if datagram, err = r.secure.Unprotect(nil, datagram); err != nil {
			r.w.t.Errorf("what we sent does not open: %v", err)
			return
		}
	}
	var packet rtp.Packet
	if err := packet.Unmarshal(datagram); err != nil {
		r.w.t.Errorf("we sent what is no RTP: %v", err)
		return
	}
	r.got = append(r.got, arrival{packet, time.Now()})
}

func (r *remote) takeReport(datagram []byte) {
	if r.secure != nil {
		var err error
		if datagram, err = r.secure.UnprotectReport(nil, datagram); err != nil {
			r.w.t.Errorf("a report that we sent does not open: %v", err)
			return
		}
	}
	packets, err := rtcp.Unmarshal(datagram)
	if err != nil {
		r.w.t.Errorf("we sent what is no RTCP: %v", err)
		return
	}
	r.reports = append(r.reports, packets...)
}

// heard waits for the wire to be quiet and returns what came since the last time.
func (r *remote) heard() []arrival {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// reported returns the reports so far.
func (r *remote) reported() []rtcp.Packet {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reports
}

// offer is the far end's description, with an address and more lines.
func (r *remote) offer(codecs string, more string) []byte {
	at := r.sound.AddrPort()
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP %s 101\r\na=rtpmap:101 telephone-event/8000\r\n%s", at.Addr(), at.Addr(), at.Port(), codecs, more)
}

// call agrees on a session.
func (r *remote) call(s *Session, codecs string) {
	r.w.t.Helper()
	if _, err := s.Answer(r.offer(codecs, "")); err != nil {
		r.w.t.Fatal(err)
	}
	r.to = s.Local()
}

// say sends frames of one value, 20 ms apart, and lets the last one's time pass.
func (r *remote) say(c codec.Codec, value int16, frames int) {
	for range frames {
		payload := encode(c, full(value))
		r.send(uint8(c)*8, payload, FrameSize)
		time.Sleep(FrameDuration)
	}
}

// send sends one packet and moves the stream on.
func (r *remote) send(kind uint8, payload []byte, samples uint32) {
	r.header.PayloadType = kind
	r.write(&rtp.Packet{Header: r.header, Payload: payload})
	r.header.SequenceNumber++
	r.header.Timestamp += samples
}

func (r *remote) write(packet *rtp.Packet) {
	r.w.t.Helper()
	raw, err := packet.Marshal()
	if err != nil {
		r.w.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.secure != nil {
		if raw, err = r.secure.Protect(nil, raw); err != nil {
			r.w.t.Fatal(err)
		}
	}
	if _, err := r.sound.WriteToUDPAddrPort(raw, r.to); err != nil {
		r.w.t.Fatal(err)
	}
}

// report sends a report.
func (r *remote) report(raw []byte) {
	r.w.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.secure != nil {
		var err error
		if raw, err = r.secure.ProtectReport(nil, raw); err != nil {
			r.w.t.Fatal(err)
		}
	}
	if _, err := r.reporter.WriteToUDPAddrPort(raw, above(r.to)); err != nil {
		r.w.t.Fatal(err)
	}
}

// above is where the reports of who hears at an address go.
func above(to netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(to.Addr(), to.Port()+1) }

// said returns the events of a session so far.
func said(s *Session) []Event {
	synctest.Wait()
	var events []Event
	for {
		select {
		case event, ok := <-s.Events():
			if !ok {
				return events
			}
			events = append(events, event)
		default:
			return events
		}
	}
}

// assertOneStream checks that packets are one RTP stream: one SSRC, numbers and times without a gap, 20 ms apart.
func assertOneStream(t *testing.T, got []arrival) {
	t.Helper()
	for i := 1; i < len(got); i++ {
		a, b := got[i-1], got[i]
		switch {
		case b.SSRC != a.SSRC:
			t.Fatalf("packet %d: SSRC %#x after %#x", i, b.SSRC, a.SSRC)
		case b.SequenceNumber != a.SequenceNumber+1:
			t.Fatalf("packet %d: number %d after %d", i, b.SequenceNumber, a.SequenceNumber)
		case b.Timestamp != a.Timestamp+FrameSize:
			t.Fatalf("packet %d: timestamp %d after %d", i, b.Timestamp, a.Timestamp)
		case b.at.Sub(a.at) != FrameDuration:
			t.Fatalf("packet %d came %v after the one before", i, b.at.Sub(a.at))
		case b.Marker:
			t.Fatalf("packet %d has the marker of a new talkspurt", i)
		}
	}
}

// encode encodes a frame that follows on nothing.
func encode(c codec.Codec, pcm []int16) []byte {
	payload, err := c.NewEncoder().Encode(make([]byte, 4*len(pcm)), pcm)
	if err != nil {
		panic(err)
	}
	return payload
}

// decode decodes a payload that follows on nothing; what is none is silence.
func decode(c codec.Codec, payload []byte) []int16 {
	pcm, err := c.NewDecoder().Decode(make([]int16, 4*len(payload)+1), payload)
	if err != nil {
		return nil
	}
	return pcm
}

// report is one packet of a pressed key.
type report struct {
	stamp  uint32
	marker bool
	event  dtmf.Event
}

// press returns the packets that a phone sends for a key.
func press(digit byte, stamp uint32, frames int) []report {
	var sender dtmf.Sender
	if err := sender.Add(digit, time.Duration(frames)*FrameDuration); err != nil {
		panic(err)
	}
	var reports []report
	for sender.Active() {
		event, begin, marker, ok := sender.Next(stamp, SampleRate)
		if ok {
			reports = append(reports, report{begin, marker, event})
		}
		stamp += FrameSize
	}
	return reports
}
