// Package phone is a small SIP softphone: the callers and agents of the demo, the far end of tests, and the load
// generator. It stands at both ends of a call's path, outside of everything that it is used to judge: of this module it
// imports nothing, and the only things shared with the front door are the parser, transports and transactions of sipgo.
//
// A Phone is one SIP address with its sockets. It registers (RFC 3261 section 10, digest as of RFC 8760), places calls and
// takes them; dialogs, offers and answers (RFC 3264), holding, digits (RFC 4733 and INFO), and the sound itself (RTP as of
// RFC 3550, G.711) are its own. A Call has a voice, which says silence, a tone or a recording, and an Ear, which
// remembers what was heard with the time of each packet and recognises tones (Goertzel) and recordings
// (cross-correlation), so that a test asserts what was heard and does not assume it.
//
// For load it is thrifty: all calls of the process share one clock that sends, each call costs one goroutine that reads,
// and a call may send nothing and remember nothing. For bad days it can misbehave: Mute stops a call's packets, Vanish
// pulls the plug of a call or of the whole phone.
//
// It is not a phone for people: no sound card, no early media of its own, no transfer. RTCP is neither sent nor read. Signalling
// is over IPv4; sound may be over IPv6, and protected by SRTP in one suite with keys in the descriptions (RFC 4568).
//
// Who owns what: the state of a dialog belongs to its Call, behind a lock that is never held across I/O; whoever brings an
// event (a request, an answer, a method call) decides under the lock and acts after it. What is heard belongs to the
// goroutine that reads the socket, what is said to the clock.
package phone
