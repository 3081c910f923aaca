package redisq_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
	"github.com/spillway-voice/spillway/routing/redisq"
)

// pair is the same queues kept twice: by the model and in Redis. Their store time is the same, and stands still but for the steps that let time
// pass: Redis' clock is before it, and what store time has come to is never gone behind.
type pair struct {
	ctx    context.Context
	now    time.Time
	redis  *store.Store
	both   [2]routing.Store
	events [2]<-chan routing.Event
	folded [2]*routing.View      // what the events lead to
	made   int                   // how many tokens were made up
	claims []routing.Claim       // those that were granted or made up
	seen   []*routing.AgentState // agents as they were
}

func TestItDoesWhatTheModelDoes(t *testing.T) {
	server := redistest.Start(t)
	centre := 0
	rapid.Check(t, func(r *rapid.T) {
		centre++
		s, err := store.Open(t.Context(), server.URL(), store.Options{Centre: fmt.Sprintf("kettle-%d", centre)})
		if err != nil {
			r.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p := &pair{ctx: ctx, redis: s, now: time.Now().Add(24 * time.Hour).Truncate(time.Second).UTC()}
		p.both = [2]routing.Store{memq.New(memq.Options{Now: func() time.Time { return p.now }}), redisq.New(s)}
		p.begin(r)
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			name, step := p.draw(r)
			p.take(r, name, step)
		}
		p.sound(r)
	})
}

// step is one step on either of the two, and what it returned besides its error.
type step func(s routing.Store) (any, error)

// silent is a step that returns nothing besides.
func silent(do func(s routing.Store) error) step {
	return func(s routing.Store) (any, error) { return nil, do(s) }
}

// begin lets callers wait and agents be ready, so that most claims can be had.
func (p *pair) begin(r *rapid.T) {
	for i, s := range p.both {
		v, err := s.Snapshot(p.ctx)
		if err == nil {
			p.folded[i] = v
			p.events[i], err = s.Subscribe(p.ctx, v.Seq)
		}
		if err != nil {
			r.Fatal(err)
		}
	}
	phones := func(direct bool) []routing.Phone {
		return []routing.Phone{{Place: "desk", Direct: direct, Since: p.now, Refreshed: p.now, Until: p.now.Add(time.Hour)}}
	}
	for _, do := range []func(s routing.Store) error{
		func(s routing.Store) error {
			return s.Enter(p.ctx, routing.Caller{Call: "c1", Node: "n1", Queue: "orders"}, 0)
		},
		func(s routing.Store) error {
			return s.Enter(p.ctx, routing.Caller{Call: "c2", Node: "n2", Queue: "support"}, 0)
		},
		func(s routing.Store) error { return s.Register(p.ctx, "alice", "n1", phones(false)) },
		func(s routing.Store) error { return s.Register(p.ctx, "bob", "n2", phones(true)) },
		func(s routing.Store) error { return s.Seat(p.ctx, "alice", true, 2, "signed-in") },
		func(s routing.Store) error { return s.Seat(p.ctx, "bob", true, 2, "signed-in") },
	} {
		p.take(r, "the beginning", silent(do))
	}
}

// draw chooses a step, which is then taken on either of the two.
func (p *pair) draw(r *rapid.T) (string, step) {
	call := rapid.SampledFrom([]string{"c1", "c2", "c3", "c4"}).Draw(r, "call")
	agent := rapid.SampledFrom([]string{"alice", "bob", "carol"}).Draw(r, "agent")
	queue := rapid.SampledFrom([]string{"orders", "support"}).Draw(r, "queue")
	node := rapid.SampledFrom([]string{"n1", "n2"}).Draw(r, "node")
	yes := rapid.Bool().Draw(r, "yes")
	number := rapid.IntRange(0, 3).Draw(r, "number")
	name := rapid.SampledFrom([]string{
		"claim", "claim", "claim", "claim", "release", "release", "accept", "finish", "enter", "enter", "enter", "register", "register", "seat",
		"leave", "spill", "open", "unregister", "unseat", "pause", "resume", "resume", "outside", "reap", "reap",
		"hold", "hold", "recall", "recall", "beat", "beat", "part", "pass", "pass",
	}).Draw(r, "step")
	switch name {
	case "enter":
		c := routing.Caller{
			Call: call, Node: node, Queue: queue, Priority: number % 2, FirstEntry: p.moment(r, "first entry"), Entered: p.moment(r, "entered"),
			Returns: rapid.SampledFrom([]string{"", "c1", "c2", "c3"}).Draw(r, "returns"),
		}
		return name, silent(func(s routing.Store) error { return s.Enter(p.ctx, c, number) })
	case "claim":
		return name, func(s routing.Store) (any, error) {
			c, err := s.Claim(p.ctx, call, agent, queue, node, 10*time.Second)
			if err == nil {
				p.claims = append(p.claims, c)
			}
			return c, err
		}
	case "accept", "release", "finish":
		return name, p.settle(r, name, p.claimed(r).Token)
	case "hold":
		c := p.held(r)
		return name, silent(func(s routing.Store) error { return s.Hold(p.ctx, c) })
	case "register":
		phones := p.phones(r)
		return name, silent(func(s routing.Store) error { return s.Register(p.ctx, agent, node, phones) })
	case "recall":
		told := []*routing.AgentState{p.remembered(r), p.remembered(r)}
		return name, silent(func(s routing.Store) error { return s.Recall(p.ctx, told) })
	case "pass":
		p.now = p.now.Add(rapid.SampledFrom([]time.Duration{
			time.Millisecond, time.Second, 3 * time.Second, 11 * time.Second, time.Minute, routing.LostKept, 2 * time.Hour,
		}).Draw(r, "time"))
		return name, silent(func(routing.Store) error { return nil })
	case "beat":
		return name, func(s routing.Store) (any, error) {
			b, err := s.Heartbeat(p.ctx, node)
			return fmt.Sprint(b.Seq, b.Nodes, b.Expired), err
		}
	}
	reason := map[bool]string{true: "caller", false: routing.LeftNodeLost}[yes]
	outside := map[bool]string{true: "x1"}[yes]
	steps := map[string]func(s routing.Store) error{
		"leave":      func(s routing.Store) error { return s.Leave(p.ctx, call, reason) },
		"spill":      func(s routing.Store) error { return s.Spill(p.ctx, call, []string{queue, "billing"}, "rule") },
		"open":       func(s routing.Store) error { return s.Open(p.ctx, queue, "rule", yes) },
		"unregister": func(s routing.Store) error { return s.Register(p.ctx, agent, node, nil) },
		"seat":       func(s routing.Store) error { return s.Seat(p.ctx, agent, true, 2, "signed-in") },
		"unseat":     func(s routing.Store) error { return s.Seat(p.ctx, agent, false, 2, "limit") },
		"pause":      func(s routing.Store) error { return s.Pause(p.ctx, agent, "lunch") },
		"resume":     func(s routing.Store) error { return s.Resume(p.ctx, agent) },
		"outside":    func(s routing.Store) error { return s.Outside(p.ctx, agent, node, outside) },
		"part":       func(s routing.Store) error { return s.Part(p.ctx, node) },
		"reap":       func(s routing.Store) error { return s.Reap(p.ctx, node) },
	}
	return name, silent(steps[name])
}

// settle is the step that accepts, releases or finishes a claim.
func (p *pair) settle(r *rapid.T, name string, token uint64) step {
	outcome := rapid.SampledFrom([]routing.Outcome{
		routing.Busy, routing.Refused, routing.NoAnswer, routing.Unreachable, routing.Withdrawn, routing.Failed,
	}).Draw(r, "outcome")
	wrapUp := rapid.SampledFrom([]time.Duration{0, 5 * time.Second}).Draw(r, "wrap-up")
	return silent(func(s routing.Store) error {
		switch name {
		case "accept":
			return s.Accept(p.ctx, token)
		case "release":
			return s.Release(p.ctx, token, outcome)
		default:
			return s.Finish(p.ctx, token, wrapUp)
		}
	})
}

// moment is a time about now, or none.
func (p *pair) moment(r *rapid.T, what string) time.Time {
	about := rapid.SampledFrom([]time.Duration{0, -time.Minute, -time.Second, time.Second, 10 * time.Second, time.Hour}).Draw(r, what)
	if about == time.Hour {
		return time.Time{}
	}
	return p.now.Add(about)
}

// phones are some of an agent's phones, each place once.
func (p *pair) phones(r *rapid.T) []routing.Phone {
	var phones []routing.Phone
	for _, place := range rapid.SampledFrom([][]string{{"desk"}, {"mobile"}, {"desk", "mobile"}, {"mobile", "desk"}}).Draw(r, "places") {
		phones = append(phones, routing.Phone{
			Place: place, Direct: rapid.Bool().Draw(r, "direct"), Record: "sip:" + place,
			Since: p.moment(r, "since"), Refreshed: p.moment(r, "refreshed"),
			Until: p.now.Add(rapid.SampledFrom([]time.Duration{time.Hour, time.Hour, 5 * time.Second, 0}).Draw(r, "until")),
		})
	}
	return phones
}

// claimed is one of the newest claims.
func (p *pair) claimed(r *rapid.T) routing.Claim {
	if len(p.claims) == 0 {
		return routing.Claim{Token: 1_000_000_000_004_711, Call: "c1", Agent: "alice", Queue: "orders", Node: "n1"}
	}
	return p.claims[len(p.claims)-1-rapid.IntRange(0, min(5, len(p.claims)-1)).Draw(r, "claims ago")]
}

// invented is a claim that neither granted, nor will: there are not that many from one to the next.
func (p *pair) invented(r *rapid.T, agent string) routing.Claim {
	p.made++
	return routing.Claim{
		Token: uint64(p.now.Add(time.Minute).UnixMicro()) + 1000*uint64(p.made), Agent: agent,
		Call:  rapid.SampledFrom([]string{"c1", "c2", "c3", "c4"}).Draw(r, "call held"),
		Queue: "orders", Node: rapid.SampledFrom([]string{"n1", "n2"}).Draw(r, "node held"),
	}
}

// held is a claim that a node says it has: one that was granted, or made up, or one whose token was granted to others.
func (p *pair) held(r *rapid.T) routing.Claim {
	c := p.claimed(r)
	agent := rapid.SampledFrom([]string{"alice", "bob", "erin"}).Draw(r, "agent held")
	switch rapid.SampledFrom([]string{"known", "known", "new", "another"}).Draw(r, "held") {
	case "new":
		c = p.invented(r, agent)
		p.claims = append(p.claims, c)
	case "another":
		v, err := p.both[0].Snapshot(p.ctx)
		if err != nil {
			r.Fatal(err)
		}
		if a := v.Agents["alice"]; a != nil && a.Claim.Live(p.now) {
			c = *a.Claim
			c.Agent = agent
		}
	}
	c.Offered = p.now.Add(-time.Second)
	c.Deadline, c.Answered = p.now.Add(rapid.SampledFrom([]time.Duration{10 * time.Second, 0}).Draw(r, "rings for")), time.Time{}
	if rapid.Bool().Draw(r, "talking") {
		c.Deadline, c.Answered = time.Time{}, p.now
	}
	return c
}

// remembered is an agent as a node might remember him: as he once was, or otherwise.
func (p *pair) remembered(r *rapid.T) *routing.AgentState {
	if len(p.seen) > 0 && rapid.Bool().Draw(r, "seen") {
		return p.seen[rapid.IntRange(0, len(p.seen)-1).Draw(r, "which")]
	}
	a := &routing.AgentState{
		Name: rapid.SampledFrom([]string{"alice", "bob", "dave", "frank", "grace", "heidi"}).Draw(r, "told"),
		Seat: p.moment(r, "seat"), Paused: p.moment(r, "paused"), PauseReason: "told", PauseSaid: p.moment(r, "pause said"),
		WrapUp: p.moment(r, "wrap-up"), Idle: p.moment(r, "idle"), NotBefore: p.moment(r, "not before"),
		Cause:  rapid.SampledFrom([]routing.Outcome{"", routing.Unreachable, routing.NoAnswer}).Draw(r, "cause"),
		Misses: rapid.IntRange(0, 3).Draw(r, "misses"), Calls: rapid.IntRange(0, 3).Draw(r, "calls"), Changed: p.moment(r, "changed"),
	}
	if rapid.Bool().Draw(r, "has phones") {
		a.Registered, a.Phones = p.now.Add(-time.Hour), p.phones(r)
		for i := range a.Phones {
			a.Phones[i].Node = rapid.SampledFrom([]string{"n1", "n2", ""}).Draw(r, "phone's node")
		}
	}
	if rapid.Bool().Draw(r, "outside") {
		a.Outside, a.OutsideNode = "x2", rapid.SampledFrom([]string{"n1", "n2"}).Draw(r, "outside node")
	}
	if rapid.Bool().Draw(r, "has a claim") {
		c := p.invented(r, a.Name)
		c.Offered, c.Deadline = p.now, p.now.Add(10*time.Second)
		if rapid.Bool().Draw(r, "talks") {
			c.Deadline, c.Answered = time.Time{}, p.now
		}
		a.Claim = &c
		p.claims = append(p.claims, c)
	}
	return a
}

// take takes a step on both, and checks that it went alike: what it returned, the events it appended, and where both stand.
func (p *pair) take(r *rapid.T, name string, do step) {
	p.halt(r)
	var said [2]string
	for i, s := range p.both {
		value, err := do(s)
		said[i] = fmt.Sprint(sort(err))
		if err == nil {
			said[i] = fmt.Sprint(value)
		}
	}
	if said[0] != said[1] {
		r.Fatalf("%s: the model says %s, Redis %s", name, said[0], said[1])
	}
	var events, views [2][]string
	for i, s := range p.both {
		v, err := s.Snapshot(p.ctx)
		if err != nil {
			r.Fatal(err)
		}
		events[i], views[i] = p.follow(r, i, v.Seq), spelled(v)
		if name == "beat" { // no event tells what time alone does
			p.folded[i].ForgetLost(p.now)
		}
		same(r, name+": the events lead to", spelled(p.folded[i]), views[i])
		for _, agent := range slices.Sorted(maps.Keys(v.Agents)) {
			if p.seen = append(p.seen, v.Agents[agent]); len(p.seen) > 30 {
				p.seen = p.seen[1:]
			}
		}
	}
	same(r, name+": the events of the model are", events[0], events[1])
	same(r, name+": the model stands at", views[0], views[1])
}

// same fails the test unless two lists of words are the same, with those that are in one alone.
func same(r *rapid.T, what string, one, other []string) {
	if slices.Equal(one, other) {
		return
	}
	alone := func(list, without []string) string {
		list = slices.DeleteFunc(slices.Clone(list), func(words string) bool { return slices.Contains(without, words) })
		return strings.ReplaceAll(strings.Join(list, "\n"), time.Time{}.String(), "never")
	}
	r.Fatalf("%s\n%s\nnot\n%s", what, alone(one, other), alone(other, one))
}

// halt sets Redis' store time to that of the model.
func (p *pair) halt(r *rapid.T) {
	err := p.redis.Client().HSet(p.ctx, p.redis.Key(store.KeyMeta), "last", p.now.UnixMicro(), "shift", 0).Err()
	if err != nil {
		r.Fatal(err)
	}
}

// follow folds the events up to a number, and says them in words.
func (p *pair) follow(r *rapid.T, which int, seq uint64) []string {
	var told []string
	for p.folded[which].Seq < seq {
		e := next(r, p.events[which])
		if !p.folded[which].Fold(e) {
			r.Fatalf("%+v does not follow %d", e, p.folded[which].Seq)
		}
		told = append(told, fmt.Sprintln(e.At, e.Kind, e.Reason, e.Call,
			spelledCaller(e.Caller), spelledCaller(e.Was), spelledAgent(e.Agent), spelledQueue(e.Queue)))
	}
	return told
}

// sort is which of a store's errors an error is.
func sort(err error) error {
	for _, target := range []error{routing.ErrFull, routing.ErrLost, routing.ErrGone, routing.ErrAlive} {
		if errors.Is(err, target) {
			return target
		}
	}
	return err
}

// spelled is a view in words: all of it but the names of its life.
func spelled(v *routing.View) []string {
	words := []string{fmt.Sprint("event ", v.Seq)}
	for call, c := range v.Callers {
		words = append(words, "caller "+call+spelledCaller(c))
	}
	for call, lost := range v.Lost {
		words = append(words, "lost "+call+fmt.Sprint(lost.At)+spelledCaller(&lost.Caller))
	}
	for name, a := range v.Agents {
		words = append(words, "agent "+name+spelledAgent(a))
	}
	for name, q := range v.Queues {
		words = append(words, "queue "+name+spelledQueue(q))
	}
	slices.Sort(words)
	return words
}

// spelledCaller is a caller in words.
func spelledCaller(c *routing.Caller) string {
	if c == nil {
		return "nobody"
	}
	alone := *c
	alone.Claim = nil
	return fmt.Sprintf("%+v with %+v", alone, c.Claim)
}

// spelledAgent is an agent in words.
func spelledAgent(a *routing.AgentState) string {
	if a == nil {
		return "nobody"
	}
	alone := *a
	alone.Claim = nil
	return fmt.Sprintf("%+v with %+v", alone, a.Claim)
}

// spelledQueue is what a queue remembers in words.
func spelledQueue(q *routing.QueueState) string { return fmt.Sprintf("%+v", q) }

// sound checks what Redis keeps besides the records: it is what can be told from them.
func (p *pair) sound(r *rapid.T) {
	v, err := p.both[1].Snapshot(p.ctx)
	if err != nil {
		r.Fatal(err)
	}
	client, key := p.redis.Client(), p.redis.Key
	claims, err1 := client.HGetAll(p.ctx, key(store.KeyClaims)).Result()
	waiting, err2 := client.HGetAll(p.ctx, key(store.KeyWaiting)).Result()
	seats, err3 := client.SMembers(p.ctx, key(store.KeySeats)).Result()
	owned, err4 := client.ZRange(p.ctx, key(store.KeyOwned), 0, -1).Result()
	lost, err5 := client.ZRangeWithScores(p.ctx, key(store.KeyLostSince), 0, -1).Result()
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		r.Fatal(err)
	}
	var things, seated []string
	own := func(node, kind, name string) { things = append(things, node+"\x00"+kind+name) }
	for call, c := range v.Callers {
		own(c.Node, "1", call)
	}
	for token, name := range claims {
		if c := v.Agents[name].Claim; c == nil || strconv.FormatUint(c.Token, 10) != token {
			r.Fatalf("claim %s is not with %s: %+v", token, name, c)
		}
		own(v.Agents[name].Claim.Node, "2", token)
	}
	for name, a := range v.Agents {
		if a.Outside != "" {
			own(a.OutsideNode, "3", name)
		}
		for _, node := range []string{"n1", "n2"} {
			if slices.ContainsFunc(a.Phones, func(phone routing.Phone) bool { return phone.Node == node }) {
				own(node, "4", name)
			}
		}
		if !a.Seat.IsZero() {
			seated = append(seated, name)
		}
	}
	for _, list := range [][]string{things, owned, seated, seats} {
		slices.Sort(list)
	}
	if !slices.Equal(owned, things) {
		r.Fatalf("owned are %q, not %q", owned, things)
	}
	if !slices.Equal(seats, seated) {
		r.Fatalf("seats are %q, not %q", seats, seated)
	}
	for _, queue := range []string{"orders", "support"} {
		if n, _ := strconv.Atoi(waiting[queue]); n != v.Waiting(queue) {
			r.Fatalf("in %s wait %d, not %d", queue, n, v.Waiting(queue))
		}
	}
	for _, z := range lost {
		call, _ := z.Member.(string)
		if place := v.Lost[call]; place == nil || place.At.UnixMicro() != int64(z.Score) {
			r.Fatalf("%s is lost since %v: %+v", call, z.Score, place)
		}
	}
	if len(lost) != len(v.Lost) {
		r.Fatalf("%d are lost, not %d", len(lost), len(v.Lost))
	}
}
