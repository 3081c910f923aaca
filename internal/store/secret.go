package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// secretSize is how long a secret is, in bytes: as much as SHA-256 can make use of.
const secretSize = 32

// Secret returns the random bytes of a name that all nodes share, 32 of them: whoever asks first makes them. They are others once the store was
// emptied, and are the caller's to keep out of every log. It may be repeated.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("a secret: %w", err)
	}
	fresh := make([]byte, secretSize)
	if _, err := rand.Read(fresh); err != nil {
		return nil, fmt.Errorf("secret %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, CommandLimit)
	defer cancel()
	var held *redis.StringCmd
	if _, err := s.commands.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.HSetNX(ctx, s.Key(KeySecrets), name, hex.EncodeToString(fresh))
		held = pipe.HGet(ctx, s.Key(KeySecrets), name)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("redis: secret %s: %w", name, err)
	}
	secret, err := hex.DecodeString(held.Val())
	if err != nil || len(secret) != secretSize { // the error of hex would tell a part of it
		return nil, errors.New("secret " + name + " in the store is none: take it out, and it is made anew")
	}
	return secret, nil
}
