package phone

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// stream is a TCP connection of which each message is read and written by the test.
type stream struct {
	t      *testing.T
	conn   net.Conn
	parser *sip.ParserStream
	read   []sip.Message
}

func newStream(t *testing.T, conn net.Conn) *stream {
	return &stream{t: t, conn: conn, parser: sip.NewParser().NewSIPStream()}
}

func (s *stream) next() sip.Message {
	s.t.Helper()
	b := make([]byte, 65536)
	s.conn.SetReadDeadline(time.Now().Add(patience))
	for len(s.read) == 0 {
		n, err := s.conn.Read(b)
		if err != nil {
			s.t.Fatal(err)
		}
		err = s.parser.ParseSIPStream(b[:n], func(m sip.Message) { s.read = append(s.read, m) })
		if err != nil && !errors.Is(err, sip.ErrParseSipPartial) {
			s.t.Fatal(err)
		}
	}
	m := s.read[0]
	s.read = s.read[1:]
	return m
}

func (s *stream) answer(r *sip.Request) {
	s.t.Helper()
	s.write(sip.NewResponseFromRequest(r, 200, "OK", nil).String())
}

func (s *stream) write(text string) {
	s.t.Helper()
	if _, err := s.conn.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func TestACallComesInOverTheConnectionThatRegistered(t *testing.T) {
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	server := listener.Addr().(*net.TCPAddr).AddrPort()
	p := newPhone(t, Options{Network: "tcp", User: "alice", Server: server, Reply: AnswerAfter(0)})
	registered := make(chan error, 1)
	go func() { registered <- p.Register(within(t), time.Minute) }()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := newStream(t, conn)
	s.answer(s.next().(*sip.Request))
	if err := <-registered; err != nil {
		t.Fatal(err)
	}
	body := newWire(t).description()
	s.write(fmt.Sprintf("INVITE sip:alice@%s;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bKflow1;rport\r\n"+
		"Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bob\r\nTo: <sip:alice@example.com>\r\nCall-ID: flow\r\nCSeq: 1 INVITE\r\n"+
		"Contact: <sip:bob@%s;transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		p.Addr(), server, server, len(body), body))
	answer := s.next().(*sip.Response)
	if answer.StatusCode != 200 || answer.CSeq().MethodName != sip.INVITE {
		t.Fatalf("want a 200 on the same connection, got %s", answer)
	}
	s.write(fmt.Sprintf("ACK sip:alice@%s;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bKflow2;rport\r\n"+
		"Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bob\r\nTo: %s\r\nCall-ID: flow\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
		p.Addr(), server, answer.To().Value()))
	call := taken(t, p)
	await(t, "the ACK", call.Answered())
	ended := make(chan error, 1)
	go func() { ended <- call.Hangup(within(t)) }()
	bye, ok := s.next().(*sip.Request)
	for !ok { // a copy of the 200
		bye, ok = s.next().(*sip.Request)
	}
	s.answer(bye)
	if err := <-ended; err != nil || bye.Method != sip.BYE {
		t.Errorf("%s: %v", bye.Method, err)
	}
}
