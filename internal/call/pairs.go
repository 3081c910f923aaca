package call

import (
	"slices"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/sip"
)

// outlives is how long an agent's leg may go on after his caller's is over: the good-bye of one and that of the other are a moment apart.
const outlives = time.Second

// Zombie is an agent's leg that went on although his caller's was over: an agent who talks to nobody.
type Zombie struct {
	Call  string
	Agent string
}

// pairs are the legs that belong together, from the first ring of the agent's until it has ended. It is safe for concurrent use.
type pairs struct {
	mu   sync.Mutex
	live []*pair
}

// pair is an agent's leg, and the caller's for whom it was dialled.
type pair struct {
	call, agent   string
	caller, party Leg
	over          time.Time // when the caller's leg was found over; zero: it goes on
}

func (p *pairs) add(one pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = append(p.live, &one)
}

// Zombies are the agents' legs that have outlived their callers' by a second, each told once. It is to be asked about once a second, by
// one goroutine; the answer takes as long as the legs need to tell their states.
func (h *House) Zombies(now time.Time) (found []Zombie) {
	h.pairs.mu.Lock()
	live := slices.Clone(h.pairs.live)
	h.pairs.mu.Unlock()
	done := make(map[*pair]bool)
	for _, p := range live {
		switch {
		case parting(p.party):
			done[p] = true
		case !parting(p.caller):
		case p.over.IsZero():
			p.over = now
		case now.Sub(p.over) >= outlives:
			done[p] = true
			found = append(found, Zombie{Call: p.call, Agent: p.agent})
		}
	}
	h.pairs.mu.Lock()
	defer h.pairs.mu.Unlock()
	h.pairs.live = slices.DeleteFunc(h.pairs.live, func(p *pair) bool { return done[p] })
	return found
}

// parting reports whether a leg is over, or its far end has been told so.
func parting(l Leg) bool {
	switch l.State().Phase {
	case sip.PhaseOver, sip.PhaseClosing, sip.PhaseWithdrawn:
		return true
	}
	return false
}
