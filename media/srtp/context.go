// Package srtp protects the packets of one leg: it encrypts and authenticates what is sent, and opens what is received
// (RFC 3711 with AES-CM and HMAC-SHA1, RFC 7714 with AES-GCM), with the keys that package sdp agreed on (RFC 4568).
//
// It stands between a media session and its sockets. It is not for agreeing on keys, DTLS, or who may send to us: a
// packet that opens is from somebody who has the key, which says nothing of its address.
//
// The ciphers and the rollover counter are pion's. What is added here: keys by the suites of RFC 4568, packets whose
// number was used before are not encrypted (two packets on one key stream can be read by anybody who has both),
// reports that were not encrypted are refused, the streams that a far end may begin are counted, and the change of keys
// in the middle of a call.
package srtp

import (
	"crypto/rand"
	"errors"
	"fmt"

	pion "github.com/pion/srtp/v3"

	"github.com/spillway-voice/spillway/media/sdp"
)

// Overhead is the most by which a protected packet is longer, in bytes: of a report, its index (4) and the tag of
// AES-GCM (16).
const Overhead = 20

// Why a packet is not protected or opened. A refusal costs no more than 304 bytes of garbage, measured.
var (
	ErrInvalid  = errors.New("srtp: not a packet")
	ErrForged   = errors.New("srtp: the packet was not made with the far end's key")
	ErrReplayed = errors.New("srtp: the packet was here before, or is too late to tell")
	ErrStreams  = errors.New("srtp: too many streams on one key")
	ErrUsed     = errors.New("srtp: a packet of this number was protected before")
)

// NewKey makes a master key and its salt by the system's source of randomness. The error is that of a suite that we do
// not speak.
func NewKey(suite sdp.Suite) (sdp.Crypto, error) {
	secret := make([]byte, suite.Size())
	if _, err := rand.Read(secret); err != nil {
		return sdp.Crypto{}, fmt.Errorf("make an SRTP key: %w", err)
	}
	return sdp.NewCrypto(suite, secret)
}

// A Context protects one leg, both ways. Protect is called by one goroutine at a time, whichever it is; so is Unprotect,
// independently of it. Reports may be protected and opened by several goroutines at once.
type Context struct {
	local, far sdp.Crypto
	sound      *sender
	reports    *reporter
	heard      *receiver
	told       *hearer
	previous   *receiver // of the key before, until the first packet by the new one; Unprotect's own
	trial      []byte    // room to try the new key in; Unprotect's own
}

// New returns the protection of a leg: local is the key of what we send, far that of what the far end sends.
func New(local, far sdp.Crypto) (*Context, error) {
	c := &Context{local: local, far: far}
	if err := c.speakBy(local); err != nil {
		return nil, fmt.Errorf("protect sound by our key: %w", err)
	}
	if err := c.hearBy(far); err != nil {
		return nil, fmt.Errorf("protect sound by the far end's key: %w", err)
	}
	return c, nil
}

// Rekey returns the protection after another agreement. A direction whose key is the same goes on as it was, with its
// counters: to begin again with an old key would use its numbers twice. Where the far end's key is a new one, its packets
// by the old one are still opened until the first by the new one is here, as they cross with our answer. The receiver
// stays as it is, but for what it shares with the new one, and is not to be used once that is.
func (c *Context) Rekey(local, far sdp.Crypto) (*Context, error) {
	if c == nil {
		return New(local, far)
	}
	next := &Context{local: local, far: far, sound: c.sound, reports: c.reports, heard: c.heard, told: c.told}
	if !local.Same(c.local) {
		if err := next.speakBy(local); err != nil {
			return nil, fmt.Errorf("change our key: %w", err)
		}
	}
	if !far.Same(c.far) {
		if err := next.hearBy(far); err != nil {
			return nil, fmt.Errorf("change the far end's key: %w", err)
		}
		next.previous, next.trial = c.heard, make([]byte, 0, largestPacket)
	}
	return next, nil
}

// speakBy begins to send by a key.
func (c *Context) speakBy(local sdp.Crypto) error {
	sound, err := newCipher(local)
	if err != nil {
		return err
	}
	reports, err := newCipher(local)
	if err != nil {
		return err
	}
	c.sound, c.reports = &sender{cipher: sound}, &reporter{cipher: reports}
	return nil
}

// hearBy begins to receive by a key.
func (c *Context) hearBy(far sdp.Crypto) error {
	sound, err := newCipher(far)
	if err != nil {
		return err
	}
	reports, err := newCipher(far)
	if err != nil {
		return err
	}
	c.heard, c.told = &receiver{cipher: sound, tag: tag(far.Suite)}, newHearer(reports, far.Suite)
	return nil
}

// replayWindow is how many packets behind the newest one a late packet is taken; RFC 3711 section 3.3.2 wants 64 or
// more. It is 2.5 s of sound.
const replayWindow = 128

// profiles are the suites as pion has them.
var profiles = map[sdp.Suite]pion.ProtectionProfile{
	sdp.AESCM128HMACSHA80: pion.ProtectionProfileAes128CmHmacSha1_80,
	sdp.AESCM128HMACSHA32: pion.ProtectionProfileAes128CmHmacSha1_32,
	sdp.AEADAES128GCM:     pion.ProtectionProfileAeadAes128Gcm,
}

// newCipher makes what encrypts or decrypts packets by a key, one way.
func newCipher(key sdp.Crypto) (*pion.Context, error) {
	profile, ok := profiles[key.Suite]
	if !ok || !key.Valid() {
		return nil, fmt.Errorf("no key of a suite that we speak: %s", key)
	}
	master, salt := key.Master()
	return pion.CreateContext(master, salt, profile, pion.SRTPReplayProtection(replayWindow), pion.SRTCPReplayProtection(replayWindow))
}

// maxStreams bounds the SSRCs under one key and direction, each of which takes memory for as long as the key. A far end
// has one, and another after a transfer or a restart.
const maxStreams = 16
