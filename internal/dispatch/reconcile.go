package dispatch

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

// recallBatch is how many agents the store is told of at once.
const recallBatch = 100

// reassert compares a new snapshot with all that this node holds, and has the store told what it lacks: those who wait, with the times of
// their entries, offers that ring, conversations, phones, calls outside. In told are the places whose entries the store had been
// told before the snapshot. What it tells already is no harm to tell again. In another life of the store than before (anew), what it still has of this
// node from then is over.
func (o *owner) reassert(told map[*place]bool, anew bool) {
	now := o.d.store.Now()
	o.enters, o.holds = nil, nil // what is still to be told is found again
	if anew {
		o.over, o.releases, o.finishes = nil, nil, nil // the tokens of another life
	}
	for _, p := range o.d.places.all() {
		if anew && !p.rings(now) {
			p.token = 0 // this life of the store counts its tokens anew
		}
		if c := o.view.Callers[p.wanted.Call]; p.stands(c) {
			p.seen, p.caller = true, *c
			p.free = latest(p.free, c.Entered)
		} else if p.seen || told[p] {
			o.enters = append(o.enters, p.again())
		}
		if c := o.view.Callers[p.wanted.Call]; p.rings(now) && (c == nil || c.Claim == nil || c.Claim.Token != p.offer.Token) {
			o.holds = append(o.holds, p.offer)
		}
	}
	slices.SortFunc(o.enters, func(a, b entering) int { return routing.Compare(&a.Caller, &b.Caller) }) // whoever's clock is off, order stays
	g := o.d.held.against(o.view, o.d.node, now)
	o.holds = append(o.holds, g.holds...)
	o.phones, o.outside = g.phones, g.outside
	if anew {
		o.over = append(o.over, g.ends...)
		o.releases = append(o.releases, o.silent(now)...)
		o.leaves = o.gone()
	}
	o.untold, o.toldAt, o.standsAt = true, time.Time{}, 0
	o.strays, o.gaps = twice{}, twice{}
}

// gone are the callers of this node in the view whom no call stands for, with the reasons for which they left.
func (o *owner) gone() (ends []routing.End) {
	for call, c := range o.view.Callers {
		if c.Node == o.d.node && o.d.places.get(call) == nil {
			ends = append(ends, routing.End{Call: call, Reason: o.endOf(call)})
		}
	}
	return ends
}

// ending is how a wait of a call of this node ended.
type ending struct {
	reason string
	at     time.Time
}

// endOf is the reason for which a caller of this node left, as far as it is remembered.
func (o *owner) endOf(call string) string {
	if e, known := o.endings[call]; known {
		return e.reason
	}
	return leftStray
}

// ends remembers how the wait of a call of this node ended, for a store that does not hear of it now.
func (o *owner) ends(e routing.Event) {
	reason := e.Reason
	if e.Kind == routing.CallerAnswered {
		reason = routing.LeftAnswered
	}
	o.endings[e.Call] = ending{reason, e.At}
}

// silent are the tokens of this node's offers in the view that ring no more.
func (o *owner) silent(now time.Time) (tokens []uint64) {
	for _, a := range o.view.Agents {
		if !a.Claim.Ringing(now) || a.Claim.Node != o.d.node {
			continue
		}
		if p := o.d.places.get(a.Claim.Call); p == nil || !p.rings(now) || p.offer.Token != a.Claim.Token {
			tokens = append(tokens, a.Claim.Token)
		}
	}
	return tokens
}

// remember keeps what this node knows of agents for a store that is another than it was, or went back: pauses, wrap-ups, turns, seats. It is told
// before anything else, until the store has taken it. Of agents whom another node reaches, that node knows better.
func (o *owner) remember(before *routing.View) {
	if o.memory == nil {
		o.memory = make(map[string]*routing.AgentState)
	}
	for name, a := range before.Agents {
		switch node := a.Node(); {
		case node == o.d.node || node == "" && len(a.Phones) > 0:
			o.memory[name] = a
		case !a.PauseSaid.IsZero():
			o.memory[name] = &routing.AgentState{Name: name, Paused: a.Paused, PauseReason: a.PauseReason, PauseSaid: a.PauseSaid, Changed: a.PauseSaid}
		}
	}
}

// recalls are the agents that the store is still to be told of, by name.
func (o *owner) recalls() []*routing.AgentState {
	list := make([]*routing.AgentState, 0, len(o.memory))
	for _, name := range slices.Sorted(maps.Keys(o.memory)) {
		list = append(list, o.remembered(o.memory[name]))
	}
	o.memory = nil
	return list
}

// remembered is what is remembered of an agent, without a claim of this node that came to its end when no store was there to hear it.
func (o *owner) remembered(a *routing.AgentState) *routing.AgentState {
	c := a.Claim
	if c == nil || c.Node != o.d.node || o.d.holds(*c) {
		return a
	}
	next, now := *a, o.d.store.Now()
	next.Claim = o.d.held.claim(*c) // it may have become a conversation
	if next.Claim == nil && c.Talking() {
		next.WrapUp, next.Changed = now.Add(o.d.wrapUp(*c)), now
		next.Idle = next.WrapUp
	}
	return &next
}

// reconcile compares the view with what this node holds once a second. What two sweeps in a row find is not on its way in or out: a
// step that was acknowledged and then lost with a master of Redis, or one that was taken without an answer.
func (o *owner) reconcile(now time.Time) {
	o.findStrays()
	if o.busy || len(o.enters)+len(o.holds)+len(o.finishes)+len(o.over)+len(o.releases)+len(o.memory) > 0 {
		return // what was found before is still being told
	}
	g := o.d.held.against(o.view, o.d.node, now)
	var found []string
	for _, p := range o.d.places.all() {
		switch {
		case p.stands(o.view.Callers[p.wanted.Call]):
		case p.entry.Load() == unanswered:
			o.enters = append(o.enters, p.again())
		case p.seen || p.entry.Load() == entered:
			found = append(found, "caller "+p.wanted.Call)
		}
	}
	silent := o.silent(now)
	for _, token := range silent {
		found = append(found, fmt.Sprintf("offer %d", token))
	}
	for _, c := range g.holds {
		found = append(found, "talk "+c.Call)
	}
	for _, c := range g.ends {
		found = append(found, "end "+c.Call)
	}
	for _, agent := range g.phones {
		found = append(found, "phones "+agent)
	}
	for _, agent := range g.outside {
		found = append(found, "outside "+agent)
	}
	both := o.gaps.seen(found)
	if len(both) == 0 {
		return
	}
	o.d.log.Info("the store is told again what it lacks", zap.Int("things", len(both)))
	for _, p := range o.d.places.all() {
		if both["caller "+p.wanted.Call] {
			o.enters = append(o.enters, p.again())
		}
	}
	o.releases = append(o.releases, chosen(silent, func(token uint64) bool { return both[fmt.Sprintf("offer %d", token)] })...)
	o.holds = append(o.holds, chosen(g.holds, func(c routing.Claim) bool { return both["talk "+c.Call] })...)
	o.finishes = append(o.finishes, chosen(g.ends, func(c routing.Claim) bool { return both["end "+c.Call] })...)
	o.phones = chosen(g.phones, func(agent string) bool { return both["phones "+agent] })
	o.outside = chosen(g.outside, func(agent string) bool { return both["outside "+agent] })
}

// chosen returns those of a list that a condition holds for.
func chosen[T any](list []T, holds func(T) bool) []T {
	return slices.DeleteFunc(list, func(item T) bool { return !holds(item) })
}

// refused takes note of claims that the store has otherwise: an offer is taken back from its call, a conversation has lost its agent.
func (o *owner) refused(claims []refusal) {
	for _, c := range claims {
		if c.Talking() {
			if t := o.d.held.drop(c.Claim); t != nil {
				o.d.log.Warn("the agent of a conversation is with somebody else", zap.String("call", c.Call), zap.String("agent", c.Agent), zap.Error(c.err))
				close(t.taken)
			}
			continue
		}
		if p := o.d.places.get(c.Call); p != nil && p.offer.Token == c.Token {
			p.token = 0 // the store may grant lower ones
			p.withdraw(c.Token, string(routing.Withdrawn))
		}
	}
}

// turnedAway tells callers whom a queue had no place for, when the store could answer at last.
func (o *owner) turnedAway(callers []routing.Caller) {
	for _, c := range callers {
		if p := o.d.places.get(c.Call); p != nil {
			o.d.places.drop(c.Call, p)
			p.last(Ended{Reason: leftFull})
		}
	}
}

// leftFull is the reason of a caller for whom there was no place, as calls say it.
const leftFull = "full"

// findStrays notes the callers of this node whom no call stands for, as after a Leave that the store did not take. Who is one at two
// sweeps in a row is not on his way in or out: he is taken out, or he would be offered to agents for ever.
func (o *owner) findStrays() {
	var found []string
	for call, c := range o.view.Callers {
		if c.Node == o.d.node && o.d.places.get(call) == nil {
			found = append(found, call)
		}
	}
	for call := range o.strays.seen(found) {
		if slices.ContainsFunc(o.leaves, func(e routing.End) bool { return e.Call == call }) {
			continue
		}
		o.leaves = append(o.leaves, routing.End{Call: call, Reason: o.endOf(call)})
		o.d.log.Warn("a caller whose call is over is taken out of the queue", zap.String("call", call))
	}
}
