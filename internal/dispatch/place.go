package dispatch

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// noticeRoom is how many notices a call may leave unread: more than one of each kind, with room for an offer that comes and goes.
const noticeRoom = 16

// movesBelow is how many unread notices a mailbox may hold for a move still to be told; the rest is kept for what matters more.
const movesBelow = noticeRoom / 2

// place is a call of this node that waits. Only the owner touches what is not said to be otherwise.
type place struct {
	notices   chan Notice   // written by the owner, read by the call
	released  atomic.Uint64 // the last token that the call itself ended, written by the call
	withdrawn atomic.Uint64 // the last token that was taken back from the call, written by the owner
	entry     atomic.Int32  // how the entry stands with the store: asked, entered, unanswered; written by the call, and by the owner who tells it again

	wanted   routing.Caller // as the call asked for him; never changed
	caller   routing.Caller // as the store last told him
	capacity int            // with which he came; 0: there is room for him
	seen     bool           // the store has told of him
	free     time.Time      // since when he could be offered
	token    uint64         // the last offer's, in this life of the store
	offer    routing.Claim  // the last offer
	sent     uint64         // notices sent
	offerAt  uint64         // the number of the notice that told the last offer
	moved    Moved          // what was told last
}

// The ways in which an entry stands with the store.
const (
	asked      int32 = iota // it is being told
	entered                 // it has taken it
	unanswered              // it did not answer: nobody knows
)

// entering is a caller to be told to the store, again.
type entering struct {
	routing.Caller
	capacity int
}

// again is the caller of a place as the store is to be told: where the call waits, whatever the store said of him last. One whom it had taken
// has room, whoever came meanwhile.
func (p *place) again() entering {
	c := p.caller
	if c.Queue != p.wanted.Queue {
		c = p.wanted
		c.FirstEntry = p.caller.FirstEntry
	}
	c.Priority = p.wanted.Priority
	if p.seen || p.entry.Load() == entered {
		return entering{c, 0}
	}
	return entering{c, p.capacity}
}

// stands reports whether the store has the caller where the call waits.
func (p *place) stands(c *routing.Caller) bool {
	return c != nil && c.Node == p.wanted.Node && c.Queue == p.wanted.Queue && c.Priority == p.wanted.Priority
}

// tell puts a notice into the mailbox, and reports whether there was room.
func (p *place) tell(n Notice) bool {
	select {
	case p.notices <- n:
		p.sent++
		return true
	default:
		return false
	}
}

// last puts in the notice after which nothing comes: when there is no room, the oldest make it, which mean nothing any more.
func (p *place) last(n Notice) {
	for !p.tell(n) {
		select {
		case <-p.notices:
		default:
		}
	}
}

// withdraw tells the call that its offer was taken back. When there is no room, Accept will say that the offer is lost.
func (p *place) withdraw(token uint64, reason string) {
	p.withdrawn.Store(token)
	p.tell(Withdrawn{Token: token, Reason: reason})
}

// rings reports whether the last offer still stands, as far as this node knows.
func (p *place) rings(now time.Time) bool {
	token := p.offer.Token
	return p.offer.Ringing(now) && p.released.Load() != token && p.withdrawn.Load() != token
}

// took reports whether the call has read the last offer.
func (p *place) took() bool { return p.sent-uint64(len(p.notices)) >= p.offerAt }

// roomForMoves reports whether a move may be told without crowding out an offer or an end.
func (p *place) roomForMoves() bool { return len(p.notices) < movesBelow }

// places are the calls of this node that wait, by call id. It is safe for concurrent use; its mutex is never held while anything
// is sent or waited for.
type places struct {
	mu     sync.Mutex
	byCall map[string]*place
}

// add makes a place for a call; one that the call had before gets nothing more.
func (s *places) add(c routing.Caller, capacity int) *place {
	p := &place{notices: make(chan Notice, noticeRoom), wanted: c, caller: c, capacity: capacity}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byCall[c.Call] = p
	return p
}

// get returns a call's place, or nil.
func (s *places) get(call string) *place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byCall[call]
}

// drop forgets a call's place, if it is still this one; nil means whichever it is.
func (s *places) drop(call string, p *place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == nil || s.byCall[call] == p {
		delete(s.byCall, call)
	}
}

// told returns the places whose entries the store has been told by now, with or without an answer.
func (s *places) told() map[*place]bool {
	told := make(map[*place]bool)
	for _, p := range s.all() {
		if p.entry.Load() != asked {
			told[p] = true
		}
	}
	return told
}

// all returns the places as they are now.
func (s *places) all() []*place {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*place, 0, len(s.byCall))
	for _, p := range s.byCall {
		list = append(list, p)
	}
	return list
}
