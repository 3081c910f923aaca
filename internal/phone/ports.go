package phone

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// The ports that other programs are told to use: below those that the kernel gives out by itself (from 32768 on Linux), so that
// nobody else is given one between the look and the program's start.
const (
	firstPort = 30000
	lastPort  = 32767
)

// lastTried is the port at which FreePorts began last: no two callers in a process get the same one. It begins somewhere, as other
// processes look for ports, too.
var lastTried atomic.Uint32

func init() { lastTried.Store(rand.Uint32()) }

// FreePorts returns the first of so many neighbouring ports of 127.0.0.1, an even one, that nobody uses by UDP or TCP now, for a
// program that must be told its ports. It is safe for concurrent use.
func FreePorts(count int) (uint16, error) {
	const places = (lastPort + 1 - firstPort) / 4 // each begins at a multiple of four
	if count < 1 || count > 4 {
		return 0, errors.New("one to four ports can be had")
	}
	for range places {
		port := firstPort + int(lastTried.Add(1)%places)*4
		if allFree(port, count) {
			return uint16(port), nil
		}
	}
	return 0, errors.New("no port is free")
}

func allFree(port, count int) bool {
	for p := port; p < port+count; p++ {
		at := net.IPv4(127, 0, 0, 1)
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: at, Port: p})
		if err != nil {
			return false
		}
		defer conn.Close()
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: at, Port: p})
		if err != nil {
			return false
		}
		defer l.Close()
	}
	return true
}
