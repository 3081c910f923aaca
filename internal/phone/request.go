package phone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// errNoAnswer says that the far end did not answer a request in time (64·T1, RFC 3261 section 17).
var errNoAnswer = errors.New("no response")

// outline is what a request is made from.
type outline struct {
	method     sip.RequestMethod
	uri        sip.Uri
	from       *sip.FromHeader
	to         *sip.ToHeader
	callID     string
	sequence   uint32
	routes     []sip.Uri
	toServer   bool // goes to the server whatever the URI says
	via        string
	headers    []sip.Header
	body       []byte
	bodyType   string
	credential sip.Header // Authorization or Proxy-Authorization
}

// build makes the request that an outline describes, with a new branch.
func (p *Phone) build(o outline) *sip.Request {
	r := sip.NewRequest(o.method, *o.uri.Clone())
	via := &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: strings.ToUpper(p.options.Network),
		Host: p.local.Addr().String(), Port: int(p.local.Port()), Params: sip.NewParams(),
	}
	via.Params.Add("branch", sip.GenerateBranchN(16))
	via.Params.Add("rport", "")
	r.AppendHeader(via)
	for _, route := range o.routes {
		r.AppendHeader(&sip.RouteHeader{Address: *route.Clone()})
	}
	callID, hops := sip.CallIDHeader(o.callID), sip.MaxForwardsHeader(70)
	r.AppendHeader(&hops)
	r.AppendHeader(sip.HeaderClone(o.from))
	r.AppendHeader(sip.HeaderClone(o.to))
	r.AppendHeader(&callID)
	r.AppendHeader(&sip.CSeqHeader{SeqNo: o.sequence, MethodName: o.method})
	if o.method != sip.CANCEL {
		r.AppendHeader(p.contact())
		r.AppendHeader(sip.NewHeader("Allow", allowed))
		r.AppendHeader(sip.NewHeader("User-Agent", "spillway-phone"))
	}
	for _, h := range o.headers {
		r.AppendHeader(h)
	}
	if o.credential != nil {
		r.AppendHeader(o.credential)
	}
	if o.bodyType != "" {
		r.AppendHeader(sip.NewHeader("Content-Type", o.bodyType))
	}
	r.SetBody(o.body)
	p.aim(r, o)
	return r
}

// aim says over which socket a request leaves and where to.
func (p *Phone) aim(r *sip.Request, o outline) {
	r.SetTransport(strings.ToUpper(p.options.Network))
	if p.options.Network == "udp" {
		r.Laddr = sip.Addr{IP: net.IP(p.local.Addr().AsSlice()), Port: int(p.local.Port())}
	}
	switch {
	case o.toServer && p.options.Server.IsValid():
		r.SetDestination(p.options.Server.String())
	case o.via != "":
		r.SetDestination(o.via)
	}
}

// exchange sends a request and waits for its final response. Once, and once more for a stale nonce, it answers a
// challenge, with the next sequence number, which it leaves in o.
func (p *Phone) exchange(ctx context.Context, o *outline) (*sip.Response, error) {
	for attempt := 0; ; attempt++ {
		response, err := p.transact(ctx, p.build(*o))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.method, err)
		}
		if attempt == 2 || !challenged(response) {
			return response, nil
		}
		credential, err := p.authorize(response, o.method, o.uri)
		if err != nil {
			return response, nil // the refusal stands
		}
		o.credential = credential
		o.sequence++
	}
}

// transact sends one request and waits for its final response.
func (p *Phone) transact(ctx context.Context, r *sip.Request) (*sip.Response, error) {
	if p.closing.Err() != nil {
		return nil, ErrClosed
	}
	tx, err := p.transactions.Request(ctx, r)
	if err != nil {
		return nil, err
	}
	for {
		select {
		case response := <-tx.Responses():
			if !response.IsProvisional() {
				return response, nil
			}
		case <-tx.Done():
			return nil, transactionError(tx)
		case <-ctx.Done():
			tx.Terminate()
			return nil, ctx.Err()
		}
	}
}

// transactionError says why a client transaction ended without a final response.
func transactionError(tx *sip.ClientTx) error {
	err := tx.Err()
	if err == nil || errors.Is(err, sip.ErrTransactionTimeout) {
		return errNoAnswer
	}
	return err
}

// challenged says whether a response asks for credentials.
func challenged(r *sip.Response) bool {
	return r.StatusCode == sip.StatusUnauthorized || r.StatusCode == sip.StatusProxyAuthRequired
}

// authorize makes the credentials for the first challenge that the phone can answer (RFC 8760 section 2.4).
func (p *Phone) authorize(r *sip.Response, method sip.RequestMethod, uri sip.Uri) (sip.Header, error) {
	ask, answer := "WWW-Authenticate", "Authorization"
	if r.StatusCode == sip.StatusProxyAuthRequired {
		ask, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	if p.options.Secret == "" {
		return nil, errors.New("challenged, but no secret is set")
	}
	for _, h := range r.GetHeaders(ask) {
		challenge, err := digest.ParseChallenge(h.Value())
		if err != nil || !digest.CanDigest(challenge) {
			continue
		}
		credentials, err := digest.Digest(challenge, digest.Options{
			Method: string(method), URI: uri.String(), Username: p.options.User, Password: p.options.Secret, Count: 1,
		})
		if err != nil {
			continue
		}
		return sip.NewHeader(answer, credentials.String()), nil
	}
	return nil, errors.New("no challenge that can be answered")
}
