package ivr

import "time"

// explained bounds the inputs of a walk that Explain takes; flows may well go in circles with prompts in them.
const explained = 1000

// Explain walks a flow as a caller would who presses the given keys, one at each menu, and hears everything else to its end. It
// returns the steps and the Action that the walk comes to: Enter, End, or nil when the walk goes on for ever or one of the keys is none.
func Explain(plan *Plan, flow, keys string, now time.Time) ([]Visit, Action) {
	m := NewMachine(plan, flow)
	var in Input = Begin{}
	for range explained {
		actions := m.Step(in, now)
		if len(actions) == 0 {
			return m.Trace(), nil
		}
		switch a := actions[0].(type) {
		case Play:
			in = Played{}
			if m.phase == prompting && keys != "" {
				in, keys = Digit{Key: keys[0]}, keys[1:]
			}
		case Wait:
			in = Expired{}
		default:
			return m.Trace(), a
		}
	}
	return m.Trace(), nil
}
