package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"
)

// cancelWait bounds how long a cancelled call waits for its final response: 64·T1 (RFC 3261 section 9.1).
const cancelWait = 32 * time.Second

// CallOptions says how a call is placed. The zero value is an ordinary call.
type CallOptions struct {
	From      string            // the number or user in From; default the phone's user
	Display   string            // default the phone's
	Headers   map[string]string // further headers of the INVITE
	Offerless bool              // leave the offer to the far end, and answer it in the ACK
	Sound     Sound             // how sound is handled
}

// Dial places a call and waits until it is answered. A refusal is a *RefusedError; when the context ends before the
// answer, the call is cancelled.
func (p *Phone) Dial(ctx context.Context, number string, options CallOptions) (*Call, error) {
	c, err := p.Start(ctx, number, options)
	if err != nil {
		return nil, err
	}
	select {
	case <-c.confirmed:
		return c, nil
	case <-c.done:
	}
	select {
	case <-c.confirmed: // answered and hung up at once
		return c, nil
	default:
	}
	e := c.Ending()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("dial %s: %w", number, ctx.Err())
	case e.Err != nil:
		return nil, fmt.Errorf("dial %s: %w", number, e.Err)
	}
	return nil, fmt.Errorf("dial %s: %w", number, &RefusedError{Code: e.Code, Reason: e.Reason, RetryAfter: e.RetryAfter})
}

// Start places a call and returns at once; the call's channels tell how it goes. The context cancels it as long as it
// is not answered.
func (p *Phone) Start(ctx context.Context, number string, options CallOptions) (*Call, error) {
	uri, err := p.uri(number)
	if err != nil {
		return nil, err
	}
	key := dialogKey{callID: sip.GenerateTagN(24), localTag: sip.GenerateTagN(16)}
	c, err := p.newCall(key, true, options.Sound)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", number, err)
	}
	o, err := c.inviteOutline(uri, options)
	if err != nil {
		c.end(Ending{By: Local, Err: err})
		return nil, fmt.Errorf("dial %s: %w", number, err)
	}
	c.mu.Lock()
	c.request = p.build(o)
	c.mu.Unlock()
	if err := c.begin(); err != nil {
		return nil, fmt.Errorf("dial %s: %w", number, err)
	}
	go c.place(ctx, o)
	return c, nil
}

// inviteOutline makes the outline of the INVITE.
func (c *Call) inviteOutline(uri sip.Uri, options CallOptions) (outline, error) {
	p := c.phone
	host, port := p.domain()
	from := &sip.FromHeader{
		DisplayName: options.Display,
		Address:     sip.Uri{Scheme: "sip", User: options.From, Host: host, Port: port},
		Params:      sip.NewParams(),
	}
	if options.From == "" {
		from.Address.User = p.options.User
	}
	if options.Display == "" {
		from.DisplayName = p.options.Display
	}
	from.Params.Add("tag", c.key.localTag)
	o := outline{
		method: sip.INVITE, uri: uri, from: from, to: &sip.ToHeader{Address: uri, Params: sip.NewParams()},
		callID: c.key.callID, sequence: 1, toServer: uri.Host == host && uri.Port == port,
	}
	for name, value := range options.Headers {
		o.headers = append(o.headers, sip.NewHeader(name, value))
	}
	if !options.Offerless {
		offer, err := c.describes.marshal()
		if err != nil {
			return o, err
		}
		o.body, o.bodyType = offer, "application/sdp"
	}
	return o, nil
}

// place carries an INVITE to its end, answering challenges.
func (c *Call) place(ctx context.Context, o outline) {
	for attempt := 0; ; attempt++ {
		c.mu.Lock()
		request := c.request
		c.mu.Unlock()
		response, err := c.invite(ctx, request)
		if err != nil {
			c.end(Ending{By: Local, Err: err})
			return
		}
		if response.IsSuccess() {
			return
		}
		if attempt < 2 && challenged(response) && ctx.Err() == nil {
			if credential, err := c.phone.authorize(response, sip.INVITE, o.uri); err == nil {
				o.credential = credential
				o.sequence++
				c.mu.Lock()
				c.request = c.phone.build(o)
				c.mu.Unlock()
				continue
			}
		}
		refused := refusal(response)
		c.end(Ending{By: Remote, Code: refused.Code, Reason: refused.Reason, RetryAfter: refused.RetryAfter})
		return
	}
}

// invite runs one INVITE transaction. A success has been acknowledged and applied when it returns.
func (c *Call) invite(ctx context.Context, request *sip.Request) (*sip.Response, error) {
	tx, err := c.phone.transactions.Request(ctx, request)
	if err != nil {
		return nil, err
	}
	var (
		cancelled  = ctx.Done()
		givenUp    = (<-chan struct{})(c.giveUp)
		wanted     = true
		proceeding bool
		patience   <-chan time.Time
	)
	stop := func() {
		cancelled, givenUp, wanted = nil, nil, false
		patience = time.After(cancelWait)
		if proceeding {
			c.cancel(request)
		}
	}
	for {
		select {
		case response := <-tx.Responses():
			switch {
			case response.IsProvisional():
				if first := !proceeding; first && !wanted {
					c.cancel(request) // only now may it be sent (RFC 3261 section 9.1)
				}
				proceeding = true
				c.progress(request, response)
			case response.IsSuccess():
				c.succeed(tx, request, response, wanted)
				return response, nil
			default:
				return response, nil
			}
		case <-tx.Done():
			return nil, transactionError(tx)
		case <-cancelled:
			stop()
		case <-givenUp:
			stop()
		case <-c.done:
			tx.Terminate()
			return nil, ErrClosed
		case <-patience:
			tx.Terminate()
			return nil, fmt.Errorf("cancel: %w", errNoAnswer)
		}
	}
}

// progress notes a provisional response, and hears early media.
func (c *Call) progress(request *sip.Request, r *sip.Response) {
	c.mu.Lock()
	c.provisionals = append(c.provisionals, r.StatusCode)
	if r.StatusCode > 100 {
		select {
		case <-c.ringing:
		default:
			close(c.ringing)
			c.times.Ringing = time.Now()
		}
		if r.To() != nil && r.To().Params.Has("tag") && c.dialog.from == nil {
			c.dialog.placed(request, r)
			c.dialog.remoteTag = "" // an early dialog binds nobody: another branch may answer
		}
	}
	c.mu.Unlock()
	if len(r.Body()) > 0 && r.StatusCode == sip.StatusSessionInProgress {
		if t, err := c.sound.understand(r.Body()); err == nil {
			c.agree(t)
		}
	}
}

// cancel sends a CANCEL for an INVITE (RFC 3261 section 9.1), in the background: its response says nothing.
func (c *Call) cancel(invite *sip.Request) {
	p := c.phone
	o := outline{
		method: sip.CANCEL, uri: invite.Recipient, from: invite.From(), to: invite.To(),
		callID: c.key.callID, sequence: invite.CSeq().SeqNo, via: invite.Destination(),
	}
	r := p.build(o)
	r.ReplaceHeader(invite.Via().Clone())
	tx, err := p.transactions.Request(p.closing, r)
	if err != nil {
		p.log.Warn("cancel not sent", zap.Error(err))
		return
	}
	go func() {
		select {
		case <-tx.Responses():
		case <-tx.Done():
		}
	}()
}

// succeed acknowledges a 2xx and establishes the call, or hangs up when nobody wants it any more or it is unusable. Every
// copy of the 2xx gets the same ACK again; a 2xx of another branch gets an ACK and a BYE (RFC 3261 section 13.2.2.4).
func (c *Call) succeed(tx *sip.ClientTx, request *sip.Request, r *sip.Response, wanted bool) {
	c.sound.signalledFrom(r.Source())
	c.mu.Lock()
	c.dialog.placed(request, r)
	tag := c.dialog.remoteTag
	ended := c.state == over
	c.mu.Unlock()
	if ended {
		c.decline(request, r)
		return
	}
	body, t, err := c.answerIn200(request, r)
	ack := c.acknowledge(request.CSeq().SeqNo, body)
	tx.OnRetransmission(func(again *sip.Response) {
		if other, _ := again.To().Params.Get("tag"); other == tag {
			go c.send(ack)
		} else {
			go c.decline(request, again)
		}
	})
	c.send(ack)
	switch {
	case err != nil:
		c.over(Ending{By: Local, Err: err})
	case !wanted:
		c.over(Ending{By: Local, Err: context.Canceled})
	default:
		c.agree(t)
		c.confirm()
	}
}

// answerIn200 reads the session description of a 2xx. When our INVITE had none it is an offer, and body the answer to it.
func (c *Call) answerIn200(request *sip.Request, r *sip.Response) (body []byte, t terms, err error) {
	t, err = c.sound.understand(r.Body())
	if err != nil || len(request.Body()) > 0 {
		return nil, t, err
	}
	body, err = c.answer(t)
	return body, t, err
}

// over ends an established call that cannot go on: BYE in the background, bounded.
func (c *Call) over(e Ending) {
	o, ok := c.outline(sip.BYE, nil, "")
	c.end(e)
	if ok {
		go c.phone.farewell(o)
	}
}

// decline ends a dialog that we do not want: a 2xx from another branch, or one that came too late.
func (c *Call) decline(request *sip.Request, r *sip.Response) {
	var d dialog
	d.placed(request, r)
	o := outline{
		method: sip.ACK, uri: d.target, from: d.from, to: d.to, callID: c.key.callID,
		sequence: request.CSeq().SeqNo, routes: d.routes,
	}
	c.send(c.phone.build(o))
	o.method = sip.BYE
	o.sequence++
	c.phone.farewell(o)
}

// farewell sends a BYE that nobody waits for.
func (p *Phone) farewell(o outline) {
	ctx, cancel := context.WithTimeout(p.closing, cancelWait)
	defer cancel()
	if _, err := p.exchange(ctx, &o); err != nil && !errors.Is(err, context.Canceled) {
		p.log.Debug("bye not confirmed", zap.Error(err))
	}
}

// acknowledge makes the ACK to a 2xx: a request of its own, outside of any transaction (RFC 3261 section 13.2.2.4).
func (c *Call) acknowledge(sequence uint32, body []byte) *sip.Request {
	c.mu.Lock()
	o := c.outlineAt(sip.ACK, sequence, body, "")
	c.mu.Unlock()
	if body != nil {
		o.bodyType = "application/sdp"
	}
	return c.phone.build(o)
}

// send writes an ACK. A copy: the transport notes things in what it sends.
func (c *Call) send(ack *sip.Request) {
	if c.gone() || c.phone.closing.Err() != nil {
		return
	}
	if err := c.phone.transport.WriteMsg(ack.Clone()); err != nil {
		c.phone.log.Debug("ack not sent", zap.Error(err))
	}
}
