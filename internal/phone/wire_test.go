package phone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// wire is a far end without any machinery: the test writes each message itself.
type wire struct {
	t      *testing.T
	conn   *net.UDPConn
	parser *sip.Parser
	branch int
}

func newWire(t *testing.T) *wire {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &wire{t: t, conn: conn, parser: sip.NewParser()}
}

func (w *wire) addr() netip.AddrPort { return w.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// next reads the next message; nil when none comes in time.
func (w *wire) next(limit time.Duration) sip.Message {
	w.t.Helper()
	b := make([]byte, 65536)
	w.conn.SetReadDeadline(time.Now().Add(limit))
	n, from, err := w.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		return nil
	}
	m, err := w.parser.ParseSIP(b[:n])
	if err != nil {
		w.t.Fatalf("the phone sent %q: %v", b[:n], err)
	}
	m.SetSource(from.String())
	m.SetTransport("UDP")
	return m
}

// request reads until a request of the given method comes.
func (w *wire) request(method sip.RequestMethod) *sip.Request {
	w.t.Helper()
	for {
		m := w.next(patience)
		if m == nil {
			w.t.Fatalf("no %s came", method)
		}
		if r, ok := m.(*sip.Request); ok && r.Method == method {
			return r
		}
	}
}

// response reads until a response with the given status comes.
func (w *wire) response(code int) *sip.Response {
	w.t.Helper()
	for {
		m := w.next(patience)
		if m == nil {
			w.t.Fatalf("no %d came", code)
		}
		if r, ok := m.(*sip.Response); ok && r.StatusCode == code {
			return r
		}
	}
}

// responseTo is response for a request of the given method: copies of others are passed over.
func (w *wire) responseTo(method sip.RequestMethod, code int) *sip.Response {
	w.t.Helper()
	for {
		if r := w.response(code); r.CSeq().MethodName == method {
			return r
		}
	}
}

func (w *wire) send(m sip.Message, to netip.AddrPort) {
	w.t.Helper()
	if _, err := w.conn.WriteToUDPAddrPort([]byte(m.String()), to); err != nil {
		w.t.Fatal(err)
	}
}

// answer responds to a request, with a tag and a contact where one belongs.
func (w *wire) answer(r *sip.Request, code int, tag, body string, headers ...sip.Header) {
	w.t.Helper()
	response := sip.NewResponseFromRequest(r, code, "Text", nil)
	if tag != "" {
		response.To().Params.Remove("tag")
		response.To().Params.Add("tag", tag)
	}
	response.AppendHeader(sip.NewHeader("Contact", "<sip:wire@"+w.addr().String()+">"))
	for _, h := range headers {
		response.AppendHeader(h)
	}
	if body != "" {
		response.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		response.SetBody([]byte(body))
	}
	w.send(response, netip.MustParseAddrPort(r.Source()))
}

// description is an offer or answer of the wire, at a port where nobody listens.
func (w *wire) description() string {
	return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
}

// ask sends a request to a phone; to is the value of To.
func (w *wire) ask(method sip.RequestMethod, p *Phone, to string, sequence int, body string) *sip.Request {
	w.t.Helper()
	w.branch++
	kind := ""
	if body != "" {
		kind = "Content-Type: application/sdp\r\n"
	}
	text := fmt.Sprintf("%s sip:alice@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKwire%d;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:wire@example.com>;tag=wire\r\nTo: %s\r\nCall-ID: of-the-wire\r\nCSeq: %d %s\r\n"+
		"Contact: <sip:wire@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, p.Addr(), w.addr(), w.branch, to, sequence, method, w.addr(), kind, len(body), body)
	m, err := w.parser.ParseSIP([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	w.send(m, p.Addr())
	return m.(*sip.Request)
}

func challenge(algorithm string) sip.Header {
	return sip.NewHeader("WWW-Authenticate",
		fmt.Sprintf(`Digest realm="kettle.example", nonce="n%s", algorithm=%s, qop="auth"`, algorithm, algorithm))
}

func TestRegisteringAnswersAChallenge(t *testing.T) {
	for _, c := range []struct {
		name       string
		challenges []sip.Header
		takes      string
	}{
		{"MD5", []sip.Header{challenge("MD5")}, "MD5"},
		{"SHA-256", []sip.Header{challenge("SHA-256")}, "SHA-256"},
		{"the first of both", []sip.Header{challenge("SHA-256"), challenge("MD5")}, "SHA-256"},
		{"the first that is known", []sip.Header{challenge("SHA-3000"), challenge("MD5")}, "MD5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWire(t)
			p := newPhone(t, Options{User: "alice", Secret: "a long secret", Realm: "kettle.example", Server: w.addr()})
			registered := make(chan error, 1)
			go func() { registered <- p.Register(within(t), time.Minute) }()
			first := w.request(sip.REGISTER)
			w.answer(first, 401, "", "", c.challenges...)
			second := w.request(sip.REGISTER)
			credentials, err := digest.ParseCredentials(second.GetHeader("Authorization").Value())
			if err != nil {
				t.Fatal(err)
			}
			want, err := digest.Digest(&digest.Challenge{
				Realm: "kettle.example", Nonce: "n" + c.takes, Algorithm: c.takes, QOP: []string{"auth"},
			}, digest.Options{
				Method: "REGISTER", URI: credentials.URI, Username: "alice", Password: "a long secret",
				Cnonce: credentials.Cnonce, Count: credentials.Nc,
			})
			if err != nil || credentials.Response != want.Response || credentials.URI != "sip:kettle.example" {
				t.Errorf("credentials %v, %v", credentials, err)
			}
			if second.CSeq().SeqNo <= first.CSeq().SeqNo || second.CallID().Value() != first.CallID().Value() {
				t.Error("the second attempt is not the next request of the same registration")
			}
			if strings.Contains(second.String(), "a long secret") {
				t.Error("the secret is in the message")
			}
			w.answer(second, 200, "", "")
			if err := <-registered; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAWrongSecretIsRefusedOnce(t *testing.T) {
	w := newWire(t)
	p := newPhone(t, Options{User: "alice", Secret: "wrong", Server: w.addr()})
	registered := make(chan error, 1)
	go func() { registered <- p.Register(within(t), time.Minute) }()
	w.answer(w.request(sip.REGISTER), 401, "", "", challenge("MD5"))
	w.answer(w.request(sip.REGISTER), 403, "", "", sip.NewHeader("Retry-After", "7"))
	var refused *RefusedError
	if err := <-registered; !errors.As(err, &refused) || refused.Code != 403 || refused.RetryAfter != 7*time.Second {
		t.Errorf("%v", err)
	}
}

func TestARegistrationIsRefreshedAndRemoved(t *testing.T) {
	w := newWire(t)
	p := newPhone(t, Options{User: "alice", Server: w.addr()})
	registered := make(chan error, 1)
	go func() { registered <- p.Register(within(t), 30*time.Second) }()
	brief := w.request(sip.REGISTER)
	w.answer(brief, 423, "", "", sip.NewHeader("Min-Expires", "90"))
	longer := w.request(sip.REGISTER)
	if got := longer.GetHeader("Expires").Value(); got != "90" {
		t.Errorf("asked for %s s after a 423 that wants 90", got)
	}
	w.answer(longer, 200, "", "", sip.NewHeader("Contact", fmt.Sprintf("<sip:alice@%s>;expires=2", p.Addr())))
	if err := <-registered; err != nil {
		t.Fatal(err)
	}
	again := w.request(sip.REGISTER) // by itself, after a second
	if again.CSeq().SeqNo <= longer.CSeq().SeqNo {
		t.Error("the refresh has an old sequence number")
	}
	w.answer(again, 200, "", "", sip.NewHeader("Expires", "600"))
	go func() { registered <- p.Unregister(within(t)) }()
	last := w.request(sip.REGISTER)
	for last.GetHeader("Expires").Value() != "0" { // another refresh was on its way
		w.answer(last, 200, "", "")
		last = w.request(sip.REGISTER)
	}
	w.answer(last, 200, "", "")
	if err := <-registered; err != nil {
		t.Error(err)
	}
}

func TestAnInviteAnswersAChallenge(t *testing.T) {
	w := newWire(t)
	p := newPhone(t, Options{User: "alice", Secret: "a long secret", Server: w.addr()})
	call, err := p.Start(within(t), "bob", CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first := w.request(sip.INVITE)
	w.answer(first, 407, "proxy", "", sip.NewHeader("Proxy-Authenticate", challenge("MD5").Value()))
	w.request(sip.ACK)
	second := w.request(sip.INVITE)
	if second.GetHeader("Proxy-Authorization") == nil || second.CSeq().SeqNo != first.CSeq().SeqNo+1 {
		t.Fatalf("the second INVITE: %s", second)
	}
	w.answer(second, 200, "far", w.description())
	w.request(sip.ACK)
	await(t, "the answer", call.Answered())
	ended := make(chan error, 1)
	go func() { ended <- call.Hangup(within(t)) }()
	bye := w.request(sip.BYE)
	if bye.CSeq().SeqNo <= second.CSeq().SeqNo {
		t.Error("the BYE has an old sequence number")
	}
	w.answer(bye, 200, "", "")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestA200IsRepeatedUntilItsAck(t *testing.T) {
	w := newWire(t)
	p := newPhone(t, Options{User: "alice", Reply: AnswerAfter(0)})
	invite := w.ask(sip.INVITE, p, "<sip:alice@example.com>", 1, w.description())
	first := w.response(200)
	if again := w.response(200); again.To().Value() != first.To().Value() || string(again.Body()) != string(first.Body()) {
		t.Error("the copy differs")
	}
	w.send(invite, p.Addr()) // a late copy makes no second call
	call := taken(t, p)
	w.ask(sip.ACK, p, first.To().Value(), 1, "")
	await(t, "the ACK", call.Answered())
	copies := 0
	for until := time.Now().Add(2500 * time.Millisecond); time.Now().Before(until); {
		if w.next(time.Until(until)) != nil {
			copies++
		}
	}
	if copies > 1 { // one may have been on its way when the ACK arrived; without an ACK two would come in this time
		t.Errorf("%d copies after the ACK", copies)
	}
	if n := len(p.Calls()); n != 1 {
		t.Errorf("%d calls after a late copy of the INVITE", n)
	}
	call.End()
}

func TestARepeated200GetsItsAckAgainAndAnotherBranchAGoodbye(t *testing.T) {
	w := newWire(t)
	p := newPhone(t, Options{Server: w.addr()})
	call, err := p.Start(within(t), "bob", CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	invite := w.request(sip.INVITE)
	w.answer(invite, 200, "far", w.description())
	one := w.request(sip.ACK)
	await(t, "the answer", call.Answered())
	w.answer(invite, 200, "far", w.description())
	if two := w.request(sip.ACK); two.String() != one.String() {
		t.Errorf("another ACK:\n%s\n%s", one, two)
	}
	w.answer(invite, 200, "branch", w.description())
	bye := w.request(sip.BYE)
	if tag, _ := bye.To().Params.Get("tag"); tag != "branch" {
		t.Errorf("the BYE went to %q", tag)
	}
	w.answer(bye, 200, "", "")
	select {
	case <-call.Done():
		t.Error("the call itself ended")
	default:
	}
	call.End()
}

func TestA200ThatCrossesACancelIsHungUp(t *testing.T) {
	w := newWire(t)
	p := newPhone(t, Options{Server: w.addr()})
	call, err := p.Start(within(t), "bob", CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	invite := w.request(sip.INVITE)
	go call.Hangup(within(t))
	if early := w.next(300 * time.Millisecond); early != nil {
		if r, ok := early.(*sip.Request); !ok || r.Method != sip.INVITE {
			t.Errorf("before any provisional response: %s", early)
		}
	}
	w.answer(invite, 180, "far", "")
	cancel := w.request(sip.CANCEL)
	if cancel.Via().Value() != invite.Via().Value() || cancel.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Error("the CANCEL does not match its INVITE")
	}
	w.answer(invite, 200, "far", w.description()) // it was on its way
	w.answer(cancel, 200, "far", "")
	w.request(sip.ACK)
	w.answer(w.request(sip.BYE), 200, "", "")
	await(t, "the end", call.Done())
	select {
	case <-call.Answered():
		t.Error("a cancelled call counts as answered")
	default:
	}
}

func TestWhatBelongsToNoCallIsAnsweredRight(t *testing.T) {
	w := newWire(t)
	p := newPhone(t, Options{User: "alice"})
	const unknown = "<sip:alice@example.com>;tag=nobody"
	w.ask(sip.BYE, p, unknown, 1, "")
	w.response(481)
	w.ask(sip.INVITE, p, unknown, 2, w.description())
	w.response(481)
	w.ask(sip.CANCEL, p, "<sip:alice@example.com>", 3, "")
	w.response(481)
	w.ask(sip.OPTIONS, p, "<sip:alice@example.com>", 4, "")
	if r := w.response(200); r.GetHeader("Allow") == nil {
		t.Error("OPTIONS without Allow")
	}
	w.ask(sip.MESSAGE, p, "<sip:alice@example.com>", 5, "")
	if r := w.response(405); r.GetHeader("Allow") == nil {
		t.Error("405 without Allow")
	}
}

func TestRequestsWithinACallAreAnsweredRight(t *testing.T) {
	w := newWire(t)
	p := newPhone(t, Options{User: "alice", Reply: AnswerAfter(0)})
	w.ask(sip.INVITE, p, "<sip:alice@example.com>", 1, w.description())
	to := w.response(200).To().Value()
	call := taken(t, p)
	w.ask(sip.ACK, p, to, 1, "")
	await(t, "the ACK", call.Answered())
	w.ask(sip.OPTIONS, p, to, 2, "")
	w.responseTo(sip.OPTIONS, 200)
	w.ask(sip.INVITE, p, to, 3, strings.Replace(w.description(), "127.0.0.1\r\nt=", "0.0.0.0\r\nt=", 1))
	held := w.response(200)
	if !call.Held() || !strings.Contains(string(held.Body()), "a=inactive") {
		t.Errorf("held %v: %s", call.Held(), held.Body())
	}
	w.ask(sip.INVITE, p, to, 4, w.description()) // before the ACK
	w.response(491)
	w.ask(sip.ACK, p, to, 3, "")
	w.ask(sip.INVITE, p, to, 5, strings.Replace(w.description(), "RTP/AVP 0", "RTP/AVP 9", 1))
	for r := w.next(patience); ; r = w.next(patience) {
		if answer, ok := r.(*sip.Response); ok && answer.CSeq().SeqNo == 5 {
			if answer.StatusCode != 488 && answer.StatusCode != 491 {
				t.Errorf("an offer without a common codec got %d", answer.StatusCode)
			}
			break
		}
	}
	w.ask(sip.BYE, p, to, 6, "")
	w.responseTo(sip.BYE, 200)
	await(t, "the end", call.Done())
}

func TestAFailedChangeMovesNobody(t *testing.T) {
	w, other := newWire(t), newWire(t)
	other.branch = 100
	p := newPhone(t, Options{User: "alice", Reply: AnswerAfter(0)})
	w.ask(sip.INVITE, p, "<sip:alice@example.com>", 1, w.description())
	to := w.response(200).To().Value()
	call := taken(t, p)
	w.ask(sip.ACK, p, to, 1, "")
	await(t, "the ACK", call.Answered())
	other.ask(sip.INVITE, p, to, 2, strings.Replace(w.description(), "RTP/AVP 0", "RTP/AVP 9", 1))
	other.response(488)
	done := make(chan error, 1)
	go func() { done <- call.Hangup(t.Context()) }()
	w.answer(w.request(sip.BYE), 200, "", "")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestACallThatCanBeFoundCanBeUsed(t *testing.T) {
	p := newPhone(t, Options{User: "alice"})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, c := range p.Calls() {
				if c.To() == "" {
					t.Error("a call to nobody")
				}
			}
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	for range 50 {
		if _, err := p.Start(ctx, "bob@127.0.0.1:9", CallOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-stopped
	cancel()
	for _, c := range p.Calls() {
		c.End()
	}
}

func TestAFarEndThatForgotTheCallEndsIt(t *testing.T) {
	w := newWire(t)
	p := newPhone(t, Options{Server: w.addr()})
	call, err := p.Start(within(t), "bob", CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.answer(w.request(sip.INVITE), 200, "far", w.description())
	await(t, "the answer", call.Answered())
	pressed := make(chan error, 1)
	go func() { pressed <- call.SendInfoDigit(within(t), '1') }()
	w.answer(w.request(sip.INFO), 481, "", "")
	if err := <-pressed; err == nil {
		t.Error("a digit to a far end that knows no call was sent")
	}
	await(t, "the end", call.Done())
	if e := call.Ending(); e.By != Remote || e.Code != 481 {
		t.Errorf("ended with %+v", e)
	}
}

func TestNobodyWaitsForEverForAPhoneThatIsNotThere(t *testing.T) {
	w := newWire(t) // reads nothing
	p := newPhone(t, Options{User: "alice", Server: w.addr()})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := p.Register(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestNumbersThatCannotBeDialled(t *testing.T) {
	p := newPhone(t, Options{})
	for _, number := range []string{"", "a b", "1\r\nVia: x", "<x>", "\"x\""} {
		if _, err := p.Start(within(t), number, CallOptions{}); err == nil {
			t.Errorf("%q was dialled", number)
		}
	}
}
