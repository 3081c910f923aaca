package ivr

import (
	"maps"
	"slices"
)

// Place is one step of one flow.
type Place struct {
	Flow, Step string
}

// Leads returns the steps of the same flow to which a step may go on, in order, each once.
func (s *Step) Leads() []string {
	var to []string
	if s.Menu != nil {
		to = slices.Collect(maps.Values(s.Menu.Keys))
	}
	to = slices.DeleteFunc(append(to, s.Then, s.Else), func(name string) bool { return name == "" })
	slices.Sort(to)
	return slices.Compact(to)
}

// Unreachable returns the steps of a flow that no walk from its start comes to, in order.
func (f *Flow) Unreachable() []string {
	reached := map[string]bool{}
	pending := []string{Start}
	for len(pending) > 0 {
		name := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		step := f.Steps[name]
		if step == nil || reached[name] {
			continue
		}
		reached[name] = true
		pending = append(pending, step.Leads()...)
	}
	var missed []string
	for _, name := range slices.Sorted(maps.Keys(f.Steps)) {
		if !reached[name] {
			missed = append(missed, name)
		}
	}
	return missed
}

// Loops returns circles of steps in which a caller would never hear a prompt nor be asked for a key: each as its places in order,
// none twice. A queue may be full and so counts as a step that leads straight on to its else.
func (p *Plan) Loops() [][]Place {
	search := &loopSearch{plan: p, done: map[Place]bool{}, depth: map[Place]int{}}
	for _, flow := range slices.Sorted(maps.Keys(p.Flows)) {
		for _, step := range slices.Sorted(maps.Keys(p.Flows[flow].Steps)) {
			search.from(Place{flow, step})
		}
	}
	return search.loops
}

// loopSearch is one walk, depth first, through all places of a plan.
type loopSearch struct {
	plan  *Plan
	done  map[Place]bool // everything beyond it was walked
	path  []Place        // from where the walk began to where it is
	depth map[Place]int  // where each place of path stands in it
	loops [][]Place
}

// from walks on from a place. Flows are as deep as they are large, which config bounds.
func (l *loopSearch) from(place Place) {
	if l.done[place] {
		return
	}
	if i, circle := l.depth[place]; circle {
		l.loops = append(l.loops, slices.Clone(l.path[i:]))
		return
	}
	l.depth[place] = len(l.path)
	l.path = append(l.path, place)
	for _, next := range l.plan.silent(place) {
		l.from(next)
	}
	l.path = l.path[:len(l.path)-1]
	delete(l.depth, place)
	l.done[place] = true
}

// silent returns where a place may lead without the caller hearing or pressing anything.
func (p *Plan) silent(place Place) []Place {
	flow := p.Flows[place.Flow]
	if flow == nil || flow.Steps[place.Step] == nil {
		return nil
	}
	step := flow.Steps[place.Step]
	if step.Flow != "" {
		return []Place{{step.Flow, Start}}
	}
	if step.When == nil && step.Queue == nil {
		return nil
	}
	var to []Place
	for _, name := range step.Leads() {
		to = append(to, Place{place.Flow, name})
	}
	return to
}
