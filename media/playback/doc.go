// Package playback turns the packets that a far end sends, some of them lost, late, doubled or out of order and all of them
// by another clock, into an even stream of frames of 20 ms of linear PCM. It is used wherever sound is decoded: bridges
// between codecs, recorders, digits in the sound.
//
// A Stream is one far end's sound. Put takes a packet as it arrives, Next gives the frame that is due. It is pure: it has no
// goroutine and no clock, time is what the caller says. It is not for sending, nor for finding out who sent a packet, and
// knows nothing of RTP beyond what a Packet says.
//
// How it keeps time. Transit is when a packet arrived less when its sound was taken, by the far end's timestamps; as both
// clocks began somewhere, only differences of it mean something. The least transit of late is the line at its quickest. A
// sound is due when all but a few in a hundred of the packets of the last seconds would be here (type arrivals). The stream
// measures how far what it plays is from that, which covers jitter, another clock's drift and a burst after a hold-back
// alike: it plays slower or faster by whole periods of the voice, and anyhow in silence.
//
// What is missing is made up for by the last periods of the voice, which fade within 60 ms (in the spirit of ITU-T G.711
// Appendix I), into silence or the background's noise. A gap of the timestamps alone is a pause of a far end that sends no
// silence: it is filled with the comfort noise that the far end described (RFC 3389), or with noise as loud as the background
// was.
package playback
