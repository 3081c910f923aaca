package app

import (
	"context"
	"fmt"
	"maps"
	"time"

	"go.uber.org/zap"
)

const (
	// reachLimit bounds what a sentence waits for the other nodes to tell how many callers they reached.
	reachLimit = 1500 * time.Millisecond
	// reachPoll is how often they are asked.
	reachPoll = 100 * time.Millisecond
)

// reach is what nodes tell each other of a revision: to how many waiting callers each began to play it. *store.Reach is one.
type reach interface {
	Report(ctx context.Context, incident string, revision int, node string, reached int64) error
	Of(ctx context.Context, incident string, revision int) (map[string]int64, error)
}

// counted adds to a sentence how many waiting callers were reached, and how many nodes of those that live told it.
func (u unsaid) counted(reached int64, told, nodes int) change {
	u.sentence = fmt.Sprintf("%s, played to %d waiting, %d of %d nodes", u.sentence, reached, told, max(told, nodes))
	return u.change
}

// count tells the other nodes how many callers this one reached, and adds up what they tell. It waits for those that live, but not
// long, and not for what holds no more.
func (c *centre) count(ctx context.Context, u unsaid) change {
	ctx, cancel := context.WithTimeout(ctx, reachLimit)
	defer cancel()
	own := u.reached.Load()
	reached, failed := c.shareReach(ctx, u, own)
	for ctx.Err() == nil && (failed != nil || len(reached) < c.nodes()) && !c.current().board.Revisions[u.incident].Replaces(u.revision) {
		pause(ctx, reachPoll)
		if told, err := c.shareReach(ctx, u, own); ctx.Err() == nil {
			maps.Copy(reached, told)
			failed = err
		}
	}
	if failed != nil {
		c.log.Warn("how many callers the other nodes reached is not known", zap.String("incident", u.incident), zap.Error(failed))
	}
	var sum int64
	for _, n := range reached {
		sum += max(n, 0) // what others wrote is not trusted
	}
	return u.counted(sum, len(reached), c.nodes())
}

// shareReach tells how many callers this node reached with a revision, and returns what all have told, this one among them. With an error it
// is what this node knows by itself.
func (c *centre) shareReach(ctx context.Context, u unsaid, own int64) (map[string]int64, error) {
	name, number := u.revision.Incident, u.revision.Number
	err := c.shared.reach.Report(ctx, name, number, c.node, own)
	var told map[string]int64
	if err == nil {
		told, err = c.shared.reach.Of(ctx, name, number)
	}
	reached := map[string]int64{c.node: own}
	for node, n := range told {
		if node != c.node {
			reached[node] = n
		}
	}
	return reached, err
}
