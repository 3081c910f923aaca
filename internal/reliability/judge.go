package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
)

// What is promised, where a time is.
const (
	// mergeTime is how soon after the end of a fault there is one shared queue again.
	mergeTime = 2 * time.Second
	// noticeTime is how soon a node notices that Redis is away: its lease must be over before it may act alone.
	noticeTime = 2500 * time.Millisecond
	// offerTime is how soon a caller is offered to an agent of his own node who is ready, once that node serves alone.
	offerTime = 500 * time.Millisecond
	// soundTime is the largest gap in what anybody hears.
	soundTime = 200 * time.Millisecond
	// freeTime is how soon the agents of a killed node are called by others.
	freeTime = 3 * time.Second
	// settleTime is how soon after the last call all agents are ready and nothing is held.
	settleTime = 5 * time.Second
	// serveTime is how soon after the last caller came everybody was served.
	serveTime = 20 * time.Second
	// doubleTime is how long two calls may be at one phone: a goodbye and the next offer cross on the wire.
	doubleTime = 50 * time.Millisecond
)

// How much later somebody must have come, and how much earlier been offered, to have overtaken: below it both came at the same time.
const (
	entryTolerance = 200 * time.Millisecond
	offerTolerance = 200 * time.Millisecond
	// passedOver is how long a caller is passed over whose node did not act in time, as nodes on a loaded machine do not.
	passedOver = 2 * time.Second
)

// judgeEmptying waits until all callers of the crowd have gone.
func (p *play) judgeEmptying(ctx context.Context) {
	err := eventually(ctx, p.verdict.allowed(serveTime), "everybody is served", func() bool {
		p.crowd.mu.Lock()
		defer p.crowd.mu.Unlock()
		return !slices.ContainsFunc(p.crowd.visits, func(v *visit) bool {
			return v.queue != probeQueue && v.ended.IsZero() && v.err == nil && !v.gone
		})
	})
	p.verdict.within("all who came were served", serveTime, time.Since(p.stopping), err == nil)
}

// judge compares what was promised with what happened.
func (p *play) judge(ctx context.Context) {
	p.judgeSettling(ctx)
	p.judgeMetrics(ctx)
	p.crowd.mu.Lock()
	defer p.crowd.mu.Unlock()
	p.judgeCallers()
	p.judgeSound()
	p.judgeRecovery()
	p.judgeOrder()
	p.judgeAgents()
	p.judgeScouts()
	if p.scenario.name == "node-killed" {
		p.judgeFreed()
		p.judgeReturned()
	}
}

// expected is how many agents there are.
func (p *play) expected() int { return len(p.crowd.agents) }

// survivors are the nodes that are there at the end.
func (p *play) survivors() (nodes []*node) {
	for _, n := range p.nodes {
		if !n.dead.Load() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// judgeSettling waits until the API of each node shows that nothing is left: all agents ready, nobody waits, every seat right.
func (p *play) judgeSettling(ctx context.Context) {
	began := time.Now()
	var left string
	err := eventually(ctx, p.verdict.allowed(2*settleTime), "all is quiet", func() bool {
		for _, n := range p.survivors() {
			if left = p.left(ctx, n); left != "" {
				left = n.id + ": " + left
				return false
			}
		}
		return true
	})
	p.verdict.within("at the end all agents are ready, nobody waits", settleTime, time.Since(began), err == nil)
	if err != nil {
		p.verdict.remarks = append(p.verdict.remarks, "left at the end: "+left)
	}
}

// left is what a node's API shows that should not be; "" nothing.
func (p *play) left(ctx context.Context, n *node) string {
	ctx, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	var found []string
	agents, err := n.client.Agents(ctx)
	if err != nil {
		return err.Error()
	}
	ready := 0
	for _, a := range agents {
		if a.State == "ready" {
			ready++
		} else if a.State != "offline" {
			found = append(found, fmt.Sprintf("%s is %s %s since %s", a.Name, a.State, a.Reason, a.Since))
		}
	}
	if ready != p.expected() {
		found = append(found, fmt.Sprintf("%d of %d agents are ready", ready, p.expected()))
	}
	queues, err := n.client.Queues(ctx)
	if err != nil {
		return err.Error()
	}
	for _, q := range queues {
		if q.Waiting > 0 {
			found = append(found, fmt.Sprintf("%d wait in %s", q.Waiting, q.Name))
		}
	}
	calls, err := n.client.Calls(ctx)
	if err != nil {
		return err.Error()
	}
	if open := slices.DeleteFunc(calls, func(c ops.Call) bool { return c.State == ops.CallEnded }); len(open) > 0 {
		found = append(found, fmt.Sprintf("%d calls are open, one is %+v", len(open), open[0]))
	}
	seats, err := n.client.Seats(ctx)
	if err != nil {
		return err.Error()
	}
	if seats.Used != p.expected() || len(seats.Waiting) > 0 {
		found = append(found, fmt.Sprintf("%d seats are used, %d wait for one", seats.Used, len(seats.Waiting)))
	}
	return strings.Join(found, ", ")
}

// counters are metrics that must stay 0.
var counters = []string{"spillway_invariant_violations_total", "spillway_stuck_callers_total"}

// judgeMetrics reads the alarms of all nodes that live, and all logs.
func (p *play) judgeMetrics(ctx context.Context) {
	var alarms, panics []string
	for _, n := range p.survivors() {
		text, err := n.metrics(ctx)
		if err != nil {
			alarms = append(alarms, err.Error())
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			for _, counter := range counters {
				if strings.HasPrefix(line, counter) && !strings.HasSuffix(line, " 0") {
					alarms = append(alarms, n.id+": "+line)
				}
			}
		}
	}
	for _, n := range p.nodes {
		for line := range strings.Lines(n.log.String()) {
			if strings.Contains(line, "panic") || strings.Contains(line, "DATA RACE") {
				panics = append(panics, n.id+": "+strings.TrimSpace(line))
			}
		}
	}
	p.verdict.never("violations and stuck callers, by the nodes' counters", alarms)
	found, events := p.witness.all()
	p.verdict.never("violations, by the stream of events", found)
	p.verdict.remarks = append(p.verdict.remarks, fmt.Sprintf("%d events of the shared queues were judged", events))
	p.verdict.never("panics", panics)
}

// judgeCallers counts what became of everybody.
func (p *play) judgeCallers() {
	var served, went, gone, refused int
	var lost, unanswered, cut []string
	for _, v := range p.crowd.visits {
		if v.queue == probeQueue {
			continue
		}
		who := fmt.Sprintf("%s at %s in %s, dialled %s", v.number, v.node.id, v.queue, clock(v.dialled))
		excused := p.scenario.name == "node-killed" && v.node == p.hit || p.wasStopped(v)
		switch {
		case v.gone:
			gone++
		case v.served:
			served++
		case v.hungUp:
			went++
		case v.err != nil && excused:
			refused++
		case v.err != nil:
			unanswered = append(unanswered, who+": "+v.err.Error())
		case v.ended.IsZero():
			lost = append(lost, who+": waits still")
		default:
			e := v.call.Ending()
			lost = append(lost, fmt.Sprintf("%s: ended %s by the %s side, %q", who, clock(v.ended), e.By, e.Reason))
		}
	}
	for _, a := range p.crowd.agents {
		for _, t := range a.takes {
			if t.cut && t.visit.node != p.hit {
				cut = append(cut, fmt.Sprintf("%s with %s of %s at %s, after %s", a.name, t.visit.number, t.visit.node.id, clock(t.over), short(t.over.Sub(t.talked))))
			}
		}
	}
	text := fmt.Sprintf("%d served, %d hung up", served, went)
	if p.hit != nil {
		text += fmt.Sprintf("; at %s %d ended with it, %d were not answered", p.hit.id, gone, refused)
	}
	p.verdict.say("callers", "none is lost", text, len(lost) == 0)
	p.verdict.never("callers lost by us", lost)
	p.verdict.never("calls not answered", unanswered)
	p.verdict.never("conversations cut short", cut)
}

// wasStopped reports whether somebody dialled a node when it stood still, or was about to.
func (p *play) wasStopped(v *visit) bool {
	if p.scenario.name != "node-stopped" || v.node != p.hit {
		return false
	}
	f := p.last()
	return v.dialled.After(f.began.Add(-time.Second)) && v.dialled.Before(f.ended)
}

// judgeSound judges the conversations over the fault, and the music of those who waited.
func (p *play) judgeSound() {
	var gaps, music []time.Duration
	var deaf, ended []string
	for _, one := range p.probes {
		if one.throughFailed {
			continue
		}
		deaf = append(deaf, one.deaf...)
		if v := one.visit; !v.hungUp || one.take.cut {
			ended = append(ended, v.number)
		}
		if p.scenario.name == "node-stopped" && one.callerNode == p.hit {
			continue // its own node stood still
		}
		for _, g := range one.gaps {
			gaps = append(gaps, g.lasted)
		}
	}
	for _, v := range p.crowd.visits {
		if v.queue == crowdQueue && v.call != nil && !v.gone && !(p.scenario.name == "node-stopped" && v.node == p.hit) {
			music = append(music, v.music.lasted)
		}
	}
	p.verdict.never("conversations over the fault that ended", ended)
	p.verdict.never("tones that were not heard", deaf)
	bare := p.control.gap()
	allowed := max(p.verdict.allowed(soundTime), 3*bare)
	text, largest := spread(gaps)
	p.verdict.say("gaps in conversations", "≤ "+short(soundTime), text, largest <= allowed)
	text, largest = spread(music)
	p.verdict.say("gaps in the music of who waits", "≤ "+short(soundTime), text, largest <= allowed)
	p.verdict.remarks = append(p.verdict.remarks, fmt.Sprintf("the largest gap of a bare loop in this program meanwhile is %s; gaps of thrice that are the machine's", short(bare)))
}

// tolerance is how many callers may be on the way while the nodes are asked.
func (p *play) tolerance() int { return 3 + p.options.rate/5 }

// judgeRecovery judges when the fault was noticed, and when it was over.
func (p *play) judgeRecovery() {
	for i, f := range p.faults {
		which := ""
		if len(p.faults) > 1 {
			which = fmt.Sprintf(" (%d.)", i+1)
		}
		var slowest time.Duration
		seen := true
		for _, n := range f.hit {
			at := p.watch.away(n, f.began)
			seen = seen && !at.IsZero()
			slowest = max(slowest, at.Sub(f.began))
		}
		if len(f.hit) > 0 && !p.scenario.late {
			p.verdict.within("Redis is noticed to be away"+which, noticeTime, slowest, seen)
		}
		promised := mergeTime
		if p.scenario.name == "node-killed" {
			promised = freeTime
		}
		p.verdict.remarks = append(p.verdict.remarks, fmt.Sprintf("fault%s from %s until %s", which, clock(f.began), clock(f.ended)))
		if p.scenario.name == "node-drained" || p.scenario.name == "twin" {
			continue
		}
		at := p.watch.recovered(f.ended, p.tolerance(), len(p.survivors()))
		p.verdict.within("all nodes show one true queue again"+which, promised, at.Sub(f.ended), !at.IsZero())
	}
}

// apart reports whether nodes decided apart at a moment: from a fault on until all was merged.
func (p *play) apart(at time.Time) bool {
	for _, f := range p.faults {
		merged := p.watch.recovered(f.ended, p.tolerance(), len(p.survivors()))
		if merged.IsZero() {
			return at.After(f.began)
		}
		if at.After(f.began) && at.Before(merged.Add(offerTolerance)) {
			return true
		}
	}
	return false
}

// judgeOrder looks for callers who were offered before somebody who came first, with the same priority.
func (p *play) judgeOrder() {
	var line []*visit
	for _, v := range p.crowd.visits {
		if v.queue == crowdQueue && !v.gone && !v.entered.IsZero() && !v.offered.IsZero() {
			line = append(line, v)
		}
	}
	slices.SortFunc(line, func(a, b *visit) int { return a.offered.Compare(b.offered) })
	tolerance := offerTolerance + time.Duration((p.verdict.slack-1)*float64(passedOver)/2)
	first := make(map[*visit]string) // who overtook whom first
	excused := 0
	var worst time.Duration
	for i, b := range line {
		apart := p.apart(b.offered)
		for _, a := range line[i+1:] {
			there := later(a.rank, a.entered) // who came back was not there before
			if a.priority != b.priority || b.rank.Sub(a.rank) < entryTolerance || a.offered.Sub(b.offered) < tolerance || b.offered.Sub(there) < offerTolerance {
				continue
			}
			if a.node != b.node && apart {
				excused++
				continue
			}
			worst = max(worst, a.offered.Sub(b.offered))
			if first[a] == "" {
				first[a] = a.told() + "; " + b.told()
			}
		}
	}
	text := fmt.Sprintf("%d of %d callers", len(first), len(line))
	if len(first) > 0 {
		text += ", by " + short(worst) + " at most"
	}
	p.verdict.say("overtaken in their queue", "nobody", text, len(first) == 0)
	p.verdict.remarks = append(p.verdict.remarks, some(slices.Sorted(maps.Values(first)))...)
	p.verdict.remarks = append(p.verdict.remarks, fmt.Sprintf("%d pairs of callers of different nodes are excused while these were apart", excused))
}

// told is a caller's time in the queue, with the id by which logs know him.
func (v *visit) told() string {
	text := fmt.Sprintf("%s at %s came %s, was offered %s", v.number, v.node.id, clock(v.rank), clock(v.offered))
	if v.call != nil {
		text += " (" + v.call.CallID() + ")"
	}
	return text
}

// later is the later of two moments.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// judgeAgents looks for two calls at one phone.
func (p *play) judgeAgents() {
	var doubles []string
	var longest time.Duration
	talking := 0
	for _, a := range p.crowd.agents {
		for i, second := range a.takes {
			for _, first := range a.takes[:i] {
				over := first.over
				if over.IsZero() {
					over = time.Now()
				}
				until := second.over
				if until.IsZero() || until.After(over) {
					until = over
				}
				both := until.Sub(second.rang)
				if both <= 0 || first.offeredBy == p.hit && p.hit != nil && p.scenario.name != "node-drained" {
					continue // a call of a node that died, or stood still, is nobody's any more
				}
				longest = max(longest, both)
				if !first.talked.IsZero() && first.talked.Before(second.rang) {
					talking++
				}
				if both > p.verdict.allowed(doubleTime) {
					doubles = append(doubles, fmt.Sprintf("%s: %s of %s rang %s, picked up %s, over %s; %s of %s rang %s, picked up %s, over %s", a.name,
						first.number(), first.from(), clock(first.rang), clock(first.talked), clock(first.over),
						second.number(), second.from(), clock(second.rang), clock(second.talked), clock(second.over)))
				}
			}
		}
	}
	p.verdict.say("agents with two calls", "0", fmt.Sprintf("%d longer than %s, %d while talking, longest %s", len(doubles), short(p.verdict.allowed(doubleTime)), talking, short(longest)), len(doubles) == 0)
	p.verdict.remarks = append(p.verdict.remarks, some(doubles)...)
}

// some are the first few.
func some(texts []string) []string { return texts[:min(len(texts), 6)] }

// number is whose call it is.
func (t *taken) number() string {
	if t.visit == nil {
		return "nobody"
	}
	return t.visit.number
}

// from is the node that called.
func (t *taken) from() string {
	if t.offeredBy == nil {
		return "nowhere"
	}
	return t.offeredBy.id
}

// judgeScouts judges how soon callers were offered to somebody who was ready, while Redis was away for their node.
func (p *play) judgeScouts() {
	var noticing, alone, together []time.Duration
	var strangers []string
	for _, v := range p.crowd.visits {
		if v.queue != scoutQueue || v.entered.IsZero() || v.offered.IsZero() || v.gone {
			continue
		}
		waited := v.offered.Sub(v.entered)
		f, noticed := p.hitting(v)
		switch {
		case f == nil:
			together = append(together, waited)
		case v.entered.Before(noticed):
			noticing = append(noticing, waited)
		default:
			alone = append(alone, waited)
			if v.agent.node != v.node && v.offered.Before(f.ended) {
				strangers = append(strangers, fmt.Sprintf("%s at %s was offered to %s of %s", v.number, v.node.id, v.agent.name, v.agent.node.id))
			}
		}
	}
	text, _ := spread(together)
	p.verdict.remarks = append(p.verdict.remarks, "time to offer with Redis: "+text)
	if len(noticing)+len(alone) == 0 {
		return
	}
	text, largest := spread(noticing)
	p.verdict.say("time to offer until Redis is noticed to be away", "≤ "+short(noticeTime+offerTime), text, largest <= p.verdict.allowed(noticeTime+offerTime))
	text, largest = spread(alone)
	p.verdict.say("time to offer while the node serves alone", "≤ "+short(offerTime), text, largest <= p.verdict.allowed(offerTime))
	p.verdict.never("offers to agents of another node meanwhile", strangers)
}

// hitting is the fault that was on at a caller's node when he came, and when the node noticed it.
func (p *play) hitting(v *visit) (*fault, time.Time) {
	for _, f := range p.faults {
		if slices.Contains(f.hit, v.node) && v.entered.After(f.began) && v.entered.Before(f.ended) {
			noticed := p.watch.away(v.node, f.began)
			if noticed.IsZero() {
				noticed = f.ended
			}
			return f, noticed
		}
	}
	return nil, time.Time{}
}

// judgeFreed judges how soon agents were called by others who talked with callers of the killed node, or were called by it.
func (p *play) judgeFreed() {
	killed := p.last().began
	var times []time.Duration
	for _, a := range p.crowd.agents {
		held := slices.ContainsFunc(a.takes, func(t *taken) bool {
			return t.visit != nil && t.visit.queue == crowdQueue && t.offeredBy == p.hit && t.rang.Before(killed) && (t.over.IsZero() || t.over.After(killed))
		})
		next := slices.IndexFunc(a.takes, func(t *taken) bool { return t.offeredBy != p.hit && t.rang.After(killed) })
		switch {
		case held && next < 0:
			times = append(times, time.Since(killed))
		case held:
			times = append(times, a.takes[next].rang.Sub(killed))
		}
	}
	text, largest := spread(times)
	p.verdict.say("agents of its conversations are called by others", "≤ "+short(freeTime), text, len(times) > 0 && largest <= p.verdict.allowed(freeTime))
}

// judgeReturned judges who called again after his node was killed: he is offered before all who came after him.
func (p *play) judgeReturned() {
	var times []time.Duration
	for _, v := range p.returned {
		if !v.offered.IsZero() && !v.entered.IsZero() {
			times = append(times, v.offered.Sub(v.entered))
		}
	}
	text, _ := spread(times)
	p.verdict.say("who calls again is offered", "in his old place", text, len(times) == len(p.returned))
}

// clock is a time of day, to the millisecond, in the zone of the nodes' logs.
func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("15:04:05.000")
}
