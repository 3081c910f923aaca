package phone

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

const (
	// maxPacket is the largest datagram read, in bytes: an Ethernet frame's worth.
	maxPacket = 1500

	// digitsKept is how many received digits wait for somebody to read them; further ones are lost.
	digitsKept = 64
)

// Sound says how a call's sound is handled.
type Sound struct {
	Codecs []Codec // in order of preference; nil: PCMU, PCMA
	Silent bool    // never send a packet, for load and for phones that are not there
	Deaf   bool    // keep nothing of what is heard; packets are counted all the same
	Loses  int     // one packet in so many is not sent, as if the network lost it; 0: all are

	Bind      netip.Addr     // of its ports, also an IPv6 address; zero: the phone's own
	At        netip.AddrPort // where sound is to be sent instead of to the phone, which hears nothing then; zero: to the phone
	Packet    time.Duration  // how much sound is asked for in a packet (a=ptime); 0: 20 ms. It sends 20 ms in any case
	Eventless bool           // neither offers nor takes telephone events
	Secure    bool           // protected sound on RTP/SAVP or none (RFC 3711, RFC 4568)

	// Tap is given each packet of sound as it arrived, protected or not. It is called by the goroutine that reads, and must
	// keep a copy of what it keeps.
	Tap func(packet []byte)
}

func (s Sound) codecs() []Codec {
	if len(s.Codecs) == 0 {
		return []Codec{PCMU, PCMA}
	}
	return s.Codecs
}

// sound is the media of one call: a pair of ports, one goroutine that reads the lower one, an ear and a voice. The upper
// port is held for RTCP, which the phone neither sends nor reads.
type sound struct {
	options Sound
	rtp     *net.UDPConn
	rtcp    *net.UDPConn
	ear     *Ear
	voice   *voice
	secure  *protection // nil: none
	digits  chan byte
	from    atomic.Pointer[terms]      // the far end's latest terms; nil before the first
	peer    atomic.Pointer[netip.Addr] // where its signalling comes from; nil: not known yet
	gone    atomic.Bool                // hears nothing any more
	reading sync.WaitGroup
	start   sync.Once // begins to send
	stop    sync.Once
}

// openSound binds the ports and begins to listen.
func openSound(bind netip.Addr, options Sound) (*sound, error) {
	if options.Bind.IsValid() {
		bind = options.Bind
	}
	var secure *protection
	if options.Secure {
		var err error
		if secure, err = newProtection(); err != nil {
			return nil, err
		}
	}
	low, high, err := bindPair(bind)
	if err != nil {
		return nil, err
	}
	s := &sound{
		secure:  secure,
		options: options,
		rtp:     low,
		rtcp:    high,
		ear:     &Ear{deaf: options.Deaf},
		voice:   newVoice(low, options.Loses),
		digits:  make(chan byte, digitsKept),
	}
	s.voice.secure = secure
	s.reading.Go(s.listen)
	return s, nil
}

// bindPair binds an even port and the odd one above it (RFC 3550 section 11).
func bindPair(bind netip.Addr) (low, high *net.UDPConn, err error) {
	for range 64 {
		low, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(bind, 0)))
		if err != nil {
			return nil, nil, fmt.Errorf("open a media port: %w", err)
		}
		at := low.LocalAddr().(*net.UDPAddr).AddrPort()
		if at.Port()%2 == 0 {
			high, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(bind, at.Port()+1)))
			if err == nil {
				return low, high, nil
			}
		}
		low.Close()
	}
	return nil, nil, errors.New("open a media port: no free pair")
}

// local returns where sound is expected.
func (s *sound) local() netip.AddrPort {
	if s.options.At.IsValid() {
		return s.options.At
	}
	return s.rtp.LocalAddr().(*net.UDPAddr).AddrPort()
}

// understand reads the far end's description.
func (s *sound) understand(body []byte) (terms, error) {
	t, err := understand(body, s.options.codecs(), s.secure != nil)
	if err != nil {
		return t, err
	}
	if s.options.Eventless {
		t.eventType = 0
	}
	if s.secure != nil {
		return t, s.secure.agree(t.key)
	}
	return t, nil
}

// agree applies the far end's terms and, the first time, begins to send.
func (s *sound) agree(t terms) {
	s.from.Store(&t)
	s.voice.address(t)
	if !s.options.Silent {
		s.start.Do(func() { clock.add(s.voice) })
	}
}

// vanish stops sending and hearing, but keeps the ports: to the far end the phone is unplugged.
func (s *sound) vanish() {
	s.gone.Store(true)
	s.voice.mute(true)
}

// close stops everything and frees the ports.
func (s *sound) close() {
	s.stop.Do(func() {
		s.start.Do(func() {}) // nothing begins any more
		clock.remove(s.voice)
		s.rtp.Close()
		s.rtcp.Close()
		s.reading.Wait()
	})
}

// listen reads packets until the port is closed.
func (s *sound) listen() {
	var (
		buffer [maxPacket]byte
		packet rtp.Packet
		events eventReceiver
	)
	for {
		n, from, err := s.rtp.ReadFromUDPAddrPort(buffer[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || s.gone.Load() || isControl(buffer[:n]) {
			continue
		}
		t := s.from.Load()
		if t == nil || !s.expects(t, from.Addr().Unmap()) {
			continue
		}
		datagram := buffer[:n]
		if s.options.Tap != nil {
			s.options.Tap(datagram)
		}
		if s.secure != nil {
			if datagram, err = s.secure.open(datagram); err != nil {
				continue
			}
		}
		if packet.Unmarshal(datagram) != nil {
			continue
		}
		if codec := Codec(packet.PayloadType); codec.known() {
			s.ear.hear(codec, packet.SSRC, packet.Timestamp, packet.Payload, time.Now())
		} else if packet.PayloadType == t.eventType {
			if digit, begins := events.receive(packet.SSRC, packet.Timestamp, packet.Payload); begins {
				s.digit(digit)
			}
		}
	}
}

// expects says whether sound from an address is the far end's: it comes from where its session description says, or from
// where its signalling comes from, as with phones that do not know their own address.
func (s *sound) expects(t *terms, from netip.Addr) bool {
	peer := s.peer.Load()
	return from == t.remote.Addr() || peer != nil && from == *peer
}

// signalledFrom notes where the far end's signalling comes from ("address:port").
func (s *sound) signalledFrom(source string) {
	if at, err := netip.ParseAddrPort(source); err == nil {
		address := at.Addr().Unmap()
		s.peer.Store(&address)
	}
}

// digit hands on a digit that was received.
func (s *sound) digit(d byte) {
	select {
	case s.digits <- d:
	default:
	}
}
