package socket

import (
	"net"
	"os"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Where a filter finds things: what it sees begins with the UDP header.
const (
	udpSource   = 0
	rtpFlags    = 8
	rtpType     = 9
	rtpSequence = 10
	rtpSSRC     = 16
	rtpEnd      = 20
)

// program is a classic filter that drops a stream but for its sample: it returns how many bytes of a datagram pass.
func program(stream Stream) ([]bpf.RawInstruction, error) {
	const all = 0xFFFF
	return bpf.Assemble([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtLen},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: rtpEnd, SkipTrue: 13},
		bpf.LoadAbsolute{Off: udpSource, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(stream.From), SkipTrue: 11},
		bpf.LoadAbsolute{Off: rtpFlags, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xC0},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0x80, SkipTrue: 8}, // version 2
		bpf.LoadAbsolute{Off: rtpType, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x7F}, // without the marker
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(stream.Type), SkipTrue: 5},
		bpf.LoadAbsolute{Off: rtpSSRC, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: stream.SSRC, SkipTrue: 3},
		bpf.LoadAbsolute{Off: rtpSequence, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: Sample - 1, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: all},
	})
}

// Thin implements Thinner.
func (s *socket) Thin(stream Stream) error {
	code, err := program(stream)
	if err != nil {
		return err
	}
	filters := make([]unix.SockFilter, len(code))
	for i, c := range code {
		filters[i] = unix.SockFilter{Code: c.Op, Jt: c.Jt, Jf: c.Jf, K: c.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(filters)), Filter: (*unix.SockFilter)(unsafe.Pointer(&filters[0]))}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return net.ErrClosed
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog))
}

// Full implements Thinner.
func (s *socket) Full() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return net.ErrClosed
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0))
}
