package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

const (
	// itemLimit is how large one text of a bulletin may be, in bytes.
	itemLimit = 64 << 10
	// bulletinBatch is how many texts one transaction carries or one read returns, so that none holds up the others at Redis.
	bulletinBatch = 64
	// noItem is the id before that of every item.
	noItem = "0-0"
)

// Item is one text of a bulletin. It is a plain value.
type Item struct {
	ID   string // its place in the bulletin
	Text string // as it was told; "" for an entry that no node told
}

// Bulletin is where nodes tell each other short texts, which everybody gets in the same order. It remembers the last ones only: who
// was away for longer than that misses some, and is not told so. Its methods are safe for concurrent use.
type Bulletin struct {
	store *Store
	key   string
	keep  int
}

// NewBulletin returns the bulletin under a key (KeyNews, KeyHeard), which remembers about so many items, at least one.
func NewBulletin(s *Store, key string, keep int) *Bulletin {
	return &Bulletin{s, s.Key(key), max(keep, 1)}
}

// Tell adds texts, in their order. After an error nobody knows which of them were told: to repeat it may tell them twice.
func (b *Bulletin) Tell(ctx context.Context, texts ...string) error {
	for _, text := range texts {
		if text == "" || len(text) > itemLimit {
			return fmt.Errorf("a text of %d bytes for a bulletin; at least one and at most %d are allowed", len(text), itemLimit)
		}
	}
	for some := range slices.Chunk(texts, bulletinBatch) {
		if err := b.tell(ctx, some); err != nil {
			return fmt.Errorf("redis: tell in a bulletin: %w", err)
		}
	}
	return nil
}

// tell adds a few texts in one step, within CommandLimit.
func (b *Bulletin) tell(ctx context.Context, texts []string) error {
	ctx, cancel := context.WithTimeout(ctx, CommandLimit)
	defer cancel()
	pipe := b.store.commands.TxPipeline()
	for _, text := range texts {
		pipe.XAdd(ctx, &redis.XAddArgs{Stream: b.key, MaxLen: int64(b.keep), Approx: true, Values: []string{"text", text}})
	}
	_, err := pipe.Exec(ctx)
	return err
}

// Last returns the id of the newest item, "0-0" when there is none.
func (b *Bulletin) Last(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, CommandLimit)
	defer cancel()
	newest, err := b.store.commands.XRevRangeN(ctx, b.key, "+", "-", 1).Result()
	if err != nil {
		return "", fmt.Errorf("redis: the end of a bulletin: %w", err)
	}
	if len(newest) == 0 {
		return noItem, nil
	}
	return newest[0].ID, nil
}

// Next waits for items after an id, and returns the first of them: at once when there are some, else when they are told. When the store was
// emptied or went back before that id, it begins again with the first that there is, within a quarter of a second: an item may come twice,
// and those that were forgotten before they were read do not come. After any error the same id may be asked for again.
func (b *Bulletin) Next(ctx context.Context, after string) ([]Item, error) {
	from, err := parseItemID(after)
	if err != nil {
		return nil, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		newest, err := b.Last(ctx)
		if err != nil {
			return nil, err
		}
		last, err := parseItemID(newest)
		if err != nil {
			return nil, err
		}
		if last.before(from) {
			from = itemID{}
		}
		if items, err := b.read(ctx, from); err != nil || len(items) > 0 {
			return items, err
		}
	}
}

// read reads what follows an id, waiting for it for as long as quiet proves nothing.
func (b *Bulletin) read(ctx context.Context, after itemID) ([]Item, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	streams, err := b.store.reading.XRead(ctx, &redis.XReadArgs{
		Streams: []string{b.key, after.String()}, Count: bulletinBatch, Block: quiet,
	}).Result()
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("redis: read a bulletin: %w", err)
	}
	items := make([]Item, 0, len(streams[0].Messages))
	for _, m := range streams[0].Messages {
		text, _ := m.Values["text"].(string)
		if len(text) > itemLimit {
			text = ""
		}
		items = append(items, Item{m.ID, text})
	}
	return items, nil
}

// itemID is the id of an item, read: when it was told by the clock of Redis, in milliseconds since 1970, and its number among those of that
// moment.
type itemID struct{ moment, number uint64 }

// parseItemID reads the id of an item.
func parseItemID(text string) (id itemID, err error) {
	moment, number, _ := strings.Cut(text, "-")
	if id.moment, err = strconv.ParseUint(moment, 10, 64); err == nil {
		id.number, err = strconv.ParseUint(number, 10, 64)
	}
	if err != nil {
		return itemID{}, fmt.Errorf("an item of a bulletin is named like %s: %w", noItem, err)
	}
	return id, nil
}

// before reports that an id is lower than another.
func (id itemID) before(other itemID) bool {
	return cmp.Or(cmp.Compare(id.moment, other.moment), cmp.Compare(id.number, other.number)) < 0
}

// String writes it as Redis does.
func (id itemID) String() string { return fmt.Sprintf("%d-%d", id.moment, id.number) }
