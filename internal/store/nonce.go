package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// nonceLimit is how long a nonce may be, in bytes; ours have less than a hundred.
const nonceLimit = 512

// countNonce notes the count of a nonce if it is higher than any before, for as long as the nonce lives. It has a key of its own, which ends by
// itself, and needs neither the events nor store time.
var countNonce = redis.NewScript(`
if (tonumber(redis.call('GET', KEYS[1])) or 0) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

// CountNonce reports whether a count of a digest nonce is higher than any that a node has seen (RFC 7616 section 3.4), and notes it for
// the life of the nonce.
func (s *Store) CountNonce(ctx context.Context, nonce string, count uint32, life time.Duration) (fresh bool, err error) {
	if nonce == "" || len(nonce) > nonceLimit || life < time.Millisecond {
		return false, errors.New("a nonce has some bytes and lives for a while")
	}
	ctx, cancel := context.WithTimeout(ctx, CommandLimit)
	defer cancel()
	sum := sha256.Sum256([]byte(nonce))
	return countNonce.Run(ctx, s.commands, []string{s.Key(KeyNonce + hex.EncodeToString(sum[:]))}, count, life.Milliseconds()).Bool()
}
