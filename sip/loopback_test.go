package sip

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	loopback     = netip.MustParseAddrPort("127.0.0.1:0")
	loopbackOnly = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
)

// within is how long a loopback test waits for what must come.
const within = 20 * time.Second

// text builds a request for a raw socket.
func text(method, transport, local, id, branch, body string, headers ...string) string {
	m := fmt.Sprintf("%s sip:+61280000001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\n"+
		"From: <sip:+61400111222@127.0.0.1>;tag=raw\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nMax-Forwards: 70\r\nContact: <sip:kim@%s>\r\n",
		method, transport, local, branch, id, method, local)
	if !strings.Contains(strings.Join(headers, ""), "To:") {
		m += "To: <sip:+61280000001@127.0.0.1>\r\n"
	}
	for _, h := range headers {
		m += h + "\r\n"
	}
	if body != "" {
		m += "Content-Type: application/sdp\r\n"
	}
	return m + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

// dialTCP connects to a server.
func dialTCP(t *testing.T, s *Server) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp4", s.Addresses()[0].Address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// statuses reads the status lines of n messages, each with its CSeq method.
func statuses(t *testing.T, in *bufio.Reader, n int) []string {
	t.Helper()
	var all []string
	for range n {
		m, err := frame(in)
		if err != nil {
			t.Fatalf("after %v: %v", all, err)
		}
		first, rest, _ := strings.Cut(string(m), "\r\n")
		_, cseq, _ := strings.Cut(rest, "CSeq: ")
		cseq, _, _ = strings.Cut(cseq, "\r\n")
		all = append(all, strings.Fields(first)[1]+" "+strings.Fields(cseq)[1])
	}
	return all
}

func TestCancelPipelinedBehindItsInviteFindsIt(t *testing.T) {
	s := serving(t, staff{invite: func(l *Leg) {
		for range l.Events() {
		}
	}}, "tcp4")
	conn, in := dialTCP(t, s)
	local := conn.LocalAddr().String()
	for i := range 50 {
		branch := fmt.Sprintf("%spipelined%d", cookie, i)
		both := text("INVITE", "TCP", local, branch, branch, offerSDP) + text("CANCEL", "TCP", local, branch, branch, "")
		if _, err := conn.Write([]byte(both)); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, line := range statuses(t, in, 2) {
			got[line] = true
		}
		if got["100 INVITE"] { // it may come before or be overtaken by the refusal's final answer
			got[statuses(t, in, 1)[0]] = true
		}
		if !got["200 CANCEL"] || !got["487 INVITE"] {
			t.Fatalf("answers %v", got)
		}
		ack := text("ACK", "TCP", local, branch, branch, "")
		if _, err := conn.Write([]byte(ack)); err != nil {
			t.Fatal(err)
		}
	}
	drained(t, s)
}

func TestRFC5626_3_5_1_PingGetsPong(t *testing.T) {
	s := serving(t, staff{}, "tcp4")
	conn, in := dialTCP(t, s)
	options := text("OPTIONS", "TCP", conn.LocalAddr().String(), "raw", cookie+"a", "")
	if _, err := conn.Write([]byte(options + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := statuses(t, in, 1); got[0] != "200 OPTIONS" {
		t.Fatal(got)
	}
	pong := make([]byte, 2)
	if _, err := in.Read(pong); err != nil || string(pong) != "\r\n" {
		t.Errorf("pong %q, %v", pong, err)
	}
}

func TestMessageInPiecesIsPutTogether(t *testing.T) {
	s := serving(t, staff{}, "tcp4")
	conn, in := dialTCP(t, s)
	for _, c := range []byte(text("OPTIONS", "TCP", conn.LocalAddr().String(), "raw", cookie+"a", "")) {
		if _, err := conn.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	if got := statuses(t, in, 1); got[0] != "200 OPTIONS" {
		t.Fatal(got)
	}
}

func TestStreamThatMakesNoSenseIsClosed(t *testing.T) {
	s := serving(t, staff{}, "tcp4")
	for name, junk := range map[string]string{
		"no length":  "OPTIONS sip:a SIP/2.0\r\nVia: b\r\n\r\n",
		"impossible": "OPTIONS sip:a SIP/2.0\r\nContent-Length: 70000\r\n\r\n",
		"endless":    strings.Repeat("x", maxMessage+10),
		"idle":       "OPTIONS sip:a SIP/2.0\r\n", // for longer than unfinished
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, in := dialTCP(t, s)
			_, _ = conn.Write([]byte(junk)) // the far end may close before all is written
			if b, err := in.ReadByte(); err == nil {
				t.Errorf("answered with %q", b)
			} else if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Error("the connection stays open")
			}
		})
	}
}

func TestConnectionsOfOneSourceAreBounded(t *testing.T) {
	s := serving(t, staff{}, "tcp4")
	for range connectionsPerSource {
		conn, in := dialTCP(t, s)
		if _, err := conn.Write([]byte(text("OPTIONS", "TCP", conn.LocalAddr().String(), "raw", cookie+"a", ""))); err != nil {
			t.Fatal(err)
		}
		statuses(t, in, 1)
	}
	_, in := dialTCP(t, s)
	if _, err := in.ReadByte(); err == nil {
		t.Error("one connection too many is served")
	}
}

func TestTrunkFindsRoomWhenStrangersHoldAllConnections(t *testing.T) {
	c := newConnections()
	source := netip.MustParseAddr("203.0.113.0")
	for c.add(netip.AddrPortFrom(source, 5060), carrierAddress, false) != nil {
		source = source.Next()
	}
	if n := len(c.open); n != connectionsAtAll-connectionsOfTrunks {
		t.Errorf("strangers hold %d", n)
	}
	if c.add(carrierAddress, carrierAddress, true) == nil {
		t.Error("there is no room for a trunk")
	}
}

func TestRequestsOfOursLeaveByTheListenersPort(t *testing.T) {
	legs := make(chan *Leg, 1)
	s := serving(t, staff{invite: func(l *Leg) { legs <- l }}, "udp4")
	server := s.Addresses()[0].Address
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	local := conn.LocalAddr().String()
	send := func(m string) {
		if _, err := conn.WriteToUDPAddrPort([]byte(m), server); err != nil {
			t.Fatal(err)
		}
	}
	next := func() string {
		buffer := make([]byte, maxMessage)
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil || unmap(from) != server {
			t.Fatalf("from %s: %v", from, err)
		}
		return string(buffer[:n])
	}
	send(text("INVITE", "UDP", local, "raw", cookie+"a", offerSDP))
	leg := <-legs
	large := answerSDP + strings.Repeat("a=x\r\n", 400) // larger than any MTU: it goes in fragments
	if err := leg.Answer([]byte(large)); err != nil {
		t.Fatal(err)
	}
	answer := next()
	for strings.HasPrefix(answer, "SIP/2.0 100") {
		answer = next()
	}
	if !strings.HasPrefix(answer, "SIP/2.0 200") || !strings.HasSuffix(answer, large) {
		t.Fatalf("answer %.200s", answer)
	}
	_, to, _ := strings.Cut(answer, "\r\nTo: ")
	to, _, _ = strings.Cut(to, "\r\n")
	send(text("ACK", "UDP", local, "raw", cookie+"b", "", "To: "+to))
	event[Confirmed](t, leg)
	leg.Hangup()
	for {
		if m := next(); strings.HasPrefix(m, "BYE ") {
			break
		}
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	s, err := New(Options{Listen: []Listen{{"udp4", loopback}}, Realm: testRealm, Handler: staff{}})
	if err != nil {
		t.Fatal(err)
	}
	s.udp[0].conn.SetReadDeadline(time.Now()) // the nearest to a broken socket
	if err := s.Serve(); err == nil {
		t.Error("no error")
	}
}

func TestNewRefusesWhatCannotBeServed(t *testing.T) {
	taken, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.LocalAddr().(*net.UDPAddr).AddrPort()
	for name, o := range map[string]Options{
		"no handler":   {Listen: []Listen{{"udp4", loopback}}},
		"no listener":  {Handler: staff{}},
		"network":      {Handler: staff{}, Listen: []Listen{{"sctp", loopback}}},
		"taken":        {Handler: staff{}, Listen: []Listen{{"udp4", unmap(at)}}},
		"no advertise": {Handler: staff{}, Listen: []Listen{{"udp4", netip.MustParseAddrPort("0.0.0.0:0")}}},
		"algorithm":    {Handler: staff{}, Listen: []Listen{{"udp4", loopback}}, Digest: []Algorithm{"MD4"}},
	} {
		if s, err := New(o); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPhoneOnTCPIsDialledOverItsConnection(t *testing.T) {
	s := serving(t, staff{}, "tcp4", "udp4")
	conn, in := dialTCP(t, s)
	hello := text("OPTIONS", "TCP", conn.LocalAddr().String(), "raw", cookie+"a", "")
	if _, err := conn.Write([]byte(hello)); err != nil {
		t.Fatal(err)
	}
	statuses(t, in, 1) // now the connection is known
	const number = 1
	binding := Binding{
		Agent: "alice", Contact: "sip:alice@10.0.0.5:5062;transport=tcp", Transport: TCP, Flow: number,
		Source: conn.LocalAddr().(*net.TCPAddr).AddrPort(), Expires: time.Now().Add(time.Hour),
	}
	leg, err := s.Dial(t.Context(), Invite{Binding: binding, SDP: []byte(offerSDP)})
	if err != nil {
		t.Fatal(err)
	}
	m, err := frame(in)
	if err != nil || !strings.HasPrefix(string(m), "INVITE sip:alice@10.0.0.5:5062;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP ") {
		t.Fatalf("%v\n%s", err, m)
	}
	foreign := binding // another node's connection of the same number
	foreign.Source = phoneAddress
	if _, err := s.Dial(t.Context(), Invite{Binding: foreign}); err != ErrFlowGone {
		t.Errorf("another node's connection: %v", err)
	}
	_ = conn.Close()
	finished(t, leg, ByNobody, 408)
	for start := time.Now(); time.Since(start) < within; time.Sleep(time.Millisecond) {
		if _, err := s.Dial(t.Context(), Invite{Binding: binding}); err == ErrFlowGone {
			return
		}
	}
	t.Error("the closed connection can still be dialled")
}

func TestFarEndThatDoesNotReadLosesItsConnectionAndHoldsUpNobody(t *testing.T) {
	near, far := net.Pipe() // without buffers: the first write already waits
	defer far.Close()
	w := newConnections().add(phoneAddress, carrierAddress, false)
	w.conn = near
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.write()
	}()
	var err error
	for i := 0; err == nil; i++ {
		if i > unsent+2 {
			t.Fatal("messages are kept without bound")
		}
		err = w.send(phoneAddress, []byte("x"))
	}
	if err != errSlow {
		t.Error(err)
	}
	<-done
	w.end()
	if err := w.send(phoneAddress, []byte("x")); err != net.ErrClosed {
		t.Error(err)
	}
}

func TestGoodByesAreWrittenBeforeAConnectionCloses(t *testing.T) {
	legs := make(chan *Leg, 1)
	s := serving(t, staff{invite: func(l *Leg) { legs <- l }}, "tcp4")
	conn, in := dialTCP(t, s)
	if _, err := conn.Write([]byte(text("INVITE", "TCP", conn.LocalAddr().String(), "raw", cookie+"a", offerSDP))); err != nil {
		t.Fatal(err)
	}
	<-legs
	s.Close()
	if got := statuses(t, in, 2); got[0] != "100 INVITE" || got[1] != "480 INVITE" {
		t.Error(got)
	}
}
