package socket

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// batch is how many sockets are taken from the kernel at a time: few enough that one reading of the clock holds for all
// of them (64 datagrams take about 0.2 ms), many enough that the question costs little beside the reading.
const batch = 64

// A Poll is an owner of sockets. Its methods are safe for concurrent use.
type Poll struct {
	readers []*reader
	next    atomic.Uint32
	wg      sync.WaitGroup
}

// NewPoll starts the readers; Close ends them. It fails when the system grants no epoll.
func NewPoll() (*Poll, error) {
	p := &Poll{}
	for range runtime.GOMAXPROCS(0) {
		r, err := newReader()
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("read sound: %w", err)
		}
		p.readers = append(p.readers, r)
		p.wg.Go(r.run)
	}
	return p, nil
}

// Listen opens a socket, whose datagrams go to receive until it is closed.
func (p *Poll) Listen(local netip.AddrPort, receive Receive) (Conn, error) {
	fd, family, err := open(local)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: fd, family: family, receive: receive, reader: p.readers[p.next.Add(1)%uint32(len(p.readers))]}
	if err := s.reader.add(s); err != nil {
		return nil, errors.Join(os.NewSyscallError("epoll_ctl", err), unix.Close(fd))
	}
	return s, nil
}

// Close ends the readers. The sockets have to be closed before.
func (p *Poll) Close() {
	for _, r := range p.readers {
		r.close()
	}
	p.wg.Wait()
}

// reader is one goroutine and the sockets that it reads. It waits with the runtime's own poller, of which its epoll is a
// file like any other, so that no thread blocks.
type reader struct {
	epoll *os.File
	raw   syscall.RawConn

	mu      sync.Mutex                               // over adding, removing and growing
	sockets atomic.Pointer[[]atomic.Pointer[socket]] // by file descriptor
}

func newReader() (*reader, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	r := &reader{epoll: os.NewFile(uintptr(fd), "epoll")}
	if r.raw, err = r.epoll.SyscallConn(); err != nil {
		return nil, errors.Join(err, r.epoll.Close())
	}
	r.sockets.Store(&[]atomic.Pointer[socket]{})
	return r, nil
}

func (r *reader) close() {
	_ = r.epoll.Close() // ends run; nothing was written that could be lost
}

// add has a socket read from now on.
func (r *reader) add(s *socket) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	table := *r.sockets.Load()
	if s.fd >= len(table) {
		grown := make([]atomic.Pointer[socket], max(2*len(table), s.fd+1))
		for i := range table {
			grown[i].Store(table[i].Load())
		}
		r.sockets.Store(&grown)
		table = grown
	}
	table[s.fd].Store(s)
	err := r.control(unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.fd)})
	if err != nil {
		table[s.fd].Store(nil)
	}
	return err
}

// remove has a socket read no more; it is about to be closed, which takes it out of the epoll.
func (r *reader) remove(s *socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	table := *r.sockets.Load()
	table[s.fd].CompareAndSwap(s, nil)
}

func (r *reader) control(operation, fd int, event *unix.EpollEvent) error {
	var failed error
	err := r.raw.Control(func(epoll uintptr) { failed = unix.EpollCtl(int(epoll), operation, fd, event) })
	return errors.Join(err, failed)
}

// run reads until the reader is closed.
func (r *reader) run() {
	buffer := make([]byte, LargestDatagram)
	events := make([]unix.EpollEvent, batch)
	var ready int
	wait := func(epoll uintptr) bool {
		n, err := unix.EpollWait(int(epoll), events, 0)
		ready = max(n, 0)
		return ready > 0 || err != nil && !errors.Is(err, unix.EINTR)
	}
	for r.raw.Read(wait) == nil {
		now := time.Now()
		sockets := *r.sockets.Load()
		for _, event := range events[:ready] {
			if fd := int(event.Fd); fd < len(sockets) {
				if s := sockets[fd].Load(); s != nil {
					s.read(buffer, now)
				}
			}
		}
	}
}
