package sip

import (
	"net/netip"
	"sync"
	"time"
)

// Rules against guessing passwords.
const (
	guessesAllowed = 5           // failures of one source for one user
	silence        = time.Minute // that follow
	maxGuessers    = 10_000      // remembered at a time
)

// guesser is who fails for whom: a source address, the user that it names, and whether it is really there: it has
// answered a challenge that was sent to it. Who has not may have forged the source, and must not silence those who have.
type guesser struct {
	source netip.Addr
	user   string
	there  bool
}

// guesses remembers failed credentials, so that guessing is slow. Safe for concurrent use.
type guesses struct {
	mu    sync.Mutex
	count map[guesser]failures
}

type failures struct {
	count int
	last  time.Time
}

func newGuesses() *guesses { return &guesses{count: map[guesser]failures{}} }

// silenced tells whether this guesser gets no answer now: it failed too often, and the silence since has not been
// long enough.
func (g *guesses) silenced(who guesser, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over(who, now) {
		return true
	}
	who.there = true
	return g.over(who, now)
}

// over tells whether a guesser has failed too often; the lock is held.
func (g *guesses) over(who guesser, now time.Time) bool {
	f := g.count[who]
	return f.count >= guessesAllowed && now.Before(f.last.Add(silence))
}

// failed counts a failure. When too many are remembered, whichever comes first is forgotten.
func (g *guesses) failed(who guesser, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f, known := g.count[who]
	if known && !now.Before(f.last.Add(silence)) {
		f.count = 0
	}
	if !known && len(g.count) >= maxGuessers {
		for other := range g.count {
			delete(g.count, other)
			break
		}
	}
	g.count[who] = failures{count: f.count + 1, last: now}
}

// right forgets the failures of somebody who then knew the password.
func (g *guesses) right(who guesser) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.count, who)
}

// forget drops those whose failures count no more.
func (g *guesses) forget(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for who, f := range g.count {
		if !now.Before(f.last.Add(silence)) {
			delete(g.count, who)
		}
	}
}
