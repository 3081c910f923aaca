package sip

import "net/netip"

// Directory is who is known: accounts that authenticate, and trunks that are known by their address. It is a value
// that is replaced as a whole, and never changed.
type Directory struct {
	// Accounts by the name that they authenticate with.
	Accounts map[string]Account
	// Trunks in the order in which an address is looked for.
	Trunks []Trunk
}

// Account is somebody who proves who he is with a password.
type Account struct {
	// Secret is the password.
	Secret string
	// Trunk names the trunk that this is the account of; "" for an agent.
	Trunk string
}

// Trunk is where calls come from that need no password.
type Trunk struct {
	// Name as it is configured.
	Name string
	// Accept are the addresses that may send calls.
	Accept []netip.Prefix
}

// trunkAt is the name of the trunk that an address belongs to.
func (d *Directory) trunkAt(a netip.Addr) (string, bool) {
	for _, t := range d.Trunks {
		for _, p := range t.Accept {
			if p.Contains(a) {
				return t.Name, true
			}
		}
	}
	return "", false
}

// peerOf is who an account stands for.
func (d *Directory) peerOf(account string) Peer {
	if t := d.Accounts[account].Trunk; t != "" {
		return Peer{Kind: PeerTrunk, Name: t}
	}
	return Peer{Kind: PeerAgent, Name: account}
}

// PeerKind says what kind of far end a leg has.
type PeerKind string

// The kinds of far ends.
const (
	PeerTrunk PeerKind = "trunk"
	PeerAgent PeerKind = "agent"
)

// Peer is the far end of a leg as we know it: proved, not claimed.
type Peer struct {
	Kind PeerKind
	// Name of the trunk or the agent.
	Name string
}

// String is kind and name.
func (p Peer) String() string { return string(p.Kind) + " " + p.Name }
