package redisq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/routing"
)

// Store is a routing.Store on Redis. It is safe for concurrent use; a subscription's goroutine ends with its context.
type Store struct {
	redis *store.Store // not owned

	mu   sync.Mutex
	mark store.Position // where the last snapshot stands
}

var _ routing.Store = (*Store)(nil)

// New returns the queues of an open store, which must outlive it.
func New(s *store.Store) *Store { return &Store{redis: s} }

// Now is store time.
func (s *Store) Now() time.Time { return s.redis.Now() }

// step runs one check-and-set, and turns the script's word into an error. The error of a step that was not granted says what it was.
func (s *Store) step(ctx context.Context, script *store.Script, what, whom string, args ...any) (store.Reply, error) {
	r, err := s.redis.Run(ctx, script, args...)
	if err == nil {
		refusal, known := refusals[r.Code]
		if err = refusal; !known {
			err = fmt.Errorf("the script says %q", r.Code)
		}
	}
	if errors.Is(err, store.ErrScript) {
		return r, fmt.Errorf("%s %s: %w: %w", what, whom, routing.ErrMalformed, err)
	}
	if err != nil {
		return r, fmt.Errorf("%s %s: %w", what, whom, err)
	}
	return r, nil
}

// refusals are the errors that scripts have words for; "ok" is none.
var refusals = map[string]error{
	"ok":    nil,
	"full":  routing.ErrFull,
	"lost":  routing.ErrLost,
	"gone":  routing.ErrGone,
	"alive": routing.ErrAlive,
}

// named checks that names can be part of a record and of a key's range.
func named(names ...string) error {
	for _, name := range names {
		if !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			return fmt.Errorf("a name is not text: %w", routing.ErrMalformed)
		}
	}
	return nil
}

// flag is a truth as scripts read it.
func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// words is a text without what is not UTF-8, since it is only shown.
func words(text string) string { return strings.ToValidUTF8(text, "?") }
