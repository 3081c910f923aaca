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
	// Transport and Source say the way back: the address that the registration came from.
	Transport Transport      `json:"transport"`
	Source    netip.AddrPort `json:"source"`
	// Flow is over TCP the number of the connection, 0 over UDP. Each server counts its own, so at any other node the
	// number is nobody's or another phone's: only the node that took the registration can dial it, and others that try
	// get ErrFlowGone.
	Flow uint64 `json:"flow,omitempty"`
	// Local is the address of ours that it registered with, which may be another node's.
	Local netip.AddrPort `json:"local"`
	// CallID and CSeq order registrations of one phone (RFC 3261 section 10.3 step 7).
	CallID string `json:"call_id"`
	CSeq   uint32 `json:"cseq"`
	// Registered is when the binding was first made, Refreshed when it was last, Expires when it ends unless it is refreshed again.
	Registered time.Time `json:"registered"`
	Refreshed  time.Time `json:"refreshed"`
	Expires    time.Time `json:"expires"`
}

// Live tells whether the binding may be used.
func (b Binding) Live(now time.Time) bool { return now.Before(b.Expires) }

// Direct tells whether every node can reach the phone by its address alone: it registered over UDP, and its contact
// names by number the very address that the registration came from. Any other stands behind a NAT, a proxy or a
// connection, and hears only the node that took the registration. It is what the registration shows and no proof: a
// phone that learnt its address outside of a NAT (RFC 3581) and registers that looks the same, and its NAT may let in
// the one node alone.
func (b Binding) Direct() bool {
	var at sipgo.Uri
	if b.Transport != UDP || sipgo.ParseUri(b.Contact, &at) != nil || at.Scheme != "sip" {
		return false
	}
	if transport, given := param(at.UriParams, "transport"); given && !strings.EqualFold(transport, string(UDP)) {
		return false // registered over UDP, to be called over something else
	}
	address, numeric := literal(&at)
	return numeric && address == b.Source
}

// Place is what makes two bindings of one agent the same phone: the registrar keeps one for each place, and a
// registration of the same contact takes the place of the one before. It is made of the contact alone, so it is the
// same at every node. Places of different agents say nothing about each other.
func (b Binding) Place() string { return place(b.Contact) }

// flowKey identifies a flow as the judge sees it: transport, address, port; for TCP the connection as well.
type flowKey struct {
	transport Transport
	source    netip.AddrPort
	id        uint64
}

func keyOf(f flow) flowKey { return flowKey{f.wire.transport(), f.remote, f.wire.id()} }

func (b Binding) flowKey() flowKey { return flowKey{b.Transport, b.Source, b.Flow} }

// place is what makes two contacts the same (RFC 3261 section 19.1.4, as far as it matters for what is dialled). It
// reads the contact as it is kept and not as it came, so that whoever has the binding finds the same place.
func place(contact string) string {
	var uri sipgo.Uri
	if sipgo.ParseUri(contact, &uri) != nil {
		return contact
	}
	transport, _ := param(uri.UriParams, "transport")
	port := uri.Port
	if port == 0 {
		port = sipgo.DefaultUdpPort
	}
	return uri.User + "@" + strings.ToLower(uri.Host) + ":" + strconv.Itoa(port) + ";" + strings.ToLower(transport)
}
