package phone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// sourcesKept bounds how many addresses a phone remembers that requests came from.
const sourcesKept = 4096

// socket is where a phone's SIP messages arrive.
type socket struct {
	serving sync.WaitGroup
	shut    atomic.Bool  // nothing that arrives is seen any more
	udp     *net.UDPConn // nil over TCP

	mu      sync.Mutex
	sources map[string]struct{} // where requests came from
}

// note remembers where a request came from.
func (s *socket) note(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources == nil {
		s.sources = make(map[string]struct{})
	}
	if len(s.sources) < sourcesKept {
		s.sources[source] = struct{}{}
	}
}

// listen opens the SIP socket and serves it.
func (p *Phone) listen() error {
	at := netip.AddrPortFrom(p.options.Bind, 0)
	if p.options.Network == "tcp" {
		listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
		if err != nil {
			return fmt.Errorf("phone: %w", err)
		}
		p.local = listener.Addr().(*net.TCPAddr).AddrPort()
		context.AfterFunc(p.closing, func() { listener.Close() })
		p.socket.serving.Go(func() { _ = p.transport.ServeTCP(listener) })
		return nil
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	p.socket.udp = conn
	p.local = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	context.AfterFunc(p.closing, func() { conn.Close() })
	p.socket.serving.Go(func() { _ = p.transport.ServeUDP(conn) })
	return p.awaitSocket()
}

// awaitSocket waits until the transport knows our socket: a request sent before would leave from another.
func (p *Phone) awaitSocket() error {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, err := p.transport.GetConnection("udp", p.local.String()); err == nil {
			return nil
		}
	}
	p.Close()
	return errors.New("phone: the transport does not serve its socket")
}

// filter drops all that arrives once the phone has vanished or is closed.
func (p *Phone) filter(_ sip.TransportReadProps, data []byte) ([]byte, error) {
	if p.gone.Load() || p.socket.shut.Load() {
		return nil, nil
	}
	return data, nil
}

// hangUpSockets frees the sockets and ends all transactions.
func (p *Phone) hangUpSockets() {
	p.socket.shut.Store(true)
	p.bury()
	p.transactions.Close()
	p.close()
	if p.socket.udp == nil {
		_ = p.transport.Close()
	}
	p.socket.serving.Wait()
	p.bury()
}

// bury makes the transport believe that our UDP socket, open or closed, still serves all addresses that requests came
// from. A request may still be on its way between the reader and its transaction, in a goroutine of the transport's; without
// this it would open a socket of its own for its response, which nobody would ever close.
func (p *Phone) bury() {
	if p.socket.udp == nil {
		return
	}
	pool := p.transport.Pool("udp")
	pool.Add(p.local.String(), p.tombstone())
	p.socket.mu.Lock()
	defer p.socket.mu.Unlock()
	for source := range p.socket.sources {
		pool.Add(source, p.tombstone())
	}
}

// tombstone is a connection over our socket that the reader does not take for its own when it clears up.
func (p *Phone) tombstone() *sip.UDPConnection {
	return &sip.UDPConnection{PacketConn: p.socket.udp, PacketAddr: p.local.String(), Listener: true}
}
