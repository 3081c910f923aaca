package sip

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Binding is one place where an agent can be reached: a plain value that a store can hold. For the connection of a
// TCP binding it is only good on the node that has the connection.
type Binding struct {
	// Agent is the account that registered it.
	Agent string `json:"agent"`
	// Contact is the URI to call, as it was registered.
	Contact string `json:"contact"`
	// Transport, Source and Flow say the way back: the address that the registration came from, and over TCP the
	// number of the connection.
	Transport Transport      `json:"transport"`
	Source    netip.AddrPort `json:"source"`
	Flow      uint64         `json:"flow,omitempty"`
	// Local is the address of ours that it registered with.
	Local netip.AddrPort `json:"local"`
	// CallID and CSeq order registrations of one phone (RFC 3261 section 10.3 step 7).
	CallID string `json:"call_id"`
	CSeq   uint32 `json:"cseq"`
	// Registered is when the binding was first made, Expires when it ends unless it is refreshed.
	Registered time.Time `json:"registered"`
	Expires    time.Time `json:"expires"`
}

// Live tells whether the binding may be used.
func (b Binding) Live(now time.Time) bool { return now.Before(b.Expires) }

// flowKey identifies a flow as the judge sees it: transport, address, port; for TCP the connection as well.
type flowKey struct {
	transport Transport
	source    netip.AddrPort
	id        uint64
}

func keyOf(f flow) flowKey { return flowKey{f.wire.transport(), f.remote, f.wire.id()} }

func (b Binding) flowKey() flowKey { return flowKey{b.Transport, b.Source, b.Flow} }

// place is what makes two contacts the same (RFC 3261 section 19.1.4, as far as it matters for what is dialled).
func place(uri *sipgo.Uri) string {
	transport, _ := param(uri.UriParams, "transport")
	port := uri.Port
	if port == 0 {
		port = sipgo.DefaultUdpPort
	}
	return uri.User + "@" + strings.ToLower(uri.Host) + ":" + strconv.Itoa(port) + ";" + strings.ToLower(transport)
}
