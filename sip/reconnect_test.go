package sip

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// carrier is a trunk on TCP: it calls over connections that it opens, and can be connected to.
type carrier struct {
	t      *testing.T
	server *Server
	door   net.Listener
	conn   net.Conn
	in     *bufio.Reader
	theirs string // the To header of our answers
	seq    int
}

func newCarrier(t *testing.T, s *Server) *carrier {
	t.Helper()
	door, err := net.Listen("tcp4", loopback.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Close() })
	c := &carrier{t: t, server: s, door: door}
	c.connect()
	return c
}

// connect opens a connection to the server.
func (c *carrier) connect() {
	c.t.Helper()
	c.conn, c.in = dialTCP(c.t, c.server)
}

// cut closes the connection, and waits until the server has noticed.
func (c *carrier) cut() {
	c.t.Helper()
	_ = c.conn.Close()
	for start := time.Now(); open(c.server) > 0; time.Sleep(time.Millisecond) {
		if time.Since(start) > within {
			c.t.Fatal("the connection is still open")
		}
	}
}

// open is how many connections a server has.
func open(s *Server) int {
	s.tcps.mu.Lock()
	defer s.tcps.mu.Unlock()
	return len(s.tcps.open)
}

// accept waits for the server to connect.
func (c *carrier) accept() {
	c.t.Helper()
	if err := c.door.(*net.TCPListener).SetDeadline(time.Now().Add(within)); err != nil {
		c.t.Fatal(err)
	}
	conn, err := c.door.Accept()
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
}

func (c *carrier) send(method, body string) {
	c.t.Helper()
	if method != "ACK" {
		c.seq++
	}
	to := c.theirs
	if to == "" {
		to = "<sip:+61280000001@127.0.0.1>"
	}
	m := fmt.Sprintf("%s sip:+61280000001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=%s\r\nFrom: <sip:+61400111222@127.0.0.1>;tag=c\r\n"+
		"To: %s\r\nCall-ID: carrier\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContact: <sip:kim@%s;transport=tcp>\r\n",
		method, c.door.Addr(), cookie+newTag(), to, c.seq, method, c.door.Addr())
	if body != "" {
		m += "Content-Type: application/sdp\r\n"
	}
	m += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	if _, err := c.conn.Write([]byte(m)); err != nil {
		c.t.Fatal(err)
	}
}

// expect reads the next message but 100, which must begin like that.
func (c *carrier) expect(first string) string {
	c.t.Helper()
	for {
		m, err := frame(c.in)
		if err != nil {
			c.t.Fatalf("want %s: %v", first, err)
		}
		if strings.HasPrefix(string(m), "SIP/2.0 100") {
			continue
		}
		if !strings.HasPrefix(string(m), first) {
			c.t.Fatalf("want %s, got:\n%s", first, m)
		}
		if _, to, ok := strings.Cut(string(m), "\r\nTo: "); ok && strings.HasPrefix(first, "SIP/2.0 ") {
			c.theirs, _, _ = strings.Cut(to, "\r\n")
		}
		return string(m)
	}
}

// agree answers a request of the server.
func (c *carrier) agree(request string) {
	c.t.Helper()
	_, rest, _ := strings.Cut(request, "\r\n")
	if _, err := c.conn.Write([]byte("SIP/2.0 200 OK\r\n" + rest)); err != nil {
		c.t.Fatal(err)
	}
}

// called is a call over TCP that is up.
func called(t *testing.T) (*Server, *carrier, *Leg) {
	t.Helper()
	legs := make(chan *Leg, 1)
	s := serving(t, staff{invite: func(l *Leg) { legs <- l }}, "tcp4")
	c := newCarrier(t, s)
	c.send("INVITE", offerSDP)
	leg := <-legs
	if err := leg.Answer([]byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	c.expect("SIP/2.0 200")
	c.send("ACK", "")
	event[Confirmed](t, leg)
	return s, c, leg
}

func TestByeFindsATrunkWhoseConnectionWasCut(t *testing.T) {
	s, c, leg := called(t)
	c.cut()
	leg.Hangup()
	c.accept()
	c.agree(c.expect("BYE sip:kim@" + c.door.Addr().String()))
	drained(t, s)
}

func TestByeOverANewConnectionIsTaken(t *testing.T) {
	s, c, leg := called(t)
	c.cut()
	c.connect()
	c.send("BYE", "")
	c.expect("SIP/2.0 200")
	finished(t, leg, ByFarEnd, 200)
	drained(t, s)
}

func TestWeTalkOverTheConnectionThatATrunkOpenedSinceTheCut(t *testing.T) {
	s, c, leg := called(t)
	c.cut()
	c.connect()
	c.send("OPTIONS", "")
	c.expect("SIP/2.0 200")
	if got, want := leg.State().Remote.String(), c.conn.LocalAddr().String(); got != want {
		t.Errorf("we talk to %s, the trunk is at %s", got, want)
	}
	leg.Hangup()
	c.agree(c.expect("BYE "))
	drained(t, s)
}

func TestRFC3261_18_2_2_AnswerToACutConnectionTakesANewOne(t *testing.T) {
	legs := make(chan *Leg, 1)
	s := serving(t, staff{invite: func(l *Leg) { legs <- l }}, "tcp4")
	c := newCarrier(t, s)
	c.send("INVITE", offerSDP)
	leg := <-legs
	statuses(t, c.in, 1) // after the cut, the 100 would open another connection
	c.cut()
	if err := leg.Answer([]byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	c.accept()
	c.expect("SIP/2.0 200")
	c.send("ACK", "")
	event[Confirmed](t, leg)
	c.send("BYE", "")
	c.expect("SIP/2.0 200")
	finished(t, leg, ByFarEnd, 200)
	drained(t, s)
}

func TestTrunkThatCannotBeReachedAgainHoldsUpNobody(t *testing.T) {
	s, c, leg := called(t)
	_ = c.door.Close()
	c.cut()
	leg.Hangup()
	finished(t, leg, ByUs, 200)
	s.Close()
}

// piped is a connection of a far end to a server of a world, on fake time.
func piped(t *testing.T, w *world, from netip.AddrPort) (net.Conn, *tcpWire) {
	t.Helper()
	near, far := net.Pipe()
	wire := w.server.tcps.add(from, carrierAddress, false)
	wire.conn = near
	w.server.running.Go(func() { wire.serve(w.server, unfinished) })
	t.Cleanup(func() { _ = far.Close() })
	return far, wire
}

func TestSilentConnectionsOfStrangersAreClosedAndOthersKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, TCP, staff{})
		far, stranger := piped(t, w, strangerAddress)
		_, trunk := piped(t, w, carrierAddress)
		request := text("BREW", "TCP", "203.0.113.66:5060", "raw", cookie+"a", "")
		go func() {
			_, _ = far.Write([]byte(request))
			for { // what a stranger does to be kept
				if _, err := far.Write([]byte("\r\n\r\n")); err != nil {
					return
				}
				time.Sleep(10 * time.Second)
			}
		}()
		go func() { _, _ = bufio.NewReader(far).WriteTo(io.Discard) }()
		time.Sleep(strangerIdle / 2)
		if stranger.over() {
			t.Error("the stranger's connection was closed too soon")
		}
		time.Sleep(strangerIdle)
		if !stranger.over() {
			t.Error("the stranger's connection is still open")
		}
		if trunk.over() {
			t.Error("the trunk's connection was closed")
		}
	})
}
