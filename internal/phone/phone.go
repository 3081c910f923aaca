package phone

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"
)

const (
	// incomingKept is how many incoming calls wait for a reader of Incoming.
	incomingKept = 1024

	// farewell bounds how long Close waits for the far ends to confirm that their calls are over.
	farewell = 2 * time.Second

	// allowed lists the methods that the phone understands.
	allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO"
)

func init() {
	// A datagram may be as long as it likes on loopback; the transport refuses those over 1300 bytes otherwise.
	sip.UDPMTUSize = 65535
}

// ErrClosed says that the phone was closed.
var ErrClosed = errors.New("phone is closed")

// Options says what a phone is. Bind is needed, the rest has defaults.
type Options struct {
	Network string         // "udp" (the default) or "tcp"
	Bind    netip.Addr     // the IPv4 address of its sockets; ports are chosen
	Server  netip.AddrPort // registrar and proxy: plain numbers are dialled there. Zero: only complete addresses can be dialled
	User    string         // its name, and the one for digest; default "phone"
	Secret  string         // for digest; never logged
	Display string         // the display name in From
	Realm   string         // the domain of its address; default the server's address
	Reply   Reply          // what it does with calls that come in; the zero value hands them over
	Sound   Sound          // how the sound of calls that come in is handled
	Logger  *zap.Logger    // nil: silent
}

// dialogKey names a dialog from our side: the far end's tag is checked apart.
type dialogKey struct{ callID, localTag string }

// Phone is one SIP address with its sockets. All methods are safe for concurrent use. The owner closes it.
type Phone struct {
	options      Options
	log          *zap.Logger
	transport    *sip.TransportLayer
	transactions *sip.TransactionLayer
	local        netip.AddrPort
	seed         [32]byte    // makes our tags
	gone         atomic.Bool // vanished
	socket       socket
	closing      context.Context
	close        context.CancelFunc
	incoming     chan *Call
	registration registration

	mu    sync.Mutex
	calls map[dialogKey]*Call // nil once closed
	reply Reply
}

// New opens a phone's sockets. It is registered nowhere yet, but takes calls that reach its address.
func New(options Options) (*Phone, error) {
	if options.Network == "" {
		options.Network = "udp"
	}
	if options.Network != "udp" && options.Network != "tcp" {
		return nil, fmt.Errorf("phone: network %q: want udp or tcp", options.Network)
	}
	if !options.Bind.Is4() {
		return nil, fmt.Errorf("phone: bind to %v: want an IPv4 address", options.Bind)
	}
	if options.User == "" {
		options.User = "phone"
	}
	if options.Logger == nil {
		options.Logger = zap.NewNop()
	}
	p := &Phone{
		options:  options,
		log:      options.Logger.With(zap.String("phone", options.User)),
		incoming: make(chan *Call, incomingKept),
		calls:    make(map[dialogKey]*Call),
		reply:    options.Reply,

		registration: registration{turn: make(chan struct{}, 1)},
	}
	rand.Read(p.seed[:])
	p.closing, p.close = context.WithCancel(context.Background())
	silent := slog.New(slog.DiscardHandler)
	p.transport = sip.NewTransportLayer(net.DefaultResolver, sip.NewParser(), nil,
		sip.WithTransportLayerLogger(silent), sip.WithTransportLayerReadFilter(p.filter))
	p.transport.OnMessage(p.tag) // before the transactions see it
	p.transactions = sip.NewTransactionLayer(p.transport, sip.WithTransactionLayerLogger(silent),
		sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})) // late copies: nothing to do
	p.transactions.OnRequest(p.dispatch)
	if err := p.listen(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// Addr returns where the phone takes requests.
func (p *Phone) Addr() netip.AddrPort { return p.local }

// User returns the phone's name.
func (p *Phone) User() string { return p.options.User }

// Incoming returns the calls that come in, each when its INVITE arrives, whatever the phone then does with it by itself.
// Up to 1024 wait; after that those which would have been handed over are refused with 486.
func (p *Phone) Incoming() <-chan *Call { return p.incoming }

// SetReply changes what is done with the calls that come in from now on.
func (p *Phone) SetReply(r Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply = r
}

// Calls returns the calls that have not ended, in no order.
func (p *Phone) Calls() []*Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := make([]*Call, 0, len(p.calls))
	for _, c := range p.calls {
		calls = append(calls, c)
	}
	return calls
}

// Vanish pulls the plug: nothing that arrives is seen any more, no packet leaves by itself, no registration is renewed.
// The sockets stay open, so the far end gets no ICMP error either. It cannot be undone.
func (p *Phone) Vanish() {
	p.gone.Store(true)
	p.registration.stop()
	for _, c := range p.Calls() {
		c.Vanish()
	}
}

// Close hangs up what is not over, waits up to two seconds for the far ends to confirm, and frees all sockets. It does
// not unregister. A phone that vanished closes without a word. Closing twice is harmless.
func (p *Phone) Close() {
	p.registration.stop()
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	var waiting sync.WaitGroup
	for _, c := range p.Calls() {
		waiting.Go(func() {
			if !c.gone() {
				_ = c.Hangup(ctx)
			}
			c.end(Ending{By: Local, Err: ErrClosed})
		})
	}
	waiting.Wait()
	p.mu.Lock()
	p.calls = nil
	p.mu.Unlock()
	p.hangUpSockets()
}

// tag puts our tag into a request that is outside of a dialog, before a transaction exists: all responses, also those that
// the transaction makes by itself, then carry the same one.
func (p *Phone) tag(m sip.Message) {
	r, ok := m.(*sip.Request)
	if !ok {
		return
	}
	p.socket.note(r.Source())
	if r.To() == nil || r.To().Params.Has("tag") {
		return
	}
	if tag := p.freshTag(r); tag != "" {
		r.To().Params.Add("tag", tag)
	}
}

// freshTag computes the tag of a request that begins a dialog; copies of the request get the same. A request within a
// dialog has another branch, so its tag never equals its own fresh tag.
func (p *Phone) freshTag(r *sip.Request) string {
	via, callID := r.Via(), r.CallID()
	if via == nil || callID == nil {
		return ""
	}
	branch, _ := via.Params.Get("branch")
	h := sha256.New()
	h.Write(p.seed[:])
	h.Write([]byte(callID.Value() + "\x00" + branch))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// dispatch hands a request to the call that it belongs to. It runs in a goroutine of its own for each request.
func (p *Phone) dispatch(r *sip.Request, tx *sip.ServerTx) {
	if r.To() == nil || r.From() == nil || r.CallID() == nil || r.CSeq() == nil {
		p.respond(tx, r, sip.StatusBadRequest, "Bad Request")
		return
	}
	tag, _ := r.To().Params.Get("tag")
	if tag == p.freshTag(r) {
		p.outside(r, tx)
		return
	}
	remoteTag, _ := r.From().Params.Get("tag")
	c := p.find(dialogKey{r.CallID().Value(), tag})
	switch {
	case c == nil || !c.belongs(remoteTag):
		if r.IsAck() {
			tx.Terminate()
			return
		}
		p.respond(tx, r, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	case c.gone():
		tx.Terminate()
	default:
		c.receive(r, tx)
	}
}

// outside answers a request that belongs to no dialog.
func (p *Phone) outside(r *sip.Request, tx *sip.ServerTx) {
	switch r.Method {
	case sip.INVITE:
		p.invited(r, tx)
	case sip.ACK:
		tx.Terminate()
	case sip.OPTIONS:
		p.respond(tx, r, sip.StatusOK, "OK", sip.NewHeader("Allow", allowed), sip.NewHeader("Accept", "application/sdp"))
	case sip.CANCEL, sip.BYE, sip.INFO:
		p.respond(tx, r, sip.StatusCallTransactionDoesNotExists, "Call/Transaction Does Not Exist")
	default:
		p.respond(tx, r, sip.StatusMethodNotAllowed, "Method Not Allowed", sip.NewHeader("Allow", allowed))
	}
}

// respond answers a request without a body. An error is the transport's; the far end then asks again or gives up.
func (p *Phone) respond(tx *sip.ServerTx, r *sip.Request, code int, reason string, headers ...sip.Header) {
	response := sip.NewResponseFromRequest(r, code, reason, nil)
	for _, h := range headers {
		response.AppendHeader(h)
	}
	if err := tx.Respond(response); err != nil {
		p.log.Debug("response not sent", zap.Int("code", code), zap.Error(err))
	}
}

// find returns the call of a dialog, or nil.
func (p *Phone) find(k dialogKey) *Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[k]
}

// keep adds a call, unless the phone is closed.
func (p *Phone) keep(c *Call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls == nil {
		return false
	}
	p.calls[c.key] = c
	return true
}

// drop removes a call that has ended.
func (p *Phone) drop(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, c.key)
}

// contact is where the far end reaches us within a dialog.
func (p *Phone) contact() *sip.ContactHeader {
	h := &sip.ContactHeader{Address: sip.Uri{
		Scheme: "sip", User: p.options.User, Host: p.local.Addr().String(), Port: int(p.local.Port()),
	}}
	if p.options.Network == "tcp" {
		h.Address.UriParams = sip.NewParams()
		h.Address.UriParams.Add("transport", "tcp")
	}
	return h
}

// domain is the host part of our address and of the numbers that we dial.
func (p *Phone) domain() (host string, port int) {
	if p.options.Realm != "" {
		return p.options.Realm, 0
	}
	if !p.options.Server.IsValid() {
		return p.local.Addr().String(), int(p.local.Port())
	}
	return p.options.Server.Addr().String(), int(p.options.Server.Port())
}

// uri makes the address of a number at our domain, or takes one that is complete ("user@host:port") and is dialled there.
func (p *Phone) uri(number string) (sip.Uri, error) {
	if number == "" || strings.ContainsAny(number, "\r\n\t <>\"") {
		return sip.Uri{}, fmt.Errorf("number %q: not one that can be dialled", number)
	}
	if strings.Contains(number, "@") {
		var uri sip.Uri
		if err := sip.ParseUri("sip:"+strings.TrimPrefix(number, "sip:"), &uri); err != nil {
			return sip.Uri{}, fmt.Errorf("number %q: %w", number, err)
		}
		return uri, nil
	}
	host, port := p.domain()
	return sip.Uri{Scheme: "sip", User: number, Host: host, Port: port}, nil
}
