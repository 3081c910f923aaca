package sip

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// memoryWire is a wire in memory: what the server sends is read from sent.
type memoryWire struct {
	kind   Transport
	number uint64
	at     netip.AddrPort
	sent   chan packet
}

type packet struct {
	to   netip.AddrPort
	text string
}

func newMemoryWire(kind Transport) *memoryWire {
	w := &memoryWire{kind: kind, at: netip.MustParseAddrPort("192.0.2.1:5060"), sent: make(chan packet, 1000)}
	if kind == TCP {
		w.number = 7
	}
	return w
}

func (w *memoryWire) transport() Transport       { return w.kind }
func (w *memoryWire) id() uint64                 { return w.number }
func (w *memoryWire) advertised() netip.AddrPort { return w.at }
func (w *memoryWire) use(int32)                  {}
func (w *memoryWire) send(to netip.AddrPort, message []byte) error {
	w.sent <- packet{to, string(message)}
	return nil
}

// staff is a handler made of functions; what is left out does nothing, and calls are answered.
type staff struct {
	invite     func(*Leg)
	registered func(string, []Binding)
}

func (h staff) Invite(leg *Leg) {
	if h.invite != nil {
		h.invite(leg)
		return
	}
	_ = leg.Answer([]byte(answerSDP))
	for range leg.Events() {
	}
}

func (h staff) Registered(agent string, live []Binding) {
	if h.registered != nil {
		h.registered(agent, live)
	}
}

const (
	offerSDP  = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	answerSDP = "v=0\r\no=- 2 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"
	testRealm = "calls.kettle.example"
)

// carrierAddress is a trunk of the test directory, strangerAddress is not.
var (
	carrierAddress  = netip.MustParseAddrPort("192.0.2.9:5060")
	strangerAddress = netip.MustParseAddrPort("203.0.113.66:5060")
	phoneAddress    = netip.MustParseAddrPort("198.51.100.7:5062")
)

func testDirectory() *Directory {
	return &Directory{
		Accounts: map[string]Account{
			"alice":   {Secret: "alice-has-a-secret"},
			"bob":     {Secret: "bob-has-another-one"},
			"trunk-2": {Secret: "a-trunk-with-a-password", Trunk: "carrier-2"},
		},
		Trunks: []Trunk{{Name: "carrier", Accept: []netip.Prefix{netip.MustParsePrefix("192.0.2.9/32")}}},
	}
}

// world is a server on a wire in memory.
type world struct {
	t          *testing.T
	server     *Server
	wire       *memoryWire
	mu         sync.Mutex
	counted    map[string]int // "METHOD code" → how often
	panics     int
	leaves     bool // the test has us leave calls without an end
	unfinished atomic.Int32
}

func newWorld(t *testing.T, kind Transport, h Handler) *world {
	t.Helper()
	w := &world{t: t, wire: newMemoryWire(kind), counted: map[string]int{}}
	s, err := assemble(Options{
		Realm: testRealm, Handler: h,
		Answered: func(method string, code int) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.counted[fmt.Sprintf("%s %d", method, code)]++
		},
		Panicked: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.panics++
		},
		Unfinished: func() {
			if w.unfinished.Add(1); !w.leaves {
				t.Error("a call of ours was left without an end")
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if kind == UDP {
		s.datagrams = []wire{w.wire}
	}
	s.SetDirectory(testDirectory())
	s.start()
	t.Cleanup(s.Close)
	w.server = s
	return w
}

// from is a far end of the world at an address.
func (w *world) from(a netip.AddrPort) *peer {
	return &peer{world: w, at: a, id: "call-" + newTag(), tag: "their" + newTag(), seq: 1}
}

// peer is the far end of one dialog, driven line by line.
type peer struct {
	*world
	at     netip.AddrPort
	id     string
	tag    string
	theirs string // our server's tag, once known
	target string // our server's contact, once known
	seq    uint32
	branch string // of the last INVITE
	last   string // the last request sent, for copies
}

// raw sends a text as it is, but for its line ends.
func (p *peer) raw(text string) {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	p.last = text
	p.server.receive(flow{p.wire, p.at}, []byte(text))
}

// request sends a request with the next number, and returns its branch. headers are whole lines.
func (p *peer) request(method, to string, body string, headers ...string) string {
	branch := cookie + newTag()
	p.send(method, to, branch, p.seq, body, headers...)
	p.seq++
	return branch
}

func (p *peer) send(method, to, branch string, seq uint32, body string, headers ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", method, to)
	fmt.Fprintf(&b, "Via: SIP/2.0/%s %s;branch=%s;rport\r\n", p.wire.kind, p.at, branch)
	fmt.Fprintf(&b, "From: \"Kim\" <sip:+61400111222@192.0.2.9>;tag=%s\r\n", p.tag)
	theirs := ""
	if p.theirs != "" {
		theirs = ";tag=" + p.theirs
	}
	fmt.Fprintf(&b, "To: <%s>%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\n", to, theirs, p.id, seq, method)
	if method == "INVITE" && !strings.Contains(strings.Join(headers, "\n"), "Contact:") {
		fmt.Fprintf(&b, "Contact: <sip:kim@%s>\r\n", p.at)
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if body != "" && !strings.Contains(strings.Join(headers, "\n"), "Content-Type:") {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	p.last = b.String()
	p.server.receive(flow{p.wire, p.at}, []byte(p.last))
}

// again sends a copy of the last request.
func (p *peer) again() { p.server.receive(flow{p.wire, p.at}, []byte(p.last)) }

// invite sends an INVITE outside of a dialog.
func (p *peer) invite(headers ...string) {
	p.branch = p.request("INVITE", "sip:+61280000001@192.0.2.1", offerSDP, headers...)
}

// ack acknowledges a 2xx.
func (p *peer) ack(body string) {
	p.send("ACK", p.inside(), cookie+newTag(), p.seq-1, body)
}

func (p *peer) inside() string {
	if p.target != "" {
		return p.target
	}
	return "sip:+61280000001@192.0.2.1"
}

// next is the next message that the server sends, within a minute.
func (w *world) next() (sipgo.Message, packet) {
	w.t.Helper()
	select {
	case sent := <-w.wire.sent:
		if !plausible([]byte(sent.text)) {
			w.t.Fatalf("the server sent what it would not take itself:\n%s", sent.text)
		}
		m, err := sipgo.ParseMessage([]byte(sent.text))
		if err != nil {
			w.t.Fatalf("the server sent what cannot be parsed: %v\n%s", err, sent.text)
		}
		return m, sent
	case <-time.After(time.Minute):
		w.t.Fatal("the server sent nothing for a minute")
		return nil, packet{}
	}
}

// expect is the next response, which must have that code; 100 is passed over if it is not the one.
func (p *peer) expect(code int) *sipgo.Response {
	p.t.Helper()
	for {
		m, sent := p.next()
		res, ok := m.(*sipgo.Response)
		if ok && res.StatusCode == 100 && code != 100 {
			continue
		}
		if !ok || res.StatusCode != code {
			p.t.Fatalf("want %d, got:\n%s", code, sent.text)
		}
		if code > 100 {
			p.theirs = tagOf(res.To().Params)
		}
		if c := res.Contact(); c != nil {
			p.target = c.Address.String()
		}
		return res
	}
}

// expectRequest is the next request, which must have that method.
func (w *world) expectRequest(method sipgo.RequestMethod) *sipgo.Request {
	w.t.Helper()
	m, sent := w.next()
	req, ok := m.(*sipgo.Request)
	if !ok || req.Method != method {
		w.t.Fatalf("want %s, got:\n%s", method, sent.text)
	}
	return req
}

// reply answers a request of the server. headers are whole lines.
func (p *peer) reply(req *sipgo.Request, code int, tag, body string, headers ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d Whatever\r\n", code)
	for _, h := range req.GetHeaders("Via") {
		b.WriteString(h.String() + "\r\n")
	}
	b.WriteString(req.From().String() + "\r\n")
	to := req.To().String()
	if tag != "" && tagOf(req.To().Params) == "" {
		to += ";tag=" + tag
	}
	b.WriteString(to + "\r\n" + "Call-ID: " + string(*req.CallID()) + "\r\n" + req.CSeq().String() + "\r\n")
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	p.server.receive(flow{p.wire, p.at}, []byte(b.String()))
}

// quiet checks that the server sends nothing for that long.
func (w *world) quiet(d time.Duration) {
	w.t.Helper()
	select {
	case sent := <-w.wire.sent:
		w.t.Fatalf("want silence, got:\n%s", sent.text)
	case <-time.After(d):
	}
}

// event is the next event of a leg, which must be of that type.
func event[E Event](t *testing.T, leg *Leg) E {
	t.Helper()
	select {
	case e, open := <-leg.Events():
		got, ok := e.(E)
		if !open || !ok {
			var want E
			t.Fatalf("want a %T, got %#v (open %v)", want, e, open)
		}
		return got
	case <-time.After(5 * time.Minute):
		var want E
		t.Fatalf("no %T came", want)
		return want
	}
}

// finished checks that a leg ends in that way, with nothing behind it.
func finished(t *testing.T, leg *Leg, by By, code int) {
	t.Helper()
	e := event[Ended](t, leg)
	if e.By != by || e.Code != code {
		t.Fatalf("ended %+v, want by %s with %d", e, by, code)
	}
	if _, open := <-leg.Events(); open {
		t.Fatal("an event came after Ended")
	}
}

// asRequest is a message that must be a request.
func (w *world) asRequest(m sipgo.Message) *sipgo.Request {
	w.t.Helper()
	req, ok := m.(*sipgo.Request)
	if !ok {
		w.t.Fatalf("not a request:\n%s", m)
	}
	return req
}
