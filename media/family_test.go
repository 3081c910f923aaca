package media

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/codec"
)

// loopback6 is the other loopback address.
var loopback6 = netip.IPv6Loopback()

// offerOn describes the phone by an address, which need not be its own, in the words of its family.
func (p *phone) offerOn(at netip.Addr) []byte {
	family := "IP4"
	if at.Is6() {
		family = "IP6"
	}
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n", family, at, family, at, p.port())
}

// callOn agrees on a session and returns the answer; it sends to where that says.
func (p *phone) callOn(s *Session, at netip.Addr) string {
	p.t.Helper()
	answer, err := s.Answer(p.offerOn(at))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(answer)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "c=IN IP") {
			p.to = net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(fields[2]), s.Local().Port()))
		}
	}
	return string(answer)
}

func TestSessionsOfEitherFamilyAreBridged(t *testing.T) {
	for _, ours := range [][]netip.Addr{{loopback6}, {loopback, loopback6}, {loopback6, loopback}} {
		for _, theirs := range [][2]netip.Addr{{loopback6, loopback6}, {loopback, loopback6}, {loopback, loopback}} {
			if len(ours) == 1 && theirs[0] == loopback {
				continue
			}
			t.Run(fmt.Sprint(ours, theirs), func(t *testing.T) {
				engine := startEngine(t, func(o *Options) { o.Bind, o.Advertise = netip.Addr{}, ours })
				var sessions [2]*Session
				var phones [2]*phone
				for i, at := range theirs {
					s, err := engine.Open(SessionOptions{Signalling: at})
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(s.Close)
					sessions[i], phones[i] = s, newPhoneOn(t, at)
					family := map[bool]string{true: "c=IN IP6 ::1", false: "c=IN IP4 127.0.0.1"}[at.Is6()]
					if answer := phones[i].callOn(s, at); !strings.Contains(answer, family) {
						t.Errorf("the answer to an offer on %v is\n%s", at, answer)
					}
				}
				if err := Bridge(sessions[0], sessions[1]); err != nil {
					t.Fatal(err)
				}
				loud := encode(codec.PCMU, full(12000))
				for i := range phones {
					phones[i].say(0, loud) // the first rises out of the silence that was there
					phones[i].say(0, loud)
					phones[1-i].until("the other side", func(packet rtp.Packet) bool { return packet.Payload[0] == loud[0] })
				}
				for i := range sessions {
					if stats := sessions[i].Stats(); stats.Strangers > 0 || stats.PacketsIn != 2 {
						t.Errorf("side %d: stats %+v", i, stats)
					}
				}
			})
		}
	}
}

// TestAPhoneBehindANATIsFoundOnASocketOfBothFamilies has a phone describe an address of its private network, and send from another
// that its signalling comes from. A socket of both families gets it as an IPv4 address in an IPv6 one.
func TestAPhoneBehindANATIsFoundOnASocketOfBothFamilies(t *testing.T) {
	engine := startEngine(t, func(o *Options) { o.Bind, o.Advertise = netip.Addr{}, []netip.Addr{loopback6, loopback} })
	s := open(t, engine)
	p := newPhone(t)
	p.callOn(s, netip.MustParseAddr("192.0.2.44"))
	s.Background(Tone(1000, -6, 0))
	for range latchPackets {
		p.say(0, make([]byte, FrameSize))
	}
	p.until("sound at where it sends from", func(packet rtp.Packet) bool { return packet.SSRC == s.out.stream() })
	if source := s.source.Load(); source == nil || !source.Addr().Is4() {
		t.Errorf("the source is %v, want an IPv4 address", source)
	}
}
