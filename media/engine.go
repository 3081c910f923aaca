package media

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/sdp"
	"github.com/spillway-voice/spillway/media/socket"
)

// Options are how an Engine works.
type Options struct {
	Low, High uint16           // the range of ports, both included: even ones for RTP, the odd one above for RTCP
	Bind      netip.Addr       // the address to receive on; none: all of the families of Advertise
	Advertise []netip.Addr     // that far ends are told: one of a family at most, in order of preference
	Codecs    []codec.Codec    // in order of preference; none: PCMU, PCMA
	Timeout   time.Duration    // silence of a far end before it counts as Silent; zero: never
	Own       []netip.AddrPort // our own signalling's addresses, to which no sound is sent
	Logger    *zap.Logger      // nil: none

	// Listen opens a socket; nil: a UDP socket of the operating system. Tests put a network in memory here.
	Listen func(local netip.AddrPort, receive socket.Receive) (socket.Conn, error)
}

// maxBindTries bounds the ports that are tried for one session when other programs hold some of the range.
const maxBindTries = 64

// An Engine owns the ports, the playout clock and the sessions of a node. Its methods are safe for concurrent use.
type Engine struct {
	options Options
	codecs  []sdp.Codec // as descriptions have them
	clock   *clock
	bridges bridges
	poll    *socket.Poll // nil: Options.Listen opens the sockets

	mu       sync.Mutex
	closed   bool
	ports    *portPool
	sessions map[*Session]struct{}
	ended    Stats // of the sessions that are no more
}

// NewEngine starts an engine; Close ends it. No socket is opened yet.
func NewEngine(options Options) (*Engine, error) {
	if err := options.checkAddresses(); err != nil {
		return nil, fmt.Errorf("start media: %w", err)
	}
	if len(options.Codecs) == 0 {
		options.Codecs = []codec.Codec{codec.PCMU, codec.PCMA}
	}
	if options.Logger == nil {
		options.Logger = zap.NewNop()
	}
	var spoken []sdp.Codec
	for _, c := range options.Codecs {
		known, ok := sdp.Known(c.String())
		if !c.Available() || !ok {
			return nil, fmt.Errorf("start media: there is no %v in this program", c)
		}
		spoken = append(spoken, known)
	}
	ports, err := newPortPool(options.Low, options.High)
	if err != nil {
		return nil, fmt.Errorf("start media: %w", err)
	}
	e := &Engine{options: options, codecs: spoken, ports: ports, sessions: map[*Session]struct{}{}}
	if options.Listen == nil {
		if e.poll, err = socket.NewPoll(); err != nil {
			return nil, fmt.Errorf("start media: %w", err)
		}
		e.options.Listen = e.poll.Listen
		if err := e.tryAddress(); err != nil {
			e.poll.Close()
			return nil, fmt.Errorf("start media: %w", err)
		}
	}
	e.clock = newClock()
	return e, nil
}

// checkAddresses looks at the addresses, and chooses where to receive when nothing is said of it. A socket of all IPv6
// addresses takes IPv4 as well.
func (o *Options) checkAddresses() error {
	if len(o.Advertise) == 0 {
		return errors.New("there is no address to advertise")
	}
	all := netip.IPv4Unspecified()
	for i, address := range o.Advertise {
		if !address.IsValid() || address.IsUnspecified() || address.Is4In6() || address.Zone() != "" {
			return fmt.Errorf("the advertised address %q is not a certain one", address)
		}
		if i > 0 && (i > 1 || address.Is4() == o.Advertise[0].Is4()) {
			return fmt.Errorf("of the advertised addresses %v only one can be of a family", o.Advertise)
		}
		if address.Is6() {
			all = netip.IPv6Unspecified()
		}
	}
	if !o.Bind.IsValid() || o.Bind.IsUnspecified() {
		o.Bind = all
	}
	for _, address := range o.Advertise {
		if o.Bind.Is4() != address.Is4() && !o.Bind.IsUnspecified() {
			return fmt.Errorf("the bind address %s is not of the family of the advertised address %s", o.Bind, address)
		}
	}
	return nil
}

// tryAddress opens one socket, as an address that this machine has not got should be known before the first call.
func (e *Engine) tryAddress() error {
	conn, err := e.options.Listen(netip.AddrPortFrom(e.options.Bind, 0), func([]byte, netip.AddrPort, time.Time) {})
	if err != nil {
		return fmt.Errorf("receive on %s: %w", e.options.Bind, err)
	}
	return conn.Close()
}

// ErrClosed is the error of what was asked of a session or an engine that was closed.
var ErrClosed = errors.New("media is closed")

// Open opens a session on a free pair of ports. It receives at once, but hears and sends nothing until a description
// was agreed on. The error is ErrNoPorts when all are in use.
func (e *Engine) Open(options SessionOptions) (*Session, error) {
	s := &Session{
		engine:  e,
		mailbox: newMailbox(),
		id:      uint64(rand.Int32N(math.MaxInt32)) + 1, // some phones read it into 32 bits, with a sign
		cname:   fmt.Sprintf("%016x@spillway", rand.Uint64()),
	}
	s.out.ssrc, s.out.sequence, s.out.base = rand.Uint32(), firstNumber(), rand.Uint32()
	s.agreement.signalling, s.in.latch.trusted = options.Signalling.Unmap(), options.Trusted
	s.quiet.timeout = e.options.Timeout
	if err := s.agreement.makeKeys(options.Security); err != nil {
		return nil, err
	}
	if err := e.bind(s); err != nil {
		return nil, err
	}
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		closeSockets(s.rtp, s.rtcp)
		return nil, ErrClosed
	}
	e.sessions[s] = struct{}{}
	e.mu.Unlock()
	return s, nil
}

// bind finds a pair of ports that nobody else holds.
func (e *Engine) bind(s *Session) error {
	var last error
	for range maxBindTries {
		e.mu.Lock()
		port, ok := e.ports.take(time.Now())
		e.mu.Unlock()
		if !ok {
			break
		}
		if last = e.bindPort(s, port); last == nil {
			return nil
		}
		if scarce(last) { // of what the system has, not of this port
			e.mu.Lock()
			e.ports.giveBack(port)
			e.mu.Unlock()
			return fmt.Errorf("open media session: %w", last)
		}
		e.mu.Lock()
		e.ports.put(port, time.Now())
		e.mu.Unlock()
	}
	if last != nil {
		return fmt.Errorf("open media session: %w: %w", ErrNoPorts, last)
	}
	return fmt.Errorf("open media session: %w in %d-%d", ErrNoPorts, e.options.Low, e.options.High)
}

// scarce reports whether an error is one that any other port would have, too.
func scarce(err error) bool {
	return slices.ContainsFunc([]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL},
		func(cause error) bool { return errors.Is(err, cause) })
}

// bindPort opens the sockets of one pair.
func (e *Engine) bindPort(s *Session, port uint16) error {
	rtp, err := e.options.Listen(netip.AddrPortFrom(e.options.Bind, port), s.receive)
	if err != nil {
		return err
	}
	rtcp, err := e.options.Listen(netip.AddrPortFrom(e.options.Bind, port+1), s.receiveReport)
	if err != nil {
		closeSockets(rtp)
		return err
	}
	s.rtp, s.rtcp, s.port = rtp, rtcp, port
	if thinner, ok := rtp.(socket.Thinner); ok && (e.options.Timeout == 0 || e.options.Timeout >= shortestSilence) {
		s.attention.socket, s.attention.agreed = thinner, &s.far
	}
	return nil
}

// forget takes a closed session out of the books.
func (e *Engine) forget(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, s)
	e.ports.put(s.port, time.Now())
	e.ended.add(s.Stats())
}

// FreePorts returns how many sessions could be opened now; ports that rest do not count.
func (e *Engine) FreePorts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ports.available(time.Now())
}

// Sessions returns how many sessions are open.
func (e *Engine) Sessions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sessions)
}

// Stats returns the counts of all sessions since the engine began.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	total := e.ended
	for s := range e.sessions {
		total.add(s.Stats())
	}
	return total
}

// Late returns how often the playout clock ran a frame's time or more behind: on a healthy machine hardly ever.
func (e *Engine) Late() uint64 { return e.clock.late.Load() }

// Close closes all sessions and waits until every goroutine of the engine has ended. Closing twice is harmless.
func (e *Engine) Close() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	var open []*Session
	for s := range e.sessions {
		open = append(open, s)
	}
	e.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	e.clock.close()
	if e.poll != nil {
		e.poll.Close()
	}
}
