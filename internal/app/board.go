package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/media"
)

const (
	// agreeLimit bounds what a revision waits for the other nodes: then it is made all the same.
	agreeLimit = time.Second
	// agreeTries is how often a revision is decided again because somebody else was faster.
	agreeTries = 8
	// beginLimit bounds what a start waits for the sounds of the board that the other nodes have, when the store answers.
	beginLimit = 5 * time.Second
	// beginTries is how often a start asks for that board a store that is slow; one that is away is not asked again.
	beginTries = 5
	// boardLimit is how many incidents a shared board may have: many times what a centre names, and few enough to look at again and again.
	boardLimit = 10_000
	// clockSkew is how far ahead another node's clock may be without being wrong: what it has made begins here as it did there.
	clockSkew = 2 * time.Second
)

// errContended says that a revision was decided again and again, and others were faster each time.
var errContended = errors.New("others change the incidents in the same moment; try again")

// sharing is how a node shares the board of incidents with the other nodes of its centre. All of it is safe for concurrent use.
type sharing struct {
	board  sharedBoard
	sounds blobs
	reach  reach
	nodes  func() int // how many nodes live, this one among them
}

// sharedBoard is the board that all nodes write on; *store.Board is one.
type sharedBoard interface {
	Publish(ctx context.Context, rev incident.Revision, sound []byte) error
	Assert(ctx context.Context, known incident.Board, sound func(sum string) ([]byte, error)) error
	Next(ctx context.Context, after store.Edition) (incident.Board, store.Edition, error)
}

// blobs are contents by their SHA-256 in hex; *store.Store has them.
type blobs interface {
	Blob(ctx context.Context, sum string) ([]byte, error)
}

// share lets the node share its board. It comes before the first apply; follow is to run from then on.
func (c *centre) share(s sharing) { c.shared = &s }

// nodes is how many nodes serve the centre.
func (c *centre) nodes() int {
	if c.shared == nil {
		return 1
	}
	return max(c.shared.nodes(), 1)
}

// agree has revisions decided and told to the other nodes; it returns those that were made. When somebody else was faster, what is on the
// shared board is taken over and judge decides upon that. When the store does not answer, revisions are made all the same, and follow
// tells the others once it does.
func (c *centre) agree(judge func(incident.Board) ([]incident.Revision, error)) ([]incident.Revision, error) {
	if c.shared == nil {
		return judge(c.board)
	}
	basis := c.board
	if c.current() == nil {
		basis = c.begin()
	}
	ctx, cancel := context.WithTimeout(context.Background(), agreeLimit)
	defer cancel()
	var made []incident.Revision
	for range agreeTries {
		revisions, err := judge(basis)
		if err != nil {
			return nil, err
		}
		told, err := c.announce(ctx, revisions)
		made = append(made, told...)
		if err == nil {
			return made, nil
		}
		if basis, err = c.takeOver(ctx, made); err != nil {
			c.log.Warn("the shared board cannot be read", zap.Error(err))
		}
	}
	return nil, errContended
}

// begin takes over the board that the other nodes have, for a node that starts.
func (c *centre) begin() incident.Board {
	ctx, cancel := context.WithTimeout(context.Background(), beginLimit)
	defer cancel()
	basis, err := c.takeOver(ctx, nil)
	for try := 1; try < beginTries && slow(err); try++ {
		basis, err = c.takeOver(ctx, nil)
	}
	if err != nil {
		c.log.Warn("the shared board cannot be read; this node starts with what it has kept", zap.Error(err))
	}
	return basis
}

// slow reports that an error is about time, not about a store that is away.
func slow(err error) bool {
	network, is := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || is && network.Timeout()
}

// announce puts revisions on the shared board in order, and returns those that are made now: also those of which the store did not want to
// know. The error is store.ErrConflict, for the first revision that is not made.
func (c *centre) announce(ctx context.Context, revisions []incident.Revision) ([]incident.Revision, error) {
	for i, revision := range revisions {
		sound, err := c.keep.content(revision.Sound)
		if err == nil {
			err = c.shared.board.Publish(ctx, revision, sound)
		}
		if errors.Is(err, store.ErrConflict) {
			return revisions[:i], err
		}
		if err != nil {
			c.log.Warn("the other nodes do not know of a revision yet; they are told as soon as the store answers",
				zap.String("incident", revision.Incident), zap.Int("revision", revision.Number), zap.Error(err))
		}
	}
	return revisions, nil
}

// takeOver adopts what is on the shared board, as far as its sounds are to be had within the context's time. It returns the board to
// decide upon: the shared one with what was made in the meantime, whether or not all of it can be played here. With an error it is what this
// node knows.
func (c *centre) takeOver(ctx context.Context, made []incident.Revision) (incident.Board, error) {
	known := with(c.board, made)
	seen, _, err := c.next(ctx, "")
	if err != nil {
		return known, err
	}
	untilMade(ctx, known, seen)
	basis := known
	for _, revision := range c.news(known, seen) {
		basis = basis.With(revision)
		missed := !c.keep.has(revision.Sound)
		if missed {
			fetched, err := c.fetch(ctx, revision.Sound)
			if err != nil {
				c.complain(revision, err)
				continue
			}
			c.receive(fetched)
		}
		c.adopt([]incident.Revision{revision}, missed)
	}
	return basis, nil
}

// next waits for another edition of the shared board.
func (c *centre) next(ctx context.Context, after store.Edition) (incident.Board, store.Edition, error) {
	seen, edition, err := c.shared.board.Next(ctx, after)
	if err == nil && len(seen.Revisions) > boardLimit {
		err = fmt.Errorf("%d incidents; %d are allowed", len(seen.Revisions), boardLimit)
	}
	return seen, edition, err
}

// with returns a board with revisions on it.
func with(b incident.Board, revisions []incident.Revision) incident.Board {
	for _, revision := range revisions {
		b = b.With(revision)
	}
	return b
}

// untilMade waits for the moments at which the news of a board were made: clocks differ by some milliseconds, and what was switched on
// elsewhere would be scheduled here.
func untilMade(ctx context.Context, known, seen incident.Board) {
	var wait time.Duration
	for name, revision := range seen.Revisions {
		if ahead := time.Until(revision.At); revision.Replaces(known.Revisions[name]) && ahead <= clockSkew {
			wait = max(wait, ahead)
		}
	}
	if wait > 0 {
		pause(ctx, wait)
	}
}

// pause waits, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// news returns the revisions of a board that are newer than those known, or whose sounds are missed here, by name. What no node can
// have made is none.
func (c *centre) news(known, seen incident.Board) []incident.Revision {
	var news []incident.Revision
	for _, name := range slices.Sorted(maps.Keys(seen.Revisions)) {
		revision, held := seen.Revisions[name], known.Revisions[name]
		if held.Replaces(revision) || !revision.Replaces(held) && c.keep.has(revision.Sound) {
			continue
		}
		if err := revision.Check(); err != nil {
			c.complain(revision, err)
			continue
		}
		news = append(news, revision)
	}
	return news
}

// complain tells, once, that a revision of another node is not applied here.
func (c *centre) complain(revision incident.Revision, err error) {
	if c.complained[revision.Incident] == revision.Number {
		return
	}
	c.complained[revision.Incident] = revision.Number
	c.log.Error("a revision of another node cannot be applied here", zap.String("incident", revision.Incident), zap.Int("revision", revision.Number), zap.Error(err))
}

// sound is the recording of a message as it came from another node.
type sound struct {
	sum     string
	content []byte
	prompt  *media.Prompt
}

// fetch gets a sound from the store and decodes it.
func (c *centre) fetch(ctx context.Context, sum string) (*sound, error) {
	content, err := c.shared.sounds.Blob(ctx, sum)
	if err != nil {
		return nil, err
	}
	var options media.PromptOptions
	if e := c.current(); e != nil {
		options = e.library.Options().PromptOptions
	}
	prompt, err := media.ParseWAV(content, options)
	if err != nil {
		return nil, fmt.Errorf("sound %.12s: %w", sum, err)
	}
	if hash := prompt.SHA256(); hex.EncodeToString(hash[:]) != sum {
		return nil, fmt.Errorf("sound %.12s is something else", sum)
	}
	return &sound{sum, content, prompt}, nil
}

// receive keeps a sound that has come.
func (c *centre) receive(s *sound) {
	if err := c.keep.saveSound(*s); err != nil {
		c.log.Error("the message of an incident could not be kept for the next start", zap.Error(err))
	}
}

// adopt makes revisions of other nodes hold, whose sounds are here. Some sound may have come that what holds already was without.
func (c *centre) adopt(revisions []incident.Revision, soundCame bool) {
	old := c.board
	c.board = with(c.board, revisions)
	news := slices.DeleteFunc(revisions, func(r incident.Revision) bool {
		return !r.Replaces(old.Revisions[r.Incident]) || c.board.Revisions[r.Incident].Replaces(r)
	})
	if len(news) == 0 && !soundCame {
		return
	}
	if err := c.keep.saveBoard(c.board, c.said); err != nil {
		c.log.Error("revisions of other nodes could not be kept for the next start", zap.Error(err))
	}
	c.forgetSounds()
	if c.current() == nil {
		return // a start: the first edition has them
	}
	c.republish()
	c.tell(old, news)
}
