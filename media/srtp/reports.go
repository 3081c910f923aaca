package srtp

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/pion/rtcp"
	pion "github.com/pion/srtp/v3"

	"github.com/spillway-voice/spillway/media/sdp"
)

// reportHeader is the part of a report that stays in the clear, in bytes (RFC 3711 section 3.4).
const reportHeader = 8

// ProtectReport returns a compound RTCP packet encrypted and with its index and tag, written into dst as Protect does.
// It is safe for concurrent use.
func (c *Context) ProtectReport(dst, packet []byte) ([]byte, error) {
	return c.reports.protect(dst, packet)
}

// UnprotectReport returns a compound RTCP packet that was authenticated and decrypted, written into dst as Unprotect
// does. What was authenticated but not encrypted is refused as ErrInvalid: nobody agreed to that (RFC 4568 section
// 6.3.2). It is safe for concurrent use.
func (c *Context) UnprotectReport(dst, packet []byte) ([]byte, error) {
	return c.told.unprotect(dst, packet)
}

// reporter protects our reports.
type reporter struct {
	mu     sync.Mutex
	cipher *pion.Context
	header rtcp.Header // room
}

// protect is Context.ProtectReport.
func (r *reporter) protect(dst, packet []byte) ([]byte, error) {
	if len(packet) < reportHeader || packet[0]>>6 != 2 {
		return nil, ErrInvalid
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cipher.EncryptRTCP(dst, packet, &r.header)
}

// hearer opens the far end's reports.
type hearer struct {
	mu      sync.Mutex
	cipher  *pion.Context
	header  rtcp.Header // room
	streams []uint32    // SSRCs of which a report was opened
	index   int         // where the index is, in bytes from the end
	least   int         // length of the shortest packet, in bytes
}

// newHearer makes a hearer. With AES-GCM nothing comes after the index, and the tag before it (RFC 7714 section 9);
// otherwise a tag of 80 bits follows, in all suites (RFC 4568 section 6.2.2).
func newHearer(cipher *pion.Context, suite sdp.Suite) *hearer {
	const index, tag = 4, 10
	if suite == sdp.AEADAES128GCM {
		return &hearer{cipher: cipher, index: index, least: reportHeader + 16 + index}
	}
	return &hearer{cipher: cipher, index: index + tag, least: reportHeader + index + tag}
}

// unprotect is Context.UnprotectReport.
func (h *hearer) unprotect(dst, packet []byte) ([]byte, error) {
	if len(packet) < h.least || packet[0]>>6 != 2 {
		return nil, ErrInvalid
	}
	if encrypted := packet[len(packet)-h.index]&0x80 != 0; !encrypted {
		return nil, ErrInvalid
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	ssrc := binary.BigEndian.Uint32(packet[4:])
	known := slices.Contains(h.streams, ssrc)
	if !known && len(h.streams) >= maxStreams {
		return nil, ErrStreams
	}
	opened, err := h.cipher.DecryptRTCP(dst, packet, &h.header)
	if err != nil {
		return nil, refusal(err)
	}
	if !known {
		h.streams = append(h.streams, ssrc)
	}
	return opened, nil
}
