package phone

import (
	"context"
	"errors"
	"fmt"

	"github.com/emiago/sipgo/sip"
)

// receive answers a request of the far end within the dialog.
func (c *Call) receive(r *sip.Request, tx *sip.ServerTx) {
	p := c.phone
	if r.IsAck() {
		tx.Terminate()
		c.acknowledged(r)
		return
	}
	c.mu.Lock()
	fresh := c.dialog.accept(r.CSeq().SeqNo)
	c.mu.Unlock()
	if !fresh {
		p.respond(tx, r, sip.StatusInternalServerError, "Out of Order")
		return
	}
	switch r.Method {
	case sip.BYE:
		c.hungUp(r) // first: whoever sees the 200 may count on it
		p.respond(tx, r, sip.StatusOK, "OK")
	case sip.INVITE:
		c.reinvited(r, tx)
	case sip.INFO:
		if d, ok := infoDigit(bodyType(r), r.Body()); ok {
			c.sound.digit(d)
		}
		p.respond(tx, r, sip.StatusOK, "OK")
	case sip.OPTIONS:
		p.respond(tx, r, sip.StatusOK, "OK", sip.NewHeader("Allow", allowed), sip.NewHeader("Accept", "application/sdp"))
	default:
		p.respond(tx, r, sip.StatusMethodNotAllowed, "Method Not Allowed", sip.NewHeader("Allow", allowed))
	}
}

// bodyType returns the value of Content-Type, or "".
func bodyType(r *sip.Request) string {
	if h := r.ContentType(); h != nil {
		return h.Value()
	}
	return ""
}

// hungUp ends the call at the far end's wish. A call that was not answered yet is answered with 487 besides.
func (c *Call) hungUp(r *sip.Request) {
	c.mu.Lock()
	early, invite, tx := c.state == arising && !c.outgoing, c.request, c.tx
	c.mu.Unlock()
	c.end(Ending{By: Remote, Reason: reasonOf(r, "")})
	if early {
		c.phone.respond(tx, invite, sip.StatusRequestTerminated, "Request Terminated")
	}
}

// acknowledged takes the ACK to our 200. An ACK to anything else is the transaction's business.
func (c *Call) acknowledged(r *sip.Request) {
	c.mu.Lock()
	if c.answeredWith == nil || c.answeredWith.CSeq().SeqNo != r.CSeq().SeqNo {
		c.mu.Unlock()
		return
	}
	c.answeredWith, c.changing = nil, false
	c.repeat.Stop()
	wantsAnswer := c.ackIsAnswer
	c.ackIsAnswer = false
	c.mu.Unlock()
	if wantsAnswer {
		t, err := c.sound.understand(r.Body())
		if err != nil {
			c.over(Ending{By: Local, Err: fmt.Errorf("answer in ACK: %w", err)})
			return
		}
		c.agree(t)
	}
	c.confirm()
}

// reinvited answers an offer within the call (RFC 3261 section 14.2). A bad one changes nothing.
func (c *Call) reinvited(r *sip.Request, tx *sip.ServerTx) {
	c.mu.Lock()
	busy := c.changing || c.state != talking
	c.mu.Unlock()
	if busy {
		c.phone.respond(tx, r, sip.StatusRequestPending, "Request Pending")
		return
	}
	body, err := c.answerTo(r)
	if err != nil {
		c.phone.respond(tx, r, sip.StatusNotAcceptableHere, "Not Acceptable Here")
		return
	}
	c.mu.Lock()
	c.dialog.refresh(r.Contact())
	c.mu.Unlock()
	_ = c.accept(r, tx, body)
}

// Hold asks the far end to send nothing and tells it that we say nothing (sendonly, RFC 3264 section 8.4).
func (c *Call) Hold(ctx context.Context) error { return c.change(ctx, sendonly) }

// Resume ends Hold.
func (c *Call) Resume(ctx context.Context) error { return c.change(ctx, sendrecv) }

// Reoffer repeats the session description as it stands, which confirms the far end's address to it.
func (c *Call) Reoffer(ctx context.Context) error {
	c.mu.Lock()
	d := c.describes.direction
	c.mu.Unlock()
	return c.change(ctx, d)
}

// change makes an offer within the call and applies the answer.
func (c *Call) change(ctx context.Context, d direction) error {
	c.mu.Lock()
	if c.state != talking {
		c.mu.Unlock()
		return ErrNotTalking
	}
	if c.changing {
		c.mu.Unlock()
		return ErrBusyChanging
	}
	c.changing = true
	offer := c.describes
	offer.direction = d
	offer.version++
	c.describes.version = offer.version
	c.mu.Unlock()
	err := c.reinvite(ctx, offer)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changing = false
	if err == nil {
		c.describes.direction = d
	}
	return err
}

// reinvite sends an offer within the call.
func (c *Call) reinvite(ctx context.Context, offer description) error {
	body, err := offer.marshal()
	if err != nil {
		return err
	}
	o, ok := c.outline(sip.INVITE, body, "application/sdp")
	if !ok {
		return ErrNotTalking
	}
	response, err := c.offer(ctx, o)
	if err != nil || response.IsSuccess() {
		return err
	}
	c.lost(response)
	return fmt.Errorf("change the session: %w", refusal(response))
}

// offer runs the transaction of an INVITE within the call, and acknowledges and applies a success.
func (c *Call) offer(ctx context.Context, o outline) (*sip.Response, error) {
	request := c.phone.build(o)
	tx, err := c.phone.transactions.Request(ctx, request)
	if err != nil {
		return nil, err
	}
	for {
		select {
		case response := <-tx.Responses():
			if response.IsProvisional() {
				continue
			}
			if !response.IsSuccess() {
				return response, nil
			}
			return response, c.changed(tx, o, response)
		case <-tx.Done():
			return nil, transactionError(tx)
		case <-c.done:
			tx.Terminate()
			return nil, ErrNotTalking
		case <-ctx.Done():
			tx.Terminate()
			return nil, ctx.Err()
		}
	}
}

// changed acknowledges the 2xx to an offer within the call and applies its answer.
func (c *Call) changed(tx *sip.ClientTx, o outline, r *sip.Response) error {
	c.mu.Lock()
	c.dialog.refresh(r.Contact())
	c.mu.Unlock()
	ack := c.acknowledge(o.sequence, nil)
	tx.OnRetransmission(func(*sip.Response) { go c.send(ack) })
	c.send(ack)
	t, err := c.sound.understand(r.Body())
	if err != nil {
		return errors.Join(errors.New("answer to our offer"), err)
	}
	c.agree(t)
	return nil
}
