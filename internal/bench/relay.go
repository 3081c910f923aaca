//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// bare is what the kernel itself costs for sound: a socket for each leg, and on each core one goroutine that waits for all of its
// share at once (epoll(7)), reads each packet with a system call of its own and sends each with another. There is no header to
// rewrite, nothing is checked, nobody is a stranger: a socket sends to whom it heard from first.
type bare struct {
	sockets []*bareSocket
	relays  bool // what comes to a socket goes out of its neighbour; else all send 20 ms of silence each 20 ms, and drop what comes
	over    atomic.Bool
	running sync.WaitGroup
}

type bareSocket struct {
	fd     int
	other  *bareSocket
	to     *unix.SockaddrInet4 // nil: nobody yet
	packet [packetSize]byte
	number uint16
	stamp  uint32
}

// relay is the role that passes sound on within pairs of sockets, of which there are as many as the argument says.
func relay(args []string) ([]netip.AddrPort, func(), error) { return beginBare(args[0], 2, true) }

// exchange is the role that sends and drops, with as many sockets as the argument says.
func exchange(args []string) ([]netip.AddrPort, func(), error) { return beginBare(args[0], 1, false) }

func beginBare(count string, each int, relays bool) ([]netip.AddrPort, func(), error) {
	n, err := strconv.Atoi(count)
	if err != nil {
		return nil, nil, err
	}
	b := &bare{relays: relays}
	var serving []netip.AddrPort
	for i := range n * each {
		s, at, err := openBare()
		if err != nil {
			b.end()
			return nil, nil, err
		}
		b.sockets, serving = append(b.sockets, s), append(serving, at)
		if i%2 == 1 {
			s.other, b.sockets[i-1].other = b.sockets[i-1], s
		}
	}
	cores := runtime.NumCPU()
	for core := range cores {
		var share []*bareSocket
		for i, s := range b.sockets {
			if i/2%cores == core {
				share = append(share, s)
			}
		}
		if err := b.serve(share); err != nil {
			b.end()
			return nil, nil, err
		}
	}
	return serving, b.end, nil
}

func openBare() (*bareSocket, netip.AddrPort, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	s := &bareSocket{fd: fd}
	s.packet[0] = 2 << 6
	for i := range s.packet[rtpSize:] {
		s.packet[rtpSize+i] = 0xff // silence
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback.As4()}); err != nil {
		return nil, netip.AddrPort{}, errors.Join(err, unix.Close(fd))
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		return nil, netip.AddrPort{}, errors.Join(err, unix.Close(fd))
	}
	return s, netip.AddrPortFrom(loopback, uint16(at.(*unix.SockaddrInet4).Port)), nil
}

// end ends the loops and closes the sockets.
func (b *bare) end() {
	b.over.Store(true)
	b.running.Wait()
	for _, s := range b.sockets {
		_ = unix.Close(s.fd) // nothing was written that could be lost
	}
}

// serve begins the loop of one core.
func (b *bare) serve(share []*bareSocket) error {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	byFile := make(map[int32]*bareSocket)
	for _, s := range share {
		byFile[int32(s.fd)] = s
		if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.fd)}); err != nil {
			return errors.Join(err, unix.Close(poll))
		}
	}
	b.running.Go(func() {
		runtime.LockOSThread()
		b.loop(poll, share, byFile)
		_ = unix.Close(poll) // it is not used any more
	})
	return nil
}

// bareWait is how long a loop that sends nothing by itself sleeps at most, in milliseconds.
const bareWait = 100

func (b *bare) loop(poll int, share []*bareSocket, byFile map[int32]*bareSocket) {
	events := make([]unix.EpollEvent, 256)
	buffer := make([]byte, 2048)
	next, slot := time.Now(), 0
	for !b.over.Load() {
		patience := bareWait
		if !b.relays {
			if time.Since(next) > givesUp {
				next = time.Now() // what was not sent is not sent any more
			}
			for ; !time.Now().Before(next); next, slot = next.Add(beat), (slot+1)%slots {
				sendSlot(share, slot)
			}
			patience = 1
		}
		n, err := unix.EpollWait(poll, events, patience)
		if err != nil {
			continue // EINTR
		}
		for _, e := range events[:n] {
			b.read(byFile[e.Fd], buffer)
		}
	}
}

// read takes one packet.
func (b *bare) read(s *bareSocket, buffer []byte) {
	if s.to == nil {
		_, from, err := unix.Recvfrom(s.fd, buffer, 0)
		if err == nil {
			s.to = from.(*unix.SockaddrInet4)
		}
		return
	}
	n, err := unix.Read(s.fd, buffer)
	if err == nil && b.relays && s.other.to != nil {
		_ = unix.Sendto(s.other.fd, buffer[:n], 0, s.other.to) // a packet lost is a packet lost
	}
}

// sendSlot sends from the sockets whose turn it is.
func sendSlot(share []*bareSocket, slot int) {
	for i := slot; i < len(share); i += slots {
		s := share[i]
		if s.to == nil {
			continue
		}
		binary.BigEndian.PutUint16(s.packet[2:], s.number)
		binary.BigEndian.PutUint32(s.packet[4:], s.stamp)
		s.number++
		s.stamp += packetTick
		_ = unix.Sendto(s.fd, s.packet[:], 0, s.to) // a packet lost is a packet lost
	}
}
