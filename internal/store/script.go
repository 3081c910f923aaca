package store

import (
	"context"
	"crypto/rand"
	_ "embed" // the prelude
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed prelude.lua
var prelude string

// Script is one step on the store: it checks and sets, in Lua that Redis 7.0 and Valkey know, within what a Cluster allows. Its text
// follows prelude.lua, whose locals it may use: now, text, append, reply. It returns reply(code, ...).
// A Script is safe for concurrent use.
type Script struct {
	keys []string
	lua  *redis.Script
}

// NewScript makes a script of its text. Its KEYS are KeyMeta and KeyEvents, then these; its own arguments begin at ARGV[3].
func NewScript(text string, keys ...string) *Script {
	return &Script{
		keys: append([]string{KeyMeta, KeyEvents}, keys...),
		lua:  redis.NewScript(prelude + "\n" + text),
	}
}

// Reply is how a script went.
type Reply struct {
	Code   string    // the script's own word, "ok" when it did what it was asked for
	At     time.Time // the store time of the step
	Values []any     // what it told besides: strings, integers (int64) and lists of them ([]any)
}

// Text is the i-th value if it is a string, else "".
func (r Reply) Text(i int) string {
	if i >= len(r.Values) {
		return ""
	}
	s, _ := r.Values[i].(string)
	return s
}

// List is the i-th value if it is a list of strings, else nil.
func (r Reply) List(i int) []string {
	if i >= len(r.Values) {
		return nil
	}
	values, _ := r.Values[i].([]any)
	list := make([]string, 0, len(values))
	for _, v := range values {
		s, _ := v.(string)
		list = append(list, s)
	}
	return list
}

// Run runs a script, for CommandLimit at most: after an error nobody knows whether the step was taken, so a step has to be one that can be
// repeated; it is not taken any more after that time. It returns ErrSchema when another version of Spillway uses the store.
func (s *Store) Run(ctx context.Context, script *Script, args ...any) (Reply, error) {
	return s.run(ctx, s.commands, CommandLimit, script, args)
}

// Copy runs a script that reads much, on a connection of its own and for CopyLimit at most.
func (s *Store) Copy(ctx context.Context, script *Script, args ...any) (Reply, error) {
	return s.run(ctx, s.copies, CopyLimit, script, args)
}

// run runs a script on a client within a limit, and sets the clock by its reply. A step that comes to Redis after the limit is refused
// there: who asked for it has given up on it.
func (s *Store) run(ctx context.Context, client redis.UniversalClient, limit time.Duration, script *Script, args []any) (Reply, error) {
	if err := ctx.Err(); err != nil {
		return Reply{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := s.step(ctx, client, script, args)
	if err == nil && r.Code == late { // though nobody gave up on it: it was the clock here that was behind, and is not any more
		r, err = s.step(ctx, client, script, args)
	}
	if err == nil && r.Code == late {
		return Reply{}, errLate
	}
	return r, err
}

// ErrScript says that a script broke on what it was given, or on a record that nobody can read: done again, it breaks again.
var ErrScript = errors.New("redis: a script broke")

// refused reports whether Redis answered that a script failed by itself, and not for want of memory, of a master or of its data.
func refused(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return false
	}
	text := reply.Error()
	return strings.Contains(text, "user_script") && (strings.HasPrefix(text, "ERR ") || strings.HasPrefix(text, "WRONGTYPE "))
}

// late is the code of a step that was not taken, because it came after its time.
const late = "late"

var errLate = errors.New("redis: the step came too late and was not taken")

// step sends a script once.
func (s *Store) step(ctx context.Context, client redis.UniversalClient, script *Script, args []any) (Reply, error) {
	keys := make([]string, len(script.keys))
	for i, name := range script.keys {
		keys[i] = s.Key(name)
	}
	// The latest time is unknown before the store was heard. It is another incarnation each time the store is found empty.
	begin := ":" + rand.Text()
	if deadline, ok := ctx.Deadline(); ok && s.clock.isSet() {
		begin = FormatTime(s.clock.estimate().Add(time.Until(deadline))) + begin
	}
	args = append([]any{Schema, begin}, args...)
	asked := s.clock.monotonic()
	raw, err := script.lua.Run(ctx, client, keys, args...).Slice()
	received := s.clock.monotonic()
	if refused(err) {
		return Reply{}, fmt.Errorf("%w: %w", ErrScript, err)
	}
	if err != nil {
		s.warmUp()
		return Reply{}, fmt.Errorf("redis: %w", err)
	}
	r, err := parseReply(raw)
	if err != nil {
		return Reply{}, err
	}
	s.clock.hear(time.Duration(r.At.UnixNano()), asked, received)
	return r, nil
}

// parseReply reads what the prelude's reply returned.
func parseReply(raw []any) (Reply, error) {
	if len(raw) < 2 {
		return Reply{}, errors.New("redis: a script returned too little")
	}
	code, _ := raw[0].(string)
	stamp, _ := raw[1].(string)
	r := Reply{Code: code, Values: raw[2:]}
	if code == "schema" {
		found, err := strconv.Atoi(strings.TrimSpace(r.Text(0)))
		if err != nil {
			return Reply{}, fmt.Errorf("%w: its version is not a number", ErrSchema)
		}
		return Reply{}, schemaError(found)
	}
	at, err := ParseTime(stamp)
	if err != nil {
		return Reply{}, err
	}
	r.At = at
	return r, nil
}

// FormatTime writes a time as scripts read it.
func FormatTime(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }

// ParseTime reads a time as scripts write it: microseconds since 1970 in decimal.
func ParseTime(text string) (time.Time, error) {
	micros, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("a time of the store: %w", err)
	}
	return time.UnixMicro(micros).UTC(), nil
}
