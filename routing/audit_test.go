package routing_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

// auditRoom is a store whose events an audit hears, with a clock that stands unless it is moved. What the audit is told may be
// another thing than what happened.
type auditRoom struct {
	fail   func(format string, args ...any)
	ctx    context.Context
	store  *memq.Store
	now    time.Time
	swept  time.Time
	events <-chan routing.Event
	start  *routing.View
	plan   *routing.Plan
	tally  *routing.Tally
	audit  *routing.Audit
	tape   []routing.Event
	lie    func(e *routing.Event)
	found  []routing.Violation
}

func newAuditRoom(ctx context.Context, fail func(string, ...any), plan *routing.Plan) *auditRoom {
	r := &auditRoom{fail: fail, ctx: ctx, now: crowdTime, swept: crowdTime, plan: plan}
	r.store = memq.New(memq.Options{Now: func() time.Time { return r.now }})
	r.start, r.events = r.follow()
	r.audit = routing.NewAudit(r.start)
	r.tally = routing.NewTally(r.start, r.now, time.UTC)
	return r
}

func (r *auditRoom) must(err error) {
	if err != nil {
		r.fail("%v", err)
	}
}

// follow is the state now and what follows it.
func (r *auditRoom) follow() (*routing.View, <-chan routing.Event) {
	view, err := r.store.Snapshot(r.ctx)
	r.must(err)
	events, err := r.store.Subscribe(r.ctx, view.Seq)
	r.must(err)
	return view, events
}

// hear lets the audit hear what happened.
func (r *auditRoom) hear() {
	for {
		select {
		case e := <-r.events:
			r.tape = append(r.tape, e)
			r.tally.Fold(e, r.plan)
			if r.lie != nil {
				r.lie(&e)
			}
			r.found = append(r.found, r.audit.Fold(e, r.plan)...)
		default:
			return
		}
	}
}

// pass lets time pass, with a sweep each second.
func (r *auditRoom) pass(wait time.Duration) {
	r.hear()
	for until := r.now.Add(wait); r.now.Before(until); r.sweep() {
		r.now = r.now.Add(min(time.Second, until.Sub(r.now)))
	}
}

// sweep lets the audit look around, once a second.
func (r *auditRoom) sweep() {
	r.hear()
	if r.now.Sub(r.swept) >= time.Second {
		r.swept = r.now
		r.found = append(r.found, r.audit.Sweep(r.plan, r.tally.Figures(r.now), r.now)...)
	}
}

func (r *auditRoom) enter(calls ...string) {
	for _, call := range calls {
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: call, Node: "n1", Queue: "orders"}, 0))
		r.now = r.now.Add(time.Millisecond)
	}
	r.hear()
}

// signIn has agents who are ready from now on.
func (r *auditRoom) signIn(agents ...string) {
	for _, agent := range agents {
		r.must(r.store.Register(r.ctx, agent, "n1", desk(r.now.Add(time.Hour))))
		r.must(r.store.Seat(r.ctx, agent, true, 10, "free"))
	}
	r.hear()
}

func (r *auditRoom) offer(call, agent string) uint64 {
	claim, err := r.store.Claim(r.ctx, call, agent, "orders", "n1", 15*time.Second)
	r.must(err)
	r.hear()
	return claim.Token
}

func (r *auditRoom) talk(call, agent string) uint64 {
	token := r.offer(call, agent)
	r.must(r.store.Accept(r.ctx, token))
	r.hear()
	return token
}

// auditStory is what happens, or what an audit is told, and which invariant it finds broken; "" none.
type auditStory struct {
	name string
	want string
	tell func(r *auditRoom)
}

// on changes the events of a kind that the audit is told.
func on(kind routing.Kind, lie func(e *routing.Event)) func(*routing.Event) {
	return func(e *routing.Event) {
		if e.Kind == kind {
			lie(e)
		}
	}
}

func dropAgent(e *routing.Event) { e.Agent = nil }

// without returns an agent's state that lacks the claim.
func without(a *routing.AgentState) *routing.AgentState {
	next := *a
	next.Claim = nil
	return &next
}

var callStories = []auditStory{
	{"a caller is answered and goes", "", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1")
		token := r.talk("c1", "alice")
		r.pass(time.Minute)
		r.must(r.store.Finish(r.ctx, token, 0))
	}},
	{"a caller leaves while he is offered", "", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1")
		r.offer("c1", "alice")
		r.must(r.store.Leave(r.ctx, "c1", routing.LeftByCaller))
	}},
	{"a caller goes to another queue while he is offered", "", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1")
		r.offer("c1", "alice")
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "billing"}, 0))
	}},
	{"a caller whose agent vanished waits again before the conversation is over", "", func(r *auditRoom) {
		r.signIn("alice", "bob")
		r.enter("c1")
		token := r.talk("c1", "alice")
		r.enter("c1")
		r.pass(4 * time.Second)
		other := r.talk("c1", "bob")
		r.pass(4 * time.Second)
		r.must(r.store.Finish(r.ctx, token, 0))
		r.pass(time.Minute)
		r.must(r.store.Finish(r.ctx, other, 0))
	}},
	{"a caller waits for ever beside his conversation", "I1", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1")
		r.talk("c1", "alice")
		r.enter("c1")
		r.pass(time.Minute)
	}},
	{"a caller talks with two", "I1", func(r *auditRoom) {
		r.signIn("alice", "bob")
		r.enter("c1")
		r.talk("c1", "alice")
		r.enter("c1")
		r.talk("c1", "bob")
		r.pass(time.Minute)
	}},
	{"a caller is offered, and the agent is not told", "I1", func(r *auditRoom) {
		r.lie = on(routing.CallerOffered, dropAgent)
		r.signIn("alice")
		r.enter("c1")
		r.offer("c1", "alice")
	}},
	{"a caller is offered without an offer", "I1", func(r *auditRoom) {
		r.lie = on(routing.CallerOffered, func(e *routing.Event) {
			c := *e.Caller
			c.Claim = nil
			e.Caller, e.Agent = &c, nil
		})
		r.signIn("alice")
		r.enter("c1")
		r.offer("c1", "alice")
	}},
	{"a caller is offered to two", "I1", func(r *auditRoom) {
		r.signIn("alice", "bob")
		r.enter("c1")
		token := r.offer("c1", "alice")
		r.lie = on(routing.CallerReleased, func(e *routing.Event) { *e = routing.Event{Seq: e.Seq, Incarnation: e.Incarnation, At: e.At} })
		r.must(r.store.Release(r.ctx, token, routing.Withdrawn))
		r.offer("c1", "bob")
	}},
	{"a caller is answered, and the agent is not told", "I1", func(r *auditRoom) {
		r.lie = on(routing.CallerAnswered, dropAgent)
		r.signIn("alice")
		r.enter("c1")
		r.talk("c1", "alice")
	}},
	{"a conversation ends, and the agent is not told", "I1", func(r *auditRoom) {
		r.lie = on(routing.CallFinished, dropAgent)
		r.signIn("alice")
		r.enter("c1")
		r.must(r.store.Finish(r.ctx, r.talk("c1", "alice"), 0))
	}},
	{"an agent loses an offer that binds its caller", "I1", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1")
		r.offer("c1", "alice")
		r.lie = on(routing.AgentChanged, func(e *routing.Event) { e.Agent = without(e.Agent) })
		r.must(r.store.Pause(r.ctx, "alice", "lunch"))
	}},
	{"an agent loses a dead offer", "", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1")
		r.offer("c1", "alice")
		r.pass(17 * time.Second)
		r.lie = on(routing.AgentChanged, func(e *routing.Event) { e.Agent = without(e.Agent) })
		r.must(r.store.Pause(r.ctx, "alice", "lunch"))
	}},
	{"a caller is spilled who has left", "I1", func(r *auditRoom) {
		r.enter("c1")
		r.must(r.store.Leave(r.ctx, "c1", routing.LeftByCaller))
		r.enter("c2")
		c := *r.tape[0].Caller
		r.lie = func(e *routing.Event) { e.Call, e.Caller = c.Call, &c }
		r.must(r.store.Spill(r.ctx, "c2", []string{"support"}, "rule"))
	}},
	{"a caller enters who waits", "I1", func(r *auditRoom) {
		r.enter("c1")
		r.lie = func(e *routing.Event) { e.Was = nil }
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "orders", Priority: 3}, 0))
	}},
	{"a caller is moved who waits nowhere", "I1", func(r *auditRoom) {
		r.lie = func(e *routing.Event) { e.Was = e.Caller }
		r.enter("c1")
	}},
	{"a caller waits after he was answered", "I1", func(r *auditRoom) {
		r.lie = on(routing.CallerAnswered, func(e *routing.Event) { e.Caller = e.Was })
		r.signIn("alice")
		r.enter("c1")
		r.talk("c1", "alice")
	}},
	{"a caller is released into nothing", "I1", func(r *auditRoom) {
		r.lie = on(routing.CallerReleased, func(e *routing.Event) { e.Caller = nil })
		r.signIn("alice")
		r.enter("c1")
		r.must(r.store.Release(r.ctx, r.offer("c1", "alice"), routing.Busy))
	}},
	{"the release of an offer whose caller has another", "", func(r *auditRoom) {
		r.signIn("alice", "bob")
		r.enter("c1")
		token := r.offer("c1", "alice")
		r.pass(17 * time.Second)
		r.offer("c1", "bob")
		r.must(r.store.Release(r.ctx, token, routing.NoAnswer))
	}},
}

var agentStories = []auditStory{
	{"an agent is given another caller after a dead offer", "", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1", "c2")
		r.offer("c1", "alice")
		r.pass(16 * time.Second)
		r.offer("c2", "alice")
	}},
	{"an agent is given another caller while one is offered to him", "I2", func(r *auditRoom) {
		r.signIn("alice", "bob")
		r.enter("c1", "c2")
		r.offer("c1", "alice")
		r.lie = on(routing.CallerOffered, func(e *routing.Event) { offerTo(e, r.tape[len(r.tape)-2].Agent) })
		r.offer("c2", "bob")
	}},
	{"an agent is given a caller while he talks", "I2", func(r *auditRoom) {
		r.signIn("alice", "bob")
		r.enter("c1", "c2")
		r.talk("c1", "alice")
		r.lie = on(routing.CallerOffered, func(e *routing.Event) { offerTo(e, r.tape[len(r.tape)-2].Agent) })
		r.offer("c2", "bob")
	}},
	{"an agent who is kept after his caller left", "I3", func(r *auditRoom) {
		r.lie = on(routing.CallerLeft, dropAgent)
		r.signIn("alice")
		r.enter("c1")
		r.offer("c1", "alice")
		r.must(r.store.Leave(r.ctx, "c1", routing.LeftByCaller))
	}},
	{"an agent who is kept after his offer ended", "I3", func(r *auditRoom) {
		r.lie = on(routing.CallerReleased, dropAgent)
		r.signIn("alice")
		r.enter("c1")
		r.must(r.store.Release(r.ctx, r.offer("c1", "alice"), routing.Busy))
	}},
	{"an agent who is not told that a dead offer ended", "", func(r *auditRoom) {
		r.lie = on(routing.CallerReleased, dropAgent)
		r.signIn("alice")
		r.enter("c1")
		token := r.offer("c1", "alice")
		r.pass(16 * time.Second)
		r.must(r.store.Release(r.ctx, token, routing.NoAnswer))
	}},
	{"an offer rings until it is dead, and nobody says so", "", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1")
		r.offer("c1", "alice")
		r.pass(time.Hour)
	}},
	{"an offer rings for longer than the queue says", "I3", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1")
		_, err := r.store.Claim(r.ctx, "c1", "alice", "orders", "n1", 30*time.Second)
		r.must(err)
		r.pass(20 * time.Second)
	}},
	{"an offer rings for as long as the queue said when it began", "", func(r *auditRoom) {
		r.signIn("alice")
		r.enter("c1")
		short := *r.plan
		short.Queues = maps.Clone(r.plan.Queues)
		orders := *r.plan.Queues["orders"]
		orders.Ring = 5 * time.Second
		short.Queues["orders"] = &orders
		r.offer("c1", "alice")
		r.plan = &short
		r.pass(20 * time.Second)
	}},
	{"an offer of another node rings for as long as that node says", "", func(r *auditRoom) {
		r.audit.Node = "n2"
		r.signIn("alice")
		r.enter("c1")
		_, err := r.store.Claim(r.ctx, "c1", "alice", "orders", "n1", 30*time.Second)
		r.must(err)
		r.pass(20 * time.Second)
	}},
	{"the figures do not add up", "I6", func(r *auditRoom) {
		r.enter("c1", "c2")
		for range 2 {
			r.found = append(r.found, r.audit.Sweep(r.plan, map[string]routing.Figures{"orders": {Offered: 3, Waiting: 2}}, r.now)...)
		}
	}},
	{"the figures have another number of callers waiting", "I6", func(r *auditRoom) {
		r.enter("c1", "c2")
		figures := map[string]routing.Figures{"orders": {Offered: 9, Answered: 2, Abandoned: 3, Left: 3, Waiting: 1}}
		r.found = append(r.found, r.audit.Sweep(r.plan, figures, r.now)...)
	}},
	{"a queue whose figures know nobody", "I6", func(r *auditRoom) {
		r.enter("c1")
		r.found = append(r.found, r.audit.Sweep(r.plan, map[string]routing.Figures{}, r.now)...)
	}},
	{"figures that are not asked for", "", func(r *auditRoom) {
		r.enter("c1")
		r.found = append(r.found, r.audit.Sweep(r.plan, nil, r.now)...)
	}},
}

// offerTo has the caller of an event offered to another agent.
func offerTo(e *routing.Event, agent *routing.AgentState) {
	c, a, claim := *e.Caller, *agent, *e.Caller.Claim
	claim.Agent = a.Name
	c.Claim, a.Claim = &claim, &claim
	e.Caller, e.Agent = &c, &a
}

var orderStories = []auditStory{
	{"the first is offered", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.offer("c1", "alice")
	}},
	{"the second is offered", "I5", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.offer("c2", "alice")
	}},
	{"the second is offered while the first is offered", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice", "bob")
		r.offer("c1", "bob")
		r.offer("c2", "alice")
	}},
	{"the second is offered, but another came with a higher priority", "", func(r *auditRoom) {
		r.enter("c1")
		r.pass(10 * time.Second)
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "orders", Priority: 1}, 0))
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.offer("c2", "alice")
	}},
	{"the first is offered, but another has a higher priority", "I5", func(r *auditRoom) {
		r.enter("c1")
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "orders", Priority: 1}, 0))
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.offer("c1", "alice")
	}},
	{"one is overtaken who has just got his priority", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "orders", Priority: 1}, 0))
		r.signIn("alice")
		r.offer("c1", "alice")
	}},
	{"one overtakes who has just lost his priority", "", func(r *auditRoom) {
		r.enter("c1")
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "orders", Priority: 1}, 0))
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "orders"}, 0))
		r.offer("c2", "alice")
	}},
	{"one overtakes who has just gone and come back behind", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.must(r.store.Leave(r.ctx, "c1", routing.LeftByCaller))
		r.enter("c1")
		r.offer("c1", "alice")
	}},
	{"another node's caller is overtaken", "", func(r *auditRoom) {
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c1", Node: "n2", Queue: "orders"}, 0))
		r.now = r.now.Add(time.Millisecond)
		r.enter("c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.offer("c2", "alice")
	}},
	{"a caller of another queue is overtaken", "", func(r *auditRoom) {
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "billing"}, 0))
		r.now = r.now.Add(time.Millisecond)
		r.enter("c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.offer("c2", "alice")
	}},
	{"one is overtaken by a caller who was let into the agent's queue alone", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.must(r.store.Spill(r.ctx, "c2", []string{"support"}, "rule"))
		r.pass(10 * time.Second)
		r.signIn("dave")
		_, err := r.store.Claim(r.ctx, "c2", "dave", "support", "n1", 15*time.Second)
		r.must(err)
	}},
	{"one is overtaken by a caller who was let into the agent's queue as well", "I5", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.must(r.store.Spill(r.ctx, "c1", []string{"support"}, "rule"))
		r.must(r.store.Spill(r.ctx, "c2", []string{"support"}, "rule"))
		r.pass(10 * time.Second)
		r.signIn("dave")
		_, err := r.store.Claim(r.ctx, "c2", "dave", "support", "n1", 15*time.Second)
		r.must(err)
	}},
	{"one is overtaken whom his node passes over, since he did not take an offer", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.must(r.store.Release(r.ctx, r.offer("c1", "alice"), routing.Withdrawn))
		r.pass(2 * time.Second)
		r.offer("c2", "alice")
	}},
	{"one is overtaken long after he did not take an offer", "I5", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.must(r.store.Release(r.ctx, r.offer("c1", "alice"), routing.Withdrawn))
		r.pass(10 * time.Second)
		r.offer("c2", "alice")
	}},
	{"one is overtaken who refused the agent", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(5 * time.Second)
		r.signIn("alice")
		r.must(r.store.Release(r.ctx, r.offer("c1", "alice"), routing.Refused))
		r.pass(16 * time.Second)
		r.offer("c2", "alice")
	}},
	{"one is overtaken who rang in vain", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(5 * time.Second)
		r.signIn("alice")
		r.must(r.store.Release(r.ctx, r.offer("c1", "alice"), routing.NoAnswer))
		r.pass(10 * time.Second)
		r.offer("c2", "alice")
	}},
	{"one is overtaken who lost the agent that he was decided for to another node", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice", "bob")
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "x", Node: "n2", Queue: "billing"}, 0))
		_, err := r.store.Claim(r.ctx, "x", "bob", "billing", "n2", 10*time.Second)
		r.must(err)
		r.offer("c2", "alice")
	}},
	{"one is overtaken although the other agent was busy all the time", "I5", func(r *auditRoom) {
		r.signIn("bob")
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "x", Node: "n2", Queue: "orders"}, 0))
		r.talk("x", "bob")
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.offer("c2", "alice")
	}},
	{"one is overtaken whose wait is over", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(2 * time.Minute)
		r.signIn("alice")
		r.offer("c2", "alice")
	}},
	{"one is overtaken who comes while a node's long batch goes on", "", func(r *auditRoom) {
		r.enter("c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9")
		r.pass(10 * time.Second)
		r.signIn("alice", "bob", "dave")
		r.must(r.store.Spill(r.ctx, "c2", []string{"support"}, "rule"))
		r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "orders", Priority: 9}, 0))
		for _, agent := range []string{"bob", "dave"} {
			r.must(r.store.Pause(r.ctx, agent, "lunch"))
		}
		for _, call := range []string{"c3", "c4", "c5", "c6", "c7", "c8", "c9"} {
			r.pass(900 * time.Millisecond)
			r.must(r.store.Spill(r.ctx, call, []string{"support"}, "rule"))
		}
		r.offer("c2", "alice")
	}},
	{"one is overtaken just after a plan came into force", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.plan = propertyPlan(true)
		r.signIn("alice")
		r.offer("c2", "alice")
	}},
	{"an offer that is held again overtakes", "", func(r *auditRoom) {
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.must(r.store.Hold(r.ctx, routing.Claim{
			Token: uint64(r.now.UnixMicro()), Call: "c2", Agent: "alice", Queue: "orders", Node: "n1", Offered: r.now, Deadline: r.now.Add(16 * time.Second),
		}))
	}},
	{"another node's callers are in disorder, whose plan may be another", "", func(r *auditRoom) {
		r.audit.Node = "n2"
		r.enter("c1", "c2")
		r.pass(10 * time.Second)
		r.signIn("alice")
		r.offer("c2", "alice")
	}},
}

// TestAnAuditFindsWhatIsWrongAndNothingElse tells stories of callers, of agents and figures, and of order, most of them true. What is
// wrong is told once, however long it stays so.
func TestAnAuditFindsWhatIsWrongAndNothingElse(t *testing.T) {
	for _, stories := range [][]auditStory{callStories, agentStories, orderStories} {
		for _, story := range stories {
			t.Run(story.name, func(t *testing.T) {
				plan := propertyPlan(false)
				plan.Queues["support"].Overflow = nil
				r := newAuditRoom(t.Context(), t.Fatalf, plan)
				r.pass(5 * time.Second)
				story.tell(r)
				r.hear()
				var got []string
				for _, v := range r.found {
					got = append(got, v.Invariant)
				}
				want := []string{story.want}
				if story.name == "a caller talks with two" { // each of whom is told
					want = append(want, story.want)
				}
				if story.want == "" {
					want = nil
				}
				if !slices.Equal(got, want) {
					t.Errorf("found %+v", r.found)
				}
			})
		}
	}
}

func TestAnAuditSaysWhomItBefell(t *testing.T) {
	r := newAuditRoom(t.Context(), t.Fatalf, propertyPlan(false))
	r.pass(5 * time.Second)
	r.enter("c1", "c2")
	r.pass(10 * time.Second)
	r.signIn("alice")
	r.offer("c2", "alice")
	want := routing.Violation{
		Invariant: "I5", Call: "c1", Agent: "alice", Queue: "orders", What: "caller c1 is overtaken by c2, who is offered to alice",
	}
	if len(r.found) != 1 || r.found[0] != want {
		t.Errorf("found %+v", r.found)
	}
}

func TestAnAuditHoldsNothingAgainstASnapshot(t *testing.T) {
	r := newAuditRoom(t.Context(), t.Fatalf, propertyPlan(false))
	r.signIn("alice")
	r.enter("c1", "c2", "c3")
	r.talk("c1", "alice")
	r.must(r.store.Enter(r.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "orders"}, 0))
	r.hear()
	r.pass(5 * time.Second)
	r.must(r.store.Leave(r.ctx, "c2", routing.LeftByCaller))
	missed := <-r.events
	missed.Seq += 3
	for range 2 { // a hole blinds until the snapshot is there
		if found := r.audit.Fold(missed, r.plan); found != nil {
			t.Errorf("found %+v", found)
		}
		if found := r.audit.Sweep(r.plan, map[string]routing.Figures{"orders": {Offered: 7}}, r.now); found != nil {
			t.Errorf("found %+v", found)
		}
		missed.Seq = 1
	}
	view, events := r.follow()
	r.events = events
	r.tally = routing.NewTally(view, r.now, time.UTC)
	r.audit.Resume(view)
	view.Callers = nil // the view is not the audit's
	r.pass(5 * time.Second)
	r.signIn("bob")
	r.offer("c3", "bob")
	if len(r.found) > 0 {
		t.Errorf("found %+v", r.found)
	}
}

func TestAnAuditPassesOverWhatItHasHeard(t *testing.T) {
	r := newAuditRoom(t.Context(), t.Fatalf, propertyPlan(false))
	r.signIn("alice")
	r.enter("c1")
	r.talk("c1", "alice")
	for _, e := range r.tape {
		r.found = append(r.found, r.audit.Fold(e, r.plan)...)
	}
	if r.enter("c2"); len(r.found) > 0 {
		t.Errorf("found %+v", r.found)
	}
}

// auditNode is a node as simple as can be: it sees events, decides, and does its part of it a while later.
type auditNode struct {
	name    string
	view    *routing.View
	events  <-chan routing.Event
	foreign map[string]time.Time
	batch   []func() error
	decided time.Time
}

// auditDay is two nodes at one store on a random day.
type auditDay struct {
	rt    *rapid.T
	room  *auditRoom
	nodes []*auditNode
	calls int
	lives int // of nodes
	later []func()
}

func newAuditDay(rt *rapid.T, ctx context.Context) *auditDay {
	d := &auditDay{rt: rt, room: newAuditRoom(ctx, rt.Fatalf, propertyPlan(false)), nodes: make([]*auditNode, 2)}
	for i := range d.nodes {
		d.boot(i)
	}
	return d
}

// boot begins another life of a node.
func (d *auditDay) boot(i int) {
	d.lives++
	n := &auditNode{name: fmt.Sprintf("n%d", d.lives), foreign: make(map[string]time.Time)}
	n.view, n.events = d.room.follow()
	n.view.Skipped = make(map[string]time.Time)
	d.nodes[i] = n
}

// decide has a node look and decide, and keep what it has to do.
func (d *auditDay) decide(n *auditNode) {
	r, store, ctx := d.room, d.room.store, d.room.ctx
	for more := true; more; {
		select {
		case e := <-n.events:
			n.view.Fold(e)
		default:
			more = false
		}
	}
	n.batch, n.decided = nil, r.now
	decision := routing.Decide(r.plan, n.view, r.now)
	own := func(call string) bool { return n.view.Callers[call].Node == n.name }
	for _, s := range decision.Seats {
		n.batch = append(n.batch, func() error { return store.Seat(ctx, s.Agent, s.Grant, r.plan.Seats, s.Reason) })
	}
	for _, o := range decision.Opens {
		n.batch = append(n.batch, func() error { return store.Open(ctx, o.Queue, o.Rule, o.Open) })
	}
	for _, s := range decision.Spills {
		if own(s.Call) {
			n.batch = append(n.batch, func() error { return store.Spill(ctx, s.Call, s.To, s.Rule) })
		}
	}
	for _, e := range decision.Ends {
		if own(e.Call) {
			n.batch = append(n.batch, func() error { return store.Leave(ctx, e.Call, e.Reason) })
		}
	}
	open := make(map[string]time.Time)
	for _, o := range decision.Offers {
		if own(o.Call) {
			n.batch = append(n.batch, func() error {
				_, err := store.Claim(ctx, o.Call, o.Agent, o.Queue, n.name, o.Ring)
				return err
			})
			continue
		}
		since, known := n.foreign[o.Call]
		if !known {
			since = r.now
		}
		if open[o.Call] = since; r.now.Sub(since) >= 250*time.Millisecond {
			n.view.Skipped[o.Call] = r.now.Add(2 * time.Second)
			delete(open, o.Call)
		}
	}
	n.foreign = open
}

// carry does the next thing that a node decided.
func (d *auditDay) carry(n *auditNode) {
	if len(n.batch) == 0 {
		return
	}
	do := n.batch[0]
	n.batch = n.batch[1:]
	if err := do(); err != nil && !errors.Is(err, routing.ErrLost) && !errors.Is(err, routing.ErrFull) && !errors.Is(err, routing.ErrGone) {
		d.rt.Fatal(err)
	}
}

// settle has both nodes decide and do, in turns, until there is nothing left.
func (d *auditDay) settle() {
	for range 20 {
		for _, n := range d.nodes {
			d.decide(n)
		}
		done := true
		for len(d.nodes[0].batch)+len(d.nodes[1].batch) > 0 {
			done = false
			d.carry(rapid.SampledFrom(d.nodes).Draw(d.rt, "turn"))
		}
		if done {
			return
		}
	}
}

// step does one random thing; the nodes decide and do some of it.
func (d *auditDay) step() {
	r, ctx := d.room, d.room.ctx
	agent := rapid.SampledFrom(r.plan.Agents).Draw(d.rt, "agent").Name
	node := rapid.SampledFrom(d.nodes).Draw(d.rt, "node")
	switch rapid.SampledFrom([]string{"enter", "enter", "enter", "leave", "move", "register", "register", "register", "unregister", "pause", "resume",
		"outside", "act", "act", "act", "act", "decide", "decide", "carry", "carry", "tick", "tick", "incident", "die", "later"}).Draw(d.rt, "step") {
	case "enter":
		d.calls++
		call := fmt.Sprintf("c%03d", d.calls)
		queue := rapid.SampledFrom([]string{"orders", "orders", "orders", "billing", "support"}).Draw(d.rt, "queue")
		c := routing.Caller{Call: call, Node: node.name, Queue: queue, Priority: rapid.IntRange(0, 1).Draw(d.rt, "priority")}
		if lost := slices.Sorted(maps.Keys(node.view.Lost)); len(lost) > 0 {
			c.Returns = lost[0]
		}
		r.must(r.store.Enter(ctx, c, 0))
	case "leave":
		if c := d.caller(); c != nil {
			r.must(r.store.Leave(ctx, c.Call, routing.LeftByCaller))
		}
	case "move":
		if c := d.caller(); c != nil {
			moved := routing.Caller{Call: c.Call, Node: c.Node, Queue: rapid.SampledFrom([]string{"orders", "billing"}).Draw(d.rt, "queue"), Priority: rapid.IntRange(0, 2).Draw(d.rt, "priority")}
			r.must(r.store.Enter(ctx, moved, 0))
		}
	case "register":
		wait := time.Duration(rapid.IntRange(1, 300).Draw(d.rt, "for")) * time.Second
		phones := []routing.Phone{{Place: "desk", Direct: rapid.Bool().Draw(d.rt, "direct"), Refreshed: r.now, Until: r.now.Add(wait)}}
		r.must(r.store.Register(ctx, agent, node.name, phones))
	case "unregister":
		r.must(r.store.Register(ctx, agent, node.name, nil))
	case "pause":
		r.must(r.store.Pause(ctx, agent, "lunch"))
	case "resume":
		d.gone(r.store.Resume(ctx, agent))
	case "outside":
		d.gone(r.store.Outside(ctx, agent, node.name, rapid.SampledFrom([]string{"", "", "x"}).Draw(d.rt, "outside")))
	case "act":
		d.act(agent)
	case "decide":
		d.decide(node)
	case "carry":
		d.carry(node)
	case "tick":
		for range rapid.IntRange(1, 40).Draw(d.rt, "seconds") {
			d.tick()
		}
	case "incident":
		r.plan = propertyPlan(rapid.Bool().Draw(d.rt, "on"))
	case "die":
		d.die(rapid.IntRange(0, 1).Draw(d.rt, "which"))
	case "later":
		d.catchUp()
	}
	d.after(time.Duration(rapid.IntRange(1, 60).Draw(d.rt, "milliseconds")) * time.Millisecond)
}

// gone passes over the error of one who was never seen.
func (d *auditDay) gone(err error) {
	if err != nil && !errors.Is(err, routing.ErrGone) {
		d.rt.Fatal(err)
	}
}

// caller is one of those who wait, or nil.
func (d *auditDay) caller() *routing.Caller {
	view, _ := d.room.follow()
	calls := slices.Sorted(maps.Keys(view.Callers))
	if len(calls) == 0 {
		return nil
	}
	return view.Callers[rapid.SampledFrom(calls).Draw(d.rt, "call")]
}

// act lets an agent do something with his caller.
func (d *auditDay) act(agent string) {
	r, store := d.room, d.room.store
	view, _ := r.follow()
	a := view.Agents[agent]
	if a == nil || a.Claim == nil {
		return
	}
	claim := *a.Claim
	finish := func() { r.must(store.Finish(r.ctx, claim.Token, 5*time.Second)) }
	switch {
	case claim.Talking() && rapid.IntRange(0, 3).Draw(d.rt, "vanishes") == 0: // his caller waits again, before that is over
		r.must(store.Enter(r.ctx, routing.Caller{Call: claim.Call, Node: claim.Node, Queue: claim.Queue, FirstEntry: claim.Offered}, 0))
		d.later = append(d.later, finish)
	case claim.Talking():
		finish()
	case rapid.Bool().Draw(d.rt, "answers"):
		if err := store.Accept(r.ctx, claim.Token); err != nil && !errors.Is(err, routing.ErrLost) {
			d.rt.Fatal(err)
		}
	default:
		outcomes := []routing.Outcome{routing.Busy, routing.Refused, routing.NoAnswer, routing.Unreachable, routing.Failed, routing.Withdrawn}
		r.must(store.Release(r.ctx, claim.Token, rapid.SampledFrom(outcomes).Draw(d.rt, "outcome")))
	}
}

// die ends a node, and another begins in its place. Others see that at once.
func (d *auditDay) die(i int) {
	r, name := d.room, d.nodes[i].name
	r.must(r.store.Part(r.ctx, name))
	d.settleOne(1 - i)
	r.must(r.store.Reap(r.ctx, name))
	d.boot(i)
}

// settleOne has one node decide and do, without the other.
func (d *auditDay) settleOne(i int) {
	n := d.nodes[i]
	n.view.Leases = routing.Leases{d.nodes[1-i].name: d.room.store.Now()}
	for d.decide(n); len(n.batch) > 0; {
		d.carry(n)
	}
	n.view.Leases = nil
}

// tick lets a second pass, at whose end both nodes have decided.
func (d *auditDay) tick() {
	d.settle()
	d.after(time.Second)
	d.settle()
	d.catchUp()
	d.after(time.Millisecond)
}

// catchUp does what was put off.
func (d *auditDay) catchUp() {
	for _, do := range d.later {
		do()
	}
	d.later = nil
}

// after lets time pass. Leases are renewed, and what a node decided half a second ago is done.
func (d *auditDay) after(wait time.Duration) {
	r := d.room
	r.now = r.now.Add(wait)
	for _, n := range d.nodes {
		_, err := r.store.Heartbeat(r.ctx, n.name)
		r.must(err)
		for r.now.Sub(n.decided) > 500*time.Millisecond && len(n.batch) > 0 {
			d.carry(n)
		}
	}
	r.sweep()
}

// TestAnAuditFindsNothingOnAnyDay plays random days of two nodes that decide at the same time, and die. Then it tells another audit the
// same day with one thing changed, which that finds.
func TestAnAuditFindsNothingOnAnyDay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		d := newAuditDay(rt, ctx)
		for range rapid.IntRange(1, 120).Draw(rt, "steps") {
			if d.step(); len(d.room.found) > 0 {
				rt.Fatalf("found %+v", d.room.found)
			}
		}
		forge(rt, d.room)
	})
}

// forge tells an audit a day with one event changed.
func forge(rt *rapid.T, r *auditRoom) {
	view := routing.NewView()
	view.Incarnation, view.Seq = r.start.Incarnation, r.start.Seq
	audit := routing.NewAudit(view)
	type change struct {
		at   int
		want string
		lie  func(e *routing.Event)
	}
	var changes []change
	for i, e := range r.tape {
		switch e.Kind {
		case routing.CallerAnswered, routing.CallFinished:
			changes = append(changes, change{i, "I1", dropAgent})
		case routing.CallerOffered:
			changes = append(changes, change{i, "I1", dropAgent})
			for _, a := range view.Agents {
				if a.Claim.Live(e.At) {
					changes = append(changes, change{i, "I2", func(e *routing.Event) { offerTo(e, a) }})
					break
				}
			}
		}
		view.Fold(e)
	}
	if len(changes) == 0 {
		return
	}
	chosen := rapid.SampledFrom(changes).Draw(rt, "change")
	for i, e := range r.tape[:chosen.at+1] {
		if i == chosen.at {
			chosen.lie(&e)
		}
		found := audit.Fold(e, r.plan)
		is := func(v routing.Violation) bool { return v.Invariant == chosen.want }
		if i < chosen.at && len(found) > 0 || i == chosen.at && !slices.ContainsFunc(found, is) {
			rt.Fatalf("event %d of %d, forged to break %s: found %+v", i, chosen.at, chosen.want, found)
		}
	}
}

// TestAnAuditFindsEveryoneWhoIsOvertaken lets any of those who wait be offered to the one agent who is there.
func TestAnAuditFindsEveryoneWhoIsOvertaken(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newAuditRoom(t.Context(), rt.Fatalf, propertyPlan(false))
		waiting := rapid.IntRange(1, 90).Draw(rt, "waiting")
		for i := range waiting {
			c := routing.Caller{Call: fmt.Sprintf("c%02d", i), Node: "n1", Queue: "orders", Priority: rapid.IntRange(0, 9).Draw(rt, "priority")}
			r.must(r.store.Enter(r.ctx, c, 0))
			r.now = r.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "apart")) * time.Millisecond)
		}
		r.pass(5 * time.Second)
		r.signIn("alice")
		view, _ := r.follow()
		line := view.Line("orders")
		chosen := rapid.IntRange(0, waiting-1).Draw(rt, "chosen")
		r.offer(line[chosen].Call, "alice")
		if overtaken := chosen > 0; overtaken != (len(r.found) == 1 && r.found[0].Invariant == "I5" && r.found[0].Call == line[0].Call) {
			rt.Fatalf("the %d. of %d was offered: found %+v", chosen+1, waiting, r.found)
		}
	})
}

// BenchmarkAuditFold folds the events of callers who are served in turn, while others enter behind them.
func BenchmarkAuditFold(b *testing.B) {
	for _, waiting := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			plan, view, tape := auditTape(waiting)
			audit := routing.NewAudit(view)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i == len(tape) {
					b.StopTimer()
					audit, i = routing.NewAudit(view), 0
					b.StartTimer()
				}
				if found := audit.Fold(tape[i], plan); found != nil {
					b.Fatalf("found %+v", found)
				}
			}
		})
	}
}

// auditTape is a view of so many callers of one queue, and events that follow: each of four agents in turn is offered the first,
// answers and finishes, and another caller enters.
func auditTape(waiting int) (*routing.Plan, *routing.View, []routing.Event) {
	const agents, rounds = 4, 20_000
	plan, view := propertyPlan(false), routing.NewView()
	caller := func(i int) *routing.Caller {
		entered := crowdTime.Add(time.Duration(i-waiting) * 2 * time.Second)
		return &routing.Caller{Call: fmt.Sprintf("call-%06d", i), Node: "n1", Queue: "orders", FirstEntry: entered, Entered: entered}
	}
	line := make([]*routing.Caller, 0, waiting+rounds)
	for i := range waiting {
		line = append(line, caller(i))
		view.Callers[line[i].Call] = line[i]
	}
	states := make([]*routing.AgentState, agents)
	for i := range states {
		states[i] = &routing.AgentState{
			Name: plan.Agents[i].Name, Phones: desk(crowdTime.Add(1000 * time.Hour)), Registered: crowdTime, Seat: crowdTime,
		}
		view.Agents[states[i].Name] = states[i]
	}
	var tape []routing.Event
	tell := func(e routing.Event) {
		e.Seq, e.At = uint64(len(tape)+1), crowdTime.Add(time.Duration(len(tape))*500*time.Millisecond)
		tape = append(tape, e)
	}
	for i := range rounds {
		first, state := line[i], states[i%agents]
		at := crowdTime.Add(time.Duration(len(tape)) * 500 * time.Millisecond)
		rings := &routing.Claim{Token: uint64(i + 1), Call: first.Call, Agent: state.Name, Queue: "orders", Node: "n1", Offered: at, Deadline: at.Add(16 * time.Second)}
		talks := *rings
		talks.Deadline, talks.Answered = time.Time{}, at
		offered, ringing, talking := *first, *state, *state
		offered.Claim, offered.Offers, ringing.Claim, talking.Claim = rings, 1, rings, &talks
		tell(routing.Event{Kind: routing.CallerOffered, Call: first.Call, Caller: &offered, Agent: &ringing})
		tell(routing.Event{Kind: routing.CallerAnswered, Call: first.Call, Was: &offered, Agent: &talking})
		line = append(line, caller(waiting+i))
		tell(routing.Event{Kind: routing.CallerEntered, Call: line[waiting+i].Call, Caller: line[waiting+i]})
		tell(routing.Event{Kind: routing.CallFinished, Call: first.Call, Agent: state})
	}
	return plan, view, tape
}
