package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// reachLimit is how large the record of an incident's reach may be, in bytes: that of some thousand nodes. What is larger is begun anew.
const reachLimit = 256 << 10

// Reach is how many waiting callers the newest revision of each incident reached, as each node counts its own. Its methods are safe for
// concurrent use.
type Reach struct{ store *Store }

// NewReach returns the reach of a store's incidents.
func NewReach(s *Store) *Reach { return &Reach{s} }

// reachRecord is the reach of an incident as it lies in the store. Numbers are text: cjson would round them.
type reachRecord struct {
	Revision string            `json:"revision"`
	Nodes    map[string]string `json:"nodes"`
}

// reportReach sets what one node counted. What cannot be read counts as none.
var reportReach = NewScript(`
local reach, incident, revision, limit = KEYS[3], ARGV[3], ARGV[4], tonumber(ARGV[7])
local raw = redis.call('HGET', reach, incident) or ''
local good, held = pcall(cjson.decode, raw)
if not good or type(held) ~= 'table' or type(held.nodes) ~= 'table' or #raw > limit
  or not string.match(tostring(held.revision), '^%d+$') then
  held = {revision = '0', nodes = {}}
end
local ahead = tonumber(held.revision) - tonumber(revision)
if ahead > 0 then return reply('ok') end
if ahead < 0 then held = {revision = revision, nodes = {}} end
held.nodes[ARGV[5]] = ARGV[6]
redis.call('HSET', reach, incident, cjson.encode(held))
return reply('ok')`, KeyReach)

// Report says how many waiting callers of a node a revision of an incident reached so far. The first report of a higher revision ends what was
// reported of a lower one, and one of a lower revision is none any more. It may be repeated.
func (r *Reach) Report(ctx context.Context, incident string, revision int, node string, reached int64) error {
	if err := errors.Join(checkName(incident), checkName(node)); err != nil {
		return fmt.Errorf("whom an incident reached: %w", err)
	}
	if revision < 1 || reached < 0 {
		return fmt.Errorf("revision %d of incident %s reached %d: neither can be so low", revision, incident, reached)
	}
	_, err := r.store.Run(ctx, reportReach, incident, revision, node, reached, reachLimit)
	return err
}

// Of returns how many waiting callers a revision of an incident reached, by node; nothing when none was reported of it, or of a higher one, too.
// What cannot be read counts as none, with a line in the log.
func (r *Reach) Of(ctx context.Context, incident string, revision int) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, CommandLimit)
	defer cancel()
	text, err := r.store.commands.HGet(ctx, r.store.Key(KeyReach), incident).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("redis: whom an incident reached: %w", err)
	}
	reported, nodes, err := decodeReach(text)
	if err != nil {
		r.store.log.Warn("whom an incident reached cannot be read and counts as nobody", zap.String("incident", incident), zap.Error(err))
		return nil, nil
	}
	if reported != revision {
		return nil, nil
	}
	return nodes, nil
}

// decodeReach reads the reach of an incident; what others wrote is not trusted.
func decodeReach(text string) (revision int, nodes map[string]int64, err error) {
	if len(text) > reachLimit {
		return 0, nil, fmt.Errorf("a record of %d bytes; %d are allowed", len(text), reachLimit)
	}
	var record reachRecord
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		return 0, nil, err
	}
	if revision, err = strconv.Atoi(record.Revision); err != nil {
		return 0, nil, fmt.Errorf("its revision: %w", err)
	}
	nodes = make(map[string]int64, len(record.Nodes))
	for node, count := range record.Nodes {
		reached, err := strconv.ParseInt(count, 10, 64)
		if err == nil && reached < 0 {
			err = errors.New("less than nobody")
		}
		if err := errors.Join(checkName(node), err); err != nil {
			return 0, nil, fmt.Errorf("what a node reached: %w", err)
		}
		nodes[node] = reached
	}
	return revision, nodes, nil
}
