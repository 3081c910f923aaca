// Package baresip drives a real baresip, version 1.0 or later, as a caller or an agent in tests: a SIP softphone that
// nobody of us wrote. It writes a configuration of its own into a folder, starts the program, talks to its control
// port (JSON in netstrings, module ctrl_tcp), gives it a sound file to say, and reads what it heard (module sndfile).
//
// It is a driver, not a phone: everything is done by the program, on loopback, without a sound card. Limits of baresip
// 1.0.0 that its users must know: it cannot register when a challenge for SHA-256 stands beside the one for MD5; it plays
// a file once, so Say must be as long as the call; it writes what it heard in pieces, so the last half second is there
// only once the call is over; what it hears after a hold is not written down at all; its session description names the
// machine's first address even where it calls over loopback, while its packets come from loopback; it sends keys as RFC 4733 events
// only; and with mandatory protection it takes offers on that profile alone (docs/phones.md).
//
// One goroutine reads the control connection, one waits for the program's end; Stop ends both.
package baresip
