// Package codec is the ways in which sound is carried in packets: G.711 (PCMU, PCMA), G.722, L16 and Opus, each as an
// encoder from linear PCM and a decoder to it.
//
// It is for whoever has a payload and wants samples, or the other way round. It is not for packets, clocks, sequence
// numbers, lost packets or rates: it knows nothing of RTP but a codec's name and clock, nothing of sessions, and never
// resamples; each codec says at which rate its linear PCM is.
//
// Rules followed: the audio profile (RFC 3551), ITU-T G.711 (11/88), ITU-T G.722 (09/2012) at 64 kbit/s (mode 1), Opus
// (RFC 6716) and its payload (RFC 7587). Opus is libopus and thus in a program only when that is built with
// `-tags opus`, cgo and libopus (docs/decisions/0008); all else is plain Go.
//
// Linear PCM is 16 bit, mono. An Encoder or Decoder is owned by one goroutine. None allocates once it is made, not even
// for an error, and those without a memory (G.711, L16) cost nothing to make. What Decode and Samples are given comes from
// the wire: whatever it is, they answer with sound or an error.
package codec
