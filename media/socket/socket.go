package socket

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// LargestDatagram is the room for a datagram that is received, in bytes; more is cut off. It holds 60 ms of L16 at 16 kHz
// with its headers, the largest that we take.
const LargestDatagram = 2048

// Receive takes in a datagram that a socket got. It is called by one goroutine at a time for each socket, must not block,
// and must not keep the datagram. now is when the datagrams were found to be there.
type Receive func(datagram []byte, from netip.AddrPort, now time.Time)

// Conn is an open socket. Its methods are safe for concurrent use. Once Close has returned, Receive is called no more; so
// Receive must not close its own socket.
type Conn interface {
	WriteToUDPAddrPort(datagram []byte, to netip.AddrPort) (n int, err error)
	Close() error
}

// Stream is the sound that nobody hears: which packets a filter drops. A packet of anything else passes: of another
// source, another type, such as a telephone-event, or a report.
type Stream struct {
	From uint16 // the port that it comes from
	SSRC uint32
	Type uint8 // RTP payload type
}

// Sample is how many packets of a filtered Stream stand for one that passes: those with a number that Sample divides. At
// the usual 20 ms that is one in 320 ms, at 60 ms one in 0.96 s, which tells a far end that lives well within a second
// and keeps the roll-over of numbers known.
const Sample = 16

// Thinner is a Conn that can have the kernel drop a stream.
type Thinner interface {
	// Thin drops all but one packet in Sample of a stream from now on, in place of any stream before it.
	Thin(stream Stream) error
	// Full ends Thin: everything passes that comes from now on.
	Full() error
}

// PacketConn is what Follow reads. *net.UDPConn is one.
type PacketConn interface {
	Conn
	ReadFromUDPAddrPort(buffer []byte) (n int, from netip.AddrPort, err error)
}

// followed is a socket with a goroutine of its own.
type followed struct {
	PacketConn
	ended chan struct{}
}

// Follow reads a socket on a goroutine of its own, which ends with Close.
func Follow(conn PacketConn, receive Receive) Conn {
	f := &followed{PacketConn: conn, ended: make(chan struct{})}
	go f.read(receive)
	return f
}

func (f *followed) read(receive Receive) {
	defer close(f.ended)
	buffer := make([]byte, LargestDatagram)
	for {
		n, from, err := f.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || isFinal(err) {
				return
			}
			continue
		}
		receive(buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), time.Now())
	}
}

// isFinal reports whether a socket that failed once will fail for ever. A datagram that a far end refused (ICMP) is told
// as an error of the next read, and is none of the socket's own.
func isFinal(err error) bool {
	var network net.Error
	return !errors.As(err, &network)
}

// Close implements Conn.
func (f *followed) Close() error {
	err := f.PacketConn.Close()
	<-f.ended
	return err
}
