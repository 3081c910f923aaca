//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// side is one UDP socket that speaks SIP for many: for the callers of a trunk, or for the phones of all agents. It says the least
// that a call needs, so that thousands of calls cost the generator little. Safe for concurrent use.
type side struct {
	conn      *net.UDPConn
	server    netip.AddrPort
	generator *generator
	own       float64 // the tone of this side
	other     float64 // that of the other

	mu      sync.Mutex
	waiting map[string]chan *sip.Response // final answers, by branch
	calls   map[string]*leg               // by Call-ID
}

// leg is one call as its phone has it.
type leg struct {
	side   *side
	callID string
	sound  *stream
	ended  chan struct{} // closed when it is over
	over   bool          // under the side's lock

	// What a request within the call says.
	uri, from, to string
	sequence      int
	ack, answer   []byte // sent again when the other side repeats itself
}

func openSide(g *generator, server netip.AddrPort, own, other float64) (*side, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadBuffer(roomInside); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s := &side{conn: conn, server: server, generator: g, own: own, other: other,
		waiting: make(map[string]chan *sip.Response), calls: make(map[string]*leg)}
	go s.read()
	return s, nil
}

// close ends the side. Calls that are left are the node's to end.
func (s *side) close() {
	_ = s.conn.Close() // nothing was written that could be lost
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.calls {
		s.generator.end(l.sound)
	}
}

func (s *side) address() netip.AddrPort { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// write sends a message to the server; what is lost is sent again by whoever waits for an answer.
func (s *side) write(message []byte) {
	_, _ = s.conn.WriteToUDPAddrPort(message, s.server)
}

// read takes in messages until the socket closes.
func (s *side) read() {
	parser := sip.NewParser()
	buffer := make([]byte, 1<<16)
	for {
		n, err := s.conn.Read(buffer)
		if err != nil {
			return
		}
		message, err := parser.ParseSIP(buffer[:n])
		if err != nil {
			continue // as any phone does
		}
		switch m := message.(type) {
		case *sip.Response:
			s.answered(m)
		case *sip.Request:
			m.SetSource(s.server.String())
			s.asked(m)
		}
	}
}

// answered takes in a response.
func (s *side) answered(r *sip.Response) {
	if r.StatusCode < 200 || r.Via() == nil || r.CallID() == nil {
		return
	}
	branch, _ := r.Via().Params.Get("branch")
	s.mu.Lock()
	defer s.mu.Unlock()
	if waiting, ok := s.waiting[branch]; ok {
		delete(s.waiting, branch)
		waiting <- r
		return
	}
	if l := s.calls[r.CallID().Value()]; l != nil && l.ack != nil && r.CSeq().MethodName == sip.INVITE {
		s.write(l.ack) // it was lost
	}
}

// asked takes in a request: a call to an agent, or what the node says within a call.
func (s *side) asked(r *sip.Request) {
	if r.CallID() == nil || r.IsAck() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.calls[r.CallID().Value()]
	switch {
	case r.Method == sip.INVITE && l == nil:
		s.take(r)
	case r.Method == sip.INVITE && !r.To().Params.Has("tag"):
		s.write(l.answer) // it was lost
	case r.Method == sip.INVITE:
		s.write(s.accept(r, l.sound))
	case r.Method == sip.BYE && l != nil:
		s.write([]byte(sip.NewResponseFromRequest(r, sip.StatusOK, "OK", nil).String()))
		s.forget(l)
	default:
		s.write([]byte(sip.NewResponseFromRequest(r, sip.StatusOK, "OK", nil).String()))
	}
}

// take answers a call at once. The lock is held.
func (s *side) take(r *sip.Request) {
	to, ok := soundOf(r.Body())
	if !ok {
		return
	}
	l := &leg{side: s, callID: r.CallID().Value(), sound: s.generator.reserve(s.own, s.other), ended: make(chan struct{})}
	l.answer = s.accept(r, l.sound)
	s.calls[l.callID] = l
	s.write(l.answer)
	s.generator.begin(l.sound, to)
}

// accept is a 200 with a description.
func (s *side) accept(r *sip.Request, sound *stream) []byte {
	response := sip.NewResponseFromRequest(r, sip.StatusOK, "OK", []byte(describe(sound)))
	response.AppendHeader(sip.NewHeader("Contact", fmt.Sprintf("<sip:%s>", s.address())))
	response.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	return []byte(response.String())
}

// forget ends a leg here. The lock is held.
func (s *side) forget(l *leg) {
	if l.over {
		return
	}
	l.over = true
	close(l.ended)
	delete(s.calls, l.callID)
	s.generator.end(l.sound)
}

// describe is the description of a stream's end here (RFC 8866): PCMU, and keys as nearly all phones offer them.
func describe(sound *stream) string {
	at := sound.loop.rtp.address()
	return fmt.Sprintf("v=0\r\no=- %d 1 IN IP4 %[2]s\r\ns=-\r\nc=IN IP4 %[2]s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\n"+
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
		sound.id, at.Addr(), at.Port())
}

var audioLine = regexp.MustCompile(`(?m)^m=audio ([0-9]+) `)

// soundOf is where a node on this machine wants sound.
func soundOf(description []byte) (netip.AddrPort, bool) {
	found := audioLine.FindSubmatch(description)
	if found == nil {
		return netip.AddrPort{}, false
	}
	number, err := strconv.ParseUint(string(found[1]), 10, 16)
	return netip.AddrPortFrom(loopback, uint16(number)), err == nil && number > 0
}

// Repeating a request (RFC 3261 section 17.1.2.2 and table 4).
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 4 * time.Second
	givenUp    = 32 * time.Second
)

// ask sends a request until there is a final answer. Lines are all but the first line and the Via.
func (s *side) ask(ctx context.Context, method, uri, lines, body string) (*sip.Response, error) {
	branch := "z9hG4bK" + rand.Text()
	message := s.message(method, uri, branch, lines, body)
	answer := make(chan *sip.Response, 1)
	s.mu.Lock()
	s.waiting[branch] = answer
	s.mu.Unlock()
	over := time.After(givenUp)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		s.write(message)
		select {
		case r := <-answer:
			return r, nil
		case <-time.After(pause):
		case <-over:
			return nil, fmt.Errorf("%s: no answer", method)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *side) message(method, uri, branch, lines, body string) []byte {
	return fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s;rport\r\nMax-Forwards: 70\r\n%sContent-Length: %d\r\n\r\n%s",
		method, uri, s.address(), branch, lines, len(body), body)
}

// dial calls a number and returns when the call is answered; its sound has begun then.
func (s *side) dial(ctx context.Context, number, from string) (*leg, error) {
	l := &leg{side: s, callID: rand.Text(), sound: s.generator.reserve(s.own, s.other), ended: make(chan struct{}), sequence: 1}
	l.uri = fmt.Sprintf("sip:%s@%s", number, s.server)
	l.from = fmt.Sprintf("<sip:%s@%s>;tag=%s", from, s.address(), rand.Text()[:8])
	l.to = fmt.Sprintf("<%s>", l.uri)
	lines := l.lines("INVITE") + fmt.Sprintf("Contact: <sip:%s@%s>\r\nContent-Type: application/sdp\r\n", from, s.address())
	r, err := s.ask(ctx, "INVITE", l.uri, lines, describe(l.sound))
	if err != nil {
		return nil, err
	}
	l.to = r.To().Value()
	if !r.IsSuccess() {
		branch, _ := r.Via().Params.Get("branch")
		s.write(s.message("ACK", l.uri, branch, l.lines("ACK"), "")) // RFC 3261 section 17.1.1.3
		return nil, fmt.Errorf("call %s: %d %s", number, r.StatusCode, r.Reason)
	}
	sound, ok := soundOf(r.Body())
	if !ok || r.Contact() == nil {
		return nil, errors.New("answered without sound or contact")
	}
	l.uri = r.Contact().Address.String()
	l.ack = s.message("ACK", l.uri, "z9hG4bK"+rand.Text(), l.lines("ACK"), "")
	s.mu.Lock()
	s.calls[l.callID] = l
	s.mu.Unlock()
	s.write(l.ack)
	s.generator.begin(l.sound, sound)
	return l, nil
}

// lines are those by which a request belongs to the call.
func (l *leg) lines(method string) string {
	return fmt.Sprintf("From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", l.from, l.to, l.callID, l.sequence, method)
}

// hangup ends a call that was dialled.
func (l *leg) hangup(ctx context.Context) error {
	l.side.mu.Lock()
	over := l.over
	l.side.forget(l)
	l.side.mu.Unlock()
	if over {
		return errors.New("the node had hung up")
	}
	l.sequence++
	_, err := l.side.ask(ctx, "BYE", l.uri, l.lines("BYE"), "")
	return err
}

// register binds an agent to this side's socket for the time of any measurement.
func (s *side) register(ctx context.Context, agent string) error {
	uri := fmt.Sprintf("sip:%s", s.server)
	callID, tag, proof := rand.Text(), rand.Text()[:8], ""
	for sequence := 1; sequence <= 2; sequence++ {
		lines := fmt.Sprintf("From: <sip:%[1]s@%[2]s>;tag=%[3]s\r\nTo: <sip:%[1]s@%[2]s>\r\nCall-ID: %[4]s\r\nCSeq: %[5]d REGISTER\r\n"+
			"Contact: <sip:%[1]s@%[6]s>\r\nExpires: 3600\r\n%[7]s", agent, s.server, tag, callID, sequence, s.address(), proof)
		r, err := s.ask(ctx, "REGISTER", uri, lines, "")
		if err != nil {
			return err
		}
		if r.IsSuccess() {
			return nil
		}
		if proof, err = prove(r, agent, uri); err != nil {
			return fmt.Errorf("register %s: %w", agent, err)
		}
	}
	return fmt.Errorf("register %s: refused", agent)
}

// prove answers a challenge (RFC 8760).
func prove(r *sip.Response, agent, uri string) (line string, err error) {
	header := r.GetHeader("WWW-Authenticate")
	if header == nil {
		return "", fmt.Errorf("%d %s", r.StatusCode, strings.TrimSpace(r.Reason))
	}
	challenge, err := digest.ParseChallenge(header.Value())
	if err != nil {
		return "", err
	}
	credentials, err := digest.Digest(challenge, digest.Options{Method: "REGISTER", URI: uri, Username: agent, Password: secret})
	if err != nil {
		return "", err
	}
	return "Authorization: " + credentials.String() + "\r\n", nil
}
