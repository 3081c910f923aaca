package ops

import (
	"sync"
	"time"
)

const (
	// feedMemory is how many past events a Feed keeps for those who come back: about 1 MB, and some minutes of a bad day at
	// 20 calls a second.
	feedMemory = 4096
	// subscriberBacklog is how many events a subscriber may be behind before it is cut: a few seconds of a bad day.
	subscriberBacklog = 256
)

// Feed is the stream of a node's events: it numbers them, remembers the newest some thousands, and hands them to those who
// subscribe. It waits for nobody: a subscriber who falls behind is cut and may come back for what it missed. It is safe for
// concurrent use.
type Feed struct {
	centre, node string

	mu     sync.Mutex // held for a few memory operations, never across I/O
	ring   []Event    // the newest events; the oldest is at ring[next] once it is full
	next   int        // where the next event goes
	last   uint64     // the newest event's number
	subs   map[*Subscription]struct{}
	closed bool
}

// Subscription is one reader's part in a Feed.
type Subscription struct {
	// C brings the events in order. It is closed when the reader fell behind, when the feed is closed and by Cancel.
	C <-chan Event
	// Past are the events after the one asked for that had happened already; C goes on where they end.
	Past []Event
	// Lost says that events after the one asked for are no longer known.
	Lost bool

	feed *Feed
	c    chan Event
}

// NewFeed returns an empty feed of one node. Numbers begin at the time of the start in microseconds, so that they rise over
// restarts too, and a number of an earlier life is never taken for one of this; until the year 2255 they are exact as
// JavaScript's numbers (2^53).
func NewFeed(centre, node string) *Feed {
	return &Feed{
		centre: centre,
		node:   node,
		last:   uint64(time.Now().UnixMicro()),
		subs:   make(map[*Subscription]struct{}),
	}
}

// Publish numbers an event and hands it to all who subscribed. It sets Seq, and Time (now), Centre and Node (its own) where they
// are empty. It never waits. After Close it does nothing.
func (f *Feed) Publish(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.last++
	e.Seq = f.last
	if time.Time(e.Time).IsZero() {
		e.Time = Time(time.Now())
	}
	if e.Centre == "" {
		e.Centre = f.centre
	}
	if e.Node == "" {
		e.Node = f.node
	}
	f.keep(e)
	for s := range f.subs {
		select {
		case s.c <- e:
		default:
			f.drop(s)
		}
	}
}

// Subscribe returns a subscription to all events after the one with the given number; 0 is from now on. A number that this feed
// cannot have given gets everything that it remembers, marked as Lost. Cancel it when done.
func (f *Feed) Subscribe(after uint64) *Subscription {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &Subscription{feed: f, c: make(chan Event, subscriberBacklog)}
	s.C = s.c
	if f.closed {
		close(s.c)
		return s
	}
	if after > 0 {
		s.Past, s.Lost = f.since(after)
	}
	f.subs[s] = struct{}{}
	return s
}

// Cancel ends the subscription; it may be called more than once.
func (s *Subscription) Cancel() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.feed.drop(s)
}

// Close ends all subscriptions; what is published later is lost.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for s := range f.subs {
		f.drop(s)
	}
}

// keep puts an event into the ring. The lock is held.
func (f *Feed) keep(e Event) {
	if len(f.ring) < feedMemory {
		f.ring = append(f.ring, e)
		return
	}
	f.ring[f.next] = e
	f.next = (f.next + 1) % feedMemory
}

// since returns the remembered events after a number, and whether some are missing. The lock is held.
func (f *Feed) since(after uint64) (past []Event, lost bool) {
	first := f.last + 1 - uint64(len(f.ring)) // number of the oldest event in the ring
	skip := 0
	switch {
	case after > f.last || after+1 < first:
		lost = true
	default:
		skip = int(after + 1 - first)
	}
	past = make([]Event, 0, len(f.ring)-skip)
	for i := skip; i < len(f.ring); i++ {
		past = append(past, f.ring[(f.next+i)%len(f.ring)])
	}
	return past, lost
}

// drop cuts a subscriber. The lock is held.
func (f *Feed) drop(s *Subscription) {
	if _, there := f.subs[s]; there {
		delete(f.subs, s)
		close(s.c)
	}
}
