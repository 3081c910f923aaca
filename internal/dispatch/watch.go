package dispatch

import (
	"maps"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

const (
	// takeWithin is how long a call, or the node that owns it, may take to act on an offer before others go first.
	takeWithin = 250 * time.Millisecond
	// skipFor is how long a call that did not act is passed over: long enough not to be in the way, short against a wait.
	skipFor = 2 * time.Second
	// passFor is how long a call is passed over whose node did not act, or whom the store gave no agent: that node's lease, or an event, will tell.
	passFor = 500 * time.Millisecond
	// denyFor is how long an agent whom the store would not bind is passed over: until the event comes that says why, or his node may
	// be cut off, which shows within a second. denials is how many agents a caller may be denied in a row before it is about him.
	denyFor = takeWithin
	denials = 3
	// stuckAfter is how long callers and agents who suit each other may both be free before the alarm.
	stuckAfter = 3 * time.Second
)

// watch keeps an eye on what should have happened: offers that calls of this node did not read, matches that other nodes did not
// carry out, and callers who wait beside ready agents.
type watch struct {
	offers  map[string]offerWatch // by call of this node
	foreign map[string]time.Time  // since when a match of another node's call stands undone
	skipped map[string]time.Time  // the view's Skipped
	denied  map[string]time.Time  // the view's Denied
	denials map[string]int        // by call: agents denied in a row
	matched map[string]time.Time  // since when each sweep has found a match for a caller
	next    time.Time             // when something is due; zero: never
}

// offerWatch is an offer that its call has not been seen to read.
type offerWatch struct {
	claim routing.Claim
	until time.Time
}

func newWatch() watch {
	return watch{
		offers:  make(map[string]offerWatch),
		foreign: make(map[string]time.Time),
		skipped: make(map[string]time.Time),
		denied:  make(map[string]time.Time),
		denials: make(map[string]int),
		matched: make(map[string]time.Time),
	}
}

// anew forgets who was passed over, and looks at the offers at once: now may be another store's time.
func (w *watch) anew(now time.Time) {
	clear(w.skipped)
	clear(w.denied)
	clear(w.foreign)
	w.next = now
	for call, offer := range w.offers {
		if limit := now.Add(takeWithin); offer.until.After(limit) {
			offer.until = limit
			w.offers[call] = offer
		}
	}
}

// handed begins to watch an offer.
func (w *watch) handed(claim routing.Claim, now time.Time) {
	w.offers[claim.Call] = offerWatch{claim, now.Add(takeWithin)}
	w.wake(now.Add(takeWithin))
}

// skip passes a call over for a while.
func (w *watch) skip(call string, now time.Time) {
	w.skipped[call] = now.Add(skipFor)
}

// deny passes over an agent whom the store would not bind, or the caller when it is about him.
func (w *watch) deny(offer routing.Offer, now time.Time) {
	w.denied[offer.Agent] = now.Add(denyFor)
	if w.denials[offer.Call]++; w.denials[offer.Call] >= denials {
		delete(w.denials, offer.Call)
		w.skipped[offer.Call] = now.Add(passFor)
	}
}

// decided notes the matches that other nodes should carry out now, and forgets those that they did.
func (w *watch) decided(o *owner, offers []routing.Offer, now time.Time) {
	open := make(map[string]time.Time)
	for _, offer := range offers {
		if o.view.Callers[offer.Call].Node == o.d.node {
			continue
		}
		since, known := w.foreign[offer.Call]
		if !known {
			since = now
		}
		open[offer.Call] = since
		w.wake(since.Add(takeWithin))
	}
	w.foreign = open
}

// due withdraws offers that were not read in time, passes over calls whose node did not act, and returns the tokens to be
// released.
func (w *watch) due(o *owner, now time.Time) (withdraw []uint64) {
	if w.next.IsZero() || now.Before(w.next) {
		return nil
	}
	w.next = time.Time{}
	for call, offer := range w.offers {
		p := o.d.places.get(call)
		switch {
		case p == nil || p.token != offer.claim.Token || p.took():
			delete(w.offers, call)
		case now.Before(offer.until):
			w.wake(offer.until)
		default:
			delete(w.offers, call)
			w.skip(call, now)
			withdraw = append(withdraw, offer.claim.Token)
			o.d.log.Warn("a call did not take its offer in time", zap.String("call", call), zap.String("agent", offer.claim.Agent))
		}
	}
	for call, since := range w.foreign {
		if due := since.Add(takeWithin); now.Before(due) {
			w.wake(due)
			continue
		}
		delete(w.foreign, call)
		w.skipped[call] = now.Add(passFor)
		o.stale = true
	}
	return withdraw
}

// wake notes when something is due.
func (w *watch) wake(at time.Time) {
	if w.next.IsZero() || at.Before(w.next) {
		w.next = at
	}
}

// sweep does once a second what does not depend on any event: it decides afresh, closes removed queues that are empty, takes out
// strays, and raises the alarm when callers wait although agents for them are ready.
func (o *owner) sweep(now time.Time) {
	o.stale = true
	if o.d.configured.Load() != o.d.plan.Load() {
		o.replan()
	}
	o.adopt(now)
	o.reconcile(now)
	o.view.ForgetLost(now)
	o.tally.Forget(now)
	o.violated(o.audit.Sweep(o.d.plan.Load(), o.tally.Figures(now), now))
	maps.DeleteFunc(o.endings, func(_ string, e ending) bool { return now.Sub(e.at) >= routing.LostKept })
	o.findLost = true
	clear(o.watch.denials)
	maps.DeleteFunc(o.watch.denied, func(_ string, until time.Time) bool { return !now.Before(until) })
	for call, until := range o.watch.skipped {
		if !now.Before(until) || o.view.Callers[call] == nil {
			delete(o.watch.skipped, call)
		}
	}
	if stuck := o.watch.stuck(o, now); stuck > 0 {
		o.d.observer.Stuck(stuck)
		o.d.log.Error("callers wait although agents for them are ready", zap.Int("callers", stuck))
	}
}

// adopt tells calls of this node offers that the store made although it could not say so in time.
func (o *owner) adopt(now time.Time) {
	if o.busy {
		return
	}
	for _, p := range o.d.places.all() {
		c := o.view.Callers[p.caller.Call]
		if c == nil || !c.Claim.Ringing(now) || c.Claim.Token <= p.token {
			continue
		}
		claim := *c.Claim
		ring := claim.Deadline.Sub(claim.Offered) - routing.ClaimGrace
		offer := routing.Offer{Call: claim.Call, Agent: claim.Agent, Queue: claim.Queue, Ring: ring, Why: claim.Queue}
		o.deliver(granted{match{Offer: offer, free: claim.Offered}, claim}, now)
	}
}

// stuck counts the callers for whom every sweep has found a ready agent for longer than stuckAfter.
func (w *watch) stuck(o *owner, now time.Time) int {
	everybody := *o.view
	everybody.Skipped, everybody.Denied = nil, nil
	matched := make(map[string]time.Time)
	stuck := 0
	for _, offer := range routing.Decide(o.d.plan.Load(), &everybody, now).Offers {
		since, known := w.matched[offer.Call]
		if !known {
			since = now
		}
		matched[offer.Call] = since
		if now.Sub(since) > stuckAfter {
			stuck++
		}
	}
	w.matched = matched
	return stuck
}
