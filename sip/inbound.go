package sip

import (
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// acceptance is a 2xx of ours that is repeated until its ACK comes (RFC 3261 section 13.3.1.4).
type acceptance struct {
	in    *incoming
	res   *sipgo.Response
	every time.Duration // until the next copy
	asked bool          // the INVITE had no offer, so the ACK brings the answer to ours
}

// answerable makes a dialog and a leg of an INVITE that was accepted for judgement by whoever serves calls.
func (s *Server) answerable(f flow, req *sipgo.Request, peer Peer) {
	d := s.newDialog(f, peer, newTag(), string(*req.CallID()))
	d.from = partyOf(req.From())
	d.to = userOf(&req.Recipient)
	d.offer = description(req)
	d.invited = origin(req)
	d.counted = true
	d.state = DialogState{
		CallID: d.id, LocalTag: d.tag, RemoteTag: tagOf(req.From().Params),
		LocalURI: req.To().Address.String(), RemoteURI: req.From().Address.String(),
		RemoteTarget: req.Contact().Address.String(), RouteSet: routes(req, false),
		LocalSeq: firstSeq(), RemoteSeq: req.CSeq().SeqNo,
		Transport: f.wire.transport(), Remote: f.remote, Phase: PhaseProceeding,
	}
	d.invite = s.open(f, req, d.tag, d)
	if d.invite == nil {
		return
	}
	if !s.dialogs.add(d, branchOf(req)) {
		d.invite.reply(503, "", retryAfter(retryDraining))
		return
	}
	d.box.post(func(d *dialog) {
		d.invite.reply(100, "")
		d.arm(alarmUnanswered, s.timers.Unanswered)
	})
	go d.run()
	go s.serve(&Leg{d})
}

// serve gives a leg to the handler; if that panics, the call ends and nothing else.
func (s *Server) serve(leg *Leg) {
	defer func() {
		if cause := recover(); cause != nil {
			s.panicked("call", cause)
			leg.fail()
		}
	}()
	s.options.Handler.Invite(leg)
}

// newDialog makes what both directions share.
func (s *Server) newDialog(f flow, peer Peer, tag, id string) *dialog {
	return &dialog{
		server: s, box: newMailbox(), events: make(chan Event, eventBuffer), done: make(chan struct{}),
		peer: peer, flow: f, source: f.remote, tag: tag, id: id,
	}
}

// ringing sends a provisional answer.
func (d *dialog) ringing() error {
	if d.state.Phase != PhaseProceeding {
		return ErrState
	}
	res := response(d.invite.req, 180, "", d.tag)
	res.AppendHeader(d.contact())
	d.invite.answer(res)
	return nil
}

// answer accepts the call.
func (d *dialog) answer(sdp []byte) error {
	switch {
	case d.ended:
		return ErrEnded
	case d.state.Phase != PhaseProceeding:
		return ErrState
	}
	d.arm(alarmUnanswered, 0)
	d.state.Phase = PhaseAccepted
	d.accept(d.invite, sdp)
	return nil
}

// accept sends a 2xx to an INVITE of this dialog, and sees to it that it arrives.
func (d *dialog) accept(in *incoming, sdp []byte) {
	res := response(in.req, 200, "", d.tag)
	res.AppendHeader(d.contact())
	describe(res, sdp)
	d.accepted = &acceptance{in: in, res: res, every: d.server.timers.T1, asked: description(in.req) == nil}
	in.answer(res)
	d.arm(alarmRepeat, d.accepted.every)
	d.arm(alarmNoACK, d.server.timers.patience())
}

// repeat sends the 2xx again: its ACK has not come.
func (d *dialog) repeat() {
	a := d.accepted
	a.in.again(a.res)
	a.every = min(2*a.every, d.server.timers.T2)
	d.arm(alarmRepeat, a.every)
}

// acknowledged takes the ACK of a 2xx. A copy finds nothing to do.
func (d *dialog) acknowledged(ack *sipgo.Request) {
	a := d.accepted
	if a == nil || ack.CSeq().SeqNo != a.in.req.CSeq().SeqNo || tagOf(ack.From().Params) != d.state.RemoteTag {
		return
	}
	d.settle()
	first := d.state.Phase == PhaseAccepted
	if first {
		d.state.Phase = PhaseConfirmed
		d.invite = nil // a call may last for hours; what comes late of its INVITE is for the transaction
	}
	if d.leave {
		d.bye()
		return
	}
	var sdp []byte
	if a.asked {
		sdp = description(ack)
	}
	if first || a.asked {
		d.emit(Confirmed{SDP: sdp})
	}
}

// settle stops the repetition of a 2xx.
func (d *dialog) settle() {
	d.accepted = nil
	d.arm(alarmRepeat, 0)
	d.arm(alarmNoACK, 0)
}

// unacknowledged gives up on a far end that never acknowledged our 2xx: the session is ended by a BYE (RFC 3261
// section 13.3.1.4).
func (d *dialog) unacknowledged() {
	d.settle()
	d.bye()
	d.end(Ended{By: ByNobody, Code: 408, Cause: "answer never acknowledged"})
}

// decline refuses the call.
func (d *dialog) decline(code int, reason string, e Ended) {
	d.invite.reply(code, reason)
	d.end(e)
	d.state.Phase = PhaseOver
}

// cancelledBy takes a CANCEL, which was answered already: it ends what is undecided and nothing else, so a 200 that
// crossed it on the way stands (RFC 3261 section 9.2).
func (d *dialog) cancelledBy(in *incoming) {
	switch {
	case in == d.pending:
		d.refuse(in, 487)
	case in == d.invite && d.state.Phase == PhaseProceeding:
		d.decline(487, "", Ended{By: ByFarEnd, Code: 487, Cause: "cancelled"})
	}
}
