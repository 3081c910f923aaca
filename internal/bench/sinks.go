package main

import (
	"net"
	"net/netip"
	"strconv"
	"time"
)

// sinks are sockets that read and drop, as the callers' phones do.
type sinks []*net.UDPConn

// openSinks opens sockets; heard is told when a packet came to one of them, each on its own goroutine.
func openSinks(n int, heard func(time.Time)) (sinks, error) {
	var s sinks
	for range n {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		if err != nil {
			s.close()
			return nil, err
		}
		s = append(s, conn)
		go func() {
			buffer := make([]byte, 2048)
			for {
				if _, _, err := conn.ReadFromUDPAddrPort(buffer); err != nil {
					return // closed
				}
				heard(time.Now())
			}
		}()
	}
	return s, nil
}

func (s sinks) ports() []string {
	ports := make([]string, len(s))
	for i, conn := range s {
		ports[i] = strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port)
	}
	return ports
}

func (s sinks) close() {
	for _, conn := range s {
		_ = conn.Close() // nothing was written that could be lost
	}
}

// sendto is the role of the bare loop: a socket for each port, and every 20 ms a packet from each, all by one goroutine.
func sendto(args []string) ([]netip.AddrPort, func(), error) {
	conns, to, err := openSenders(args)
	if err != nil {
		return nil, nil, err
	}
	over := make(chan struct{})
	go func() {
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		packet := make([]byte, packetSize)
		for {
			select {
			case <-over:
				return
			case <-pace.C:
				sendEach(conns, to, packet)
			}
		}
	}()
	return nil, func() { close(over); conns.close() }, nil
}
