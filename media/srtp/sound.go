package srtp

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"

	"github.com/spillway-voice/spillway/media/sdp"
)

// largestPacket is the room in which a packet is tried by a new key, in bytes: 60 ms of L16 at 16 kHz are 1,920, and the rest is for
// headers and the tag.
const largestPacket = 2048

// fixedHeader is the length of an RTP header without options, in bytes (RFC 3550 section 5.1).
const fixedHeader = 12

// isRTP reports whether a packet may be RTP: version 2, with a header.
func isRTP(packet []byte) bool { return len(packet) >= fixedHeader && packet[0]>>6 == 2 }

// Protect returns an RTP packet encrypted and with its tag, written into dst if that has room for len(packet) + Overhead
// bytes. dst may be packet[:0]; otherwise they must not overlap. A packet whose number was protected before, or is far
// behind the newest, is not sent: the error is ErrUsed.
func (c *Context) Protect(dst, packet []byte) ([]byte, error) { return c.sound.protect(dst, packet) }

// Unprotect returns an RTP packet that was authenticated and decrypted, written into dst if that has room for
// len(packet) bytes. dst may be packet[:0], which is spoilt then when there is an error: ErrInvalid, ErrForged,
// ErrReplayed or ErrStreams. Otherwise they must not overlap.
func (c *Context) Unprotect(dst, packet []byte) ([]byte, error) {
	if c.previous == nil {
		return c.heard.unprotect(dst, packet)
	}
	opened, err := c.heard.unprotect(c.trial, packet)
	if err == nil {
		c.previous, c.trial = nil, nil
		return append(dst[:0], opened...), nil
	}
	if opened, old := c.previous.unprotect(dst, packet); old == nil {
		return opened, nil
	}
	return nil, err
}

// sender protects the sound that we send.
type sender struct {
	cipher  *pion.Context
	header  rtp.Header // room
	streams []numbers
}

// protect is Context.Protect.
func (s *sender) protect(dst, packet []byte) ([]byte, error) {
	if !isRTP(packet) {
		return nil, ErrInvalid
	}
	stream, err := s.stream(binary.BigEndian.Uint32(packet[8:]))
	if err != nil {
		return nil, err
	}
	if !stream.use(binary.BigEndian.Uint16(packet[2:])) {
		return nil, ErrUsed
	}
	return s.cipher.EncryptRTP(dst, packet, &s.header)
}

// stream finds the stream of an SSRC, or begins it.
func (s *sender) stream(ssrc uint32) (*numbers, error) {
	i := slices.IndexFunc(s.streams, func(n numbers) bool { return n.ssrc == ssrc })
	if i >= 0 {
		return &s.streams[i], nil
	}
	if len(s.streams) >= maxStreams {
		return nil, ErrStreams
	}
	s.streams = append(s.streams, numbers{ssrc: ssrc})
	return &s.streams[len(s.streams)-1], nil
}

// numbers are those of one stream that packets were protected with.
type numbers struct {
	ssrc    uint32
	begun   bool
	highest uint16
	used    uint64 // bit n: highest - n was used
}

// use takes a number, and reports false when it was used before or is too far back to tell.
func (n *numbers) use(number uint16) bool {
	step := int16(number - n.highest)
	switch {
	case !n.begun:
		n.begun, n.highest, n.used = true, number, 1
	case step > 0:
		n.highest, n.used = number, n.used<<step|1 // shifted by 64 or more, nothing is left
	case step <= -64 || n.used>>-step&1 != 0:
		return false
	default:
		n.used |= 1 << -step
	}
	return true
}

// receiver opens the sound that the far end sends.
type receiver struct {
	cipher  *pion.Context
	tag     int        // its length in bytes
	header  rtp.Header // room
	streams []uint32   // SSRCs of which a packet was opened
}

// tag returns the length of a packet's tag, in bytes.
func tag(suite sdp.Suite) int {
	switch suite {
	case sdp.AESCM128HMACSHA80:
		return 10
	case sdp.AESCM128HMACSHA32:
		return 4
	}
	return 16 // of AES-GCM, RFC 7714 section 13.2
}

// unprotect opens one packet.
func (r *receiver) unprotect(dst, packet []byte) ([]byte, error) {
	if !isRTP(packet) {
		return nil, ErrInvalid
	}
	length, err := r.header.Unmarshal(packet)
	if err != nil || len(packet) < length+r.tag || r.hides() {
		return nil, ErrInvalid
	}
	ssrc := r.header.SSRC
	known := slices.Contains(r.streams, ssrc)
	if !known && len(r.streams) >= maxStreams {
		return nil, ErrStreams
	}
	opened, err := r.cipher.DecryptRTP(dst, packet, &r.header)
	if err != nil {
		return nil, refusal(err)
	}
	if !known {
		r.streams = append(r.streams, ssrc)
	}
	return opened, nil
}

// hides reports whether the header in room is one whose extension is encrypted (RFC 9335 section 4), which nobody agreed
// to.
func (r *receiver) hides() bool {
	return r.header.Extension && (r.header.ExtensionProfile == 0xC0DE || r.header.ExtensionProfile == 0xC2DE)
}

// refusal says in our words why pion refused a packet that is one by its length and header: a tag that is not right, or
// else a number that it has seen or that is too far back.
func refusal(err error) error {
	if errors.Is(err, pion.ErrFailedToVerifyAuthTag) {
		return ErrForged
	}
	return ErrReplayed
}
