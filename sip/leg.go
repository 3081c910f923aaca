package sip

import (
	"context"
	"errors"
	"net/netip"
)

// ErrGone says that the far end does not know the dialog any more, or does not answer.
var ErrGone = errors.New("sip: far end gone")

// Leg is one dialog, in either direction, for whoever serves the call. All methods are safe for concurrent use; none
// waits for the far end, but Ping.
type Leg struct{ d *dialog }

// ID is the Call-ID.
func (l *Leg) ID() string { return l.d.id }

// Peer is the far end as we know it.
func (l *Leg) Peer() Peer { return l.d.peer }

// From is the calling party: the far end's claim on an inbound leg, what we show on an outbound one.
func (l *Leg) From() Party { return l.d.from }

// To is what was dialled: the user part of the Request-URI, normalised.
func (l *Leg) To() string { return l.d.to }

// Offer is the session description of the INVITE, nil when it had none. It must not be changed.
func (l *Leg) Offer() []byte { return l.d.offer }

// Source is the address that the far end's signalling came from when the call began.
func (l *Leg) Source() netip.AddrPort { return l.d.source }

// Events are what happens on the leg; the last is an Ended, and then the channel is closed. A reader who falls behind
// by more than 23 events loses digits and progress, never the end.
func (l *Leg) Events() <-chan Event { return l.d.events }

// Ring tells the far end of an inbound leg that somebody is being rung (180).
func (l *Leg) Ring() error { return l.ask((*dialog).ringing) }

// Answer accepts an inbound call: with the answer to its offer, or with an offer when it had none. The 200 is repeated
// until it is acknowledged; without that the leg ends after 64*T1. ErrEnded says that the caller was quicker.
func (l *Leg) Answer(sdp []byte) error {
	return l.ask(func(d *dialog) error { return d.answer(sdp) })
}

// Reject refuses an inbound call that is not answered, with a code from 400 to 699 and a reason phrase ("" for the
// usual one). It does nothing to other legs.
func (l *Leg) Reject(code int, reason string) {
	if code < 400 || code > 699 {
		code = 500
	}
	l.d.box.post(func(d *dialog) {
		if d.state.Phase == PhaseProceeding {
			d.decline(code, reason, Ended{By: ByUs, Code: code, Cause: "rejected"})
		}
	})
}

// Hangup ends the leg in whatever way its state needs: CANCEL, BYE or a refusal. It may be called at any time and any
// number of times; Ended is emitted at once.
func (l *Leg) Hangup() {
	l.d.box.post(func(d *dialog) { d.hangup(Ended{By: ByUs, Code: 200, Cause: "hung up"}) })
}

// Ping asks the far end of a call that is up whether it still knows it (OPTIONS in the dialog). Any answer but 481
// and 408 counts as yes; ErrGone is no. It waits for 64*T1 at most, or until the context ends.
func (l *Leg) Ping(ctx context.Context) error {
	result := make(chan error, 1)
	if !l.d.box.post(func(d *dialog) { d.ping(result) }) {
		return ErrEnded
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-l.d.done:
		return ErrEnded
	}
}

// State is the dialog as a plain value.
func (l *Leg) State() DialogState {
	state := make(chan DialogState, 1)
	if l.d.box.post(func(d *dialog) { state <- d.state }) {
		select {
		case st := <-state:
			return st
		case <-l.d.done:
		}
	}
	<-l.d.done
	return l.d.state
}

// ask has the owner do something, and returns its result.
func (l *Leg) ask(do func(*dialog) error) error {
	result := make(chan error, 1)
	if !l.d.box.post(func(d *dialog) { result <- do(d) }) {
		return ErrEnded
	}
	select {
	case err := <-result:
		return err
	case <-l.d.done:
		return ErrEnded
	}
}

// fail ends a leg whose handler has failed.
func (l *Leg) fail() {
	e := Ended{By: ByUs, Code: 500, Cause: "internal error"}
	l.d.box.post(func(d *dialog) {
		if d.state.Phase == PhaseProceeding {
			d.decline(500, "", e)
			return
		}
		d.hangup(e)
	})
}
