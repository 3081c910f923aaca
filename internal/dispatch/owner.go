package dispatch

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

const (
	// retryAfter is how long the owner waits before it decides again what was not done.
	retryAfter = 50 * time.Millisecond
	// resyncAfter is how long the owner waits before it takes another snapshot, so that a store in trouble is not pressed.
	resyncAfter = 100 * time.Millisecond
	// sweepEvery is how often the owner looks after what events alone might miss.
	sweepEvery = time.Second
	// restShare is how many times as long as a decision took the owner waits until the next, and restMost the longest of these
	// waits: with thousands waiting, events are then decided together and at most a third of a core is spent on it.
	restShare = 2
	restMost  = 50 * time.Millisecond
	// foldAtMost bounds how many events are folded in before the owner looks at anything else.
	foldAtMost = 1024
)

// owner holds a node's view of the queues and decides over it. All its fields belong to the goroutine of run.
type owner struct {
	d     *Dispatcher
	hands *hands
	pulse *pulse

	view     *routing.View
	tally    *routing.Tally // nil before the first snapshot, as is audit
	audit    *routing.Audit
	retired  routing.Retired
	behindAt uint64    // the event that a beat knew and the view lacked; 0: none
	behind   time.Time // since when it has lacked that one
	offered  uint64    // the highest token that an event has told of

	busy     bool            // the hands have a batch
	stale    bool            // something changed since the last decision
	next     time.Time       // when time alone changes the decision, in store time; zero: never
	rested   time.Time       // not decided again before, in store time
	sweepAt  time.Time       // store time
	leases   routing.Leases  // the view's
	lapsed   map[string]bool // which of them were over at the last beat
	findLost bool            // the view's lost places changed

	// What the store is to be told again.
	memory   map[string]*routing.AgentState
	enters   []entering
	holds    []routing.Claim
	over     []routing.Claim // conversations that ended in another life of the store
	finishes []routing.Claim
	phones   []string
	outside  []string
	releases []uint64
	leaves   []routing.End // strays to be taken out
	strays   twice
	gaps     twice
	untold   bool              // the store that gave the last snapshot has not been told all that the node holds
	toldAt   time.Time         // when it had been, until a heartbeat after that says where the store stands
	standsAt uint64            // where it stood then
	ghosts   map[string]bool   // callers of this node without a place, at the last decision
	endings  map[string]ending // how waits of this node's calls ended, by call, for routing.LostKept

	watch  watch
	queues standing
}

// newOwner returns an owner with an empty view.
func newOwner(d *Dispatcher, h *hands, p *pulse) *owner {
	o := &owner{d: d, hands: h, pulse: p, view: routing.NewView(), watch: newWatch(), queues: newStanding(), lapsed: make(map[string]bool), ghosts: make(map[string]bool), endings: make(map[string]ending)}
	o.view.Skipped, o.view.Denied = o.watch.skipped, o.watch.denied
	o.replan()
	return o
}

// run keeps a view and serves from it until the context ends. After any doubt about the view the whole is taken again.
func (o *owner) run(ctx context.Context) {
	blind := false // no snapshot was to be had: that is said once
	for ctx.Err() == nil {
		o.handsDown(ctx)
		subscription, cancel := context.WithCancel(ctx)
		events, err := o.sync(subscription)
		if err == nil {
			blind = false
			o.serve(ctx, events)
		} else if ctx.Err() == nil && !blind {
			blind = true
			o.d.log.Warn("no snapshot of the queues; that is tried again", zap.Error(err))
		}
		cancel()
		o.rest(ctx, resyncAfter)
	}
}

// handsDown waits for the batch that the hands have, so that the snapshot after it knows what it did.
func (o *owner) handsDown(ctx context.Context) {
	for o.busy {
		select {
		case out := <-o.hands.done:
			o.settle(out)
		case ask := <-o.d.asks:
			ask(o)
		case <-ctx.Done():
			return
		}
	}
}

// sync takes a snapshot and subscribes to what follows it.
func (o *owner) sync(ctx context.Context) (<-chan routing.Event, error) {
	told := o.d.places.told()
	bounded, cancel := context.WithTimeout(ctx, copyTimeout)
	defer cancel()
	view, err := o.d.store.Snapshot(bounded)
	if err != nil {
		return nil, err
	}
	events, err := o.d.store.Subscribe(ctx, view.Seq)
	if err != nil {
		return nil, err
	}
	view.Skipped, view.Denied, view.Leases = o.watch.skipped, o.watch.denied, o.leases
	anew := view.Incarnation != o.view.Incarnation
	if anew || view.Seq < o.view.Seq {
		o.remember(o.view)
	}
	if anew {
		o.offered = 0
	}
	o.view, o.findLost = view, true
	if o.tally == nil {
		o.tally, o.audit = routing.NewTally(view, o.d.store.Now(), o.d.zone.Load()), routing.NewAudit(view)
		o.audit.Node = o.d.node
	} else {
		o.tally.Resume(view, o.d.store.Now())
		o.audit.Resume(view)
	}
	o.queues.all(view)
	o.sweepAt, o.rested, o.queues.told = time.Time{}, time.Time{}, time.Time{} // another store's time may be another
	o.watch.anew(o.d.store.Now())
	o.reassert(told, anew)
	o.replan()
	return events, nil
}

// rest answers readers for a while.
func (o *owner) rest(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case ask := <-o.d.asks:
			ask(o)
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// serve folds events, decides and answers until the context ends or the events do.
func (o *owner) serve(ctx context.Context, events <-chan routing.Event) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(max(0, o.turn().Sub(o.d.store.Now())))
		select {
		case e, open := <-events:
			if !open || !o.drain(e, events) {
				return
			}
		case <-o.d.nudge:
			o.replan()
		case ask := <-o.d.asks:
			ask(o)
		case out := <-o.hands.done:
			o.settle(out)
		case beat := <-o.pulse.beats:
			if !o.follows(beat) {
				return
			}
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// turn does all that is due and returns when to look again, in store time.
func (o *owner) turn() time.Time {
	now := o.d.store.Now()
	if !now.Before(o.sweepAt) {
		o.sweep(now)
		o.sweepAt = now.Add(sweepEvery)
	}
	if o.findLost {
		o.findLost = false
		o.d.lost.set(o.view)
	}
	late := o.watch.due(o, now)
	o.releases = append(o.releases, late...)
	o.queues.tell(o, now)
	due := !o.next.IsZero() && !now.Before(o.next)
	if o.stale = o.stale || due || len(late) > 0; o.stale && !o.busy && !now.Before(o.rested) {
		o.decide(now)
		end := o.d.store.Now()
		o.rested = end.Add(min(restShare*end.Sub(now), restMost))
	}
	return o.wakeAt()
}

// wakeAt is the earliest of all that is to come.
func (o *owner) wakeAt() time.Time {
	at := o.sweepAt
	times := []time.Time{o.watch.next, o.queues.next}
	switch {
	case o.busy: // the hands' answer wakes the owner
	case o.stale:
		times = append(times, o.rested)
	default:
		times = append(times, o.next)
	}
	for _, t := range times {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return at
}

// decide decides and gives the hands this node's part.
func (o *owner) decide(now time.Time) {
	o.stale = false
	plan := o.d.plan.Load()
	o.passOverGhosts(now)
	decision := routing.Decide(plan, o.view, now)
	o.next = decision.Next
	o.watch.decided(o, decision.Offers, now)
	b := o.ours(plan, decision, now)
	b.over, b.recalls, b.enters, b.finishes = o.over, o.recalls(), o.enters, o.finishes
	for _, c := range o.holds {
		if c.Talking() {
			b.talks = append(b.talks, c)
		} else {
			b.holds = append(b.holds, c)
		}
	}
	b.phones, b.outside, b.releases = o.phones, o.outside, o.releases
	if !o.sees() {
		b.offers = nil // those who are still to be told of may stand before these
	}
	o.over, o.enters, o.holds, o.finishes, o.phones, o.outside, o.releases, o.leaves = nil, nil, nil, nil, nil, nil, nil, nil
	if b.empty() {
		o.toldAll()
		return
	}
	o.busy = true
	o.hands.jobs <- b // the hands are idle: there is room
}

// ours picks what this node carries out: matches, overflow and ends of its own calls. Seats and rules belong to nobody, so every
// node records them; the store does it once.
func (o *owner) ours(plan *routing.Plan, decision routing.Decision, now time.Time) batch {
	b := batch{life: o.view.Incarnation, limit: plan.Seats, seats: decision.Seats, opens: decision.Opens}
	own := func(call string) bool { return o.view.Callers[call].Node == o.d.node }
	for _, s := range decision.Spills {
		if own(s.Call) {
			b.spills = append(b.spills, s)
		}
	}
	for _, e := range decision.Ends {
		if own(e.Call) {
			b.ends = append(b.ends, e)
		}
	}
	for _, e := range o.leaves {
		if o.d.places.get(e.Call) == nil { // else he has come back
			b.ends = append(b.ends, e)
		}
	}
	for _, offer := range decision.Offers {
		if own(offer.Call) {
			b.offers = append(b.offers, match{offer, o.freeSince(plan, offer, now), o.view.Callers[offer.Call], o.view.Agents[offer.Agent]})
		}
	}
	return b
}

// freeSince is since when the caller and the agent of an offer were both free.
func (o *owner) freeSince(plan *routing.Plan, offer routing.Offer, now time.Time) time.Time {
	state := o.view.Agents[offer.Agent]
	_, since, _ := plan.Agent(offer.Agent).Condition(state, now)
	if state.NotBefore.After(since) {
		since = state.NotBefore
	}
	if p := o.d.places.get(offer.Call); p != nil && p.free.After(since) {
		since = p.free
	}
	return since
}

// settle takes the hands' answer: claims go to their calls, what failed is decided again soon.
func (o *owner) settle(out outcome) {
	o.busy = false
	o.keep(out.left)
	o.refused(out.refused)
	o.turnedAway(out.full)
	if !out.gaveUp {
		o.toldAll()
	}
	now := o.d.store.Now()
	if out.gaveUp {
		o.rested = now.Add(retryAfter)
	}
	for _, g := range out.granted {
		if !o.expect(g.claim) {
			continue // it came to an end before its answer was here
		}
		o.d.observer.Matched(max(0, g.claim.Offered.Sub(g.free)))
		o.deliver(g, now)
	}
	if out.denied != nil {
		if m := out.denied; o.view.Callers[m.Call] == m.caller && o.view.Agents[m.Agent] == m.agent { // else an event said why
			o.watch.deny(m.Offer, now)
		}
		o.stale = true
	} else if again := now.Add(retryAfter); out.failed && (o.next.IsZero() || again.Before(o.next)) {
		o.next = again
	}
}

// passOverGhosts has nobody matched with callers of this node who have no place: their calls are over, or between two queues.
func (o *owner) passOverGhosts(now time.Time) {
	for call := range o.ghosts {
		if o.d.places.get(call) != nil {
			delete(o.watch.skipped, call) // he has come back
		}
	}
	clear(o.ghosts)
	for call, c := range o.view.Callers {
		if c.Node == o.d.node && o.d.places.get(call) == nil {
			o.ghosts[call] = true
			o.watch.skipped[call] = now.Add(takeWithin)
		}
	}
}

// keep notes what the store was not told, to be told with the next batch; what was decided is decided again.
func (o *owner) keep(left batch) {
	o.over, o.releases = append(o.over, left.over...), append(o.releases, left.releases...)
	o.enters, o.holds = append(o.enters, left.enters...), slices.Concat(o.holds, left.talks, left.holds)
	o.phones, o.outside = append(o.phones, left.phones...), append(o.outside, left.outside...)
	o.finishes = append(o.finishes, left.finishes...)
	for _, e := range left.ends {
		if o.d.places.get(e.Call) == nil {
			o.leaves = append(o.leaves, e)
		}
	}
	for _, a := range left.recalls {
		if o.memory == nil {
			o.memory = make(map[string]*routing.AgentState)
		}
		if o.memory[a.Name] == nil {
			o.memory[a.Name] = a
		}
	}
}

// toldAll notes that the store that gave the last snapshot knows what the node holds: from now on the node may be counted on.
func (o *owner) toldAll() {
	if o.untold {
		o.untold, o.toldAt = false, time.Now()
		o.d.told()
		o.pulse.hurry() // offers wait for it
	}
}

// sees reports whether the view has what the node told the store after the snapshot. Before that nobody is offered.
func (o *owner) sees() bool {
	return !o.untold && o.toldAt.IsZero() && o.view.Seq >= o.standsAt
}

// deliver hands an offer to its call, or takes it back when the call is gone or does not read.
func (o *owner) deliver(g granted, now time.Time) {
	p := o.d.places.get(g.Call)
	if p == nil {
		o.releases, o.stale = append(o.releases, g.claim.Token), true
		o.watch.skip(g.Call, now)
		return
	}
	if g.claim.Token <= p.token { // told already
		return
	}
	p.token, p.offer = g.claim.Token, g.claim
	if !p.tell(Offered{Claim: g.claim, Offer: g.Offer}) {
		o.releases, o.stale = append(o.releases, g.claim.Token), true
		o.watch.skip(g.Call, now)
		return
	}
	p.offerAt = p.sent
	o.watch.handed(g.claim, now)
}

// expect shows a claim in the view before its event has come, so that it is not decided again. It returns false when the event has
// come, and the claim's end as well.
func (o *owner) expect(claim routing.Claim) bool {
	c, a := o.view.Callers[claim.Call], o.view.Agents[claim.Agent]
	if claim.Token <= o.offered {
		return c != nil && c.Claim != nil && c.Claim.Token == claim.Token
	}
	if c == nil || a == nil {
		return true
	}
	caller, state := *c, *a
	caller.Claim, state.Claim, state.Changed = &claim, &claim, claim.Offered
	o.view.Callers[claim.Call], o.view.Agents[claim.Agent] = &caller, &state
	return true
}

// picture is what the owner sees.
func (o *owner) picture() Picture {
	p := Picture{Now: o.d.store.Now(), Plan: o.d.plan.Load(), View: o.view.Clone()}
	p.Figures = make(map[string]routing.Figures)
	if o.tally != nil {
		p.Figures = o.tally.Figures(p.Now)
	}
	return p
}

// replan puts the configured plan and zone into force, with the closed queues that are not empty yet.
func (o *owner) replan() {
	if o.tally != nil {
		o.tally.SetZone(o.d.zone.Load())
	}
	configured := o.d.configured.Load()
	o.retired.Learn(configured)
	o.d.plan.Store(o.retired.Lay(configured, o.view))
	o.stale = true
}
