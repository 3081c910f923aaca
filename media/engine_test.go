package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/srtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// patience is how long a test waits for what must happen, in real time, on a machine that is busy with other things.
const patience = 20 * time.Second

// startEngine starts an engine on loopback ports that is closed with the test.
func startEngine(t testing.TB, change func(*Options)) *Engine {
	t.Helper()
	options := Options{Low: 41000, High: 43999, Bind: loopback, Advertise: []netip.Addr{loopback}}
	if change != nil {
		change(&options)
	}
	engine, err := NewEngine(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	return engine
}

// open opens a session towards a phone on loopback.
func open(t testing.TB, engine *Engine) *Session {
	t.Helper()
	session, err := engine.Open(SessionOptions{Signalling: loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	return session
}

// phone is a far end on a real socket: it reads all that comes and sends what it is told.
type phone struct {
	t      testing.TB
	socket *net.UDPConn
	to     *net.UDPAddr
	heard  chan rtp.Packet
	ssrc   uint32
	seq    uint16
	stamp  uint32
	secure atomic.Pointer[srtp.Context] // nil: in the clear
}

func newPhone(t testing.TB) *phone {
	t.Helper()
	return newPhoneOn(t, loopback)
}

// newPhoneOn is a phone on a loopback address of either family.
func newPhoneOn(t testing.TB, at netip.Addr) *phone {
	t.Helper()
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, socket: socket, heard: make(chan rtp.Packet, 4096), ssrc: 0x1234, seq: 65530, stamp: 1 << 31}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.read()
	}()
	t.Cleanup(func() {
		socket.Close()
		<-done
	})
	return p
}

func (p *phone) read() {
	buffer := make([]byte, 2048)
	for {
		n, _, err := p.socket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		datagram := append([]byte(nil), buffer[:n]...)
		if secure := p.secure.Load(); secure != nil {
			if datagram, err = secure.Unprotect(datagram[:0], datagram); err != nil {
				continue // as what came before the keys were known
			}
		}
		var packet rtp.Packet
		if packet.Unmarshal(datagram) != nil {
			continue
		}
		select {
		case p.heard <- packet:
		default:
		}
	}
}

func (p *phone) port() int { return p.socket.LocalAddr().(*net.UDPAddr).Port }

// offer describes the phone; codecs are payload types, 0 and 8.
func (p *phone) offer(codecs string) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP %s 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n", p.port(), codecs)
}

// call agrees on a session with the phone.
func (p *phone) call(session *Session, codecs string) {
	p.t.Helper()
	if _, err := session.Answer(p.offer(codecs)); err != nil {
		p.t.Fatal(err)
	}
	p.to = net.UDPAddrFromAddrPort(session.Local())
}

// say sends one packet of sound.
func (p *phone) say(kind uint8, payload []byte) {
	p.t.Helper()
	packet := rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: kind, SequenceNumber: p.seq, Timestamp: p.stamp, SSRC: p.ssrc},
		Payload: payload,
	}
	p.seq++
	p.stamp += uint32(len(payload))
	p.write(&packet)
}

func (p *phone) write(packet *rtp.Packet) {
	p.t.Helper()
	raw, err := packet.Marshal()
	if err != nil {
		p.t.Fatal(err)
	}
	if secure := p.secure.Load(); secure != nil {
		if raw, err = secure.Protect(nil, raw); err != nil {
			p.t.Fatal(err)
		}
	}
	if _, err := p.socket.WriteTo(raw, p.to); err != nil && !errors.Is(err, net.ErrClosed) {
		p.t.Fatal(err)
	}
}

// next returns the next packet that the phone hears.
func (p *phone) next() rtp.Packet {
	p.t.Helper()
	select {
	case packet := <-p.heard:
		return packet
	case <-time.After(patience):
		p.t.Fatal("the phone heard nothing")
		return rtp.Packet{}
	}
}

// until returns the first packet that the phone hears and that will do.
func (p *phone) until(what string, will func(rtp.Packet) bool) rtp.Packet {
	p.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case packet := <-p.heard:
			if will(packet) {
				return packet
			}
		case <-limit:
			p.t.Fatalf("the phone did not hear %s", what)
		}
	}
}

// expect returns the next event of a session that is of type E.
func expect[E Event](t testing.TB, session *Session) E {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case event, ok := <-session.Events():
			if !ok {
				t.Fatal("the events ended")
			}
			if wanted, ok := event.(E); ok {
				return wanted
			}
		case <-limit:
			var wanted E
			t.Fatalf("no %T came", wanted)
		}
	}
}

func TestACallerHearsWhatIsPlayedAndItsEndIsReported(t *testing.T) {
	engine := startEngine(t, nil)
	session := open(t, engine)
	p := newPhone(t)
	p.call(session, "0 8")
	session.Play(7, Tone(1000, -10, 200*time.Millisecond))
	if got := expect[Played](t, session); got.ID != 7 {
		t.Errorf("Played{%d}, want 7", got.ID)
	}
	var pcm []int16
	for len(pcm) < 10*FrameSize {
		packet := p.next()
		if packet.PayloadType != 0 {
			t.Fatalf("payload type %d, want 0", packet.PayloadType)
		}
		pcm = append(pcm, decode(codec.PCMU, packet.Payload)...)
	}
	if share := toneShare(pcm, 1000); share < 0.7 {
		t.Errorf("the tone has %.2f of the sound, want most of it", share)
	}
}

func TestABridgeCarriesSoundBothWays(t *testing.T) {
	for _, laws := range [][2]uint8{{0, 0}, {0, 8}, {8, 0}} {
		t.Run(fmt.Sprintf("%d to %d", laws[0], laws[1]), func(t *testing.T) {
			engine := startEngine(t, nil)
			a, b := open(t, engine), open(t, engine)
			caller, agent := newPhone(t), newPhone(t)
			caller.call(a, fmt.Sprint(laws[0]))
			agent.call(b, fmt.Sprint(laws[1]))
			if err := Bridge(a, b); err != nil {
				t.Fatal(err)
			}
			codecOf := map[uint8]codec.Codec{0: codec.PCMU, 8: codec.PCMA}
			for _, way := range []struct {
				from, to         *phone
				spoken, listened uint8
			}{{caller, agent, laws[0], laws[1]}, {agent, caller, laws[1], laws[0]}} {
				loud := encode(codecOf[way.spoken], full(12000))
				way.from.say(way.spoken, loud)
				packet := way.to.until("the other side", func(packet rtp.Packet) bool {
					pcm := decode(codecOf[way.listened], packet.Payload)
					return packet.PayloadType == way.listened && len(pcm) == FrameSize && pcm[0] > 11000
				})
				if packet.SSRC == way.from.ssrc {
					t.Error("the far end's own SSRC was passed on")
				}
			}
		})
	}
}

// full returns a frame of one value.
func full(value int16) []int16 {
	frame := make([]int16, FrameSize)
	for i := range frame {
		frame[i] = value
	}
	return frame
}
