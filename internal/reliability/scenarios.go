package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// scenario is one fault, and what is promised when it happens.
type scenario struct {
	name, what string
	nodes      int
	linked     bool // each node goes to Redis by a link
	late       bool // Redis comes after the nodes
	fault      func(ctx context.Context, p *play) error
	after      func(ctx context.Context, p *play) error // when the crowd has gone; nil: nothing
}

// lasting is how long Redis is away where nothing else is said.
const lasting = 5 * time.Second

var scenarios = []scenario{
	{name: "flushall", what: "all keys of Redis are deleted", nodes: 2, fault: flushAll},
	{name: "redis-killed", what: "redis-server is killed, and after 5 s started with its data", nodes: 2, fault: redisKilled},
	{name: "redis-emptied", what: "redis-server is killed, and after 5 s started empty", nodes: 2, fault: redisEmptied},
	{name: "redis-stopped", what: "redis-server stands still for 10 s", nodes: 2, fault: redisStopped},
	{name: "cut-off", what: "one node is cut off from Redis for 6 s, then the other's connections hang for 6 s", nodes: 2, linked: true, fault: cutOff},
	{name: "redis-slow", what: "Redis takes a second for each answer, for 10 s", nodes: 2, linked: true, fault: redisSlow},
	{name: "node-killed", what: "one of three nodes is killed", nodes: 3, fault: nodeKilled},
	{name: "node-stopped", what: "one of three nodes stands still for 10 s", nodes: 3, fault: nodeStopped},
	{name: "node-drained", what: "one of three nodes is told to end", nodes: 3, fault: nodeDrained, after: drainEnds},
	{name: "redis-late", what: "Redis is away when the nodes start, and comes when callers have come for 5 s", nodes: 2, late: true, fault: redisLate},
	{name: "twin", what: "a second node starts with the id of one that lives", nodes: 2, fault: twinStarts},
}

func scenarioNames() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// fault is a stretch of time in which something is not as it should be.
type fault struct {
	began, ended time.Time
	hit          []*node // who cannot reach Redis meanwhile; none: no node is told
}

// play is one scenario while it is played.
type play struct {
	*stage
	scenario scenario
	crowd    *crowd
	watch    *watch
	witness  *witness
	control  control
	probes   []*probe
	faults   []*fault
	verdict  *verdict
	hit      *node // the node that something is done to
	stopping time.Time
	returned []*visit // who called again after their node was killed
}

// play plays a scenario and judges it. An error says that it could not be played.
func (s scenario) play(ctx context.Context, o options) (v *verdict, err error) {
	defer caught(&err)
	stage, err := openStage(o, s.name, s.nodes, s.linked)
	if stage != nil {
		defer stage.clear()
	}
	if err != nil {
		return nil, err
	}
	p := &play{stage: stage, scenario: s, verdict: &verdict{scenario: s, slack: o.slack}}
	if s.late {
		stage.server.Kill()
	}
	if err := stage.start(ctx); err != nil {
		return nil, err
	}
	if !s.late {
		if err := p.together(ctx); err != nil {
			return nil, err
		}
	}
	return p.verdict, p.act(ctx)
}

// together waits until all nodes know each other.
func (p *play) together(ctx context.Context) error {
	return eventually(ctx, patience, "the nodes know each other", func() bool {
		for _, n := range p.nodes {
			if told := tell(ctx, n); told.err != nil || told.alive != len(p.nodes) {
				return false
			}
		}
		return true
	})
}

// act lets the crowd come, the fault happen, and the crowd go.
func (p *play) act(ctx context.Context) (err error) {
	living, end := context.WithCancel(ctx)
	if p.crowd, err = openCrowd(living, p.stage); err != nil {
		end()
		p.crowd.close()
		return err
	}
	defer p.crowd.close()
	defer end()
	if p.probes, err = p.crowd.openProbes(living); err != nil {
		return err
	}
	p.watch = &watch{crowd: p.crowd}
	p.crowd.working.Go(func() { p.watch.run(living) })
	if p.witness, err = p.openWitness(ctx); err != nil {
		return err
	}
	p.crowd.working.Go(func() { p.witness.run(living) })
	p.crowd.working.Go(func() {
		if err := p.control.run(living); err != nil {
			p.verdict.remarks = append(p.verdict.remarks, "no bare loop ran beside it: "+err.Error())
		}
	})
	coming, stop := context.WithCancel(living)
	defer stop()
	p.crowd.calling.Go(func() { p.crowd.flood(coming, living) })
	for _, n := range p.nodes {
		p.crowd.calling.Go(func() { p.crowd.scout(coming, living, n) })
	}
	half := p.options.length / 2
	if p.scenario.late {
		p.begin(p.nodes...)
	} else if err := wait(ctx, half); err != nil {
		return err
	}
	if err := p.scenario.fault(ctx, p); err != nil {
		return err
	}
	if err := wait(ctx, half); err != nil {
		return err
	}
	stop()
	p.stopping = time.Now()
	p.judgeEmptying(ctx)
	if err := hearAll(ctx, p.probes, "after the fault"); err != nil {
		return err
	}
	p.crowd.measured(p.probes)
	p.crowd.hangUp(ctx, p.probes)
	if p.scenario.after != nil {
		if err := p.scenario.after(ctx, p); err != nil {
			return err
		}
	}
	p.judge(ctx)
	return nil
}

// begin notes that Redis is away for nodes, from now on.
func (p *play) begin(hit ...*node) *fault {
	f := &fault{began: time.Now(), hit: hit}
	p.faults = append(p.faults, f)
	return f
}

// last is the latest fault.
func (p *play) last() *fault { return p.faults[len(p.faults)-1] }

// lasts lets a fault last, and listens to the conversations in the middle of it.
func (p *play) lasts(ctx context.Context, d time.Duration) error {
	until := time.Now().Add(d)
	if err := wait(ctx, d/2); err != nil {
		return err
	}
	if err := hearAll(ctx, p.probes, "during the fault"); err != nil {
		return err
	}
	return wait(ctx, time.Until(until))
}

func flushAll(_ context.Context, p *play) error {
	f := p.begin()
	p.server.FlushAll()
	f.ended = time.Now()
	return nil
}

func redisKilled(ctx context.Context, p *play) error { return p.redisAway(ctx, p.server.Restart) }

func redisEmptied(ctx context.Context, p *play) error { return p.redisAway(ctx, p.server.RestartEmpty) }

// redisAway kills redis-server and lets it come back.
func (p *play) redisAway(ctx context.Context, back func()) error {
	f := p.begin(p.nodes...)
	p.server.Kill()
	if err := p.lasts(ctx, lasting); err != nil {
		return err
	}
	back()
	f.ended = time.Now() // it answers
	return nil
}

func redisStopped(ctx context.Context, p *play) error {
	f := p.begin(p.nodes...)
	p.server.Pause()
	err := p.lasts(ctx, 2*lasting)
	p.server.Resume()
	f.ended = time.Now()
	return err
}

func cutOff(ctx context.Context, p *play) error {
	const long = 6 * time.Second
	f := p.begin(p.nodes[0])
	p.links[0].Cut()
	err := p.lasts(ctx, long)
	p.links[0].Heal()
	f.ended = time.Now()
	if err != nil {
		return err
	}
	if err := wait(ctx, p.options.length/2); err != nil {
		return err
	}
	f = p.begin(p.nodes[1])
	p.links[1].Hang()
	err = p.lasts(ctx, long)
	p.links[1].Heal()
	f.ended = time.Now()
	return err
}

func redisSlow(ctx context.Context, p *play) error {
	f := p.begin(p.nodes...)
	for _, l := range p.links {
		l.Delay(time.Second)
	}
	err := p.lasts(ctx, 2*lasting)
	for _, l := range p.links {
		l.Heal()
	}
	f.ended = time.Now()
	return err
}

func redisLate(ctx context.Context, p *play) error {
	if err := p.lasts(ctx, lasting); err != nil {
		return err
	}
	p.server.Restart()
	p.last().ended = time.Now()
	return nil
}

// callAgain is how many of a killed node's callers call again.
const callAgain = 6

func nodeKilled(ctx context.Context, p *play) error {
	p.hit = p.nodes[2]
	p.hit.away.Store(true)
	p.hit.dead.Store(true)
	if err := p.hit.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.hit.ended
	f := p.begin()
	f.ended = f.began
	waited := p.crowd.dies(p.hit)
	for _, one := range p.probes {
		one.throughFailed = one.callerNode == p.hit
	}
	var again []*visit
	for _, v := range waited {
		if v.queue == crowdQueue && len(again) < callAgain {
			again = append(again, v)
		}
	}
	var lost int
	began := time.Now()
	err := eventually(ctx, patience, "the killed node's callers are lost, not waiting", func() bool {
		told := tell(ctx, p.nodes[0])
		lost = max(lost, told.lost)
		return told.err == nil && told.lost > 0
	})
	if len(waited) > 0 {
		p.verdict.within("its callers are told as lost", 3*time.Second, time.Since(began), err == nil)
	}
	for i, v := range again {
		back := p.crowd.comesBack(v, p.nodes[i%2])
		p.returned = append(p.returned, back)
		p.crowd.calling.Go(func() { p.crowd.call(ctx, back) })
	}
	return p.lasts(ctx, lasting)
}

// comesBack makes the next call of a caller whose node died.
func (c *crowd) comesBack(before *visit, n *node) *visit {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := &visit{number: before.number, queue: before.queue, priority: before.priority, node: n, rank: before.rank, returns: true}
	c.visits = append(c.visits, v)
	c.byFrom[v.number] = v
	return v
}

func nodeStopped(ctx context.Context, p *play) error {
	p.hit = p.nodes[2]
	p.hit.away.Store(true)
	f := p.begin()
	for _, one := range p.probes {
		one.throughFailed = one.callerNode == p.hit
	}
	if err := p.hit.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	err := p.lasts(ctx, 2*lasting)
	if failed := p.hit.signal(syscall.SIGCONT); err == nil {
		err = failed
	}
	f.ended = time.Now()
	p.hit.away.Store(false)
	for _, one := range p.probes {
		one.throughFailed = false // it stood still, and goes on
	}
	return err
}

func nodeDrained(ctx context.Context, p *play) error {
	p.hit = p.nodes[2]
	f := p.begin()
	f.ended = f.began
	if err := p.hit.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := p.lasts(ctx, lasting); err != nil { // the carrier finds out by 503, call by call
		return err
	}
	p.hit.away.Store(true)
	return nil
}

// drainEnds judges the end of a node that drained: its last conversations were hung up just now.
func drainEnds(ctx context.Context, p *play) error {
	began := time.Now()
	err := eventually(ctx, patience, "the node has ended", p.hit.over)
	p.verdict.within("it ends after its last call", 5*time.Second, time.Since(began), err == nil)
	code := "it runs on"
	if err == nil {
		code = fmt.Sprintf("exit code %d", p.hit.command.ProcessState.ExitCode())
	}
	p.verdict.say("how it ends", "exit code 0", code, code == "exit code 0")
	refused := 0
	p.crowd.note(func() {
		for _, v := range p.crowd.visits {
			refused += v.refusals
		}
	})
	p.verdict.say("new calls at it", "503", fmt.Sprintf("%d were told 503, and went elsewhere", refused), refused > 0)
	p.hit.dead.Store(true)
	return nil
}

func twinStarts(ctx context.Context, p *play) error {
	f := p.begin()
	f.ended = f.began
	twin, err := p.layOut(len(p.nodes), p.nodes[0].id, p.server.URL())
	if err != nil {
		return err
	}
	if err := p.stage.begin(twin); err != nil {
		return err
	}
	began := time.Now()
	err = eventually(ctx, patience, "the twin ends", twin.over)
	p.verdict.within("the second refuses", 5*time.Second, time.Since(began), err == nil && twin.command.ProcessState.ExitCode() == 1)
	return nil
}
