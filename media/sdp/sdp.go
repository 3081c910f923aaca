// Package sdp agrees on sound with a far end: it reads session descriptions (RFC 8866), answers offers and reads
// answers by the offer/answer model (RFC 3264), for one audio stream with telephone-events (RFC 4733), in the clear or
// with keys in the description (SDES, RFC 4568), over IPv4 or IPv6.
//
// It is pure: bytes and values in, bytes and values out. It opens no port, sends nothing and makes no keys; package
// media does so with what is agreed here, between the INVITE that a leg brought and the first packet of sound. It is
// not for video, DTLS or ICE: such lines are refused and kept in their place, as RFC 3264 section 6 wants.
//
// What is offered in SRTP is never answered in the clear, and a session that is secured (Local.Secured) stays so.
package sdp

import "fmt"

// MaxSize bounds a description, in bytes. An audio description is under 2 KiB; browsers and video terminals send up to
// some 10 KiB.
const MaxSize = 16 << 10

// maxMedia bounds the m= lines of a description. Each is repeated in an answer, so the bound is also one on what an
// offer makes us send.
const maxMedia = 16

// notAcceptable is the SIP status for a session that cannot be had as it was described (RFC 3261 section 21.4.26).
const notAcceptable = 488

// Refusal says why a description leads to no session. Code is the SIP status to refuse it with.
type Refusal struct {
	Code   int    // a SIP status code, always 488
	Reason string // for logs, never to be parsed; it never holds a key
}

// Error returns the status and the reason.
func (r *Refusal) Error() string { return fmt.Sprintf("%d: %s", r.Code, r.Reason) }

// refuse makes a Refusal.
func refuse(format string, args ...any) error {
	return &Refusal{Code: notAcceptable, Reason: fmt.Sprintf(format, args...)}
}
