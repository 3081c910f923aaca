package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/incident"
)

const (
	// revisionLimit is how large a revision may be in JSON, in bytes; that of a centre with a thousand agents has some 100 kB.
	revisionLimit = 1 << 20
	// boardEdition is the field of KeyBoard that names its last change; no incident has a colon in its name.
	boardEdition = ":edition"
	// noEdition is the edition of a board that nobody wrote on.
	noEdition = "0-0"
	// boardTries is how often a revision is compared again with what others publish at the same moment.
	boardTries = 16
)

// ErrConflict says that the store has another revision already of the same or a higher number: read the board and decide again.
var ErrConflict = errors.New("somebody else has changed the incident meanwhile")

// Edition names a state of the board. The zero value is none.
type Edition string

// Board is the board of incidents that all nodes of a centre share: the newest revision of each incident. Its methods are safe for
// concurrent use.
//
// Which of two revisions holds is decided by incident.Revision.Replaces alone; the store compares and sets.
type Board struct{ store *Store }

// NewBoard returns the board of a store.
func NewBoard(s *Store) *Board { return &Board{s} }

// setRevision puts a revision in the place of the one that it was compared with, and names the change. To repeat it changes nothing.
var setRevision = NewScript(`
local board, news = KEYS[3], KEYS[4]
local incident, expected, revision = ARGV[3], ARGV[4], ARGV[5]
local held = redis.call('HGET', board, incident) or ''
if held == revision then return reply('ok') end
if held ~= expected then return reply('conflict') end
local edition = redis.call('XADD', news, 'MAXLEN', '1', '*', 'incident', incident)
redis.call('HSET', board, incident, revision, ':edition', edition)
return reply('ok')`, KeyBoard, KeyBoardNews)

// Publish puts a revision on the board, if its number is higher than that of the incident there, else it returns ErrConflict. The sound that it
// plays is in the store before anybody sees it; nil will do for one that is there already (ErrNoBlob if it is not). It may be repeated.
func (b *Board) Publish(ctx context.Context, rev incident.Revision, sound []byte) error {
	text, err := encodeRevision(rev)
	if err != nil {
		return err
	}
	if err := b.provide(ctx, rev.Sound, func(string) ([]byte, error) { return sound, nil }); err != nil {
		return err
	}
	return b.set(ctx, rev.Incident, text, func(held incident.Revision) error {
		if rev.Number > held.Number || same(rev, held) {
			return nil
		}
		return ErrConflict
	})
}

// Assert puts on the board what a node knows better: revisions that replace those there, or that the store has lost, and sounds that it
// has lost. It also keeps the sounds from being forgotten (BlobLife). sound returns the content of a SHA-256 in hex, and nil if the node does
// not have it. One revision that cannot be asserted does not stop the others.
func (b *Board) Assert(ctx context.Context, known incident.Board, sound func(sum string) ([]byte, error)) error {
	var failed error
	for _, name := range slices.Sorted(maps.Keys(known.Revisions)) {
		if err := b.assert(ctx, known.Revisions[name], sound); err != nil {
			failed = errors.Join(failed, fmt.Errorf("incident %s: %w", name, err))
		}
	}
	return failed
}

func (b *Board) assert(ctx context.Context, rev incident.Revision, sound func(sum string) ([]byte, error)) error {
	text, err := encodeRevision(rev)
	if err != nil {
		return err
	}
	held, _, err := b.held(ctx, rev.Incident)
	if err != nil || held.Replaces(rev) {
		return err
	}
	if err := b.provide(ctx, rev.Sound, sound); err != nil {
		return err
	}
	err = b.set(ctx, rev.Incident, text, func(held incident.Revision) error {
		if rev.Replaces(held) || same(rev, held) {
			return nil
		}
		return ErrConflict
	})
	if errors.Is(err, ErrConflict) {
		return nil // somebody knows better still
	}
	return err
}

// same reports that two revisions are one.
func same(a, b incident.Revision) bool { return !a.Replaces(b) && !b.Replaces(a) }

// provide sees to it that the store has a sound, and for long enough.
func (b *Board) provide(ctx context.Context, sum string, sound func(sum string) ([]byte, error)) error {
	if sum == "" {
		return nil
	}
	there, err := b.store.KeepBlob(ctx, sum)
	if err != nil || there {
		return err
	}
	content, err := sound(sum)
	if err != nil {
		return fmt.Errorf("the message's sound: %w", err)
	}
	if content == nil {
		return fmt.Errorf("the message's sound: %w", ErrNoBlob)
	}
	if hash := sha256.Sum256(content); hex.EncodeToString(hash[:]) != sum {
		return errors.New("the message's sound is not the one that the revision names")
	}
	_, err = b.store.PutBlob(ctx, content)
	return err
}

// set writes a revision once judge has nothing against the one that it replaces; that may be the zero one.
func (b *Board) set(ctx context.Context, name, text string, judge func(held incident.Revision) error) error {
	for range boardTries {
		held, raw, err := b.held(ctx, name)
		if err != nil {
			return err
		}
		if err := judge(held); err != nil {
			return err
		}
		reply, err := b.store.Run(ctx, setRevision, name, raw, text)
		if err != nil {
			return err
		}
		if reply.Code == "ok" {
			return nil
		}
	}
	return ErrConflict
}

// held returns the revision of an incident that is on the board, as it is and as it is written. One that cannot be read counts as none.
func (b *Board) held(ctx context.Context, name string) (rev incident.Revision, raw string, err error) {
	ctx, cancel := context.WithTimeout(ctx, CommandLimit)
	defer cancel()
	raw, err = b.store.commands.HGet(ctx, b.store.Key(KeyBoard), name).Result()
	if errors.Is(err, redis.Nil) {
		return rev, "", nil
	}
	if err != nil {
		return rev, "", fmt.Errorf("redis: the board: %w", err)
	}
	rev, err = decodeRevision(name, raw)
	if err != nil {
		b.store.log.Warn("a revision on the board cannot be read and counts as none", zap.String("incident", name), zap.Error(err))
	}
	return rev, raw, nil
}

// Read returns the board, and which edition it is. Revisions that cannot be read are left out, with a line in the log.
func (b *Board) Read(ctx context.Context) (incident.Board, Edition, error) {
	ctx, cancel := context.WithTimeout(ctx, CopyLimit)
	defer cancel()
	fields, err := b.store.copies.HGetAll(ctx, b.store.Key(KeyBoard)).Result()
	if err != nil {
		return incident.Board{}, "", fmt.Errorf("redis: the board: %w", err)
	}
	edition := Edition(noEdition)
	board := incident.Board{Revisions: make(map[string]incident.Revision, len(fields))}
	for name, raw := range fields {
		if name == boardEdition {
			edition = Edition(raw)
			continue
		}
		rev, err := decodeRevision(name, raw)
		if err != nil {
			b.store.log.Warn("a revision on the board cannot be read and is left out", zap.String("incident", name), zap.Error(err))
			continue
		}
		board.Revisions[name] = rev
	}
	return board, edition, nil
}

// Next waits until the board is another than an edition, and returns it: at once when it is changed, within a quarter of a second when the store was
// emptied or went back. A board that lacks what the node knows is a reason to Assert. That the context ended is noticed between two questions:
// to cut one short would cost the connection.
func (b *Board) Next(ctx context.Context, after Edition) (incident.Board, Edition, error) {
	for {
		if err := ctx.Err(); err != nil {
			return incident.Board{}, "", err
		}
		edition, err := b.edition(ctx)
		if err != nil {
			return incident.Board{}, "", err
		}
		if edition != after {
			return b.Read(ctx)
		}
		if err := b.wait(ctx, after); err != nil {
			return incident.Board{}, "", err
		}
	}
}

// edition returns which edition the board is.
func (b *Board) edition(ctx context.Context) (Edition, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CommandLimit)
	defer cancel()
	text, err := b.store.commands.HGet(ctx, b.store.Key(KeyBoard), boardEdition).Result()
	if errors.Is(err, redis.Nil) {
		return noEdition, nil
	}
	if err != nil {
		return "", fmt.Errorf("redis: the board: %w", err)
	}
	return Edition(text), nil
}

// wait waits for a change, for as long as quiet proves nothing.
func (b *Board) wait(ctx context.Context, after Edition) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readLimit)
	defer cancel()
	err := b.store.reading.XRead(ctx, &redis.XReadArgs{
		Streams: []string{b.store.Key(KeyBoardNews), string(after)}, Count: 1, Block: quiet,
	}).Err()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("redis: wait for the board: %w", err)
	}
	return nil
}

// encodeRevision writes a revision.
func encodeRevision(rev incident.Revision) (string, error) {
	text, err := json.Marshal(rev)
	if err != nil {
		return "", fmt.Errorf("revision of %s: %w", rev.Incident, err)
	}
	if rev.Incident == "" || rev.Incident == boardEdition || rev.Number < 1 || len(text) > revisionLimit {
		return "", fmt.Errorf("revision %d of incident %q with %d bytes: it needs a name, a number and at most %d bytes", rev.Number, rev.Incident, len(text), revisionLimit)
	}
	return string(text), nil
}

// decodeRevision reads a revision of an incident; what others wrote is not trusted.
func decodeRevision(name, text string) (incident.Revision, error) {
	if len(text) > revisionLimit {
		return incident.Revision{}, fmt.Errorf("a revision of %d bytes; %d are allowed", len(text), revisionLimit)
	}
	var rev incident.Revision
	if err := json.Unmarshal([]byte(text), &rev); err != nil {
		return incident.Revision{}, err
	}
	if rev.Incident != name || rev.Number < 1 {
		return incident.Revision{}, errors.New("a revision that is not of this incident, or has no number")
	}
	if rev.Sound != "" {
		if err := checkSum(rev.Sound); err != nil {
			return incident.Revision{}, err
		}
	}
	return rev, nil
}
