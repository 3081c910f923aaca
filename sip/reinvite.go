package sip

import "math/rand/v2"

// reinvited takes an INVITE within the dialog: the far end wants to change the session. One at a time (RFC 3261
// section 14.2); we send none of our own, so ours cannot cross it.
func (d *dialog) reinvited(in *incoming) {
	switch {
	case d.state.Phase == PhaseClosing || d.ended:
		in.reply(481, "")
		return
	case d.state.Phase != PhaseConfirmed || d.pending != nil || d.accepted != nil:
		in.reply(500, "", retryAfter(rand.IntN(10)))
		return
	}
	in.reply(100, "")
	d.pending = in
	d.arm(alarmReoffer, d.server.timers.Reoffer)
	event := Reoffer{
		SDP:    description(in.req),
		Answer: func(sdp []byte) { d.box.post(func(d *dialog) { d.reanswer(in, sdp) }) },
		Refuse: func(code int) { d.box.post(func(d *dialog) { d.refuse(in, code) }) },
	}
	if !d.emit(event) {
		d.refuse(in, 500)
	}
}

// reanswer accepts a changed session. Only now does the far end's new address count: a re-INVITE that fails leaves
// everything as it was.
func (d *dialog) reanswer(in *incoming, sdp []byte) {
	if in == nil || in != d.pending {
		return
	}
	d.pending = nil
	d.arm(alarmReoffer, 0)
	d.state.RemoteTarget = in.req.Contact().Address.String()
	d.accept(in, sdp)
}

// refuse refuses a changed session, if it is still undecided.
func (d *dialog) refuse(in *incoming, code int) {
	if in == nil || in != d.pending {
		return
	}
	d.pending = nil
	d.arm(alarmReoffer, 0)
	if code < 300 || code > 699 {
		code = 488
	}
	in.reply(code, "")
}
