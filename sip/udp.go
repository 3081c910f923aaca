package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// maxMessage is the longest message taken, in bytes: what fits into a datagram.
const maxMessage = 65535

// udpWire is a UDP listener; requests of ours leave by the port that they are answered at.
type udpWire struct {
	conn      *net.UDPConn
	bound     netip.AddrPort
	advertise netip.AddrPort
}

func listenUDP(at netip.AddrPort, advertise netip.Addr) (*udpWire, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("listen on udp %s: %w", at, err)
	}
	bound := unmap(conn.LocalAddr().(*net.UDPAddr).AddrPort())
	return &udpWire{conn: conn, bound: bound, advertise: reachable(bound, advertise)}, nil
}

// reachable is the advertised address with the port that was bound, or the bound one when none is advertised.
func reachable(bound netip.AddrPort, advertise netip.Addr) netip.AddrPort {
	if !advertise.IsValid() {
		return bound
	}
	return netip.AddrPortFrom(advertise, bound.Port())
}

// unmap turns an IPv4 address in its IPv6 form back into the plain one, so that addresses compare.
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func (w *udpWire) transport() Transport       { return UDP }
func (w *udpWire) id() uint64                 { return 0 }
func (w *udpWire) advertised() netip.AddrPort { return w.advertise }
func (w *udpWire) use(int32)                  {}

func (w *udpWire) send(to netip.AddrPort, message []byte) error {
	_, err := w.conn.WriteToUDPAddrPort(message, to)
	return err
}

// read hands every datagram to the server, in the order of arrival, until the socket fails or is closed.
func (w *udpWire) read(s *Server) error {
	buffer := make([]byte, maxMessage)
	for {
		n, source, err := w.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("sip: read on udp %s: %w", w.bound, err)
		}
		s.receive(flow{w, unmap(source)}, buffer[:n])
	}
}

func (w *udpWire) close() { _ = w.conn.Close() }
