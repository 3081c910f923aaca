package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

const (
	// CallsLife is how long the calls of a node are told after it last put something: longer than NodeLife, so that a
	// Redis that is slow for a moment takes nobody's calls off the list, and those of a dead node are soon gone.
	CallsLife = 5 * time.Second
	// callLimit is how large the text of a call may be, in bytes.
	callLimit = 16 << 10
	// callsBatch is how many calls one transaction carries, so that none holds up the others at Redis.
	callsBatch = 256
)

// Calls are what each node of a centre tells about the calls that it has, for whoever asks another node. They are for reading alone: nothing
// is decided by them. Its methods are safe for concurrent use; for one node, one goroutine puts.
type Calls struct{ store *Store }

// NewCalls returns the calls of a store.
func NewCalls(s *Store) *Calls { return &Calls{s} }

// Put tells of a node's calls, by id, those that changed and those that are gone, and keeps all of them for another CallsLife, also when there
// are none of either. It may be repeated. Who put nothing for that long, or whose store was away or emptied, has to Replace.
func (c *Calls) Put(ctx context.Context, node string, changed map[string]string, gone []string) error {
	return c.put(ctx, node, false, changed, gone)
}

// Replace tells of all calls of a node, by id, and forgets those that it told of before. Who reads meanwhile may see a part of them. It may
// be repeated.
func (c *Calls) Replace(ctx context.Context, node string, all map[string]string) error {
	return c.put(ctx, node, true, all, nil)
}

// put writes in transactions of bounded size; a call that changed and is gone is gone.
func (c *Calls) put(ctx context.Context, node string, afresh bool, changed map[string]string, gone []string) error {
	if err := checkName(node); err != nil {
		return fmt.Errorf("calls of a node: %w", err)
	}
	for id, text := range changed {
		if err := checkCall(id, text); err != nil {
			return err
		}
	}
	key := c.store.Key(KeyCalls + node)
	ids := slices.Collect(maps.Keys(changed))
	for {
		set := ids[:min(len(ids), callsBatch)]
		ids = ids[len(set):]
		var removed []string
		if len(ids) == 0 {
			removed = gone[:min(len(gone), callsBatch)]
			gone = gone[len(removed):]
		}
		err := c.transact(ctx, func(pipe redis.Pipeliner) {
			if afresh {
				pipe.Del(ctx, key)
			}
			if len(set) > 0 {
				fields := make([]string, 0, 2*len(set))
				for _, id := range set {
					fields = append(fields, id, changed[id])
				}
				pipe.HSet(ctx, key, fields)
			}
			if len(removed) > 0 {
				pipe.HDel(ctx, key, removed...)
			}
			pipe.PExpire(ctx, key, CallsLife)
		})
		if err != nil || len(ids)+len(gone) == 0 {
			return err
		}
		afresh = false
	}
}

// transact does what is queued in one step, within CommandLimit.
func (c *Calls) transact(ctx context.Context, queue func(redis.Pipeliner)) error {
	ctx, cancel := context.WithTimeout(ctx, CommandLimit)
	defer cancel()
	pipe := c.store.commands.TxPipeline()
	queue(pipe)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("redis: put calls: %w", err)
	}
	return nil
}

// Of returns what nodes told of their calls, by node and by id. A node that told of none, or not lately, is not in it. What cannot be read is left
// out, with a line in the log.
func (c *Calls) Of(ctx context.Context, nodes []string) (map[string]map[string]string, error) {
	for _, node := range nodes {
		if err := checkName(node); err != nil {
			return nil, fmt.Errorf("calls of a node: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, CopyLimit)
	defer cancel()
	told := make(map[string]map[string]string, len(nodes))
	for _, node := range nodes { // one at a time, since each may be large
		calls, err := c.store.copies.HGetAll(ctx, c.store.Key(KeyCalls+node)).Result()
		if err != nil {
			return nil, fmt.Errorf("redis: the calls of %s: %w", node, err)
		}
		maps.DeleteFunc(calls, func(id, text string) bool {
			err := checkCall(id, text)
			if err != nil {
				c.store.log.Warn("a call of another node cannot be read and is left out", zap.String("node", node), zap.Error(err))
			}
			return err != nil
		})
		if len(calls) > 0 {
			told[node] = calls
		}
	}
	return told, nil
}

// checkCall checks what is told of a call; what the text means is the nodes' own affair.
func checkCall(id, text string) error {
	if err := checkName(id); err != nil {
		return fmt.Errorf("the id of a call: %w", err)
	}
	if len(text) > callLimit {
		return fmt.Errorf("call %s: a text of %d bytes; %d are allowed", id, len(text), callLimit)
	}
	return nil
}
