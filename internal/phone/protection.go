package phone

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pion/sdp/v3"
	"github.com/pion/srtp/v3"
)

const (
	// suite is the one way that the phone protects sound by, which all phones have (RFC 4568 section 6.2).
	suite = "AES_CM_128_HMAC_SHA1_80"

	// masterBytes is the length of its master key with the salt after it (RFC 4568 section 6.1).
	masterBytes, keyBytes = 30, 16

	// replayed is how many numbers a packet may be late (RFC 3711 section 3.3.2).
	replayed = 64
)

// errNotProtected says that a far end has no protected sound, and the phone takes no other.
var errNotProtected = errors.New("no protected sound")

// protection is SRTP (RFC 3711) with the keys in the session descriptions (RFC 4568). It is safe for concurrent use.
type protection struct {
	master []byte // ours

	mu     sync.Mutex
	theirs []byte // the far end's
	out    *srtp.Context
	in     *srtp.Context
}

func newProtection() (*protection, error) {
	p := &protection{master: make([]byte, masterBytes)}
	rand.Read(p.master)
	var err error
	p.out, err = newContext(p.master)
	return p, err
}

func newContext(master []byte, options ...srtp.ContextOption) (*srtp.Context, error) {
	return srtp.CreateContext(master[:keyBytes], master[keyBytes:], srtp.ProtectionProfileAes128CmHmacSha1_80, options...)
}

// agree takes over the far end's key.
func (p *protection) agree(theirs []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in != nil && slices.Equal(theirs, p.theirs) {
		return nil
	}
	in, err := newContext(theirs, srtp.SRTPReplayProtection(replayed))
	if err != nil {
		return fmt.Errorf("the far end's key: %w", err)
	}
	p.theirs, p.in = slices.Clone(theirs), in
	return nil
}

// seal protects a packet.
func (p *protection) seal(packet []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.EncryptRTP(nil, packet, nil)
}

// open verifies a packet and takes its protection off.
func (p *protection) open(packet []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in == nil {
		return nil, errNotProtected
	}
	return p.in.DecryptRTP(nil, packet, nil)
}

// cryptoLine is the value of a=crypto for a key.
func cryptoLine(tag string, master []byte) string {
	return tag + " " + suite + " inline:" + base64.StdEncoding.EncodeToString(master)
}

// understandKey finds the first key of the phone's suite in the part about sound, and its tag.
func understandKey(m *sdp.MediaDescription) (tag string, master []byte) {
	for _, a := range m.Attributes {
		fields := strings.Fields(a.Value)
		if a.Key != "crypto" || len(fields) < 3 || fields[1] != suite {
			continue
		}
		text, inline := strings.CutPrefix(fields[2], "inline:")
		text, _, _ = strings.Cut(text, "|")
		master, err := base64.StdEncoding.DecodeString(text)
		if inline && err == nil && len(master) == masterBytes {
			return fields[0], master
		}
	}
	return "", nil
}
