package call_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
	"github.com/spillway-voice/spillway/sip"
)

// The numbers of the kettle centre as these tests have it; kettle says what they lead to.
const (
	mainNumber     = "+61280000001" // welcome, then a menu
	ordersNumber   = "+61280000002" // straight into orders
	supportNumber  = "+61280000003" // straight into support, else into orders
	engagedNumber  = "+61280000004"
	declinedNumber = "+61280000005"
	closedNumber   = "+61280000006"
	noticeNumber   = "+61280000007" // a recording, and the end
	lostNumber     = "+61280000008" // a flow that leads nowhere
	caller         = "+61400000001"
)

// bench is a house of calls inside a bubble of fake time: everything behind the calls is real, the legs, the sounds and the
// phones are the test's.
type bench struct {
	t      *testing.T
	ctx    context.Context
	began  time.Time
	house  *call.House
	queue  *line
	heard  *memory
	logs   *observer.ObservedLogs
	closes chan struct{} // House.Closing

	timelineMu  sync.Mutex
	mu          sync.Mutex
	plan        *call.Plan
	superseded  chan struct{}
	phones      map[string][]phone
	noPorts     bool
	refusing    bool // sounds refuse every description
	callers     int
	legs        []*leg
	sounds      []*sound
	invitations []call.Invitation
	told        []string
	ended       map[string]call.Info // by the caller's leg
	timeline    []string
	measured    []string // legs, with what was heard of them
}

// memory is call.Heard for all calls of a bench.
type memory struct {
	mu    sync.Mutex
	heard *incident.Heard
}

func (m *memory) Has(caller, sound string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heard.Has(caller, sound)
}

func (m *memory) Add(h incident.Hearing) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heard.Add(h)
}

// inBubble runs a test on fake time, with a dispatcher, and checks that every call has left nothing behind.
func inBubble(t *testing.T, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		b := &bench{t: t, began: time.Now(), logs: logs, heard: &memory{heard: incident.NewHeard(100)},
			closes: make(chan struct{}), phones: make(map[string][]phone), ended: make(map[string]call.Info)}
		b.publish(kettle())
		b.dispatch(zap.New(core))
		b.house = &call.House{
			Plan: b.current, Queue: b.queue, Sound: b.openSound, Join: b.join, Part: b.part, Phones: b, Heard: b.heard,
			Ledger: call.NewLedger(), Log: zap.New(core), Told: b.tells, Ended: b.ends, Measured: b.measures, Closing: b.closes,
		}
		t.Cleanup(b.abandon)
		test(b)
		b.pass(time.Minute) // for what is still owed
		b.house.Wait()
		b.nothingIsLeft()
	})
}

// abandon ends the calls of a test that gave up.
func (b *bench) abandon() {
	for _, l := range b.legs {
		l.hangsUp()
	}
	b.house.Wait()
}

// dispatch starts a dispatcher over a store in memory that runs as long as the test.
func (b *bench) dispatch(log *zap.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	b.ctx = ctx
	d, err := dispatch.New(dispatch.Options{Store: memq.New(memq.Options{}), Node: "syd-1", Plan: b.plan.Routing, Logger: log})
	if err != nil {
		b.t.Fatal(err)
	}
	b.queue = &line{Dispatcher: d, fails: make(map[string]error), slow: make(map[string]time.Duration), asked: make(map[string]int)}
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
	b.pass(0)
}

// kettle is a small centre: two departments, three agents.
func kettle() *call.Plan {
	queue := func(name string) *routing.Queue {
		return &routing.Queue{Name: name, Strategy: routing.LongestIdle, ServiceLevel: 20 * time.Second, Ring: 15 * time.Second,
			WrapUp: 10 * time.Second, Capacity: 3, MaxWait: 2 * time.Minute}
	}
	flow := func(name string, steps ...*ivr.Step) *ivr.Flow {
		f := &ivr.Flow{Name: name, Steps: make(map[string]*ivr.Step)}
		for _, s := range steps {
			f.Steps[s.Name] = s
		}
		return f
	}
	conversation := &ivr.Plan{
		Flows: map[string]*ivr.Flow{},
		Hours: map[string]*ivr.Hours{"never": {}},
		Waiting: map[string]ivr.Waiting{
			"orders":  {Music: "jazz.wav", Say: []string{"position"}, First: 20 * time.Second, Every: 30 * time.Second},
			"support": {},
		},
	}
	for _, f := range []*ivr.Flow{
		flow("main",
			&ivr.Step{Name: ivr.Start, Play: "welcome.wav", Then: "ask"},
			&ivr.Step{Name: "ask", Menu: &ivr.Menu{Prompt: "menu.wav", Keys: map[byte]string{'1': "orders", '7': "goodbye"},
				Wait: 5 * time.Second, Tries: 2, Invalid: "invalid.wav"}},
			&ivr.Step{Name: "orders", Queue: &ivr.QueueEntry{Queue: "orders"}},
			&ivr.Step{Name: "goodbye", Play: "goodbye.wav"}),
		flow("orders", &ivr.Step{Name: ivr.Start, Queue: &ivr.QueueEntry{Queue: "orders", Priority: 5}}),
		flow("support", &ivr.Step{Name: ivr.Start, Queue: &ivr.QueueEntry{Queue: "support"}, Else: "orders"},
			&ivr.Step{Name: "orders", Queue: &ivr.QueueEntry{Queue: "orders"}}),
		flow("engaged", &ivr.Step{Name: ivr.Start, Hangup: ivr.Busy}),
		flow("declined", &ivr.Step{Name: ivr.Start, Hangup: ivr.Decline}),
		flow("closed", &ivr.Step{Name: ivr.Start, When: &ivr.When{Hours: "never"}, Then: "goodbye", Else: "goodbye"},
			&ivr.Step{Name: "goodbye", Play: "goodbye.wav"}),
		flow("notice", &ivr.Step{Name: ivr.Start, Play: "goodbye.wav"}),
		flow("lost", &ivr.Step{Name: ivr.Start, Play: "welcome.wav", Then: "nowhere"}),
	} {
		conversation.Flows[f.Name] = f
	}
	return &call.Plan{
		Numbers: map[string]string{mainNumber: "main", ordersNumber: "orders", supportNumber: "support",
			engagedNumber: "engaged", declinedNumber: "declined", closedNumber: "closed", noticeNumber: "notice", lostNumber: "lost"},
		Conversation: conversation,
		Routing: &routing.Plan{
			Seats:  20,
			Queues: map[string]*routing.Queue{"orders": queue("orders"), "support": queue("support")},
			Agents: []*routing.Agent{
				{Name: "alice", Display: "Alice Nguyen", Queues: map[string]int{"orders": 1}},
				{Name: "bob", Queues: map[string]int{"orders": 2}},
				{Name: "dave", Queues: map[string]int{"support": 1}},
			},
		},
		Prompts: recordings{},
	}
}

// current is the plan in force.
func (b *bench) current() *call.Plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.plan
}

// publish puts a plan into force and tells the calls.
func (b *bench) publish(p *call.Plan) {
	b.mu.Lock()
	last := b.superseded
	b.superseded = make(chan struct{})
	p.Superseded = b.superseded
	b.plan = p
	b.mu.Unlock()
	if last != nil {
		close(last)
	}
}

// change publishes a changed copy of the plan in force.
func (b *bench) change(edit func(p *call.Plan)) {
	next := *b.current()
	edit(&next)
	b.publish(&next)
	b.pass(0)
}

// incident switches an incident on, from now on for an hour, by a revision that replaces any before it.
func (b *bench) incident(name string, effects incident.Effects) {
	b.change(func(p *call.Plan) {
		now := time.Now()
		p.Board = p.Board.With(incident.Revision{Incident: name, Number: p.Board.Revisions[name].Number + 1, On: true, At: now,
			Start: now, End: now.Add(time.Hour), Effects: effects, Sound: effects.Message})
	})
}

// note writes a line of the timeline.
func (b *bench) note(format string, args ...any) {
	line := fmt.Sprintf("%8.3f  ", time.Since(b.began).Seconds()) + fmt.Sprintf(format, args...)
	b.timelineMu.Lock()
	defer b.timelineMu.Unlock()
	b.timeline = append(b.timeline, line)
}

func (b *bench) tells(incident string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, incident)
}

// measures is House.Measured.
func (b *bench) measures(side call.Side, q media.Quality) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.measured = append(b.measured, fmt.Sprintf("%s %s %.1f", side, q.Codec, q.Heard.MOS))
}

func (b *bench) ends(i call.Info) {
	b.note("%s: %s/%s", i.SIPCallID, i.Result, i.Reason)
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, twice := b.ended[i.SIPCallID]; twice {
		b.t.Errorf("%s ended twice", i.SIPCallID)
	}
	b.ended[i.SIPCallID] = i
}

// pass lets fake time pass and everything come to rest.
func (b *bench) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// signIn registers agents until long after the test, with what their one phone does.
func (b *bench) signIn(phones ...any) {
	b.t.Helper()
	for i := 0; i < len(phones); i += 2 {
		agent := phones[i].(string)
		b.setPhones(agent, phones[i+1].(phone))
		if err := b.queue.Register(b.ctx, agent, []routing.Phone{{Place: "desk", Direct: true, Until: b.queue.Now().Add(10 * time.Hour)}}); err != nil {
			b.t.Fatal(err)
		}
	}
	b.pass(0)
}

// outOfPorts lets every further sound find no port.
func (b *bench) outOfPorts() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noPorts = true
}

// rung is the invitations that went to agents' phones so far.
func (b *bench) rung() []call.Invitation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.invitations[:len(b.invitations):len(b.invitations)]
}

// heardOf is the incidents whose messages a caller heard in a call that is over.
func (b *bench) heardOf(name string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended[name].Incidents
}

// setPhones says what the phones of an agent do from now on.
func (b *bench) setPhones(agent string, phones ...phone) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.phones[agent] = phones
}

// visit is a call in progress.
type visit struct {
	*leg
	bench *bench
	done  chan struct{}
	panic any
}

// dial lets a caller of the trunk call a number.
func (b *bench) dial(number string) *visit {
	return b.take(b.callerLeg(number))
}

// callerLeg is the leg of a caller who has not been taken in yet.
func (b *bench) callerLeg(number string) *leg {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.callers++
	return b.newLeg(fmt.Sprintf("caller-%d", b.callers), sip.Peer{Kind: sip.PeerTrunk, Name: "telco"}, caller, number)
}

// agentDials lets an agent's phone call something.
func (b *bench) agentDials(agent, to string) *visit {
	b.mu.Lock()
	name := "phone of " + agent
	for _, l := range b.legs {
		if l.name == name {
			name += ", again"
		}
	}
	l := b.newLeg(name, sip.Peer{Kind: sip.PeerAgent, Name: agent}, agent, to)
	b.mu.Unlock()
	return b.take(l)
}

// take hands a leg in and lets everything come to rest.
func (b *bench) take(l *leg) *visit {
	v := &visit{leg: l, bench: b, done: make(chan struct{})}
	go func() {
		defer close(v.done)
		defer func() { v.panic = recover() }()
		b.house.Take(l)
	}()
	b.pass(0)
	return v
}

// over waits for the end of the call and returns result/reason.
func (v *visit) over() string {
	v.bench.t.Helper()
	select {
	case <-v.done:
	case <-time.After(time.Hour):
		v.bench.t.Fatalf("%s does not end; %s", v.name, strings.Join(v.bench.timeline, "\n"))
	}
	v.bench.pass(0)
	v.bench.mu.Lock()
	defer v.bench.mu.Unlock()
	i, told := v.bench.ended[v.name]
	if !told {
		v.bench.t.Fatalf("the end of %s was not told", v.name)
	}
	return string(i.Result) + "/" + string(i.Reason)
}

// state is where the call is, as it is told to others.
func (v *visit) info() call.Info {
	v.bench.t.Helper()
	for _, i := range v.bench.house.Ledger.Calls(time.Now()) {
		if i.SIPCallID == v.name {
			return i
		}
	}
	v.bench.t.Fatalf("%s is not in the ledger", v.name)
	return call.Info{}
}

// is checks the state of the call.
func (v *visit) is(want call.State) {
	v.bench.t.Helper()
	if got := v.info().State; got != want {
		v.bench.t.Fatalf("%s is %s, not %s:\n%s", v.name, got, want, v.bench.story())
	}
}

// sound is that of the caller: the nth call's.
func (b *bench) callerSound(n int) *sound { return b.soundOf("caller", n) }

// agentSound is that of the nth offer.
func (b *bench) agentSound(n int) *sound { return b.soundOf("agent", n) }

func (b *bench) soundOf(side string, n int) *sound {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sounds {
		if s.side != side {
			continue
		}
		if n--; n == 0 {
			return s
		}
	}
	b.t.Fatalf("no such sound of the %s", side)
	return nil
}

// legOf is the newest leg of a name.
func (b *bench) legOf(name string) *leg {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.legs) - 1; i >= 0; i-- {
		if b.legs[i].name == name {
			return b.legs[i]
		}
	}
	b.t.Fatalf("%s has not rung", name)
	return nil
}

// presses lets a caller press keys in his sound.
func (b *bench) presses(n int, key byte) {
	b.t.Helper()
	b.callerSound(n).reports(digit(key))
	b.pass(0)
}

// agentIs checks what an agent does now.
func (b *bench) agentIs(name string, want routing.State) {
	b.t.Helper()
	p := b.picture()
	if state, _, _ := p.Plan.Agent(name).Condition(p.View.Agents[name], p.Now); state != want {
		b.t.Errorf("%s is %s, not %s:\n%s", name, state, want, b.story())
	}
}

func (b *bench) picture() dispatch.Picture {
	b.t.Helper()
	p, err := b.queue.Dispatcher.Picture(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// story is the timeline so far.
func (b *bench) story() string {
	b.timelineMu.Lock()
	defer b.timelineMu.Unlock()
	return strings.Join(b.timeline, "\n") + "\n"
}

// nothingIsLeft checks what calls leave behind once they are over.
func (b *bench) nothingIsLeft() {
	b.t.Helper()
	p := b.picture()
	for id := range p.View.Callers {
		b.t.Errorf("the caller %s still waits in the store", id)
	}
	for name, a := range p.View.Agents {
		if a.Claim.Live(p.Now) || a.Outside != "" {
			b.t.Errorf("%s is left in a call: claim %+v, outside %q", name, a.Claim, a.Outside)
		}
	}
	for _, l := range b.legs {
		if !l.over() {
			b.t.Errorf("the leg of %s has not ended", l.name)
		}
	}
	for _, s := range b.sounds {
		if !s.closed {
			b.t.Errorf("a sound of %s is still open", s.name)
		}
	}
	if n := b.house.Ledger.Live(); n != 0 {
		b.t.Errorf("%d calls are left in the ledger", n)
	}
	if b.t.Failed() {
		b.t.Log("\n" + b.story())
	}
}
