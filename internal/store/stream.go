package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	quiet     = 200 * time.Millisecond // how long a reader waits for an event before it asks whether the store is still the same
	readLimit = quiet + time.Second    // how long one read may take: a hanging Redis is noticed then
	batch     = 256                    // how many events are read at once
)

// Position is a place in the history of a store: behind the event Seq.
type Position struct {
	Seq         uint64
	Incarnation string // "": that of the moment
	Stamp       string // the stamp of event Seq; "": not known
}

// Entry is one event of the stream.
type Entry struct {
	Position                   // where one stands after it
	At       time.Time         // its store time
	Fields   map[string]string // as the script wrote them
}

// ErrGap says that the events after a position cannot be had: they are forgotten, or the store was emptied, or went back, or is another.
// The whole has to be read again.
var ErrGap = errors.New("the events after it are not to be had")

// Reader reads the events of a store in order, from a position on. It belongs to one goroutine.
type Reader struct {
	store *Store
	at    Position
}

// Read returns a reader of the events after a position, or ErrGap.
func (s *Store) Read(ctx context.Context, from Position) (*Reader, error) {
	r := &Reader{store: s, at: from}
	if err := r.verify(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Next waits for the next events. After any error nothing is certain: ErrGap, or the connection failed, or the context ended (a wait notices that
// within a quarter of a second).
func (r *Reader) Next(ctx context.Context) ([]Entry, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		messages, err := r.block(ctx)
		if errors.Is(err, redis.Nil) {
			// A stream that is quiet proves nothing: an emptied store begins below the number that is waited for.
			if err := r.verify(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("redis: read events: %w", err)
		}
		return r.follow(messages)
	}
}

// block reads what follows, waiting for it if there is nothing.
func (r *Reader) block(ctx context.Context) ([]redis.XMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	streams, err := r.store.reading.XRead(ctx, &redis.XReadArgs{
		Streams: []string{r.store.Key(KeyEvents), strconv.FormatUint(r.at.Seq, 10) + "-0"},
		Count:   batch,
		Block:   quiet,
	}).Result()
	if err != nil {
		return nil, err
	}
	if len(streams) == 0 {
		return nil, redis.Nil
	}
	return streams[0].Messages, nil
}

// verify asks the store where it stands, and whether the reader's position is part of its history with the next event still there.
func (r *Reader) verify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, CommandLimit)
	defer cancel()
	values, err := r.store.commands.HMGet(ctx, r.store.Key(KeyMeta), "incarnation", "seq", "at").Result()
	if err != nil {
		return fmt.Errorf("redis: where the events stand: %w", err)
	}
	incarnation, _ := values[0].(string)
	text, _ := values[1].(string)
	stamp, _ := values[2].(string)
	seq, _ := strconv.ParseUint(text, 10, 64) // an empty store stands at 0
	if r.at.Incarnation == "" {
		r.at.Incarnation = incarnation
	}
	switch {
	case incarnation != r.at.Incarnation:
		return fmt.Errorf("%w: the store is another than it was", ErrGap)
	case seq < r.at.Seq:
		return fmt.Errorf("%w: the store stands at %d, before %d", ErrGap, seq, r.at.Seq)
	case seq == r.at.Seq && r.at.Stamp != "" && stamp != r.at.Stamp:
		return fmt.Errorf("%w: event %d is another than it was", ErrGap, seq)
	case seq == r.at.Seq:
		r.at.Stamp = stamp
	default:
		return r.reachable(ctx)
	}
	return nil
}

// reachable checks that the event after the reader's position is still there.
func (r *Reader) reachable(ctx context.Context) error {
	id := strconv.FormatUint(r.at.Seq+1, 10) + "-0"
	messages, err := r.store.commands.XRange(ctx, r.store.Key(KeyEvents), id, id).Result()
	if err != nil {
		return fmt.Errorf("redis: the event after %d: %w", r.at.Seq, err)
	}
	if len(messages) == 0 {
		return fmt.Errorf("%w: those after %d are forgotten", ErrGap, r.at.Seq)
	}
	return nil
}

// follow checks that events follow the position without a hole, and moves it behind them. Those before a hole are returned; the next call
// finds it.
func (r *Reader) follow(messages []redis.XMessage) ([]Entry, error) {
	entries := make([]Entry, 0, len(messages))
	for _, m := range messages {
		e, err := parseEntry(m)
		if err == nil {
			err = r.joins(e)
		}
		if err != nil {
			if len(entries) > 0 {
				return entries, nil
			}
			return nil, err
		}
		r.at = e.Position
		entries = append(entries, e)
	}
	return entries, nil
}

// joins checks that an event is the one after the position.
func (r *Reader) joins(e Entry) error {
	switch {
	case e.Incarnation != r.at.Incarnation:
		return fmt.Errorf("%w: the store is another than it was", ErrGap)
	case e.Seq != r.at.Seq+1:
		return fmt.Errorf("%w: %d follows %d", ErrGap, e.Seq, r.at.Seq)
	case r.at.Stamp != "" && e.Fields["prior"] != r.at.Stamp:
		return fmt.Errorf("%w: event %d is another than it was", ErrGap, r.at.Seq)
	}
	return nil
}

// parseEntry reads an entry of the stream.
func parseEntry(m redis.XMessage) (Entry, error) {
	number, _, _ := strings.Cut(m.ID, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return Entry{}, fmt.Errorf("event %q: %w", m.ID, err)
	}
	e := Entry{Fields: make(map[string]string, len(m.Values))}
	for name, value := range m.Values {
		e.Fields[name], _ = value.(string)
	}
	at, err := ParseTime(e.Fields["at"])
	if err != nil {
		return Entry{}, fmt.Errorf("event %d: %w", seq, err)
	}
	e.At = at
	e.Position = Position{Seq: seq, Incarnation: e.Fields["incarnation"], Stamp: e.Fields["at"]}
	return e, nil
}
