package routing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
)

// switchRoom is the rules and a store in memory joined in the simplest way: everything that is decided is done at once. It runs
// in a bubble of fake time.
type switchRoom struct {
	t       *testing.T
	ctx     context.Context
	store   *memq.Store
	view    *routing.View
	events  <-chan routing.Event
	tally   *routing.Tally
	retired routing.Retired
	set     *routing.Plan // as configured
	plan    *routing.Plan // with closed queues that are not empty
	next    time.Time
	say     func(format string, args ...any)
}

// newSwitchRoom opens an empty room. say hears what is decided.
func newSwitchRoom(t *testing.T, plan *routing.Plan, say func(string, ...any)) *switchRoom {
	r := &switchRoom{t: t, ctx: t.Context(), store: memq.New(memq.Options{}), say: say}
	view, err := r.store.Snapshot(r.ctx)
	r.must(err)
	r.view = view
	r.events, err = r.store.Subscribe(r.ctx, view.Seq)
	r.must(err)
	r.tally = routing.NewTally(view, r.now(), time.UTC)
	r.setPlan(plan)
	return r
}

func (r *switchRoom) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *switchRoom) now() time.Time { return r.store.Now() }

// setPlan puts another plan into force.
func (r *switchRoom) setPlan(plan *routing.Plan) {
	r.set = plan
	r.retired.Learn(plan)
	r.plan = r.retired.Lay(plan, r.view)
}

// fold brings the view up to the store.
func (r *switchRoom) fold() {
	r.t.Helper()
	for {
		select {
		case e := <-r.events:
			if !r.view.Fold(e) {
				r.t.Fatalf("%+v does not follow %d", e, r.view.Seq)
			}
			r.tally.Fold(e, r.plan)
		default:
			r.plan = r.retired.Lay(r.set, r.view)
			return
		}
	}
}

// settle decides and does until nothing is left to do.
func (r *switchRoom) settle() {
	r.t.Helper()
	for range 1000 {
		r.fold()
		d := routing.Decide(r.plan, r.view, r.now())
		r.next = d.Next
		if !r.do(d) {
			return
		}
	}
	r.t.Fatal("the decisions never come to rest")
}

// do carries a decision out and reports whether there was anything to do.
func (r *switchRoom) do(d routing.Decision) bool {
	r.t.Helper()
	for _, s := range d.Seats {
		if s.Grant {
			r.say("seat %s: %s", s.Agent, s.Reason)
		} else {
			r.say("seat back %s: %s", s.Agent, s.Reason)
		}
		r.must(r.store.Seat(r.ctx, s.Agent, s.Grant, r.plan.Seats, s.Reason))
	}
	for _, o := range d.Opens {
		r.say("overflow of %s %s: %s", o.Queue, map[bool]string{true: "opens", false: "closes"}[o.Open], o.Rule)
		r.must(r.store.Open(r.ctx, o.Queue, o.Rule, o.Open))
	}
	for _, s := range d.Spills {
		r.say("spill %s to %v: %s", s.Call, s.To, s.Rule)
		r.must(r.store.Spill(r.ctx, s.Call, s.To, s.Rule))
	}
	for _, e := range d.Ends {
		r.say("end %s: %s", e.Call, e.Reason)
		r.must(r.store.Leave(r.ctx, e.Call, e.Reason))
	}
	for _, o := range d.Offers {
		r.say("offer %s to %s: %s", o.Call, o.Agent, o.Why)
		_, err := r.store.Claim(r.ctx, o.Call, o.Agent, o.Queue, "n1", o.Ring)
		r.must(err)
	}
	return len(d.Seats)+len(d.Opens)+len(d.Spills)+len(d.Ends)+len(d.Offers) > 0
}

// pass lets time pass, deciding at each moment at which time alone changes something.
func (r *switchRoom) pass(wait time.Duration) {
	r.t.Helper()
	until := r.now().Add(wait)
	for {
		r.settle()
		if r.next.IsZero() || r.next.After(until) {
			break
		}
		if !r.next.After(r.now()) {
			r.t.Fatalf("the next decision, %v, does not lie ahead", r.next)
		}
		time.Sleep(r.next.Sub(r.now()))
	}
	time.Sleep(until.Sub(r.now()))
	r.settle()
}

// enter puts a caller of the room's node into a queue.
func (r *switchRoom) enter(c routing.Caller) error {
	c.Node = "n1"
	q := r.plan.Queue(c.Queue)
	if q == nil || q.Closed {
		return routing.ErrClosed
	}
	return r.store.Enter(r.ctx, c, q.Capacity)
}

// token is the claim that an agent is recorded with.
func (r *switchRoom) token(agent string) (uint64, error) {
	a := r.view.Agents[agent]
	if a == nil || a.Claim == nil {
		return 0, errors.New(agent + " has no caller")
	}
	return a.Claim.Token, nil
}

// broken returns what is wrong with the state: a promise that must hold at every moment.
func (r *switchRoom) broken() error {
	now := r.now()
	bound := make(map[string]string)
	for name, a := range r.view.Agents {
		if !a.Claim.Live(now) {
			continue
		}
		if other, twice := bound[a.Claim.Call]; twice {
			return fmt.Errorf("%s has two agents, %s and %s", a.Claim.Call, other, name)
		}
		bound[a.Claim.Call] = name
		c := r.view.Callers[a.Claim.Call]
		if waits := c != nil && c.Claim != nil && c.Claim.Token == a.Claim.Token; waits == a.Claim.Talking() {
			return fmt.Errorf("%s and %s disagree about their claim", a.Claim.Call, name)
		}
		if left := a.Claim.Deadline.Sub(now); a.Claim.Ringing(now) && left > time.Minute {
			return fmt.Errorf("%s is reserved for %v", name, left)
		}
	}
	for call, c := range r.view.Callers {
		if c.Claim.Live(now) && bound[call] != c.Claim.Agent {
			return fmt.Errorf("%s is offered to %s, who does not know", call, c.Claim.Agent)
		}
	}
	for queue, f := range r.tally.Figures(now) {
		if f.Offered != f.Answered+f.Abandoned+f.Left+f.Waiting || f.Waiting != r.view.Waiting(queue) {
			return fmt.Errorf("the figures of %s do not add up: %+v, waiting %d", queue, f, r.view.Waiting(queue))
		}
	}
	return nil
}
