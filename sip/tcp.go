package sip

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// What one source and one connection may cost us.
const (
	// connectionsPerSource is how many TCP connections one address may hold; a site behind one address has fewer
	// phones on TCP, an attacker would like more.
	connectionsPerSource = 64
	// connectionsAtAll bounds the descriptors that TCP may take.
	connectionsAtAll = 4096
	// connectionsOfTrunks are those of them that strangers cannot take.
	connectionsOfTrunks = 256
	// unfinished is how long a message may take from its first byte to its last, and a connection to its first.
	unfinished = 5 * time.Second
	// writing is how long one write may take before the connection counts as dead.
	writing = 2 * time.Second
	// strangerIdle is how long a connection may be silent over which no phone is registered, no call goes on, and
	// that is no trunk's. Pings do not count: anybody can send them for ever.
	strangerIdle = time.Minute
	// unsent is how many messages may wait for a far end that is slow to read, before its connection is closed.
	unsent = 64
)

// tcpListener accepts connections.
type tcpListener struct {
	listener  net.Listener
	bound     netip.AddrPort
	advertise netip.AddrPort
}

func listenTCP(at netip.AddrPort, advertise netip.Addr) (*tcpListener, error) {
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("listen on tcp %s: %w", at, err)
	}
	bound := unmap(l.Addr().(*net.TCPAddr).AddrPort())
	return &tcpListener{listener: l, bound: bound, advertise: reachable(bound, advertise)}, nil
}

// acceptPause is how long accepting rests when the system is out of descriptors.
const acceptPause = 50 * time.Millisecond

// accept takes connections until the listener is closed. Running out of descriptors is waited out, not died of.
func (t *tcpListener) accept(s *Server) error {
	for {
		conn, err := t.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			s.noisy.Warn("accept failed", errorField(err))
			select {
			case <-time.After(acceptPause):
				continue
			case <-s.closed:
				return nil
			}
		}
		remote := unmap(conn.RemoteAddr().(*net.TCPAddr).AddrPort())
		_, trunk := s.directory.Load().trunkAt(remote.Addr())
		w := s.tcps.add(remote, t.advertise, trunk)
		if w == nil {
			_ = conn.Close()
			continue
		}
		w.conn = conn
		s.running.Go(func() { w.serve(s, unfinished) })
	}
}

func (t *tcpListener) close() { _ = t.listener.Close() }

// tcpWire is one connection. One goroutine reads it and one writes it, so that nobody else ever waits for a far end
// that does not read.
type tcpWire struct {
	conn      net.Conn // for the two goroutines of serve alone
	number    uint64
	remote    netip.AddrPort
	advertise netip.AddrPort
	ours      bool         // we opened it
	dialogs   atomic.Int32 // that talk over it

	out    chan []byte
	ending sync.Once
	ended  chan struct{}
}

func (w *tcpWire) transport() Transport       { return TCP }
func (w *tcpWire) id() uint64                 { return w.number }
func (w *tcpWire) advertised() netip.AddrPort { return w.advertise }
func (w *tcpWire) use(dialogs int32)          { w.dialogs.Add(dialogs) }

// over tells whether the connection has ended, or is to end when what waits is written.
func (w *tcpWire) over() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

// serve reads and writes until the connection ends. The far end has to begin its first message in the given time.
func (w *tcpWire) serve(s *Server, patience time.Duration) {
	s.running.Go(w.write)
	w.read(s, patience)
	s.tcps.remove(w)
	s.registrar.gone(w.number)
}

// errSlow says that a far end reads more slowly than we have to talk to it.
var errSlow = errors.New("far end does not read")

// send leaves one message to be written. A far end with too many of them waiting loses the connection.
func (w *tcpWire) send(_ netip.AddrPort, message []byte) error {
	if w.over() {
		return net.ErrClosed
	}
	select {
	case w.out <- bytes.Clone(message):
		return nil
	default:
		w.end()
		return errSlow
	}
}

// end has the connection closed, when what was left to be written is written.
func (w *tcpWire) end() { w.ending.Do(func() { close(w.ended) }) }

// write sends what is left for it, each message whole, until the end of the connection.
func (w *tcpWire) write() {
	defer w.conn.Close()
	for {
		select {
		case message := <-w.out:
			if !w.put(message) {
				return
			}
		case <-w.ended:
			for len(w.out) > 0 && w.put(<-w.out) {
			}
			return
		}
	}
}

func (w *tcpWire) put(message []byte) bool {
	if err := w.conn.SetWriteDeadline(time.Now().Add(writing)); err != nil {
		return false
	}
	_, err := w.conn.Write(message)
	return err == nil
}

// read hands every message to the server, in order, until the connection ends or stops making sense.
func (w *tcpWire) read(s *Server, patience time.Duration) {
	defer w.end()
	in := bufio.NewReaderSize(w.conn, 4096)
	for {
		message, err := w.next(in, patience)
		if errors.Is(err, errIdle) && w.wanted(s) {
			continue
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				s.noisy.Debug("connection ended", remoteField(w.remote), errorField(err))
			}
			return
		}
		s.receive(flow{w, w.remote}, message)
		patience = strangerIdle
	}
}

// errIdle says that a far end had nothing to say for long.
var errIdle = errors.New("idle")

// wanted tells whether a silent connection is kept: a trunk's, a registered phone's, or one that calls go over.
func (w *tcpWire) wanted(s *Server) bool {
	return w.dialogs.Load() > 0 || s.known(flow{w, w.remote})
}

// next reads one message: it may idle for the given time before it begins, and must then be finished in time. Pings
// (RFC 5626 section 3.5.1) are answered on the way.
func (w *tcpWire) next(in *bufio.Reader, idle time.Duration) ([]byte, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(idle)); err != nil {
		return nil, err
	}
	for {
		head, err := in.Peek(1)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, errIdle
		}
		if err != nil {
			return nil, err
		}
		if head[0] != '\r' && head[0] != '\n' {
			break
		}
		if err := w.blank(in); err != nil {
			return nil, err
		}
	}
	if err := w.conn.SetReadDeadline(time.Now().Add(unfinished)); err != nil {
		return nil, err
	}
	return frame(in)
}

// blank takes an empty line; two of them are a ping, and get a pong.
func (w *tcpWire) blank(in *bufio.Reader) error {
	if _, err := in.Discard(1); err != nil {
		return err
	}
	if in.Buffered() < 3 {
		return nil
	}
	rest, err := in.Peek(3)
	if err != nil || !bytes.Equal(rest, []byte("\n\r\n")) {
		return err
	}
	if _, err := in.Discard(3); err != nil {
		return err
	}
	return w.send(w.remote, []byte("\r\n"))
}

// errNotFramed says that a stream cannot be cut into messages any more.
var errNotFramed = errors.New("no message boundary in the stream")

// frame cuts one message from a stream: headers up to the empty line, then as many bytes as Content-Length says,
// which must be there on a stream (RFC 3261 section 18.3).
func frame(in *bufio.Reader) ([]byte, error) {
	var message []byte
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		message = append(message, line...)
		if len(message) > maxMessage {
			return nil, fmt.Errorf("%w: headers over %d bytes", errNotFramed, maxMessage)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if bytes.HasSuffix(message, []byte("\r\n\r\n")) {
			break
		}
		if n, ok := contentLength(line); ok {
			length = n
		}
	}
	if length < 0 || len(message)+length > maxMessage {
		return nil, fmt.Errorf("%w: missing or impossible Content-Length", errNotFramed)
	}
	head := len(message)
	message = append(message, make([]byte, length)...)
	_, err := io.ReadFull(in, message[head:])
	return message, err
}

// contentLength reads a line if it is the Content-Length header, in its long or its compact form.
func contentLength(line []byte) (int, bool) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return 0, false
	}
	name = bytes.TrimSpace(name)
	if !bytes.EqualFold(name, []byte("content-length")) && !bytes.EqualFold(name, []byte("l")) {
		return 0, false
	}
	return seconds(string(value))
}

// connections are the TCP connections that are open.
type connections struct {
	mu      sync.Mutex
	last    uint64
	open    map[uint64]*tcpWire
	sources map[netip.Addr]int
	closed  bool
}

func newConnections() *connections {
	return &connections{open: map[uint64]*tcpWire{}, sources: map[netip.Addr]int{}}
}

// add takes in a connection, or returns nil when its source or all together have too many.
func (c *connections) add(remote, advertise netip.AddrPort, trunk bool) *tcpWire {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !trunk && len(c.open) >= connectionsAtAll-connectionsOfTrunks {
		return nil
	}
	return c.admit(remote, advertise)
}

// dialled is an open connection of ours to an address, or a new one, which begin has to serve; nil when there are too
// many. The lock is held while begin runs, so that the server does not close meanwhile.
func (c *connections) dialled(remote, advertise netip.AddrPort, begin func(*tcpWire)) *tcpWire {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.open {
		if w.ours && w.remote == remote && w.advertise == advertise && !w.over() {
			return w
		}
	}
	w := c.admit(remote, advertise)
	if w != nil {
		w.ours = true
		begin(w)
	}
	return w
}

// admit takes in a connection, if there is room; the lock is held.
func (c *connections) admit(remote, advertise netip.AddrPort) *tcpWire {
	if c.closed || len(c.open) >= connectionsAtAll || c.sources[remote.Addr()] >= connectionsPerSource {
		return nil
	}
	c.last++
	w := &tcpWire{
		number: c.last, remote: remote, advertise: advertise,
		out: make(chan []byte, unsent), ended: make(chan struct{}),
	}
	c.open[w.number] = w
	c.sources[remote.Addr()]++
	return w
}

func (c *connections) remove(w *tcpWire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, w.number)
	if c.sources[w.remote.Addr()]--; c.sources[w.remote.Addr()] <= 0 {
		delete(c.sources, w.remote.Addr())
	}
}

// find returns the connection of that number, if it is still open.
func (c *connections) find(number uint64) (*tcpWire, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.open[number]
	return w, ok
}

// close ends all connections, and refuses those that come.
func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, w := range c.open {
		w.end()
	}
}
