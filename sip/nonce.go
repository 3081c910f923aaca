package sip

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"
)

// NonceCount notes in a store that all nodes share that a nonce was used with a count, and tells whether that was
// fresh: higher than any count noted before (RFC 7616 section 3.4). What it notes may be forgotten after life. An error
// says that the store gave no answer. It is called on a goroutine of its own, many at a time, and must return when the
// context ends, 100 ms later.
type NonceCount func(ctx context.Context, nonce string, count uint32, life time.Duration) (fresh bool, err error)

// nonces issues nonces and judges them. A nonce carries its own time and is signed for one flow, so asking costs no
// memory; only those that an account has used are remembered, for their short life, so that each count is used once.
// Safe for concurrent use.
type nonces struct {
	life   time.Duration
	nobody string // the secret of accounts that do not exist

	mu   sync.Mutex
	keys [2][]byte // what is signed with now, and what was signed with before; neither is ever changed
	used map[string]nonceUse
	note NonceCount // nil as long as no other node knows our nonces
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
	return &nonces{keys: [2][]byte{key, key}, life: life, nobody: token(16), used: map[string]nonceUse{}}
}

// ShareNonces lets several nodes take each other's nonces, so that a phone that turns to another node is not asked
// again: those that are given the same key, of 32 random bytes that serve nothing else, take what any of them signed.
// Nonces signed with the key before stay good for their life; an empty key changes none. A nonce is still good for one
// flow alone, and its age is told by the clocks of both nodes: one whose clock is behind by Timers.Nonce issues nothing
// but stale ones. The key is copied.
//
// Each node by itself sees to it that a nonce counts once. What was used at one node would count once more at another,
// for requests from the same source address within the life of the nonce, and count prevents that for registrations: it
// is asked for each REGISTER that has passed all else. What it has seen before is stale; without an answer within
// 100 ms the registration is taken. Calls never wait for it. It may be nil, and then nobody is asked.
//
// It may be called at any time, and counts for what is judged from then on.
func (s *Server) ShareNonces(key []byte, count NonceCount) { s.nonces.share(key, count) }

func (n *nonces) share(key []byte, note NonceCount) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.note = note
	if len(key) > 0 && !bytes.Equal(key, n.keys[0]) {
		n.keys = [2][]byte{bytes.Clone(key), n.keys[0]}
	}
}

// noted is whom to ask about counts that were used at other nodes, nil for nobody.
func (n *nonces) noted() NonceCount {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.note
}

// signing are the key that is signed with, and the one before.
func (n *nonces) signing() [2][]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.keys
}

// issue makes a nonce for a flow.
func (n *nonces) issue(f flow, now time.Time) string {
	raw := make([]byte, nonceTime+nonceRandom, nonceTime+nonceRandom+nonceMAC)
	binary.BigEndian.PutUint64(raw, uint64(now.UnixNano()))
	rand.Read(raw[nonceTime:])
	return base64.RawURLEncoding.EncodeToString(append(raw, sign(n.signing()[0], f, raw)...))
}

// sign is the signature of a nonce's text, good for one flow.
func sign(key []byte, f flow, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	mac.Write([]byte(f.wire.transport()))
	mac.Write([]byte(f.remote.String()))
	return mac.Sum(nil)[:nonceMAC]
}

// issued tells when we, or a node that has our key, issued a nonce to this flow, and whether one did.
func (n *nonces) issued(f flow, nonce string) (time.Time, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(raw) != nonceTime+nonceRandom+nonceMAC {
		return time.Time{}, false
	}
	text, mac := raw[:nonceTime+nonceRandom], raw[nonceTime+nonceRandom:]
	keys := n.signing()
	if !hmac.Equal(mac, sign(keys[0], f, text)) && !hmac.Equal(mac, sign(keys[1], f, text)) {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(text))), true
}

// use counts a use of a nonce, and tells whether it was a good one: issued to this flow, young enough, and with a
// count higher than any before at this node (RFC 7616 section 3.4).
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
