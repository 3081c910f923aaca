package ops

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"
)

// Limits of the server. An answer is made from memory, so all of them are far above what a healthy client needs.
const (
	headerTime     = 5 * time.Second  // to send a request's header
	requestTime    = 10 * time.Second // to send all of a request
	answerTime     = 30 * time.Second // from the header's end until the answer is written; event streams have their own
	idleTime       = 60 * time.Second // a connection without a request
	headerBytes    = 16 << 10         // of a request's header
	connectionsMax = 256              // at one time, event streams included; more wait to be accepted
	scrapesMax     = 4                // at one time
)

// Options are what a Server is made of. All are needed but Tokens.
type Options struct {
	Listen  string // host:port; port 0 is any free one
	Node    Node
	Feed    *Feed // of the node; it stays the caller's, who closes it
	Metrics *Metrics
	Tokens  []Token // none: the address must be a loopback one, and everybody on this machine may do everything
	Log     *zap.Logger
}

// Server is the API of one node on one address. Its methods are safe for concurrent use.
type Server struct {
	addr   net.Addr
	server *http.Server
	stop   context.CancelFunc // ends the event streams
	served chan struct{}      // closed when the listener no longer accepts
	failed error              // why serving ended by itself; read after served
}

// Listen opens the address and serves until Close. It returns ErrNoTokens, wrapped, for an address that is open to other machines
// when there are no tokens.
func Listen(o Options) (*Server, error) {
	addr, err := net.ResolveTCPAddr("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	gate := newGate(o.Tokens)
	if gate.open() && !addr.IP.IsLoopback() {
		return nil, fmt.Errorf("http.listen %s: %w", o.Listen, ErrNoTokens)
	}
	errorLog, err := zap.NewStdLogAt(o.Log, zap.DebugLevel)
	if err != nil {
		return nil, fmt.Errorf("log of the HTTP server: %w", err)
	}
	listener, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	if gate.open() {
		o.Log.Info("the API answers to this machine alone, and to everybody on it: no http.tokens are set")
	}
	ctx, stop := context.WithCancel(context.Background())
	handler := newHandler(&api{
		node: o.Node, feed: o.Feed, gate: gate, log: o.Log, stop: ctx,
		streams: make(chan struct{}, streamLimit),
		refused: rate.NewLimiter(refusalsPerSecond, refusalsAtOnce),
	}, o.Metrics.handler())
	s := &Server{
		addr: listener.Addr(), stop: stop, served: make(chan struct{}),
		server: &http.Server{
			Handler: handler, ErrorLog: errorLog, MaxHeaderBytes: headerBytes,
			ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		},
	}
	go s.serve(netutil.LimitListener(listener, connectionsMax))
	return s, nil
}

func (s *Server) serve(l net.Listener) {
	defer close(s.served)
	if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		s.failed = fmt.Errorf("serve HTTP: %w", err)
	}
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.addr }

// Wait returns when the server no longer accepts: nil after Close, else why the listener failed.
func (s *Server) Wait() error {
	<-s.served
	return s.failed
}

// Close stops accepting, ends the event streams, and waits for the answers that are being written; when the context ends it cuts
// those too. It may be called more than once.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("wait for HTTP answers: %w", err), s.server.Close())
	}
	<-s.served
	return errors.Join(s.failed, err)
}

// handler answers scrapes. What cannot be told is left out, the rest is told all the same.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: scrapesMax,
	})
}
