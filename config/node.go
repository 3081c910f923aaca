package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Node is what one machine is: spillway.yaml with the environment laid over it. It is read at the start and immutable.
type Node struct {
	ID      string // unique among the nodes of a centre; default: the host name
	Data    string // absolute path: last good configuration, board, pauses
	SIP     SIP
	Media   Media
	Redis   Redis
	Cluster Cluster
	HTTP    HTTP
	Limits  Limits
	Log     Log
}

// SIP is the front door of a node.
type SIP struct {
	Listen    []Listener
	Advertise netip.Addr // the address that others reach us by
	Realm     string     // of our digest challenges
	Digest    []string   // challenges sent, in this order: "md5", "sha-256"
}

// Listener is one address that a node listens on.
type Listener struct {
	Network string // "udp" or "tcp"
	Addr    netip.AddrPort
}

// String renders the listener as it is written: udp://127.0.0.1:5060.
func (l Listener) String() string { return l.Network + "://" + l.Addr.String() }

// Media is a node's sound.
type Media struct {
	FirstPort int // the port range, both ends included; two ports for each leg, RTP on the even one
	LastPort  int
	Advertise []netip.Addr  // the addresses in our SDP: one of a family at most, in order of preference
	Codecs    []string      // in order of preference: "pcmu", "pcma"
	Timeout   time.Duration // silence of a leg that was sending
}

// Redis is the store that nodes share.
type Redis struct {
	URL string // "": in memory, one machine
}

// Cluster is how nodes reach each other.
type Cluster struct {
	Secret    Secret // empty while the store is in memory
	Advertise netip.Addr
}

// HTTP is the API of a node.
type HTTP struct {
	Listen netip.AddrPort
	Tokens map[string]Token // by name; none: loopback only
}

// Token is who may use the API, and for what.
type Token struct {
	Secret Secret
	Read   bool
	Act    bool
}

// Limits bound what a node takes on.
type Limits struct {
	Calls          int           // calls at one time
	CallsPerSecond int           // new calls admitted each second
	CallDuration   time.Duration // the longest call
	Drain          time.Duration // how long running calls may finish after SIGTERM
}

// Log is how a node logs.
type Log struct {
	Level  slog.Level
	Format string // "json" or "text"
}

// Legs is how many legs the port range carries: two ports each, RTP and RTCP.
func (m Media) Legs() int { return (m.LastPort - m.FirstPort + 1) / portsPerLeg }

// What one call needs at most: a caller's and an agent's leg, each with an RTP and an RTCP port (RFC 3550 section 11).
const (
	legsPerCall = 2
	portsPerLeg = 2
)

// spareFiles is what a node needs beside its media ports: listeners, connections of phones and of the API, files.
const spareFiles = 1024

// OpenFiles is how many open files the node needs at most when limits.calls calls run: each media port is a socket.
func (n *Node) OpenFiles() int { return n.Limits.Calls*legsPerCall*portsPerLeg + spareFiles }
