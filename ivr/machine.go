package ivr

import (
	"fmt"
	"time"
)

// typeAhead is how many keys are kept for menus to come; the rest is lost. More than any path of menus is long.
const typeAhead = 32

// silence is how many steps a Machine takes at one stretch without the caller hearing a prompt or pressing a key. Plan.Loops finds
// the flows that would go on for ever; this stops what is left.
const silence = 100

// visits is how many visits a Machine remembers, the newest.
const visits = 200

// Visit is one step that was walked through, for logs and for `spillway explain`.
type Visit struct {
	Flow string
	Step string
	Why  string // how the walk came here: "key 1", "open (office)", "queue orders: full"
}

// phase is what a Machine waits for.
type phase int

const (
	unbegun   phase = iota // Begin
	playing                // Played, of a play step
	prompting              // a key or Played, of a menu
	choosing               // a key or Expired, of a menu
	queueing               // Left
	sorry                  // Played, of the apology
	ended                  // nothing more
)

// Machine walks one caller through a flow. It belongs to one call and is not safe for concurrent use.
//
// Keys pressed while a play step is heard do not cut it: they are kept and answer the menus that follow, at once, without their
// prompts. A kept key that a menu does not know is dropped and costs no try, since the caller had not heard the question. Keys
// pressed while a menu's prompt plays count at once. What was kept is forgotten when the caller enters a queue.
type Machine struct {
	plan   *Plan
	begin  string // the flow to begin with
	flow   string // where the walk is
	step   *Step
	phase  phase
	tries  int    // how often the present menu's prompt was played
	kept   []byte // keys pressed before the menu that they are for
	quiet  int    // steps since the caller last heard a prompt or pressed a key
	reason string // what End will say
	trace  []Visit
}

// NewMachine returns a Machine that will walk the named flow of a plan.
func NewMachine(plan *Plan, flow string) *Machine {
	return &Machine{plan: plan, begin: flow, reason: Timeout}
}

// Step takes what happened and returns what to do next: one Action, or none to go on as before. An input that nothing waits for
// is ignored. Hours are judged by now.
func (m *Machine) Step(in Input, now time.Time) []Action {
	switch in := in.(type) {
	case Begin:
		if m.phase == unbegun {
			return m.enter(m.begin, Start, "start", now)
		}
	case Digit:
		return m.digit(in.Key, now)
	case Played:
		return m.played(now)
	case Expired:
		if m.phase == choosing {
			return m.unanswered("", now)
		}
	case Left:
		if m.phase == queueing {
			return m.left(in.Reason, now)
		}
	}
	return nil
}

// Trace returns the steps walked so far, of very long walks the newest.
func (m *Machine) Trace() []Visit { return append([]Visit(nil), m.trace...) }

// enter goes to a step of a flow and on from there until something is to be done.
func (m *Machine) enter(flow, step, why string, now time.Time) []Action {
	for {
		if m.quiet++; m.quiet > silence {
			return m.end(Normal, Internal)
		}
		f := m.plan.Flows[flow]
		if f == nil || f.Steps[step] == nil {
			return m.end(Normal, Internal)
		}
		m.flow, m.step = flow, f.Steps[step]
		m.visit(Visit{Flow: flow, Step: step, Why: why})
		s := m.step
		switch {
		case s.Play != "":
			m.phase = playing
			return []Action{Play{Prompts: []string{s.Play}}}
		case s.Menu != nil:
			key, found := m.recall(s.Menu)
			if !found {
				m.tries = 0
				return m.ask(s.Menu.Prompt)
			}
			m.quiet, m.reason = 0, ByKey
			step, why = s.Menu.Keys[key], fmt.Sprintf("key %c, pressed before", key)
		case s.When != nil:
			step, why = m.judge(s, now)
		case s.Queue != nil:
			m.phase, m.kept = queueing, nil
			return []Action{Enter{Queue: s.Queue.Queue, Priority: s.Queue.Priority}}
		case s.Flow != "":
			flow, step, why = s.Flow, Start, "flow "+flow
		case s.Hangup != "":
			return m.end(s.Hangup, m.reason)
		default:
			return m.end(Normal, Internal)
		}
		if step == "" {
			return m.end(Normal, m.reason)
		}
	}
}

// judge decides a when step.
func (m *Machine) judge(s *Step, now time.Time) (next, why string) {
	hours, zone := m.plan.Hours[s.When.Hours], m.plan.Zone
	if zone == nil {
		zone = time.UTC
	}
	if hours != nil && hours.Open(now, zone) {
		return s.Then, fmt.Sprintf("open (%s)", s.When.Hours)
	}
	m.reason = Outside
	return s.Else, fmt.Sprintf("closed (%s)", s.When.Hours)
}

// recall takes keys pressed before the menu until one answers it.
func (m *Machine) recall(menu *Menu) (key byte, found bool) {
	for len(m.kept) > 0 {
		key, m.kept = m.kept[0], m.kept[1:]
		if _, found = menu.Keys[key]; found {
			return key, true
		}
	}
	return 0, false
}

// ask plays the present menu's prompts and counts the try.
func (m *Machine) ask(prompts ...string) []Action {
	m.tries++
	m.phase = prompting
	return []Action{Play{Prompts: prompts}}
}

// digit takes a key: an answer to a menu, or one kept for a menu to come.
func (m *Machine) digit(key byte, now time.Time) []Action {
	if (key < '0' || key > '9') && key != '*' && key != '#' {
		return nil
	}
	switch m.phase {
	case unbegun, playing:
		if len(m.kept) < typeAhead {
			m.kept = append(m.kept, key)
		}
		return nil
	case prompting, choosing:
		m.quiet = 0
		next, known := m.step.Menu.Keys[key]
		if !known {
			return m.unanswered(m.step.Menu.Invalid, now)
		}
		m.reason = ByKey
		return m.follow(next, fmt.Sprintf("key %c", key), now)
	default:
		return nil
	}
}

// played goes on after sound that was heard to its end.
func (m *Machine) played(now time.Time) []Action {
	switch m.phase {
	case playing:
		m.quiet = 0
		return m.follow(m.step.Then, "then", now)
	case prompting:
		m.quiet = 0
		m.phase = choosing
		return []Action{Wait{For: m.step.Menu.Wait}}
	case sorry:
		return m.end(Normal, m.reason)
	default:
		return nil
	}
}

// unanswered asks again after a try without a usable key, or gives up after the last. invalid is what to say first, or "".
func (m *Machine) unanswered(invalid string, now time.Time) []Action {
	menu := m.step.Menu
	switch {
	case m.tries >= menu.Tries:
		m.reason = Timeout
		return m.follow(m.step.Else, fmt.Sprintf("no usable key (%d of %d tries)", m.tries, menu.Tries), now)
	case invalid != "":
		return m.ask(invalid, menu.Prompt)
	default:
		return m.ask(menu.Prompt)
	}
}

// left goes on after a queue that gave the caller no agent.
func (m *Machine) left(reason string, now time.Time) []Action {
	m.reason = reason
	if m.step.Else == "" {
		m.phase = sorry
		return []Action{Play{Prompts: []string{Apology}}}
	}
	return m.follow(m.step.Else, fmt.Sprintf("queue %s: %s", m.step.Queue.Queue, reason), now)
}

// follow goes to another step of the present flow; "" ends the call.
func (m *Machine) follow(step, why string, now time.Time) []Action {
	if step == "" {
		return m.end(Normal, m.reason)
	}
	return m.enter(m.flow, step, why, now)
}

// end ends the call.
func (m *Machine) end(hangup Hangup, reason string) []Action {
	m.phase = ended
	return []Action{End{Hangup: hangup, Reason: reason}}
}

// visit remembers a step.
func (m *Machine) visit(v Visit) {
	if len(m.trace) == visits {
		m.trace = append(m.trace[:0], m.trace[1:]...)
	}
	m.trace = append(m.trace, v)
}

// Refusal reports whether a flow refuses a call before it is answered, and how: its first step is a hangup of Busy or Decline.
func Refusal(plan *Plan, flow string) (Hangup, bool) {
	f := plan.Flows[flow]
	if f == nil || f.Steps[Start] == nil {
		return "", false
	}
	h := f.Steps[Start].Hangup
	return h, h == Busy || h == Decline
}
