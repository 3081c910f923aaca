package app

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/store"
)

const (
	// lookAtBoard is how often the shared board is compared with what this node knows, when nothing comes from there.
	lookAtBoard = 500 * time.Millisecond
	// boardPause is how long a node waits before it asks a store again that does not answer.
	boardPause = 250 * time.Millisecond
	// fetchLimit bounds how long a sound is waited for.
	fetchLimit = time.Minute
	// fetchers is how many sounds come at once: the others wait.
	fetchers = 4
	// assertLimit bounds how long telling the store what it lacks holds up the news.
	assertLimit = 30 * time.Second
	// boardRetry is how long what failed for a reason of its own, such as a sound that nobody has, rests until it is tried again.
	boardRetry = 5 * time.Second
	// keepSounds is how often the store is told that the sounds of the board are still needed; one that it has lost it gets again.
	keepSounds = time.Minute
)

// follow takes over what other nodes put on the shared board, and tells the store what this node knows better: what was made while the
// store was away, and all of it when the store was emptied or went back. It returns when the context ends.
func (c *centre) follow(ctx context.Context) {
	f := follower{centre: c, asserted: time.Now(), fetching: make(map[string]bool), places: make(chan struct{}, fetchers)}
	defer f.running.Wait()
	for ctx.Err() == nil {
		f.step(ctx)
	}
}

// follower is what follow remembers. It belongs to that goroutine, but for what fetches share with it.
type follower struct {
	centre   *centre
	at       store.Edition // the edition of the shared board that was seen last
	retry    time.Time     // when what could not be applied of it is tried again
	asserted time.Time     // when the store was last told what this node knows
	rest     time.Time     // it is not told again before that
	silent   bool          // the store does not answer, which was told
	refused  string        // why an assertion failed, as it was told

	running  sync.WaitGroup // fetches
	places   chan struct{}  // a fetch takes one
	mu       sync.Mutex
	seen     incident.Board  // the shared board
	fetching map[string]bool // sounds that are on their way
	missing  bool            // a sound did not come
}

// step waits a moment for another edition of the shared board, and does what there is to do.
func (f *follower) step(ctx context.Context) {
	wait, cancel := context.WithTimeout(ctx, lookAtBoard)
	seen, edition, err := f.centre.next(wait, f.at)
	quiet := f.at != "" && wait.Err() != nil
	cancel()
	switch {
	case err == nil:
		f.answered()
		f.at = edition
		f.learn(ctx, seen)
	case !quiet:
		f.away(ctx, err)
		return
	case time.Now().After(f.retry) && f.misses():
		f.learn(ctx, f.board())
	}
	if ctx.Err() == nil && time.Now().After(f.rest) && (f.knowsBetter() || time.Since(f.asserted) >= keepSounds) {
		f.assert(ctx)
	}
}

// away waits a little for a store that does not answer. When it does again, its whole board is looked at: it may be another.
func (f *follower) away(ctx context.Context, err error) {
	f.at, f.rest = "", time.Time{}
	if ctx.Err() != nil {
		return
	}
	if !f.silent {
		f.silent = true
		f.centre.log.Warn("the shared board cannot be read; this node goes by what it knows", zap.Error(err))
	}
	pause(ctx, boardPause)
}

// answered notes that the store answers.
func (f *follower) answered() {
	if f.silent {
		f.silent = false
		f.centre.log.Info("the shared board can be read again")
	}
}

// learn applies what was seen: at once what can be played, and the rest once its sounds have come.
func (f *follower) learn(ctx context.Context, seen incident.Board) {
	untilMade(ctx, f.centre.current().board, seen)
	f.mu.Lock()
	f.seen = seen
	f.mu.Unlock()
	var lacking []incident.Revision
	if err := f.centre.do(ctx, func() { lacking = f.apply(nil) }); err != nil {
		return // the node stops
	}
	f.retry = time.Now().Add(boardRetry)
	for _, revision := range lacking {
		if f.begin(revision.Sound) {
			f.running.Go(func() { f.fetch(ctx, revision) })
		}
	}
}

// apply adopts what can be played of the board that was seen last, on the owner's goroutine, and returns the rest. fetched is a sound that has
// just come, or nil.
func (f *follower) apply(fetched *sound) (lacking []incident.Revision) {
	c := f.centre
	if fetched != nil {
		c.receive(fetched)
	}
	var ready []incident.Revision
	for _, revision := range c.news(c.board, f.board()) {
		if c.keep.has(revision.Sound) {
			ready = append(ready, revision)
		} else {
			lacking = append(lacking, revision)
		}
	}
	c.adopt(ready, fetched != nil)
	c.forgetSounds()
	return lacking
}

// board is the shared board as it was seen last.
func (f *follower) board() incident.Board {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// misses reports whether a sound did not come, and forgets that.
func (f *follower) misses() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.missing
	f.missing = false
	return was
}

// begin reports whether a sound is to be fetched: it is not on its way yet.
func (f *follower) begin(sum string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fetching[sum] {
		return false
	}
	f.fetching[sum] = true
	return true
}

// fetch gets the sound of a revision, and then applies what plays it.
func (f *follower) fetch(ctx context.Context, revision incident.Revision) {
	select {
	case f.places <- struct{}{}:
		defer func() { <-f.places }()
	case <-ctx.Done():
		return
	}
	limited, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	fetched, err := f.centre.fetch(limited, revision.Sound)
	_ = f.centre.do(ctx, func() { // an error says that the node stops
		if err != nil {
			f.centre.complain(revision, err)
		} else {
			f.apply(fetched)
		}
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.fetching, revision.Sound)
	f.missing = f.missing || err != nil
}

// knowsBetter reports whether this node knows revisions that the shared board lacks.
func (f *follower) knowsBetter() bool {
	seen := f.board()
	for name, revision := range f.centre.current().board.Revisions {
		if revision.Replaces(seen.Revisions[name]) {
			return true
		}
	}
	return false
}

// assert tells the store all that this node knows.
func (f *follower) assert(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, assertLimit)
	defer cancel()
	f.asserted = time.Now()
	err := f.centre.shared.board.Assert(limited, f.centre.current().board, f.centre.keep.content)
	if err == nil {
		f.refused = ""
		return
	}
	f.rest = time.Now().Add(boardRetry)
	if why := err.Error(); why != f.refused && ctx.Err() == nil {
		f.refused = why
		f.centre.log.Error("the store could not be told all that this node knows of the incidents; that is tried again", zap.Error(err))
	}
}
