package sip

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// Transport is the protocol that carries SIP messages.
type Transport string

// The transports served.
const (
	UDP Transport = "UDP"
	TCP Transport = "TCP"
)

// A wire carries whole messages: a UDP listener, one TCP connection, or something in a test's memory. Its methods
// are safe for concurrent use.
type wire interface {
	transport() Transport
	// id is 0 for UDP, else the number of the connection, never used twice by one server.
	id() uint64
	// advertised is the address that the far end is told to reach us by on this wire.
	advertised() netip.AddrPort
	// send writes one message; the address matters for UDP alone. It never blocks for long.
	send(to netip.AddrPort, message []byte) error
	// use counts the dialogs that talk over the wire: a connection that has some is kept however long it is silent.
	use(dialogs int32)
}

// A flow is a wire and the far end of it: where messages come from and can be sent back to.
type flow struct {
	wire   wire
	remote netip.AddrPort
}

// write sends one message over the flow.
func (f flow) write(m sipgo.Message) error {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	m.StringWrite(buffer)
	if err := f.wire.send(f.remote, buffer.Bytes()); err != nil {
		return fmt.Errorf("send to %s over %s: %w", f.remote, f.wire.transport(), err)
	}
	return nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// back is the flow that a response to the request goes over: the connection that it came by, or for UDP its source
// address with the port of rport (RFC 3581 section 4), or else of the Via header (RFC 3261 section 18.2.2). A maddr
// is ignored: nobody makes us write to a third party.
func (f flow) back(req *sipgo.Request) flow {
	via := req.Via()
	if f.wire.transport() != UDP || via == nil {
		return f
	}
	if _, ok := param(via.Params, "rport"); ok {
		return f
	}
	return flow{f.wire, netip.AddrPortFrom(f.remote.Addr(), sentBy(via))}
}

// sentBy is the port of a Via header.
func sentBy(via *sipgo.ViaHeader) uint16 {
	if via.Port <= 0 || via.Port > 65535 {
		return uint16(sipgo.DefaultUdpPort)
	}
	return uint16(via.Port)
}

// link lets sipgo's transactions write to a flow. Wires are owned elsewhere, so nothing is counted or closed here.
type link struct {
	flow flow
	// revive, when set, finds another way for what could not be sent.
	revive func() (flow, bool)
}

var _ sipgo.Connection = link{}

func (l link) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(l.flow.wire.advertised())
}
func (l link) WriteMsg(m sipgo.Message) error {
	err := l.flow.write(m)
	if err == nil || l.revive == nil {
		return err
	}
	other, ok := l.revive()
	if !ok {
		return err
	}
	return other.write(m)
}
func (l link) Ref(int) int            { return 1 }
func (l link) TryClose() (int, error) { return 1, nil }
func (l link) Close() error           { return nil }

// contact is the URI under which the far end reaches us over this wire.
func contact(w wire) sipgo.Uri {
	at := w.advertised()
	uri := sipgo.Uri{Scheme: "sip", User: "spillway", Host: at.Addr().String(), Port: int(at.Port())}
	if w.transport() == TCP {
		uri.UriParams = sipgo.HeaderParams{{K: "transport", V: "tcp"}}
	}
	return uri
}

// literal is the address that a URI names, when it names one by number; names are never resolved on the path of a
// message.
func literal(uri *sipgo.Uri) (netip.AddrPort, bool) {
	addr, err := netip.ParseAddr(strings.Trim(uri.Host, "[]"))
	if err != nil || !addr.Is4() {
		return netip.AddrPort{}, false
	}
	port := uri.Port
	if port == 0 {
		port = sipgo.DefaultUdpPort
	}
	if port < 0 || port > 65535 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr, uint16(port)), true
}

// param finds a parameter as RFC 3261 section 7.3.1 wants it: the name in any case, blanks around it allowed.
func param(params sipgo.HeaderParams, name string) (string, bool) {
	for _, p := range params {
		if strings.EqualFold(strings.TrimSpace(p.K), name) {
			return strings.TrimSpace(p.V), true
		}
	}
	return "", false
}

// seconds reads a delta-seconds value.
func seconds(text string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return 0, false
	}
	return int(n), true
}
