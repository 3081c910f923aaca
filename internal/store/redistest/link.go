package redistest

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

// A direction of a connection holds at most linkQueue chunks of linkChunk bytes; what is sent beyond them waits in the sender's socket.
const (
	linkQueue = 256
	linkChunk = 16 << 10
)

// Link is a way of its own to a server, for one client (a node), which can suffer while the server and all others are well. At first it
// is well. Of Cut, Hang, Delay and Heal the last one called holds. It is safe for concurrent use, and does not end when the server does.
type Link struct {
	t        testing.TB
	url      url.URL
	network  string // with address: where the server listens
	address  string
	listener net.Listener
	running  sync.WaitGroup

	mu          sync.Mutex
	condition   condition
	changed     chan struct{} // closed when the condition is another
	connections map[*connection]struct{}
}

// condition is how a link suffers.
type condition struct {
	cut   bool
	hangs bool
	delay time.Duration
}

// connection is one that a client made. The mutex of its link guards it.
type connection struct {
	cancel context.CancelFunc // wakes all who wait for it
	sides  []net.Conn         // the client's, and the server's once there is one
}

// chunk is what one read gave.
type chunk struct {
	content []byte // none: the sender has ended
	arrived time.Time
}

// Link makes a way to the server, on a port of 127.0.0.1 that it keeps until the end of the test. A server with TLS has none.
func (s *Server) Link() *Link {
	s.t.Helper()
	if s.address.Scheme == "rediss" {
		s.t.Fatal("a link speaks no TLS")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	l := &Link{
		t: s.t, url: url.URL{Scheme: "redis", User: s.address.User, Host: listener.Addr().String()},
		network: "tcp", address: s.Address(), listener: listener,
		changed: make(chan struct{}), connections: map[*connection]struct{}{},
	}
	if s.address.Scheme == "unix" {
		l.network = "unix"
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(func() {
		cancel()
		listener.Close()
		l.Cut()
		l.running.Wait()
	})
	l.running.Go(func() { l.accept(ctx) })
	return l
}

// URL returns the address of the server through the link as redis.url says it, with the user and the password.
func (l *Link) URL() string { return l.url.String() }

// Cut closes all connections, and new ones as soon as they are made, as when Redis is down. All are closed when it returns.
func (l *Link) Cut() { l.become(condition{cut: true}) }

// Hang lets no byte pass in either direction, nor the end of a connection, as when a cable is out: connections stay open and new ones are
// accepted. What is sent meanwhile arrives once the link hangs no more, even if its sender has gone; a cut loses it.
func (l *Link) Hang() { l.become(condition{hangs: true}) }

// Delay holds each answer, and the end of a connection by the server, for so long. Those that follow each other closely are held at the
// same time, and arrive in order. A new connection has answers of its own, to what a client says first.
func (l *Link) Delay(d time.Duration) { l.become(condition{delay: d}) }

// Heal makes the link well. What it held goes on at once.
func (l *Link) Heal() { l.become(condition{}) }

// become changes the condition and wakes all who are held by the former one.
func (l *Link) become(c condition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.condition = c
	close(l.changed)
	l.changed = make(chan struct{})
	if c.cut {
		for connection := range l.connections {
			l.closeLocked(connection)
		}
	}
}

// accept takes connections until the end of the test.
func (l *Link) accept(ctx context.Context) {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				l.t.Errorf("the link accepts no more: %v", err)
			}
			return
		}
		l.running.Go(func() { l.serve(ctx, client) })
	}
}

// serve joins a client to the server until one of them ends or the link is cut.
func (l *Link) serve(ctx context.Context, client net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	c := &connection{cancel: cancel}
	defer l.end(c)
	if !l.own(ctx, c, client) || !l.pass(ctx, time.Time{}, false) {
		return
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, l.network, l.address)
	if err != nil || !l.own(ctx, c, server) {
		return // the client sees a server that is down
	}
	l.running.Go(func() {
		l.copy(ctx, server, client, false)
		if half, ok := server.(interface{ CloseWrite() error }); ok {
			half.CloseWrite() // what was asked for may still be answered
		}
	})
	l.copy(ctx, client, server, true)
}

// own makes one side part of a connection, or closes it because the link is cut.
func (l *Link) own(ctx context.Context, c *connection, side net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.condition.cut || ctx.Err() != nil {
		side.Close()
		return false
	}
	c.sides = append(c.sides, side)
	l.connections[c] = struct{}{}
	return true
}

// end closes a connection.
func (l *Link) end(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeLocked(c)
}

func (l *Link) closeLocked(c *connection) {
	c.cancel()
	for _, side := range c.sides {
		side.Close()
	}
	delete(l.connections, c)
}

// copy copies from one side to the other until that has ended. A receiver that has gone is no end: the sender is read on, so that what the
// receiver had sent before still finds somebody who takes the answers.
func (l *Link) copy(ctx context.Context, to, from net.Conn, answers bool) {
	queue := make(chan chunk, linkQueue)
	l.running.Go(func() { read(ctx, from, queue) })
	gone := false
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-queue:
			if !gone && !l.pass(ctx, c.arrived, answers) {
				return
			}
			if c.content == nil {
				return
			}
			if !gone {
				_, err := to.Write(c.content)
				gone = err != nil
			}
		}
	}
}

// read puts what a side sends into the queue, and its end.
func read(ctx context.Context, from net.Conn, queue chan<- chunk) {
	put := func(content []byte) bool {
		select {
		case queue <- chunk{content, time.Now()}:
			return true
		case <-ctx.Done():
			return false
		}
	}
	buffer := make([]byte, linkChunk)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !put(slices.Clone(buffer[:n])) {
			return
		}
		if err != nil {
			put(nil)
			return
		}
	}
}

// pass waits until what arrived then may go on; it may not at all when the connection is closed.
func (l *Link) pass(ctx context.Context, arrived time.Time, answer bool) bool {
	for {
		l.mu.Lock()
		now, changed := l.condition, l.changed
		l.mu.Unlock()
		if ctx.Err() != nil {
			return false
		}
		var due <-chan time.Time
		if !now.hangs {
			wait := now.delay - time.Since(arrived)
			if !answer || wait <= 0 {
				return true
			}
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		case <-due:
		}
	}
}
