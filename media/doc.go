// Package media is the sound of a call: RTP and SRTP sessions on a range of ports, in the codecs of package codec, prompts and
// music, digits, and the bridge between two legs.
//
// It stands between the answer to an INVITE and the ear of the caller: internal/call opens a Session on the Engine,
// gives it the far end's description (RFC 3264), tells it what to play, and hears from it as Events. It is not for
// signalling, flows or queues, and knows nothing of them.
//
// Rules followed: RTP and RTCP (RFC 3550), its audio profile (RFC 3551), telephone-events (RFC 4733), symmetric RTP
// (RFC 4961) within the limits that the type latch describes, SRTP (RFC 3711) with keys in the description (RFC 4568), a stream for
// each clock (RFC 7160). How good a leg's sound is, package quality says.
//
// Who runs what. A fixed number of playout goroutines, at most one per core, send for all sessions, each session once
// every 20 ms. As many goroutines receive for all of them (package socket): a session has none of its own. A packet is
// taken in by one goroutine at a time, which is called the receiving goroutine here and owns what is learnt from packets.
// A bridge has none either: whoever received a packet forwards it, and where the two sides' codecs differ, the playout goroutine
// of the side that speaks takes an even stream of frames out of package playback and sends it to the other. While nobody
// hears a far end, the kernel drops its sound but for a sample. What is sent is decided under a session's own lock, which is never held while a packet is
// written, and no packet costs an allocation, a timer or a log line.
//
// Sound is linear PCM, 16 bit, mono in frames of 20 ms, at 8 kHz or, of legs with a wide-band codec, at 16: sources yield it and
// sinks hear it without knowing of codecs. A source that many hear may offer its sound encoded already, which is a matter of cost alone.
package media
