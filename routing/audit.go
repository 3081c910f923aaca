package routing

import (
	"fmt"
	"slices"
	"time"
)

// Violation is a promise of the queues that did not hold.
type Violation struct {
	Invariant string // "I1" to "I6": see Audit
	Call      string // whom it befell; "" nobody
	Agent     string
	Queue     string
	What      string // one line for people
}

// Audit holds the stream of events to what the queues promise, whoever made it: in a test, and beside every dispatcher for as long
// as it runs.
//
//	I1  a caller is in exactly one of waiting, offered, in conversation, gone
//	I2  an agent has at most one caller at a time
//	I3  no agent is reserved for longer than the ring time and ClaimGrace
//	I5  callers of a queue are served in order: see Compare
//	I6  who entered was answered, abandoned, left otherwise, or waits
//
// I4 and I7 are about legs and I8 is about what a process holds: no event shows them, and who owns those judges them. What an audit
// cannot know it takes for right, so that all that it finds is a fault. It remembers what is live and half a minute of the past. It is not
// safe for concurrent use.
type Audit struct {
	// Node is the owner whose claims are held against the plan, as to ring times and order: for a while another node may be configured
	// otherwise. "": the claims of all, where they have one plan.
	Node string

	seq         uint64
	incarnation string
	blind       bool          // the stream has a hole: nothing is known until Resume
	since       time.Time     // when what is known was taken; zero: at the next event or sweep
	calm        time.Duration // for how long after that nobody's order is judged

	callers map[string]*auditCaller
	agents  map[string]*auditAgent
	lines   map[auditPlace]*auditLine
	runs    map[string]*auditRun // by node
	left    map[string]time.Time // calls that were in a queue lately, and until when
	rings   map[string]auditRing // by queue

	plan    *Plan
	planned time.Time // since when the plan is in force

	waiting   map[string]int  // of a sweep: callers by home queue
	talking   map[string]int  // of a sweep: agents in conversation by call
	unequal   map[string]bool // queues whose figures were found wrong
	violation []Violation     // found by the Fold or Sweep that runs
}

// auditCaller is one who waits.
type auditCaller struct {
	caller  *Caller
	touched time.Time  // when an event told of him last; zero: before the snapshot
	moved   time.Time  // when he got another place than he had
	line    *auditLine // where he stands unbound, or nil
}

// auditAgent is an agent and what was found about him.
type auditAgent struct {
	state  *AgentState
	free   time.Time // when he could last be offered a caller in a state before this one
	twice  time.Time // since when sweeps find the caller of his conversation elsewhere, too
	long   uint64    // the claim that was found to reserve him too long
	double uint64    // the claim whose caller was found to be elsewhere, too
}

// auditPlace is a home queue and a node that owns calls in it.
type auditPlace struct{ queue, node string }

// auditLine is the callers of one place whom no claim binds, not even a dead one, in order.
type auditLine struct{ callers []*auditCaller }

// auditRun is what a node did in the store in close succession.
type auditRun struct{ from, last time.Time }

// auditRing is the longest ring time of a queue, and when a plan last said it.
type auditRing struct {
	longest time.Duration
	seen    time.Time
}

const (
	// auditSettled is how long all that bears on two callers' order must have been as it is before it is judged. A node decides over
	// events that are on their way, asks for the claim after it decided, and passes over calls that did not act for two seconds, which no event tells.
	auditSettled = 3 * time.Second
	// auditRunGap is the longest pause between two steps of one batch: a step is bounded to half a second, and one that was lost to
	// another node shows no event. What a batch does last was decided before what it did first.
	auditRunGap = time.Second
	// auditRunMost is how long a batch may take; a busy node's steps never pause for longer than auditRunGap.
	auditRunMost = 30 * time.Second
	// auditAhead bounds how many of those before an offered caller are looked at.
	auditAhead = 64
	// auditRepair is how long a caller may wait and be in a conversation, both, once a fault or an agent's vanishing made it so: his return
	// and the end of the conversation are two steps, a lost one is found by two looks of its node a second apart, and a dead node's go
	// with its lease.
	auditRepair = 10 * time.Second
	// auditSlack is how much longer than it should an offer may ring before it is told: clocks of nodes, and a sweep that came late.
	auditSlack = time.Second
	// auditRingKept is how long the ring times of an earlier plan excuse an offer: longer than any offer rings.
	auditRingKept = 10 * time.Minute
)

// NewAudit begins with a snapshot. The view stays the caller's.
func NewAudit(v *View) *Audit {
	a := &Audit{
		runs:    make(map[string]*auditRun),
		left:    make(map[string]time.Time),
		rings:   make(map[string]auditRing),
		waiting: make(map[string]int),
		talking: make(map[string]int),
		unequal: make(map[string]bool),
	}
	a.Resume(v)
	a.calm = 0
	return a
}

// Resume goes on from a snapshot after events were missed, or in another life of the store. What was known is forgotten, and what the
// snapshot shows is nobody's fault. Nodes now tell the store much that shows no event, with claims decided before it.
func (a *Audit) Resume(v *View) {
	a.seq, a.incarnation, a.blind = v.Seq, v.Incarnation, false
	a.since, a.calm = time.Time{}, auditRunMost
	a.callers = make(map[string]*auditCaller, len(v.Callers))
	a.agents = make(map[string]*auditAgent, len(v.Agents))
	a.lines = make(map[auditPlace]*auditLine)
	clear(a.runs)
	clear(a.left)
	clear(a.unequal)
	for _, c := range v.Callers {
		a.put(c, time.Time{})
	}
	for name, state := range v.Agents {
		a.agents[name] = &auditAgent{state: state}
	}
}

// Fold judges an event by what was before it and is after it, under the plan in force, and takes it over. An event that was folded in
// already is passed over; one that does not follow blinds the audit until Resume.
func (a *Audit) Fold(e Event, plan *Plan) []Violation {
	if a.blind || e.Incarnation != a.incarnation || e.Seq > a.seq+1 {
		a.blind = true
		return nil
	}
	if e.Seq <= a.seq {
		return nil
	}
	a.seq, a.violation = e.Seq, nil
	a.begin(plan, e.At)
	var was *Claim // the caller's before
	if e.Call != "" {
		known := a.callers[e.Call]
		if known != nil {
			was = known.caller.Claim
		}
		a.judgeCall(&e, known)
		a.judgeOrder(&e, known)
		a.foldCaller(&e, known)
	}
	if e.Agent != nil {
		a.foldAgent(&e)
	}
	a.judgeClaim(&e, was)
	return a.violation
}

// begin takes note of the time and the plan.
func (a *Audit) begin(plan *Plan, now time.Time) {
	if a.since.IsZero() {
		a.since = now
	}
	if plan != nil && plan != a.plan {
		a.plan, a.planned = plan, now
		a.learn(now)
	}
}

// learn remembers the ring times of the plan in force.
func (a *Audit) learn(now time.Time) {
	for name, q := range a.plan.Queues {
		if r, known := a.rings[name]; !known || q.Ring >= r.longest || now.Sub(r.seen) > auditRingKept {
			a.rings[name] = auditRing{q.Ring, now}
		}
	}
}

// find notes a violation.
func (a *Audit) find(invariant, call, agent, queue, format string, args ...any) {
	a.violation = append(a.violation, Violation{invariant, call, agent, queue, fmt.Sprintf(format, args...)})
}

// judgeCall holds an event to where its caller was (I1): who waits entered, and left or was answered; nobody else has events.
func (a *Audit) judgeCall(e *Event, known *auditCaller) {
	wrong := ""
	ends := e.Kind == CallerLeft || e.Kind == CallerAnswered
	switch {
	case e.Kind == CallerEntered && e.Was == nil && known != nil:
		wrong = "enters although he waits"
	case e.Kind == CallerEntered && e.Was != nil && known == nil:
		wrong = "is moved although he does not wait"
	case known == nil && (ends || e.Kind == CallerOffered || e.Kind == CallerSpilled || e.Kind != CallerEntered && e.Caller != nil):
		wrong = "has an event although he does not wait"
	case ends && e.Caller != nil:
		wrong = "waits after the end of his wait"
	case !ends && e.Caller == nil && (known != nil || e.Kind == CallerEntered):
		wrong = "is gone without having left"
	default:
		return
	}
	queue := ""
	for _, c := range []*Caller{e.Caller, e.Was} {
		if c != nil && queue == "" {
			queue = c.Queue
		}
	}
	a.find("I1", e.Call, "", queue, "caller %s %s (%s)", e.Call, wrong, e.Kind)
}

// foldCaller takes over what an event says of a caller.
func (a *Audit) foldCaller(e *Event, known *auditCaller) {
	if e.Caller == nil {
		if known != nil {
			known.stepOut()
			delete(a.callers, e.Call)
			a.left[e.Call] = e.At.Add(auditRunMost + auditSettled)
		}
		return
	}
	w := a.put(e.Caller, e.At)
	if e.Kind != CallerEntered {
		return
	}
	if _, lately := a.left[e.Call]; e.Was != nil || lately {
		w.moved = e.At
	}
}

// put has a caller stand as an event or a snapshot tells of him.
func (a *Audit) put(c *Caller, at time.Time) *auditCaller {
	w := a.callers[c.Call]
	if w == nil {
		w = &auditCaller{}
		a.callers[c.Call] = w
	} else if w.line != nil && (c.Claim != nil || !samePlace(c, w.caller)) {
		w.stepOut()
	}
	w.caller, w.touched = c, at
	if c.Claim == nil && w.line == nil {
		place := auditPlace{c.Queue, c.Node}
		line := a.lines[place]
		if line == nil {
			line = &auditLine{}
			a.lines[place] = line
		}
		line.stepIn(w)
	}
	return w
}

// samePlace reports whether two values of a caller stand at the same place of the same line.
func samePlace(a, b *Caller) bool {
	return a.Queue == b.Queue && a.Node == b.Node && a.Priority == b.Priority && a.FirstEntry.Equal(b.FirstEntry)
}

// stepIn puts a caller into his place.
func (l *auditLine) stepIn(w *auditCaller) {
	w.line = l
	if n := len(l.callers); n == 0 || Compare(l.callers[n-1].caller, w.caller) < 0 {
		l.callers = append(l.callers, w)
		return
	}
	l.callers = slices.Insert(l.callers, l.find(w.caller), w)
}

// stepOut takes a caller out of his line, if he stands in one.
func (w *auditCaller) stepOut() {
	if l := w.line; l != nil {
		at := l.find(w.caller)
		l.callers = slices.Delete(l.callers, at, at+1)
		w.line = nil
	}
}

// find is how many of the line stand before a caller.
func (l *auditLine) find(c *Caller) int {
	if len(l.callers) > 0 && l.callers[0].caller == c {
		return 0
	}
	at, _ := slices.BinarySearchFunc(l.callers, c, func(w *auditCaller, c *Caller) int { return Compare(w.caller, c) })
	return at
}

// foldAgent takes over what an event says of an agent, and holds it to what he had: a claim gives way to another only when it is dead (I2), and
// ends only together with the caller's (I1).
func (a *Audit) foldAgent(e *Event) {
	known := a.agents[e.Agent.Name]
	if known == nil {
		a.agents[e.Agent.Name] = &auditAgent{state: e.Agent}
		return
	}
	was, now := known.state.Claim, e.Agent.Claim
	known.free = latest(known.free, known.state.couldTake(e.At))
	known.state = e.Agent
	if was == nil || sameClaim(was, now) {
		return
	}
	if now != nil && was.Live(e.At) {
		a.find("I2", now.Call, e.Agent.Name, now.Queue, "agent %s is given caller %s while he has caller %s", e.Agent.Name, now.Call, was.Call)
		return
	}
	if c := a.callers[was.Call]; c != nil && sameClaim(was, c.caller.Claim) && c.caller.Claim.Live(e.At) {
		a.find("I1", was.Call, e.Agent.Name, was.Queue, "caller %s is bound by an offer that agent %s no longer has", was.Call, e.Agent.Name)
	}
}

// judgeClaim holds both sides of a claim to each other after an event: was is what bound the caller before it.
func (a *Audit) judgeClaim(e *Event, was *Claim) {
	var now *Claim
	if e.Caller != nil {
		now = e.Caller.Claim
	}
	if was.Ringing(e.At) && !sameClaim(was, now) {
		if now.Live(e.At) {
			a.find("I1", e.Call, now.Agent, now.Queue, "caller %s is offered to %s while he is offered to %s", e.Call, now.Agent, was.Agent)
		} else if agent := a.agents[was.Agent]; e.Kind != CallerAnswered && agent != nil && sameClaim(was, agent.state.Claim) && agent.state.Claim.Ringing(e.At) {
			a.find("I3", e.Call, was.Agent, was.Queue, "agent %s is reserved for caller %s, whose offer ended (%s)", was.Agent, e.Call, e.Kind)
		}
	}
	switch e.Kind {
	case CallerOffered:
		if now == nil || now.Call != e.Call {
			a.find("I1", e.Call, "", e.Reason, "caller %s is offered without an offer of his", e.Call)
		} else if agent := a.agents[now.Agent]; agent == nil || !sameClaim(now, agent.state.Claim) {
			a.find("I1", e.Call, now.Agent, now.Queue, "caller %s is bound by an offer that agent %s does not have", e.Call, now.Agent)
		}
	case CallerAnswered:
		if e.Agent == nil || !e.Agent.Claim.Talking() || e.Agent.Claim.Call != e.Call {
			a.find("I1", e.Call, "", e.Reason, "caller %s is answered, and no agent talks with him", e.Call)
		}
	case CallFinished:
		if e.Agent == nil || e.Agent.Claim != nil {
			a.find("I1", e.Call, "", "", "the conversation of %s is over, and no agent is free of it", e.Call)
		}
	}
}

// sameClaim reports whether two claims are the same one, whatever became of it.
func sameClaim(a, b *Claim) bool { return a != nil && b != nil && a.Token == b.Token }

// judgeOrder looks, when a caller is offered, for one who was overtaken (I5): of the same home queue and with a better place, whom the
// same node should have offered to that agent. Only the node that owns a call offers it, so callers of two nodes prove nothing against each
// other: one node may be slower, or passed over by the other. Of one node's callers the better is decided first, over all agents; he is
// overtaken with good reason only if
//
//   - something about him, or the plan, is so new that the decision may not have known it (auditSettled, auditRunMost),
//   - he refused the agent or was missed by him, is not let into the queue that the agent serves, or his wait is over, or
//   - he was decided for another agent and lost him to another node. Then such an agent was free at the time.
//
// Whom a dead offer binds that nobody ended is not judged either.
func (a *Audit) judgeOrder(e *Event, known *auditCaller) {
	from := a.decided(e)
	if e.Kind != CallerOffered || known == nil || e.Caller == nil || e.Caller.Claim == nil || e.Caller.Offers <= known.caller.Offers {
		return
	}
	claim := e.Caller.Claim
	line := a.lines[auditPlace{known.caller.Queue, claim.Node}]
	if line == nil || a.Node != "" && claim.Node != a.Node || claim.Node != known.caller.Node {
		return
	}
	ahead := line.find(known.caller)
	if ahead == 0 || a.plan == nil || a.planned.After(from) || known.moved.After(from) || a.since.Add(a.calm).After(from) {
		return
	}
	home := a.plan.Queue(known.caller.Queue)
	if home == nil {
		return
	}
	for _, w := range line.callers[:min(ahead, auditAhead)] {
		c := w.caller
		switch {
		case w.touched.After(from),
			claim.Queue != c.Queue && !slices.Contains(c.Spilled, claim.Queue),
			c.Refused[claim.Agent].After(from),
			slices.Contains(c.Missed, claim.Agent),
			home.MaxWait > 0 && e.At.Sub(c.Entered) >= home.MaxWait-auditSettled:
			continue
		}
		if !a.choice(c, home, claim.Agent, from, e.At) {
			a.find("I5", c.Call, claim.Agent, c.Queue, "caller %s is overtaken by %s, who is offered to %s", c.Call, e.Call, claim.Agent)
		}
		return
	}
}

// decided notes what a node did, if the event is such a thing, and returns from when on things may not have been known to the
// decision behind it.
func (a *Audit) decided(e *Event) time.Time {
	if e.Caller == nil {
		return e.At
	}
	switch again := e.At.Sub(e.Caller.Entered) > auditRunGap; {
	case e.Kind == CallerOffered, e.Kind == CallerSpilled, e.Kind == CallerEntered && again:
	default:
		return e.At
	}
	r := a.runs[e.Caller.Node]
	if r == nil {
		r = &auditRun{}
		a.runs[e.Caller.Node] = r
	}
	if e.At.Sub(r.last) > auditRunGap {
		r.from = e.At
	}
	r.last = e.At
	return latest(r.from, e.At.Add(-auditRunMost)).Add(-auditSettled)
}

// choice reports whether any agent but one may have been free for a caller at some time since from.
func (a *Audit) choice(c *Caller, home *Queue, but string, from, now time.Time) bool {
	serves := func(agent *Agent, queue string) bool {
		_, member := agent.Queues[queue]
		return member
	}
	for _, agent := range a.plan.Agents {
		known := a.agents[agent.Name]
		if agent.Name == but || known == nil || known.free.Before(from) && known.state.couldTake(now).Before(from) {
			continue
		}
		one := func(queue string) bool { return serves(agent, queue) }
		if one(home.Name) || slices.ContainsFunc(c.Spilled, one) ||
			slices.ContainsFunc(home.Overflow, func(r OverflowRule) bool { return slices.ContainsFunc(r.To, one) }) {
			return true
		}
	}
	return false
}

// couldTake is the last moment until now at which an agent in this state may have been offered a caller; zero: never.
func (s *AgentState) couldTake(now time.Time) time.Time {
	if s.Registered.IsZero() || s.Seat.IsZero() || !s.Paused.IsZero() || s.Outside != "" || s.Claim.Live(now) {
		return time.Time{}
	}
	from, until := latest(s.WrapUp, s.NotBefore), s.Until()
	if s.Claim != nil { // an offer that died by its deadline
		from = latest(from, s.Claim.Deadline)
	}
	if now.Before(until) {
		until = now
	}
	if from.After(until) {
		return time.Time{}
	}
	return until
}

// Sweep judges, once a second, what no single event shows: who is reserved too long (I3), who waits and talks (I1), and whether a tally's
// figures of the same events add up (I6; nil: they are not judged). What stays wrong is told once.
func (a *Audit) Sweep(plan *Plan, figures map[string]Figures, now time.Time) []Violation {
	if a.blind {
		return nil
	}
	a.violation = nil
	a.begin(plan, now)
	if a.plan != nil {
		a.learn(now)
	}
	clear(a.talking)
	for _, agent := range a.agents {
		if claim := agent.state.Claim; claim.Talking() {
			a.talking[claim.Call]++
		}
	}
	for name, agent := range a.agents {
		a.judgeReserved(name, agent, now)
		a.judgeTalking(name, agent, now)
	}
	if figures != nil {
		a.judgeFigures(figures)
	}
	a.forget(now)
	return a.violation
}

// judgeReserved looks whether an agent's offer rings for longer than any plan of late would have it (I3). That an offer stands in the
// record after its deadline is nothing: it is dead by time alone.
func (a *Audit) judgeReserved(name string, agent *auditAgent, now time.Time) {
	claim := agent.state.Claim
	if !claim.Ringing(now) || a.Node != "" && claim.Node != a.Node || agent.long == claim.Token {
		return
	}
	ring, known := a.rings[claim.Queue]
	if reserved := now.Sub(claim.Offered); known && reserved > ring.longest+ClaimGrace+auditSlack {
		agent.long = claim.Token
		a.find("I3", claim.Call, name, claim.Queue, "agent %s is reserved for caller %s for %v already", name, claim.Call, reserved.Round(time.Second))
	}
}

// judgeTalking looks whether the caller of an agent's conversation waits or talks with somebody else as well, for longer than it takes to
// put that right (I1).
func (a *Audit) judgeTalking(name string, agent *auditAgent, now time.Time) {
	claim := agent.state.Claim
	if !claim.Talking() || a.callers[claim.Call] == nil && a.talking[claim.Call] < 2 {
		agent.twice = time.Time{}
		return
	}
	if agent.twice.IsZero() {
		agent.twice = now
	}
	if now.Sub(agent.twice) > auditRepair && agent.double != claim.Token {
		agent.double = claim.Token
		a.find("I1", claim.Call, name, claim.Queue, "caller %s talks with agent %s and is elsewhere, too", claim.Call, name)
	}
}

// judgeFigures holds the figures of all queues to those who wait (I6).
func (a *Audit) judgeFigures(figures map[string]Figures) {
	clear(a.waiting)
	for _, w := range a.callers {
		a.waiting[w.caller.Queue]++
	}
	for queue := range figures {
		a.waiting[queue] += 0 // those that are empty are judged as well
	}
	for queue, waiting := range a.waiting {
		f := figures[queue]
		if f.Waiting == waiting && f.Offered == f.Answered+f.Abandoned+f.Left+f.Waiting {
			delete(a.unequal, queue)
		} else if !a.unequal[queue] {
			a.unequal[queue] = true
			a.find("I6", "", "", queue, "of %d callers of queue %s %d were answered, %d abandoned, %d left, %d wait, and %d are seen to wait",
				f.Offered, queue, f.Answered, f.Abandoned, f.Left, f.Waiting, waiting)
		}
	}
}

// forget drops what the past no longer bears on.
func (a *Audit) forget(now time.Time) {
	for call, until := range a.left {
		if !now.Before(until) {
			delete(a.left, call)
		}
	}
	for place, line := range a.lines {
		if len(line.callers) == 0 {
			delete(a.lines, place)
		}
	}
	for node, r := range a.runs {
		if now.Sub(r.last) > auditRunMost {
			delete(a.runs, node)
		}
	}
	for queue, r := range a.rings {
		if now.Sub(r.seen) > auditRingKept {
			delete(a.rings, queue)
		}
	}
}
