package config

// kind is what a name stands for.
type kind string

// The kinds of things that the files define and refer to, as messages name them.
const (
	aFlow     kind = "flow"
	aQueue    kind = "queue"
	anAgent   kind = "agent"
	someHours kind = "hours"
	aNumber   kind = "number"
)

// plural is the key under which a kind is defined in centre.yaml.
var plural = map[kind]string{aFlow: "flows", aQueue: "queues", anAgent: "agents", someHours: "hours", aNumber: "numbers"}

// use is one place where a file refers to something by its name.
type use struct {
	kind kind
	name string
	at   Place
}

// names are what one file defines and refers to. References are looked up when both files have been walked.
type names struct {
	defined  map[kind]map[string]Place
	sections map[kind]Place // where the kind's key stands
	uses     []use
	prompts  []use // kind unused
}

func newNames() *names {
	return &names{defined: map[kind]map[string]Place{}, sections: map[kind]Place{}}
}

// define notes that a thing exists, and returns the place of an earlier one with the same name.
func (n *names) define(k kind, name string, at Place) (Place, bool) {
	if n.defined[k] == nil {
		n.defined[k] = map[string]Place{}
	}
	if before, ok := n.defined[k][name]; ok {
		return before, true
	}
	n.defined[k][name] = at
	return Place{}, false
}

// refer notes a reference.
func (n *names) refer(k kind, name string, at Place) {
	n.uses = append(n.uses, use{k, name, at})
}

// resolve looks up the references of a file in what the centre defines.
func (n *names) resolve(centre *names, found *mistakes) {
	for _, u := range n.uses {
		if _, ok := centre.defined[u.kind][u.name]; ok || found.full() {
			continue
		}
		all := make([]string, 0, len(centre.defined[u.kind]))
		for name := range centre.defined[u.kind] {
			all = append(all, name)
		}
		where := plural[u.kind]
		if at, ok := centre.sections[u.kind]; ok {
			where += " at " + at.String()
		} else {
			where += " of " + CentreFile
		}
		found.add(u.at, "%s %s does not exist%s; %s: %s", u.kind, quote(u.name), suggest(u.name, all), where, listed(all))
	}
}
