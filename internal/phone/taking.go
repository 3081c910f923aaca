package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	// t1 is the estimate of a round trip, t2 the longest pause between copies (RFC 3261 table 4).
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second

	// ackWait is how long a 200 is repeated before the call is given up (RFC 3261 section 13.3.1.4).
	ackWait = 64 * t1
)

// action is what a phone does with a call that comes in.
type action int

const (
	handOver action = iota
	answerIt
	letRing
	rejectIt
)

// Reply is what a phone does by itself with a call that comes in. The zero value is HandOver.
type Reply struct {
	action action
	after  time.Duration
	code   int
}

// HandOver leaves the call to whoever reads Incoming, who rings, answers or rejects it.
func HandOver() Reply { return Reply{} }

// AnswerAfter rings for a while, then answers.
func AnswerAfter(d time.Duration) Reply { return Reply{action: answerIt, after: d} }

// RingForever rings and does no more, as a phone on an empty desk.
func RingForever() Reply { return Reply{action: letRing} }

// RejectWith refuses with the given status, 300 to 699.
func RejectWith(code int) Reply { return Reply{action: rejectIt, code: code} }

// invited takes an INVITE that begins a call.
func (p *Phone) invited(r *sip.Request, tx *sip.ServerTx) {
	if p.gone.Load() {
		tx.Terminate()
		return
	}
	key := dialogKey{callID: r.CallID().Value(), localTag: r.To().Params.GetOr("tag", "")}
	c, err := p.newCall(key, false, p.options.Sound)
	if err != nil {
		p.respond(tx, r, sip.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	close(c.ringing)
	c.sound.signalledFrom(r.Source())
	c.mu.Lock()
	c.times.Ringing = c.times.Began
	c.request, c.tx = r, tx
	c.dialog.taken(r)
	c.mu.Unlock()
	if err := c.begin(); err != nil {
		p.respond(tx, r, sip.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	// The transaction answers the CANCEL and the INVITE by itself; its locks are held here, so only the books are kept.
	if !tx.OnCancel(func(cancel *sip.Request) { go c.cancelled(cancel) }) {
		c.end(Ending{By: Remote, Code: sip.StatusRequestTerminated})
		return
	}
	p.mu.Lock()
	reply := p.reply
	p.mu.Unlock()
	select {
	case p.incoming <- c:
	default:
		if reply.action == handOver {
			reply = RejectWith(sip.StatusBusyHere)
		}
	}
	c.follow(reply)
}

// follow does what the phone's reply says. It runs in the goroutine of the request.
func (c *Call) follow(reply Reply) {
	switch reply.action {
	case rejectIt:
		_ = c.Reject(reply.code)
	case letRing:
		_ = c.Ring()
	case answerIt:
		if reply.after > 0 {
			_ = c.Ring()
			timer := time.NewTimer(reply.after)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-c.done:
				return
			}
		}
		ctx, cancel := context.WithTimeout(c.phone.closing, ackWait)
		defer cancel()
		_ = c.Answer(ctx)
	}
}

// Ring sends 180 for a call that came in.
func (c *Call) Ring() error {
	c.mu.Lock()
	r, tx, now := c.request, c.tx, c.state
	c.mu.Unlock()
	if c.outgoing || now != arising {
		return ErrNotTalking
	}
	response := sip.NewResponseFromRequest(r, sip.StatusRinging, "Ringing", nil)
	response.AppendHeader(c.phone.contact())
	if err := tx.Respond(response); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return nil
}

// Reject refuses a call that came in with the given status, 300 to 699.
func (c *Call) Reject(code int) error {
	if code < 300 || code > 699 {
		return fmt.Errorf("reject with %d: not a refusal", code)
	}
	c.mu.Lock()
	r, tx, now := c.request, c.tx, c.state
	c.mu.Unlock()
	if c.outgoing || now != arising {
		return ErrNotTalking
	}
	reason := phrase(code)
	c.end(Ending{By: Local, Code: code, Reason: reason})
	if err := tx.Respond(sip.NewResponseFromRequest(r, code, reason, nil)); err != nil {
		return fmt.Errorf("reject: %w", err)
	}
	return nil
}

// phrase is the usual reason phrase of a refusal.
func phrase(code int) string {
	switch code {
	case sip.StatusBusyHere:
		return "Busy Here"
	case sip.StatusTemporarilyUnavailable:
		return "Temporarily Unavailable"
	case sip.StatusNotFound:
		return "Not Found"
	case sip.StatusGlobalDecline:
		return "Decline"
	case sip.StatusNotAcceptableHere:
		return "Not Acceptable Here"
	case sip.StatusServiceUnavailable:
		return "Service Unavailable"
	}
	return "Refused"
}

// Answer takes a call that came in and returns when the caller has acknowledged. The 200 is repeated until then; a
// caller who stays silent for 32 s gets a BYE.
func (c *Call) Answer(ctx context.Context) error {
	if c.outgoing {
		return ErrNotTalking
	}
	c.mu.Lock()
	r, now := c.request, c.state
	c.mu.Unlock()
	if now != arising {
		return ErrNotTalking
	}
	body, err := c.answerTo(r)
	if err != nil {
		_ = c.Reject(sip.StatusNotAcceptableHere)
		return err
	}
	if err := c.accept(r, c.tx, body); err != nil {
		return err
	}
	select {
	case <-c.confirmed:
		return nil
	case <-c.done:
		return fmt.Errorf("answer: %w", ErrNotTalking)
	case <-ctx.Done():
		return fmt.Errorf("answer: no ACK: %w", ctx.Err())
	}
}

// answerTo makes the session description for the 200 to an INVITE: the answer to its offer, which is applied, or an
// offer of ours when it has none.
func (c *Call) answerTo(r *sip.Request) ([]byte, error) {
	if len(r.Body()) == 0 {
		c.mu.Lock()
		c.ackIsAnswer = true
		d := c.describes
		c.mu.Unlock()
		return d.marshal()
	}
	t, err := c.sound.understand(r.Body())
	if err != nil {
		return nil, err
	}
	body, err := c.answer(t)
	if err != nil {
		return nil, err
	}
	c.agree(t)
	return body, nil
}

// answer makes the answer to an offer (RFC 3264 section 6): its first codec that we speak, its telephone events, its
// direction the other way round.
func (c *Call) answer(t terms) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.describes
	d.codecs, d.eventType, d.direction, d.tag = []Codec{t.codec}, t.eventType, t.direction.reversed(), t.tag
	if c.agreed {
		c.describes.version++
		d.version = c.describes.version
	}
	return d.marshal()
}

// accept sends a 200 to an INVITE and repeats it until the ACK.
func (c *Call) accept(r *sip.Request, tx *sip.ServerTx, body []byte) error {
	response := sip.NewResponseFromRequest(r, sip.StatusOK, "OK", body)
	response.AppendHeader(c.phone.contact())
	response.AppendHeader(sip.NewHeader("Allow", allowed))
	response.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	c.mu.Lock()
	if c.state == over || c.answeredWith != nil {
		c.mu.Unlock()
		return ErrNotTalking
	}
	if c.state == arising {
		c.state = answered
	}
	c.answeredWith = response
	c.changing = true
	c.repeat = time.AfterFunc(t1, func() { c.again(tx, response, t1, time.Now().Add(ackWait-t1)) })
	c.mu.Unlock()
	if err := tx.Respond(response); err != nil {
		// A CANCEL was faster: without this the transaction would repeat the 200 after its 487.
		tx.Terminate()
		c.end(Ending{By: Remote, Code: sip.StatusRequestTerminated, Reason: "Request Terminated"})
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// again repeats a 200 that was not acknowledged, in growing intervals, and gives up in the end.
func (c *Call) again(tx *sip.ServerTx, response *sip.Response, pause time.Duration, until time.Time) {
	c.mu.Lock()
	if c.answeredWith != response || c.state == over || c.vanished {
		c.mu.Unlock()
		return
	}
	late := time.Now().After(until)
	if !late {
		pause = min(2*pause, t2)
		c.repeat = time.AfterFunc(pause, func() { c.again(tx, response, pause, until) })
	}
	c.mu.Unlock()
	if late {
		c.over(Ending{By: Local, Err: errors.New("the 200 was never acknowledged")})
		return
	}
	_ = tx.Respond(response)
}

// cancelled notes that the caller gave up; the transaction has answered for us.
func (c *Call) cancelled(r *sip.Request) {
	c.mu.Lock()
	early := c.state == arising
	c.mu.Unlock()
	if early {
		c.end(Ending{By: Remote, Code: sip.StatusRequestTerminated, Reason: reasonOf(r, "Request Terminated")})
	}
}

// reasonOf reads a Reason header (RFC 3326).
func reasonOf(r *sip.Request, otherwise string) string {
	if h := r.GetHeader("Reason"); h != nil {
		return h.Value()
	}
	return otherwise
}
