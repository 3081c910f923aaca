package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

const (
	// bindingsOfAgent is how many bindings an agent may have at once: phones of one person, with room for those that came back
	// from another address and whose former binding has not ended yet.
	bindingsOfAgent = 16
	// bindingLimit is how large a binding's record may be, in bytes; a SIP message that fits a datagram has less.
	bindingLimit = 16 << 10
	// bindingLife is the longest that a binding may last without being renewed.
	bindingLife = 24 * time.Hour
)

// ErrTooManyBindings says that an agent has as many bindings as he may.
var ErrTooManyBindings = errors.New("too many bindings")

// Binding is one place where an agent can be reached, as the nodes share it (RFC 3261 section 10). It is a plain value.
type Binding struct {
	Agent   string          // who registered
	Place   string          // what makes two of his bindings the same; the registrar says what that is
	Node    string          // whose registrar took it, and through whom a connection or a NAT can be reached
	Boot    string          // which life of the node: its connections end with it
	Record  json.RawMessage // the registrar's own: contact, received address, flow token
	Expires time.Time       // in store time; set by the store
}

// boundPlace is a binding as it lies in the store. Times and the record are text: cjson would round the numbers in them.
type boundPlace struct {
	Place  string `json:"place"`
	Node   string `json:"node"`
	Boot   string `json:"boot"`
	Record string `json:"record"`
	Until  string `json:"until"`
}

// readBindings opens the scripts on bindings. What cannot be read counts as none: phones register again.
const readBindings = `
local good, list = pcall(cjson.decode, redis.call('HGET', KEYS[3], ARGV[3]) or '[]')
if not good or type(list) ~= 'table' then list = {} end
local agent, place, kept = ARGV[3], ARGV[4], {}
for _, b in ipairs(list) do
  if type(b) == 'table' and b.place ~= place and (tonumber(b['until']) or 0) > now then kept[#kept + 1] = b end
end
`

// putBinding makes or renews a binding, and forgets those of the agent that are over. An empty list would be written as {}, but there is none.
var putBinding = NewScript(readBindings+`
local life, most = tonumber(ARGV[8]), tonumber(ARGV[9])
if #kept >= most then return reply('full') end
local ends = text(now + life)
kept[#kept + 1] = {place = place, node = ARGV[5], boot = ARGV[6], record = ARGV[7], ['until'] = ends}
redis.call('HSET', KEYS[3], agent, cjson.encode(kept))
return reply('ok', ends)`, KeyBindings)

// removeBinding ends one binding, or with an empty place all of an agent.
var removeBinding = NewScript(readBindings+`
if place == '' or #kept == 0 then redis.call('HDEL', KEYS[3], agent) else redis.call('HSET', KEYS[3], agent, cjson.encode(kept)) end
return reply('ok')`, KeyBindings)

// Bindings are the places where the agents of a centre can be reached, as all nodes see them. A binding ends by itself, in store time. Its
// methods are safe for concurrent use.
type Bindings struct{ store *Store }

// NewBindings returns the bindings of a store.
func NewBindings(s *Store) *Bindings { return &Bindings{s} }

// Put makes a binding, or renews the one of the same agent and place, for a time from now on, and returns it with its end. The last who
// puts wins. It may be repeated. Errors are ErrTooManyBindings or Redis'.
func (b *Bindings) Put(ctx context.Context, binding Binding, life time.Duration) (Binding, error) {
	if binding.Agent == "" || binding.Place == "" || !json.Valid(binding.Record) {
		return Binding{}, errors.New("a binding needs an agent, a place and a record in JSON")
	}
	if size := len(binding.Place) + len(binding.Record); size > bindingLimit {
		return Binding{}, fmt.Errorf("a binding of %d bytes; %d are allowed", size, bindingLimit)
	}
	if life <= 0 || life > bindingLife {
		return Binding{}, fmt.Errorf("a binding for %v; more than nothing and at most %v is allowed", life, bindingLife)
	}
	reply, err := b.store.Run(ctx, putBinding, binding.Agent, binding.Place, binding.Node, binding.Boot, string(binding.Record),
		life.Microseconds(), bindingsOfAgent)
	if err != nil {
		return Binding{}, err
	}
	if reply.Code != "ok" {
		return Binding{}, fmt.Errorf("agent %s: %w", binding.Agent, ErrTooManyBindings)
	}
	binding.Expires, err = ParseTime(reply.Text(0))
	return binding, err
}

// Remove ends the binding of an agent at a place; with the place "" all that he has. There need not be any.
func (b *Bindings) Remove(ctx context.Context, agent, place string) error {
	_, err := b.store.Run(ctx, removeBinding, agent, place)
	return err
}

// Of returns where an agent can be reached now, the latest renewed last. What cannot be read is left out, with a line in the log.
func (b *Bindings) Of(ctx context.Context, agent string) ([]Binding, error) {
	ctx, cancel := context.WithTimeout(ctx, CommandLimit)
	defer cancel()
	text, err := b.store.commands.HGet(ctx, b.store.Key(KeyBindings), agent).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("redis: bindings: %w", err)
	}
	return b.live(agent, text), nil
}

// All returns where all agents can be reached now, by agent.
func (b *Bindings) All(ctx context.Context) (map[string][]Binding, error) {
	ctx, cancel := context.WithTimeout(ctx, CopyLimit)
	defer cancel()
	fields, err := b.store.copies.HGetAll(ctx, b.store.Key(KeyBindings)).Result()
	if err != nil {
		return nil, fmt.Errorf("redis: bindings: %w", err)
	}
	all := make(map[string][]Binding, len(fields))
	for agent, text := range fields {
		if list := b.live(agent, text); len(list) > 0 {
			all[agent] = list
		}
	}
	return all, nil
}

// live reads an agent's bindings, and leaves out those that are over.
func (b *Bindings) live(agent, text string) []Binding {
	list, err := decodeBindings(agent, text)
	if err != nil {
		b.store.log.Warn("bindings that cannot be read are left out", zap.String("agent", agent), zap.Error(err))
	}
	now := b.store.Now()
	live := list[:0]
	for _, binding := range list {
		if now.Before(binding.Expires) {
			live = append(live, binding)
		}
	}
	return live
}

// decodeBindings reads what lies in the store of an agent, and returns what was good of it.
func decodeBindings(agent, text string) ([]Binding, error) {
	var places []boundPlace
	if len(text) > 2*bindingsOfAgent*bindingLimit { // twice, for what JSON within JSON escapes
		return nil, fmt.Errorf("%d bytes of bindings", len(text))
	}
	if err := json.Unmarshal([]byte(text), &places); err != nil {
		return nil, err
	}
	var failed error
	list := make([]Binding, 0, len(places))
	for _, p := range places {
		until, err := ParseTime(p.Until)
		if err == nil && (p.Place == "" || !json.Valid([]byte(p.Record))) {
			err = errors.New("a binding without a place or a record")
		}
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		list = append(list, Binding{agent, p.Place, p.Node, p.Boot, json.RawMessage(p.Record), until})
	}
	return list, failed
}
