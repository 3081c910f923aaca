package socket

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// expedited is the traffic class of sound: DSCP EF (RFC 4594 section 4.1), in the upper six bits of the old TOS byte.
const expedited = 46 << 2

// socket is one UDP socket. Its system calls never block, and are made without the notice that the runtime wants of those
// that may: on a socket of ours that notice would cost a tenth of the call.
type socket struct {
	fd      int
	family  int // AF_INET or AF_INET6; one of the latter takes IPv4 as well when it is bound to no address
	receive Receive
	reader  *reader

	mu     sync.RWMutex // read: somebody uses the descriptor
	taking sync.Mutex   // held while receive is called
	closed bool
}

// open makes a socket that does not block, bound to an address.
func open(local netip.AddrPort) (fd, family int, err error) {
	family = unix.AF_INET
	if !local.Addr().Is4() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		return 0, 0, os.NewSyscallError("socket", err)
	}
	// A network that does not care, or a system that does not let us, carries sound all the same.
	if family == unix.AF_INET {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, expedited)
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(local.Port()), Addr: local.Addr().As4()})
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, expedited)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, expedited) // of the IPv4 packets that it sends
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
		err = unix.Bind(fd, &unix.SockaddrInet6{Port: int(local.Port()), Addr: local.Addr().As16()})
	}
	if err != nil {
		_ = unix.Close(fd) // it was never used
		return 0, 0, os.NewSyscallError("bind", err)
	}
	return fd, family, nil
}

// address is a sockaddr_in or sockaddr_in6 as the kernel reads it.
type address [unix.SizeofSockaddrInet6]byte

// put writes an address for a socket of a family and returns how long it is; zero: it cannot be reached from there.
func (a *address) put(to netip.AddrPort, family int) uintptr {
	binary.NativeEndian.PutUint16(a[0:], uint16(family))
	binary.BigEndian.PutUint16(a[2:], to.Port())
	if family == unix.AF_INET {
		if !to.Addr().Unmap().Is4() {
			return 0
		}
		ip := to.Addr().Unmap().As4()
		copy(a[4:], ip[:])
		return unix.SizeofSockaddrInet4
	}
	ip := to.Addr().As16() // an IPv4 address is mapped
	copy(a[8:], ip[:])
	return unix.SizeofSockaddrInet6
}

// get reads an address that the kernel wrote.
func (a *address) get(family int) netip.AddrPort {
	port := binary.BigEndian.Uint16(a[2:])
	if family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(a[8:24])).Unmap(), port)
}

// WriteToUDPAddrPort implements Conn. It allocates nothing.
func (s *socket) WriteToUDPAddrPort(datagram []byte, to netip.AddrPort) (int, error) {
	var name address
	size := name.put(to, s.family)
	if size == 0 || len(datagram) == 0 {
		return 0, unix.EAFNOSUPPORT
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	n, _, failed := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&datagram[0])), uintptr(len(datagram)),
		0, uintptr(unsafe.Pointer(&name)), size)
	if failed != 0 {
		return 0, failed
	}
	return int(n), nil
}

// read takes in one datagram, if there is one. What is left keeps the socket ready.
func (s *socket) read(buffer []byte, now time.Time) {
	s.taking.Lock()
	defer s.taking.Unlock()
	if s.closed {
		return
	}
	var name address
	size := uint32(len(name))
	n, _, failed := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)),
		0, uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size)))
	if failed != 0 {
		return // nothing there, or what the far end's system says of an earlier datagram
	}
	s.receive(buffer[:n], name.get(s.family), now)
}

// Close implements Conn.
func (s *socket) Close() error {
	s.taking.Lock()
	defer s.taking.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	s.reader.remove(s)
	return os.NewSyscallError("close", unix.Close(s.fd))
}
