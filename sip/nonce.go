package sip

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"
)

// nonces issues nonces and judges them. A nonce carries its own time and is signed for one flow, so asking costs no
// memory; only those that an account has used are remembered, for their short life, so that each count is used once.
// Safe for concurrent use.
type nonces struct {
	key    []byte
	life   time.Duration
	nobody string // the secret of accounts that do not exist

	mu   sync.Mutex
	used map[string]nonceUse
}

type nonceUse struct {
	count   uint32
	expires time.Time
}

// Sizes of the parts of a nonce, in bytes: when it was issued, a random part, the signature.
const (
	nonceTime   = 8
	nonceRandom = 8
	nonceMAC    = 16
)

// maxNonces bounds what is remembered; each is an account's that has proved itself within the life of a nonce.
const maxNonces = 100_000

func newNonces(life time.Duration) *nonces {
	key := make([]byte, sha256.Size)
	rand.Read(key)
	return &nonces{key: key, life: life, nobody: token(16), used: map[string]nonceUse{}}
}

// issue makes a nonce for a flow.
func (n *nonces) issue(f flow, now time.Time) string {
	raw := make([]byte, nonceTime+nonceRandom, nonceTime+nonceRandom+nonceMAC)
	binary.BigEndian.PutUint64(raw, uint64(now.UnixNano()))
	rand.Read(raw[nonceTime:])
	return base64.RawURLEncoding.EncodeToString(append(raw, n.sign(f, raw)...))
}

func (n *nonces) sign(f flow, text []byte) []byte {
	mac := hmac.New(sha256.New, n.key)
	mac.Write(text)
	mac.Write([]byte(f.wire.transport()))
	mac.Write([]byte(f.remote.String()))
	return mac.Sum(nil)[:nonceMAC]
}

// issued tells when we issued a nonce to this flow, and whether we did.
func (n *nonces) issued(f flow, nonce string) (time.Time, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(raw) != nonceTime+nonceRandom+nonceMAC {
		return time.Time{}, false
	}
	text, mac := raw[:nonceTime+nonceRandom], raw[nonceTime+nonceRandom:]
	if !hmac.Equal(mac, n.sign(f, text)) {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(text))), true
}

// use counts a use of a nonce, and tells whether it was a good one: issued by us to this flow, young enough, and
// with a count higher than any before (RFC 7616 section 3.4).
func (n *nonces) use(f flow, nonce string, count uint32, now time.Time) bool {
	issued, ok := n.issued(f, nonce)
	if !ok {
		return false
	}
	expires := issued.Add(n.life)
	if !now.Before(expires) || count == 0 {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	before, seen := n.used[nonce]
	if seen && count <= before.count || !seen && len(n.used) >= maxNonces {
		return false
	}
	n.used[nonce] = nonceUse{count: count, expires: expires}
	return true
}

// forget drops the nonces that have expired.
func (n *nonces) forget(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for nonce, u := range n.used {
		if !now.Before(u.expires) {
			delete(n.used, nonce)
		}
	}
}
