//go:build !linux

package socket

import (
	"context"
	"net"
	"net/netip"
)

// A Poll is an owner of sockets. Its methods are safe for concurrent use.
type Poll struct{}

// NewPoll returns an owner whose sockets have a goroutine each.
func NewPoll() (*Poll, error) { return &Poll{}, nil }

// Listen opens a socket, whose datagrams go to receive until it is closed.
func (p *Poll) Listen(local netip.AddrPort, receive Receive) (Conn, error) {
	var config net.ListenConfig
	conn, err := config.ListenPacket(context.Background(), "udp", local.String())
	if err != nil {
		return nil, err
	}
	return Follow(conn.(*net.UDPConn), receive), nil
}

// Close does nothing: each socket ends by itself.
func (p *Poll) Close() {}
