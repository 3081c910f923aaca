package sip

import (
	"strconv"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
	"go.uber.org/zap"
)

// receive takes the bytes of one message from a wire. It runs on the goroutine that reads the wire, so messages of
// one wire are dealt with in their order; it does not block, and does not keep the bytes.
func (s *Server) receive(f flow, message []byte) {
	defer s.survive("message")
	if !plausible(message) || !s.known(f) && !s.strangers.admit(f.remote.Addr(), time.Now()) {
		return
	}
	parsed, err := s.parser.ParseSIP(message)
	if err != nil {
		s.noisy.Debug("message not understood", remoteField(f.remote), errorField(err))
		s.misunderstood(f, message)
		return
	}
	parsed.SetTransport(string(f.wire.transport()))
	parsed.SetSource(f.remote.String())
	switch m := parsed.(type) {
	case *sipgo.Request:
		s.take(f, m)
	case *sipgo.Response:
		s.respond(f, m)
	}
}

// known tells whether a message comes from where we expect some: a trunk, or a phone that has registered.
func (s *Server) known(f flow) bool {
	_, trunk := s.directory.Load().trunkAt(f.remote.Addr())
	return trunk || s.registrar.registered(f)
}

// take sorts requests: copies to their transactions, ACK and CANCEL to the INVITE that they are about, what is
// within a dialog to its owner, and the rest to be judged.
func (s *Server) take(f flow, req *sipgo.Request) {
	if req.Via() == nil || req.CSeq() == nil {
		return // nobody to answer
	}
	normalise(req)
	if wrong := inspect(req); wrong != nil {
		s.refuse(f, req, wrong)
		return
	}
	switch req.Method {
	case sipgo.ACK:
		s.acknowledged(req)
		return
	case sipgo.CANCEL:
		s.cancel(f, req, time.Now().Add(s.timers.Overtaken))
		return
	}
	if in := s.transactions.find(req, req.Method); in != nil {
		_ = in.tx.Receive(req) // a copy: the answer, if there is one, is sent again
		return
	}
	if tag := tagOf(req.To().Params); tag != "" {
		s.within(f, req, tag)
		return
	}
	s.outside(f, req)
}

// refuse answers (mostly to say no) without keeping anything (RFC 3261 section 8.2.7). An ACK is never answered.
func (s *Server) refuse(f flow, req *sipgo.Request, wrong *fault) {
	if req.Method == sipgo.ACK {
		return
	}
	tag := wrong.tag
	if tag == "" {
		tag = s.tagger.tag(req)
	}
	res := response(req, wrong.code, wrong.reason, tag)
	for _, h := range wrong.headers {
		res.AppendHeader(h)
	}
	s.answered(req.Method, wrong.code)
	if err := f.back(req).write(res); err != nil {
		s.noisy.Debug("answer not sent", methodField(req.Method), errorField(err))
	}
}

// outside takes the requests that are part of no dialog.
func (s *Server) outside(f flow, req *sipgo.Request) {
	switch req.Method {
	case sipgo.INVITE:
		s.invite(f, req)
	case sipgo.REGISTER:
		s.register(f, req)
	case sipgo.OPTIONS:
		if s.draining.Load() {
			s.refuse(f, req, s.unavailable())
			return
		}
		s.refuse(f, req, &fault{code: 200, headers: []sipgo.Header{sipgo.NewHeader("Accept", typeSDP)}})
	case sipgo.BYE, sipgo.INFO, sipgo.UPDATE, sipgo.NOTIFY, sipgo.PRACK:
		s.refuse(f, req, &fault{code: 481})
	case sipgo.REFER:
		s.refuse(f, req, &fault{code: 403})
	case sipgo.SUBSCRIBE:
		s.refuse(f, req, &fault{code: 489})
	default:
		s.refuse(f, req, &fault{code: 405})
	}
}

// within hands a request to the owner of its dialog.
func (s *Server) within(f flow, req *sipgo.Request, tag string) {
	d := s.dialogs.find(tag)
	if d == nil || !d.concerns(req) {
		s.refuse(f, req, &fault{code: 481})
		return
	}
	in := s.open(f, req, tag, d)
	if in == nil {
		return
	}
	if d.box.offer(func(d *dialog) { d.take(in) }) {
		return
	}
	select {
	case <-d.done:
		in.reply(481, "")
	default:
		in.reply(500, "", retryAfter(1)) // more to do than anyone sends in earnest
	}
}

// acknowledged takes an ACK: to the transaction that was refused, or to the dialog that was accepted. One that
// belongs to nothing is dropped.
func (s *Server) acknowledged(req *sipgo.Request) {
	if in := s.transactions.find(req, sipgo.INVITE); in != nil && in.final.Load() >= 300 {
		// Its work is done: copies of the INVITE still on their way are known by the dialog's origin. The machine
		// has to take the ACK first, or it might be at setting the timer that repeats the refusal.
		_ = in.tx.Receive(req)
		in.tx.Terminate()
		return
	}
	d := s.dialogs.find(tagOf(req.To().Params))
	if d == nil || !d.concerns(req) {
		return
	}
	d.box.offer(func(d *dialog) { d.acknowledged(req) })
}

// maxHeld is how many CANCELs may wait for an INVITE that they have overtaken. The network does that rarely, an
// attacker might often.
const maxHeld = 256

// cancel takes a CANCEL: it is answered 200 when it matches an INVITE, decided or not (RFC 3261 section 9.2). One
// that matches nothing may have come before its INVITE, and is looked at again when that had time to come.
func (s *Server) cancel(f flow, req *sipgo.Request, until time.Time) {
	in := s.transactions.find(req, sipgo.INVITE)
	if in != nil && in.dialog != nil && cancels(req, in.req) {
		s.refuse(f, req, &fault{code: 200, tag: in.tag})
		if in.cancelled.CompareAndSwap(false, true) {
			in.dialog.box.post(func(d *dialog) { d.cancelledBy(in) }) // we said yes, so it must not get lost
		}
		return
	}
	wait := time.Until(until)
	if in != nil || wait <= 0 || s.held.Add(1) > maxHeld {
		if in == nil && wait > 0 {
			s.held.Add(-1)
		}
		s.refuse(f, req, &fault{code: 481})
		return
	}
	time.AfterFunc(wait, func() {
		defer s.survive("cancel")
		s.held.Add(-1)
		s.cancel(f, req, until)
	})
}

// cancels tells whether a CANCEL is about that INVITE in all that must be equal (RFC 3261 section 9.1), not in its
// branch alone, which somebody might have guessed.
func cancels(cancel, invite *sipgo.Request) bool {
	return *cancel.CallID() == *invite.CallID() && cancel.CSeq().SeqNo == invite.CSeq().SeqNo &&
		tagOf(cancel.From().Params) == tagOf(invite.From().Params)
}

// unavailable is the answer to whom we cannot serve now.
func (s *Server) unavailable() *fault {
	return &fault{code: 503, headers: []sipgo.Header{retryAfter(retryDraining)}}
}

// Seconds after which it makes sense to try again.
const (
	// retryDraining: a node that drains does not come back; the far end should use another one for a while.
	retryDraining = 30
	// retryBusy: a rate is a matter of seconds.
	retryBusy = 5
)

func retryAfter(s int) sipgo.Header { return sipgo.NewHeader("Retry-After", strconv.Itoa(s)) }

// invite judges a call that begins.
func (s *Server) invite(f flow, req *sipgo.Request) {
	if s.dialogs.late(req) {
		return // RFC 6026: a copy of an INVITE that was decided makes no second call
	}
	if s.dialogs.merged(req) {
		s.refuse(f, req, &fault{code: 482})
		return
	}
	if s.draining.Load() {
		s.refuse(f, req, s.unavailable())
		return
	}
	if len(values(req, "replaces", "")) > 0 {
		s.refuse(f, req, &fault{code: 481}) // we replace no dialogs, so it names none of ours
		return
	}
	decision := s.judge(f, req)
	if decision.silent {
		return
	}
	if decision.wrong != nil {
		s.refuse(f, req, decision.wrong)
		return
	}
	if !s.admission.admit(int(s.dialogs.calls.Load()), time.Now()) {
		s.refuse(f, req, &fault{code: 503, headers: []sipgo.Header{retryAfter(retryBusy)}})
		return
	}
	s.log.Debug("call", zap.String("call_id", string(*req.CallID())), zap.Stringer("peer", decision.peer))
	s.answerable(f, req, decision.peer)
}
