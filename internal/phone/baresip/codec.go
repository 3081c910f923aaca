package baresip

// Codec is a sound encoding by the name that the program's accounts have for it: name, samples a second, channels.
type Codec string

// The codecs that the program is built with.
const (
	PCMU Codec = "PCMU/8000/1"
	PCMA Codec = "PCMA/8000/1"
	G722 Codec = "G722/16000/1" // in session descriptions 8000, by the old mistake (RFC 3551 section 4.5.2)
	L16  Codec = "L16/16000/1"
	Opus Codec = "opus/48000/2"
)

// SRTP is how the program protects its sound (RFC 3711, keys in the session description as of RFC 4568).
type SRTP string

// The ways that the program has. In all of them it has one suite, AES_CM_128_HMAC_SHA1_80, when it offers, and takes the GCM
// ones as well when it answers.
const (
	SRTPOptional  SRTP = "srtp"       // offers RTP/AVP with keys
	SRTPMandatory SRTP = "srtp-mand"  // offers RTP/SAVP
	SRTPFeedback  SRTP = "srtp-mandf" // offers RTP/SAVPF
)
