//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	batchSize  = 64       // packets in one system call
	roomInside = 32 << 20 // bytes that may wait in the kernel: seconds of sound
)

// port is a socket of the generator. One goroutine uses it.
type port struct {
	conn    *net.UDPConn
	batch   *ipv4.PacketConn
	in, out []ipv4.Message
	waiting int // packets in out
}

// openPair opens an even port for RTP and the next one for RTCP (RFC 3550 section 11).
func openPair() (rtp, rtcp *port, err error) {
	for range 100 {
		if rtp, err = openPort(0); err != nil {
			return nil, nil, err
		}
		number := rtp.address().Port()
		if number%2 == 0 {
			if rtcp, err = openPort(number + 1); err == nil {
				return rtp, rtcp, nil
			}
		}
		_ = rtp.conn.Close() // another is opened
	}
	return nil, nil, fmt.Errorf("no pair of ports is free: %w", err)
}

func openPort(number uint16) (*port, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, number)))
	if err != nil {
		return nil, err
	}
	p := &port{conn: conn, batch: ipv4.NewPacketConn(conn)}
	if err := p.prepare(); err != nil {
		_ = conn.Close() // the error is told
		return nil, err
	}
	for range batchSize {
		p.in = append(p.in, ipv4.Message{Buffers: [][]byte{make([]byte, 2048)}, OOB: make([]byte, 64)})
		p.out = append(p.out, ipv4.Message{Buffers: make([][]byte, 1)})
	}
	return p, nil
}

// prepare asks for the time of each packet, and for room.
func (p *port) prepare() error {
	raw, err := p.conn.SyscallConn()
	if err != nil {
		return err
	}
	var err1 error
	err = raw.Control(func(fd uintptr) {
		if err1 = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err1 != nil {
			return
		}
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, roomInside) != nil { // only for root
			err1 = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, roomInside)
		}
	})
	return errors.Join(err, err1)
}

func (p *port) address() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// send puts a packet in the batch. The packet is read when the batch is sent.
func (p *port) send(packet []byte, to *net.UDPAddr) {
	p.out[p.waiting].Buffers[0], p.out[p.waiting].Addr = packet, to
	if p.waiting++; p.waiting == batchSize {
		p.flush()
	}
}

// flush sends the batch. A packet that the kernel does not take is passed over: it counts as lost.
func (p *port) flush() {
	for rest := p.out[:p.waiting]; len(rest) > 0; {
		n, err := p.batch.WriteBatch(rest, 0)
		if err != nil {
			n = 1
		}
		rest = rest[n:]
	}
	p.waiting = 0
}

// receive takes in what has come, without waiting.
func (p *port) receive(take func(from int, packet []byte, at time.Time)) {
	for {
		n, err := p.batch.ReadBatch(p.in, syscall.MSG_DONTWAIT)
		if err != nil || n <= 0 {
			return
		}
		for i := range p.in[:n] {
			m := &p.in[i]
			if take != nil {
				take(m.Addr.(*net.UDPAddr).Port, m.Buffers[0][:m.N], arrived(m.OOB[:m.NN]))
			}
		}
		if n < batchSize {
			return
		}
	}
}

// arrived reads the kernel's time of a packet (socket(7), SO_TIMESTAMPNS): one control message with seconds and nanoseconds.
func arrived(control []byte) time.Time {
	const header = unix.SizeofCmsghdr
	if len(control) < header+16 {
		return time.Now()
	}
	seconds := binary.NativeEndian.Uint64(control[header:])
	nanoseconds := binary.NativeEndian.Uint64(control[header+8:])
	return time.Unix(int64(seconds), int64(nanoseconds))
}
