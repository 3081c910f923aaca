package memnet

import (
	"container/heap"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// queueLength is how many datagrams wait for a slow reader before further ones are lost: about what the kernel's
// default socket buffer (208 KiB) holds of RTP packets.
const queueLength = 512

// errTooLong says that a payload does not fit into a datagram.
var errTooLong = errors.New("message too long")

var _ net.PacketConn = (*Endpoint)(nil)

// arriving is a datagram on its way to an endpoint.
type arriving struct {
	from    netip.AddrPort
	payload []byte
	due     time.Time
	order   uint64 // breaks ties, so that what was sent first arrives first
}

// journey is a heap of datagrams, the next one due on top.
type journey []arriving

func (j journey) Len() int { return len(j) }
func (j journey) Less(a, b int) bool {
	if j[a].due.Equal(j[b].due) {
		return j[a].order < j[b].order
	}
	return j[a].due.Before(j[b].due)
}
func (j journey) Swap(a, b int) { j[a], j[b] = j[b], j[a] }
func (j *journey) Push(x any)   { *j = append(*j, x.(arriving)) }
func (j *journey) Pop() any {
	last := len(*j) - 1
	x := (*j)[last]
	(*j)[last] = arriving{}
	*j = (*j)[:last]
	return x
}

// Endpoint is one socket of a Network. It is safe for concurrent use, as a socket is.
type Endpoint struct {
	network *Network
	local   netip.AddrPort
	queue   chan arriving // what has arrived and was not read yet
	closed  chan struct{}
	once    sync.Once
	reading deadline
	writing deadline

	mu     sync.Mutex
	onWay  journey
	order  uint64
	latest map[netip.AddrPort]time.Time // per sender: when its latest packet in order is due
}

func newEndpoint(n *Network, at netip.AddrPort) *Endpoint {
	return &Endpoint{
		network: n,
		local:   at,
		queue:   make(chan arriving, queueLength),
		closed:  make(chan struct{}),
		reading: newDeadline(),
		writing: newDeadline(),
		latest:  make(map[netip.AddrPort]time.Time),
	}
}

// inOrder returns the time at which a packet of a sender is due that must not overtake the one before it.
func (e *Endpoint) inOrder(from netip.AddrPort, due time.Time) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	if last := e.latest[from]; due.Before(last) {
		due = last
	}
	e.latest[from] = due
	return due
}

// expect takes a datagram on its way; it is put into the queue when it is due.
func (e *Endpoint) expect(a arriving) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.order++
	a.order = e.order
	heap.Push(&e.onWay, a)
	time.AfterFunc(time.Until(a.due), e.arrive)
}

// arrive moves everything that is due into the reader's queue.
func (e *Endpoint) arrive() {
	var delivered, overrun uint64
	now := time.Now()
	e.mu.Lock()
	for len(e.onWay) > 0 && !e.onWay[0].due.After(now) {
		a := heap.Pop(&e.onWay).(arriving)
		select {
		case e.queue <- a:
			delivered++
		default:
			overrun++
		}
	}
	e.mu.Unlock()
	e.network.count(delivered, overrun)
}

// ReadFromUDPAddrPort waits for a datagram, copies what fits of it into b, and says how much that was and who sent it.
// It fails with net.ErrClosed after Close and with os.ErrDeadlineExceeded after the read deadline.
func (e *Endpoint) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	expired, moved := e.reading.watch()
	switch {
	case e.isClosed():
		return 0, netip.AddrPort{}, e.fail("read", net.ErrClosed)
	case e.reading.passed():
		return 0, netip.AddrPort{}, e.fail("read", os.ErrDeadlineExceeded)
	}
	for {
		select {
		case a := <-e.queue:
			return copy(b, a.payload), a.from, nil
		case <-e.closed:
			return 0, netip.AddrPort{}, e.fail("read", net.ErrClosed)
		case <-expired:
			return 0, netip.AddrPort{}, e.fail("read", os.ErrDeadlineExceeded)
		case <-moved:
			expired, moved = e.reading.watch()
		}
	}
}

// WriteToUDPAddrPort sends b as one datagram. It does not wait, and does not say whether anybody received it.
func (e *Endpoint) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	switch {
	case e.isClosed():
		return 0, e.fail("write", net.ErrClosed)
	case e.writing.passed():
		return 0, e.fail("write", os.ErrDeadlineExceeded)
	case len(b) > maxDatagram:
		return 0, e.fail("write", errTooLong)
	}
	e.network.send(e, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), b)
	return len(b), nil
}

// ReadFrom is ReadFromUDPAddrPort for users of net.PacketConn; the address is a *net.UDPAddr.
func (e *Endpoint) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := e.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo is WriteToUDPAddrPort for users of net.PacketConn; the address must be a *net.UDPAddr.
func (e *Endpoint) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, e.fail("write", &net.AddrError{Err: "not a UDP address", Addr: to.String()})
	}
	return e.WriteToUDPAddrPort(b, udp.AddrPort())
}

// LocalAddr returns the address and port, as a *net.UDPAddr.
func (e *Endpoint) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(e.local) }

// AddrPort returns the address and port.
func (e *Endpoint) AddrPort() netip.AddrPort { return e.local }

// SetReadDeadline sets when reading fails, also for a Read that already waits; the zero time means never.
func (e *Endpoint) SetReadDeadline(t time.Time) error {
	if e.isClosed() {
		return e.fail("set", net.ErrClosed)
	}
	e.reading.set(t)
	return nil
}

// SetWriteDeadline sets when writing fails; the zero time means never.
func (e *Endpoint) SetWriteDeadline(t time.Time) error {
	if e.isClosed() {
		return e.fail("set", net.ErrClosed)
	}
	e.writing.set(t)
	return nil
}

// SetDeadline sets both deadlines.
func (e *Endpoint) SetDeadline(t time.Time) error {
	if err := e.SetReadDeadline(t); err != nil {
		return err
	}
	return e.SetWriteDeadline(t)
}

// Close frees the address, wakes whoever reads, and loses what is still on its way here. The second call fails with
// net.ErrClosed, as a socket's does.
func (e *Endpoint) Close() error {
	err := e.fail("close", net.ErrClosed)
	e.once.Do(func() {
		close(e.closed)
		e.reading.stop()
		e.writing.stop()
		e.network.forget(e)
		err = nil
	})
	return err
}

func (e *Endpoint) isClosed() bool {
	select {
	case <-e.closed:
		return true
	default:
		return false
	}
}

// fail wraps an error as the net package does, so that callers may test for net.Error and errors.Is alike.
func (e *Endpoint) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Addr: e.LocalAddr(), Err: err}
}
