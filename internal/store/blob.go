package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// BlobLimit is how large a blob may be, in bytes: over two hours of telephone sound.
	BlobLimit = 64 << 20
	// BlobLife is how long a blob is kept after it was last put or kept: nobody has to search for those that no revision names any more.
	BlobLife = 7 * 24 * time.Hour
	// blobPart is how much of a blob one command carries, in bytes, so that none holds up the others at Redis.
	blobPart = 1 << 20
	// blobSize is the field that is set last, and without which a blob is not there yet.
	blobSize = "size"
)

// ErrNoBlob says that the store does not have a blob, or not as its name promises.
var ErrNoBlob = errors.New("the store does not have this blob")

// PutBlob stores a content under its SHA-256, which it returns in hex. What is there already is not sent again. It may be repeated.
func (s *Store) PutBlob(ctx context.Context, content []byte) (string, error) {
	if len(content) > BlobLimit {
		return "", fmt.Errorf("a blob of %d bytes; %d are allowed", len(content), BlobLimit)
	}
	hash := sha256.Sum256(content)
	sum := hex.EncodeToString(hash[:])
	there, err := s.KeepBlob(ctx, sum)
	if err != nil || there {
		return sum, err
	}
	key := s.Key(KeyBlob + sum)
	parts := 0
	for ; parts*blobPart < len(content); parts++ {
		part := content[parts*blobPart : min((parts+1)*blobPart, len(content))]
		if err := s.copying(ctx, func(ctx context.Context) error {
			return errors.Join(
				s.copies.HSet(ctx, key, strconv.Itoa(parts), part).Err(),
				s.copies.Expire(ctx, key, BlobLife).Err())
		}); err != nil {
			return "", fmt.Errorf("redis: put a blob: %w", err)
		}
	}
	return sum, s.copying(ctx, func(ctx context.Context) error {
		if held, err := s.copies.HLen(ctx, key).Result(); err != nil {
			return fmt.Errorf("redis: put a blob: %w", err)
		} else if held < int64(parts) {
			return fmt.Errorf("put a blob: %w any more: it was emptied meanwhile", ErrNoBlob)
		}
		return errors.Join(
			s.copies.HSet(ctx, key, blobSize, len(content)).Err(),
			s.copies.Expire(ctx, key, BlobLife).Err())
	})
}

// KeepBlob keeps a blob for another BlobLife, and reports whether the store has it.
func (s *Store) KeepBlob(ctx context.Context, sum string) (there bool, err error) {
	if err := checkSum(sum); err != nil {
		return false, err
	}
	err = s.copying(ctx, func(ctx context.Context) error {
		key := s.Key(KeyBlob + sum)
		if there, err = s.copies.HExists(ctx, key, blobSize).Result(); err != nil || !there {
			return err
		}
		there, err = s.copies.Expire(ctx, key, BlobLife).Result()
		return err
	})
	if err != nil {
		return false, fmt.Errorf("redis: keep a blob: %w", err)
	}
	return there, nil
}

// Blob returns the content of a SHA-256, in hex, or ErrNoBlob. What does not hash to its name is not returned, and forgotten.
func (s *Store) Blob(ctx context.Context, sum string) ([]byte, error) {
	if err := checkSum(sum); err != nil {
		return nil, err
	}
	key := s.Key(KeyBlob + sum)
	size, err := s.blobSize(ctx, key)
	if err != nil {
		return nil, err
	}
	content := make([]byte, 0, size)
	for part := 0; len(content) < size; part++ {
		var held []byte
		err := s.copying(ctx, func(ctx context.Context) (err error) {
			held, err = s.copies.HGet(ctx, key, strconv.Itoa(part)).Bytes()
			return err
		})
		if errors.Is(err, redis.Nil) || err == nil && (len(held) == 0 || len(held) > size-len(content)) {
			break // the hash tells
		}
		if err != nil {
			return nil, fmt.Errorf("redis: get a blob: %w", err)
		}
		content = append(content, held...)
	}
	if hash := sha256.Sum256(content); hex.EncodeToString(hash[:]) == sum {
		return content, nil
	}
	err = s.copying(ctx, func(ctx context.Context) error { return s.copies.HDel(ctx, key, blobSize).Err() }) // whoever has it may put it again
	return nil, errors.Join(fmt.Errorf("%w: what lies at %s is something else", ErrNoBlob, sum), err)
}

// blobSize returns how large a blob is.
func (s *Store) blobSize(ctx context.Context, key string) (int, error) {
	var size int
	err := s.copying(ctx, func(ctx context.Context) (err error) {
		size, err = s.copies.HGet(ctx, key, blobSize).Int()
		return err
	})
	switch {
	case errors.Is(err, redis.Nil):
		return 0, ErrNoBlob
	case err != nil:
		return 0, fmt.Errorf("redis: get a blob: %w", err)
	case size < 0 || size > BlobLimit:
		return 0, fmt.Errorf("%w: its size makes no sense", ErrNoBlob)
	}
	return size, nil
}

// copying does a few commands on the connections for what is large, within CopyLimit.
func (s *Store) copying(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, CopyLimit)
	defer cancel()
	return do(ctx)
}

// checkSum checks that a text is a SHA-256 in lower-case hex, since it becomes part of a key.
func checkSum(sum string) error {
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != sum {
		return errors.New("a blob is named by its SHA-256 in hex")
	}
	return nil
}
