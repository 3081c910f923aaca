// Package dtmf is the keys of a telephone, whichever way they come and go: as telephone-events in RTP (RFC 4733), as
// two tones within the sound (ITU-T Q.23 and Q.24), and, together with what SIP INFO tells, as one stream in which no
// press is counted twice.
//
// It stands between the packets and frames of package media and a menu that waits for digits. It is pure: it reads no
// socket and no clock, starts no goroutine, and is told the time. It is not for SDP, for bodies of SIP messages, or for
// tones that are no key: a fax, a flash hook, a dial tone.
//
// A Receiver and a Detector make one digit out of each press, a Stream one out of the ways that told the same press. A
// Sender and a Tone are the way out, for far ends that take telephone-events and for those that do not. Each value is
// owned by one goroutine, or by whoever holds the lock that guards it. Only NewDetector and NewTone allocate.
package dtmf

// Keys are the digits of a telephone, each at its event code (RFC 4733 section 3.2).
const Keys = "0123456789*#ABCD"

// Clock rates are in Hz; a clock rate of zero is defaultClock, that of telephone-events beside G.711.
const (
	defaultClock  = 8000
	frameMillis   = 20 // of a frame of sound, and between two reports of a press (RFC 4733 section 2.5.1.2)
	framesASecond = 1000 / frameMillis
)
