package memnet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

const (
	// firstEphemeral is the first port given to an endpoint that asks for port 0, as in RFC 6335 section 6.
	firstEphemeral = 49152

	// maxDatagram is the largest payload in bytes that fits into one IPv4 UDP datagram (RFC 768, RFC 791).
	maxDatagram = 65507
)

// ErrAddressInUse says that another endpoint of the network already listens on the address and port.
var ErrAddressInUse = errors.New("address already in use")

// Conditions says what happens to the packets of a link. The zero value delivers everything at once and in order.
// Probabilities run from 0 (never) to 1 (always).
type Conditions struct {
	Delay     time.Duration // how long every packet travels
	Jitter    time.Duration // added to Delay: uniform between 0 and Jitter; keeps the order of a link's packets
	Loss      float64       // how likely a packet is lost
	Duplicate float64       // how likely a packet arrives twice, the copy right after the original
	Reorder   float64       // how likely a packet is held back by Hold, so that later ones overtake it
	Hold      time.Duration // how long a reordered packet is held back in addition; 0 means 30 ms (one RTP packet and a half)
}

// Counts says what became of the packets of a network.
type Counts struct {
	Sent       uint64 // datagrams written by endpoints
	Delivered  uint64 // datagrams put into a reader's queue, copies included
	Lost       uint64 // dropped by a link's conditions
	Duplicated uint64 // copies made by a link's conditions
	Unreached  uint64 // nobody listened at the destination
	Overrun    uint64 // the reader's queue was full
}

// link names the direction from one endpoint to another.
type link struct{ from, to netip.AddrPort }

// Network is a set of endpoints that reach each other. It is safe for concurrent use.
type Network struct {
	mu        sync.Mutex
	endpoints map[netip.AddrPort]*Endpoint
	usual     Conditions
	special   map[link]Conditions
	random    *rand.Rand
	nextPort  uint16
	counts    Counts
}

// New makes a network whose losses, jitter and order are drawn from seed.
func New(seed uint64) *Network {
	return &Network{
		endpoints: make(map[netip.AddrPort]*Endpoint),
		special:   make(map[link]Conditions),
		random:    rand.New(rand.NewPCG(seed, 0)),
		nextPort:  firstEphemeral,
	}
}

// SetConditions sets the conditions of every link that has none of its own, for packets sent from now on.
func (n *Network) SetConditions(c Conditions) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.usual = c
}

// SetLink sets the conditions of one direction of one pair of endpoints, for packets sent from now on.
func (n *Network) SetLink(from, to netip.AddrPort, c Conditions) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.special[link{from, to}] = c
}

// Counts returns what became of the packets so far.
func (n *Network) Counts() Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts
}

// Listen opens an endpoint. Port 0 takes a free one. The caller owns the endpoint and closes it.
func (n *Network) Listen(at netip.AddrPort) (*Endpoint, error) {
	if !at.Addr().IsValid() {
		return nil, fmt.Errorf("memnet: listen on %v: not an address", at)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.Port() == 0 {
		free, ok := n.freePort(at.Addr())
		if !ok {
			return nil, fmt.Errorf("memnet: listen on %v: no port is free", at)
		}
		at = free
	}
	if n.endpoints[at] != nil {
		return nil, fmt.Errorf("memnet: listen on %v: %w", at, ErrAddressInUse)
	}
	e := newEndpoint(n, at)
	n.endpoints[at] = e
	return e, nil
}

// freePort finds the next port that nobody uses. It is called with the lock held.
func (n *Network) freePort(on netip.Addr) (netip.AddrPort, bool) {
	for range 1<<16 - firstEphemeral {
		at := netip.AddrPortFrom(on, n.nextPort)
		n.nextPort++
		if n.nextPort < firstEphemeral {
			n.nextPort = firstEphemeral
		}
		if n.endpoints[at] == nil {
			return at, true
		}
	}
	return netip.AddrPort{}, false
}

// forget removes a closed endpoint.
func (n *Network) forget(e *Endpoint) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.endpoints[e.local] == e {
		delete(n.endpoints, e.local)
	}
}

// send decides what becomes of one datagram and hands it over to its destination. It copies payload.
func (n *Network) send(from *Endpoint, to netip.AddrPort, payload []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.counts.Sent++
	c, ok := n.special[link{from.local, to}]
	if !ok {
		c = n.usual
	}
	if n.happens(c.Loss) {
		n.counts.Lost++
		return
	}
	destination := n.endpoints[to]
	if destination == nil {
		n.counts.Unreached++
		return
	}
	copies := 1
	if n.happens(c.Duplicate) {
		n.counts.Duplicated++
		copies = 2
	}
	due := n.arrival(destination, from.local, c)
	for range copies {
		destination.expect(arriving{from: from.local, payload: append([]byte(nil), payload...), due: due})
	}
}

// arrival says when a packet sent now over a link with conditions c is due. It is called with the lock held.
func (n *Network) arrival(to *Endpoint, from netip.AddrPort, c Conditions) time.Time {
	due := time.Now().Add(c.Delay)
	if c.Jitter > 0 {
		due = due.Add(time.Duration(n.random.Int64N(int64(c.Jitter) + 1)))
	}
	if n.happens(c.Reorder) {
		hold := c.Hold
		if hold <= 0 {
			hold = 30 * time.Millisecond
		}
		return due.Add(hold)
	}
	return to.inOrder(from, due)
}

// happens draws whether something of the given probability happens. It is called with the lock held.
func (n *Network) happens(probability float64) bool {
	return probability > 0 && n.random.Float64() < probability
}

// count adds the outcome of deliveries that an endpoint made.
func (n *Network) count(delivered, overrun uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.counts.Delivered += delivered
	n.counts.Overrun += overrun
}
