package main

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// control is a bare loop beside the play: one socket sends a packet every 20 ms, another notes when it came. The largest gap in it is the
// machine's own, of which nobody can be better.
type control struct {
	mu      sync.Mutex
	largest time.Duration
}

// run sends and reads until the context ends.
func (c *control) run(ctx context.Context) error {
	to, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		return err
	}
	defer to.Close()
	from, err := net.DialUDP("udp4", nil, to.LocalAddr().(*net.UDPAddr))
	if err != nil {
		return err
	}
	defer from.Close()
	var reading sync.WaitGroup
	defer reading.Wait()
	defer to.Close() // first: it ends the reader
	reading.Go(func() { c.read(to) })
	tick := time.NewTicker(packetTime)
	defer tick.Stop()
	packet := make([]byte, 172) // 20 ms of G.711 in RTP
	for {
		select {
		case <-tick.C:
			if _, err := from.Write(packet); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// read notes the gaps between packets until the socket is closed.
func (c *control) read(conn *net.UDPConn) {
	var buffer [256]byte
	last := time.Time{}
	for {
		if _, err := conn.Read(buffer[:]); err != nil {
			return
		}
		now := time.Now()
		c.mu.Lock()
		if !last.IsZero() {
			c.largest = max(c.largest, now.Sub(last)-packetTime)
		}
		c.mu.Unlock()
		last = now
	}
}

// gap is the largest so far.
func (c *control) gap() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.largest
}
