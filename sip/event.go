package sip

import "time"

// Event is something that happened on a leg. The channel of a leg carries them in order, ends with an Ended, and is
// then closed.
type Event interface{ event() }

// Ringing is a provisional answer to a call of ours (101 to 199).
type Ringing struct {
	Code int
	// SDP is a description of early sound, nil when there is none.
	SDP []byte
}

// Answered is the far end's acceptance of a call of ours, already acknowledged.
type Answered struct {
	SDP []byte
}

// Confirmed is the ACK of a call that we answered.
type Confirmed struct {
	// SDP is the far end's answer to an offer of ours, when its INVITE had none; else nil.
	SDP []byte
}

// Reoffer is a change of the session that the far end wants: hold, resume, another address. Exactly one of Answer
// and Refuse must be called, from any goroutine; without either the far end gets 500 after Timers.Reoffer.
type Reoffer struct {
	// SDP is the new offer; nil asks for ours, and Confirmed then brings the far end's answer.
	SDP []byte
	// Answer accepts with a session description.
	Answer func(sdp []byte)
	// Refuse leaves the session as it was.
	Refuse func(code int)
}

// Digit is a key that the far end pressed, sent by INFO.
type Digit struct {
	// Digit is one of 0-9, *, #, A-D.
	Digit byte
	// Duration is how long the key was down, 0 when it was not said.
	Duration time.Duration
}

// By says who ended a leg.
type By string

// Who can end a leg.
const (
	ByFarEnd By = "far end" // it hung up, cancelled or refused
	ByUs     By = "us"      // Hangup, Reject, or the server's closing
	ByNobody By = "nobody"  // silence: no answer, no ACK
)

// Ended is the end of a leg, whatever the reason. Good-byes may still be exchanged behind it.
type Ended struct {
	By By
	// Code is the SIP status that goes with it, 200 after a call that was hung up.
	Code int
	// Cause says it in a few words, harmless to print.
	Cause string
}

func (Ringing) event()   {}
func (Answered) event()  {}
func (Confirmed) event() {}
func (Reoffer) event()   {}
func (Digit) event()     {}
func (Ended) event()     {}
