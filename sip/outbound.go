package sip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Invite is a call to be made.
type Invite struct {
	// Binding is where: over TCP the connection that it came by, over UDP its source address. Another node's over UDP
	// is called from our own first listener, which reaches the phone if the binding is Direct; another node's over TCP
	// cannot be called.
	Binding Binding
	// From is who is shown as the caller.
	From Party
	// To is the user part of the To header; the agent's name when empty.
	To string
	// SDP is our offer.
	SDP []byte
	// Headers are added to the INVITE. Names must be tokens beginning with X-; values printable.
	Headers map[string]string
}

// Errors of making and steering calls.
var (
	// ErrClosed says that the server is closed.
	ErrClosed = errors.New("sip: server closed")
	// ErrExpired says that a binding is not live any more.
	ErrExpired = errors.New("sip: registration expired")
	// ErrFlowGone says that there is no way to the far end: the connection of a binding is closed or another node's, or
	// over UDP we have no listener.
	ErrFlowGone = errors.New("sip: the connection of the registration is gone")
	// ErrEnded says that the leg has ended.
	ErrEnded = errors.New("sip: leg ended")
	// ErrState says that the leg is not in a state where that can be done.
	ErrState = errors.New("sip: not possible in this state")
)

// Dial calls a binding. The leg is there at once; its events tell how it goes. The context bounds the sending of the
// INVITE alone.
func (s *Server) Dial(ctx context.Context, inv Invite) (*Leg, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("sip: dial %s: %w", inv.Binding.Agent, err)
	}
	f, err := s.flowTo(inv.Binding)
	if err != nil {
		return nil, err
	}
	extra, err := extraHeaders(inv.Headers)
	if err != nil {
		return nil, err
	}
	var target sipgo.Uri
	if err := sipgo.ParseUri(inv.Binding.Contact, &target); err != nil || target.Scheme != "sip" {
		return nil, fmt.Errorf("sip: dial %s: bad contact", inv.Binding.Agent)
	}
	d := s.newDialog(f, Peer{Kind: PeerAgent, Name: inv.Binding.Agent}, newTag(), token(callIDBytes))
	d.from = inv.From
	d.to = inv.To
	if d.to == "" {
		d.to = inv.Binding.Agent
	}
	d.offer = inv.SDP
	d.state = outboundState(d, target)
	if !s.dialogs.add(d, "") {
		return nil, ErrClosed
	}
	d.box.post(func(d *dialog) { d.call(extra) })
	go d.run()
	return &Leg{d}, nil
}

// outboundState is the state of a call of ours before anyone answers.
func outboundState(d *dialog, target sipgo.Uri) DialogState {
	target.Headers = nil
	us := d.flow.wire.advertised().Addr().String()
	from := sipgo.Uri{Scheme: "sip", User: escapeUser(d.from.Number), Host: us}
	to := sipgo.Uri{Scheme: "sip", User: escapeUser(d.to), Host: target.Host}
	if from.User == "" {
		from.User, from.Host = "anonymous", "anonymous.invalid" // RFC 3261 section 8.1.1.3
	}
	return DialogState{
		CallID: d.id, LocalTag: d.tag, LocalURI: from.String(), LocalName: d.from.Display, RemoteURI: to.String(),
		RemoteTarget: target.String(), LocalSeq: firstSeq(), Transport: d.flow.wire.transport(),
		Remote: d.flow.remote, Outbound: true, Phase: PhaseCalling,
	}
}

// flowTo finds the way to a binding. Over UDP it is the listener that the phone registered with, as its NAT may let in
// nobody else; for one that registered with another node, our first.
func (s *Server) flowTo(b Binding) (flow, error) {
	if !b.Live(time.Now()) {
		return flow{}, ErrExpired
	}
	if b.Transport == TCP {
		w, open := s.tcps.find(b.Flow)
		if !open || w.remote != b.Source {
			return flow{}, ErrFlowGone // another node's connection may have the number of one of ours
		}
		return flow{w, w.remote}, nil
	}
	if !b.Source.IsValid() {
		return flow{}, fmt.Errorf("sip: dial %s: no address", b.Agent)
	}
	for _, w := range s.datagrams {
		if w.advertised() == b.Local {
			return flow{w, b.Source}, nil
		}
	}
	if len(s.datagrams) == 0 {
		return flow{}, ErrFlowGone
	}
	return flow{s.datagrams[0], b.Source}, nil
}

// extraHeaders checks what is added to an INVITE: nothing of ours may be replaced, nothing injected.
func extraHeaders(all map[string]string) ([]sipgo.Header, error) {
	var headers []sipgo.Header
	for name, value := range all {
		plain := strings.Trim(strings.ToUpper(name), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
		if !plain || !strings.HasPrefix(strings.ToUpper(name), "X-") || safePhrase(value) != value {
			return nil, fmt.Errorf("sip: header %q cannot be sent", name)
		}
		headers = append(headers, sipgo.NewHeader(name, value))
	}
	return headers, nil
}

// call sends the INVITE.
func (d *dialog) call(extra []sipgo.Header) {
	req := d.state.request(sipgo.INVITE, d.state.LocalSeq, d.flow.wire)
	req.AppendHeader(d.contact())
	req.AppendHeader(sipgo.NewHeader("Allow", allow))
	for _, h := range extra {
		req.AppendHeader(h)
	}
	describe(req, d.offer)
	d.arm(alarmSilence, d.server.timers.Silence)
	out, err := d.server.request(d.flow, req, func(res *sipgo.Response) {
		if hear := func(d *dialog) { d.heard(res) }; res == nil || res.StatusCode >= 300 {
			d.box.post(hear) // comes once
		} else {
			d.box.offer(hear) // comes again
		}
	})
	if err != nil {
		d.end(Ended{By: ByNobody, Code: 503, Cause: "far end unreachable"})
		d.state.Phase = PhaseOver
		return
	}
	d.calling = out
}

// heard takes an answer to our INVITE, nil when none can come.
func (d *dialog) heard(res *sipgo.Response) {
	switch {
	case res == nil:
		d.failed(Ended{By: ByNobody, Code: 408, Cause: "no answer"})
	case res.StatusCode < 200:
		d.progressed(res)
	case res.StatusCode < 300:
		d.succeeded(res)
	default:
		d.failed(Ended{By: ByFarEnd, Code: res.StatusCode, Cause: safePhrase(res.Reason)})
	}
}

// progressed takes a provisional answer; there may be any number of them.
func (d *dialog) progressed(res *sipgo.Response) {
	d.arm(alarmSilence, 0)
	switch d.state.Phase {
	case PhaseCalling, PhaseRinging:
		d.state.Phase = PhaseRinging
		if res.StatusCode > 100 {
			d.emit(Ringing{Code: res.StatusCode, SDP: description(res)})
		}
	case PhaseWithdrawn:
		d.cancel() // only now may it be sent (RFC 3261 section 9.1)
	}
}

// succeeded takes a 2xx. The first makes the dialog; a copy gets its ACK again; one from another phone that the call
// was forked to is acknowledged and hung up (RFC 3261 section 13.2.2.4), as is one that comes after we have left.
func (d *dialog) succeeded(res *sipgo.Response) {
	tag := tagOf(res.To().Params)
	d.arm(alarmSilence, 0)
	switch d.state.Phase {
	case PhaseCalling, PhaseRinging, PhaseWithdrawn:
		wanted := d.state.Phase != PhaseWithdrawn
		contacted := d.state.establish(res)
		d.arm(alarmLinger, 0)
		d.state.Phase = PhaseConfirmed
		d.ack = d.acknowledge(&d.state)
		switch {
		case !wanted:
			d.bye()
		case !contacted || tag == "":
			d.bye()
			d.end(Ended{By: ByFarEnd, Code: 500, Cause: "answer without contact or tag"})
		default:
			d.emit(Answered{SDP: description(res)})
		}
	default:
		if tag == d.state.RemoteTag {
			_ = d.path(&d.state).write(d.ack)
			return
		}
		other := d.state
		other.establish(res)
		d.acknowledge(&other)
		other.LocalSeq++
		way := d.path(&other)
		bye := other.request(sipgo.BYE, other.LocalSeq, way.wire)
		_, _ = d.server.request(way, bye, func(*sipgo.Response) {})
	}
}

// establish fills in what a 2xx tells about the far end, and returns whether it said where it can be reached.
func (st *DialogState) establish(res *sipgo.Response) bool {
	st.RemoteTag = tagOf(res.To().Params)
	st.RouteSet = routes(res, true)
	c := res.Contact()
	if c == nil || c.Address.Wildcard || c.Address.Scheme != "sip" || c.Address.Host == "" {
		return false
	}
	st.RemoteTarget = c.Address.String()
	return true
}

// acknowledge sends the ACK of a 2xx, which is a transaction of its own, and returns it for its copies.
func (d *dialog) acknowledge(st *DialogState) *sipgo.Request {
	way := d.path(st)
	ack := st.request(sipgo.ACK, d.calling.req.CSeq().SeqNo, way.wire)
	if err := way.write(ack); err != nil {
		d.server.noisy.Debug("ACK not sent", errorField(err))
	}
	return ack
}

// failed takes the refusal of our INVITE, or that it was never answered.
func (d *dialog) failed(e Ended) {
	switch d.state.Phase {
	case PhaseCalling, PhaseRinging, PhaseWithdrawn:
		d.end(e)
		d.finished, d.state.Phase = true, PhaseOver
	}
}

// withdraw gives up a call of ours that is not answered yet. The leg is over at once; the dialog stays until the far
// end has agreed, or its time is over (RFC 3261 section 9.1: 64*T1), because it may still answer.
func (d *dialog) withdraw(e Ended) {
	ringing := d.state.Phase == PhaseRinging
	d.state.Phase = PhaseWithdrawn
	d.end(e)
	d.arm(alarmSilence, 0)
	d.arm(alarmLinger, d.server.timers.patience())
	if ringing {
		d.cancel()
		return
	}
	d.calling.abandon()
}

// cancel sends the CANCEL of our INVITE, once.
func (d *dialog) cancel() {
	if d.cancelled {
		return
	}
	d.cancelled, d.finished = true, true
	invite := d.calling.req
	req := sipgo.NewRequest(sipgo.CANCEL, invite.Recipient)
	req.AppendHeader(invite.Via().Clone())
	sipgo.CopyHeaders("Route", invite, req)
	hops := sipgo.MaxForwardsHeader(maxForwards)
	req.AppendHeader(&hops)
	req.AppendHeader(sipgo.HeaderClone(invite.From()))
	req.AppendHeader(sipgo.HeaderClone(invite.To()))
	req.AppendHeader(sipgo.HeaderClone(invite.CallID()))
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipgo.CANCEL})
	req.SetBody(nil)
	_, _ = d.server.request(d.path(&d.state), req, func(*sipgo.Response) {})
}
