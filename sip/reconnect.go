package sip

import (
	"net"
	"net/netip"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// connecting is how long it may take to reach a far end whose connection was cut: several times the round trip of any
// path that calls can be made over.
const connecting = 2 * time.Second

// cut tells whether a flow's connection is closed, so that nothing can be sent over it any more.
func (f flow) cut() bool {
	w, ok := f.wire.(*tcpWire)
	return ok && w.over()
}

// reconnect is a connection of ours to a far end that had one to us: one that is open, or a new one. What is sent
// before it is up waits for it. It returns false when no connection can be had.
func (s *Server) reconnect(to netip.AddrPort, cut flow) (flow, bool) {
	for _, t := range s.tcp {
		if t.advertise != cut.wire.advertised() {
			continue
		}
		w := s.tcps.dialled(to, t.advertise, func(w *tcpWire) {
			s.running.Go(func() { w.establish(s, t.bound.Addr()) })
		})
		return flow{w, to}, w != nil
	}
	return flow{}, false
}

// establish connects to the far end and serves the connection. We come from the address that we listen on, by which
// we are known.
func (w *tcpWire) establish(s *Server, from netip.Addr) {
	dialer := net.Dialer{Timeout: connecting, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := dialer.Dial("tcp4", w.remote.String())
	if err != nil {
		s.noisy.Debug("connection not made again", remoteField(w.remote), errorField(err))
		w.end()
		s.tcps.remove(w)
		return
	}
	w.conn = conn
	w.serve(s, strangerIdle)
}

// revival is where answers go when the connection of their request was cut: to the source of the request, at the port
// of its Via (RFC 3261 section 18.2.2).
func (s *Server) revival(f flow, req *sipgo.Request) func() (flow, bool) {
	if f.wire.transport() != TCP {
		return nil
	}
	port := sentBy(req.Via())
	return func() (flow, bool) {
		if !f.cut() {
			return flow{}, false
		}
		return s.reconnect(netip.AddrPortFrom(f.remote.Addr(), port), f)
	}
}

// mend finds another way to a far end whose connection was cut: to an agent over the connection that its phone has
// registered by since, to a trunk over a new one to the next hop.
func (d *dialog) mend(st *DialogState) {
	if !d.flow.cut() {
		return
	}
	if d.peer.Kind == PeerAgent {
		if f, ok := d.server.agentFlow(d.peer.Name, d.flow.remote.Addr()); ok {
			d.move(f)
		}
		return
	}
	to, ok := st.nextHop()
	if !ok {
		to = netip.AddrPortFrom(d.flow.remote.Addr(), uint16(sipgo.DefaultTcpPort))
	}
	if f, ok := d.server.reconnect(to, d.flow); ok {
		d.move(f)
	}
}

// follow notes that the far end is somewhere else now: an agent whose phone has moved, a trunk that has opened
// another connection since the one that we talked over was cut.
func (d *dialog) follow(f flow) {
	if f != d.flow && (d.peer.Kind == PeerAgent || d.flow.cut()) {
		d.move(f)
	}
}

// move has what we send within the dialog take another way.
func (d *dialog) move(f flow) {
	d.flow.wire.use(-1)
	f.wire.use(1)
	d.flow = f
	d.state.Transport, d.state.Remote = f.wire.transport(), f.remote
}

// agentFlow is the flow of a live registration of an agent that is good for sending, if possible from the same address
// as before: an agent may have several phones.
func (s *Server) agentFlow(agent string, before netip.Addr) (flow, bool) {
	var found flow
	for _, b := range s.registrar.live(agent, time.Now()) {
		f, err := s.flowTo(b)
		if err != nil || f.cut() {
			continue
		}
		if found = f; f.remote.Addr() == before {
			break
		}
	}
	return found, found.wire != nil
}
