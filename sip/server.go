package sip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Handler is who serves the calls and wants to know which agents can be reached.
type Handler interface {
	// Invite takes a new call. It runs on a goroutine of its own and may take as long as the call does; a panic
	// in it ends that call alone.
	Invite(leg *Leg)
	// Registered tells that the bindings of an agent changed, were refreshed or expired; live are those that can
	// be dialled now, none when the agent went away. Calls come one after another; they must not block for long.
	Registered(agent string, live []Binding)
}

// Listen is one address to listen on.
type Listen struct {
	// Network is "udp4" or "tcp4".
	Network string
	// Address is the local address; port 0 takes a free one.
	Address netip.AddrPort
}

// Options says how a Server is built.
type Options struct {
	// Listen are the addresses to listen on; at least one.
	Listen []Listen
	// Advertise is the address that others reach us by; it is required when listening on 0.0.0.0, and else
	// defaults to the listener's own.
	Advertise netip.Addr
	// Realm is the protection domain of our accounts.
	Realm string
	// Digest are the algorithms of the challenges, in their order; MD5 when empty. Both are verified in any case.
	Digest []Algorithm
	// Timers are the waiting times; zero values are replaced by the defaults.
	Timers Timers
	// Handler serves the calls; required.
	Handler Handler
	// Logger may be nil.
	Logger *zap.Logger
	// Answered, when set, is told of each request answered with a final response: the method ("other" for one
	// that we do not know) and the code. It is called on hot paths and must not block.
	Answered func(method string, code int)
	// Panicked, when set, is told of each panic that ended a call or a message, never the process.
	Panicked func()
	// Unfinished, when set, is told of each INVITE of ours that was sent and neither refused, nor cancelled, nor followed by a BYE, nor
	// given up after its time, while the server runs: a phone may go on ringing or talking to nobody. It must not happen.
	Unfinished func()
}

// Server is the front door of one node. All its methods are safe for concurrent use.
type Server struct {
	options Options
	timers  Timers
	log     *zap.Logger
	noisy   *zap.Logger // sampled: for what strangers can cause at will

	parser       *sipgo.Parser
	tagger       tagger
	nonces       *nonces
	guesses      *guesses
	transactions *transactions
	dialogs      *dialogs
	registrar    *registrar
	admission    *admission
	strangers    *strangers
	held         atomic.Int32 // CANCELs waiting for their INVITE
	directory    atomic.Pointer[Directory]
	draining     atomic.Bool

	udp       []*udpWire
	tcp       []*tcpListener
	datagrams []wire // the UDP listeners, as calls of ours leave by them
	tcps      *connections
	listening []Listen

	closing sync.Once
	closed  chan struct{}
	failed  chan error
	running sync.WaitGroup
}

// New opens the listeners, so that the addresses are known; nothing is read before Serve.
func New(o Options) (*Server, error) {
	s, err := assemble(o)
	if err != nil {
		return nil, err
	}
	if len(o.Listen) == 0 {
		return nil, errors.New("sip: no address to listen on")
	}
	for _, l := range o.Listen {
		if err := s.listen(l); err != nil {
			s.closeWires()
			return nil, err
		}
	}
	return s, nil
}

// assemble builds all of a server but its wires.
func assemble(o Options) (*Server, error) {
	if o.Handler == nil {
		return nil, errors.New("sip: no handler")
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if len(o.Digest) == 0 {
		o.Digest = []Algorithm{MD5}
	}
	for _, a := range o.Digest {
		if a != MD5 && a != SHA256 {
			return nil, fmt.Errorf("sip: unknown digest algorithm %q", a)
		}
	}
	timers := o.Timers.withDefaults()
	s := &Server{
		options:      o,
		timers:       timers,
		log:          o.Logger,
		noisy:        o.Logger.WithOptions(zap.WrapCore(sampled)),
		parser:       sipgo.NewParser(),
		tagger:       newTagger(),
		nonces:       newNonces(timers.Nonce),
		guesses:      newGuesses(),
		transactions: newTransactions(),
		dialogs:      newDialogs(),
		admission:    newAdmission(),
		strangers:    newStrangers(),
		tcps:         newConnections(),
		closed:       make(chan struct{}),
		failed:       make(chan error, 1),
	}
	s.registrar = newRegistrar(s)
	s.directory.Store(&Directory{})
	return s, nil
}

// sampled lets through what one misbehaving peer may write: ten lines of a kind a second, then one in a thousand.
func sampled(core zapcore.Core) zapcore.Core {
	return zapcore.NewSamplerWithOptions(core, time.Second, 10, 1000)
}

func (s *Server) listen(l Listen) error {
	if l.Address.Addr().IsUnspecified() && !s.options.Advertise.IsValid() {
		return fmt.Errorf("sip: listening on %s needs an advertised address", l.Address)
	}
	switch l.Network {
	case "udp4":
		w, err := listenUDP(l.Address, s.options.Advertise)
		if err != nil {
			return fmt.Errorf("sip: %w", err)
		}
		s.udp = append(s.udp, w)
		s.datagrams = append(s.datagrams, w)
		s.listening = append(s.listening, Listen{l.Network, w.bound})
	case "tcp4":
		t, err := listenTCP(l.Address, s.options.Advertise)
		if err != nil {
			return fmt.Errorf("sip: %w", err)
		}
		s.tcp = append(s.tcp, t)
		s.listening = append(s.listening, Listen{l.Network, t.bound})
	default:
		return fmt.Errorf("sip: unknown network %q: udp4 or tcp4", l.Network)
	}
	return nil
}

// Addresses are the addresses that the server listens on, in the order of Options.Listen, with the ports that it got.
func (s *Server) Addresses() []Listen { return slices.Clone(s.listening) }

// Serve reads until Close, and then returns nil, or until a listener fails, which is the error returned; the
// server is then closed too. It is called once.
func (s *Server) Serve() error {
	s.start()
	for _, w := range s.udp {
		s.running.Go(func() { s.fail(w.read(s)) })
	}
	for _, t := range s.tcp {
		s.running.Go(func() { s.fail(t.accept(s)) })
	}
	var err error
	select {
	case err = <-s.failed:
		s.Close()
	case <-s.closed:
	}
	s.running.Wait()
	return err
}

// start begins what a server does of its own accord.
func (s *Server) start() {
	s.running.Go(func() { s.registrar.run(s.closed) })
	s.running.Go(s.sweep)
}

// sweepInterval is how often what has outlived its time is thrown out of memory. Nothing depends on it for being
// right: everything that is looked up is judged by its own time.
const sweepInterval = time.Second

// sweep forgets what has had its time, until the server closes.
func (s *Server) sweep() {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.transactions.forget(now)
			s.dialogs.forget(now)
			s.nonces.forget(now)
			s.guesses.forget(now)
			s.strangers.forget(now)
		case <-s.closed:
			return
		}
	}
}

// fail notes why a listener ended, unless the server is closing.
func (s *Server) fail(err error) {
	select {
	case <-s.closed:
	default:
		select {
		case s.failed <- err:
		default:
		}
	}
}

// closeGrace is how long Close waits for the dialogs to say good-bye.
const closeGrace = time.Second

// Close hangs up every leg, waits a second at most for the far ends to hear it, and closes the listeners. It may be
// called more than once.
func (s *Server) Close() {
	s.closing.Do(func() {
		s.draining.Store(true)
		s.dialogs.close(closeGrace)
		close(s.closed)
		s.closeWires()
		s.transactions.close()
	})
	s.running.Wait()
}

func (s *Server) closeWires() {
	for _, w := range s.udp {
		w.close()
	}
	for _, t := range s.tcp {
		t.close()
	}
	s.tcps.close()
}

// SetDirectory replaces who is known to this server, for everything that is judged from now on. The value must not
// be changed afterwards.
func (s *Server) SetDirectory(d *Directory) { s.directory.Store(d) }

// SetLimits replaces the limits, for every call that comes from now on.
func (s *Server) SetLimits(l Limits) { s.admission.set(l) }

// Drain refuses new calls, registrations and readiness from now on; dialogs that exist go on.
func (s *Server) Drain() { s.draining.Store(true) }

// Bindings are the live bindings of an agent, in the order of their registration.
func (s *Server) Bindings(agent string) []Binding { return s.registrar.live(agent, time.Now()) }

// Calls is how many legs are alive now, in either direction.
func (s *Server) Calls() int { return int(s.dialogs.alive.Load()) }

// answered counts a final response.
func (s *Server) answered(method sipgo.RequestMethod, code int) {
	if s.options.Answered == nil || code < 200 {
		return
	}
	s.options.Answered(methodLabel(method), code)
}

// survive keeps a panic from ending the process; it is deferred wherever foreign input is worked on.
func (s *Server) survive(doing string) {
	if cause := recover(); cause != nil {
		s.panicked(doing, cause)
	}
}

// unfinished tells of an INVITE of ours that has no end.
func (s *Server) unfinished(d *dialog) {
	s.log.Error("a call of ours was left without an end", zap.String("sip_call_id", d.id), zap.String("agent", d.peer.Name))
	if s.options.Unfinished != nil {
		s.options.Unfinished()
	}
}

func (s *Server) panicked(doing string, cause any) {
	s.log.Error("panic survived", zap.String("doing", doing), zap.Any("cause", cause), zap.Stack("stack"))
	if s.options.Panicked != nil {
		s.options.Panicked()
	}
}
