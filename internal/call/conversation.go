package call

import (
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/media"
)

// beginFlow answers the call and starts its flow, after the message of an incident where one is due.
func (c *Call) beginFlow(flow string) bool {
	m, message := c.messageDue("", false)
	if refusal, refused := ivr.Refusal(c.plan.Conversation, flow); refused && !message {
		if refusal == ivr.Busy {
			return c.refuse(486, "Busy Here", Ending{Refused, Closed})
		}
		return c.refuse(603, "Decline", Ending{Refused, Closed})
	}
	if !c.answer() {
		return false
	}
	c.machine = ivr.NewMachine(c.plan.Conversation, flow)
	if !message {
		c.startFlow()
		return true
	}
	c.playMessage(m, func() {
		if m.Then == incident.HangUp {
			c.finish(Ending{Message, Incident})
			return
		}
		c.startFlow()
	})
	return true
}

// startFlow lets the flow begin; it knows the keys that were pressed before.
func (c *Call) startFlow() { c.step(ivr.Begin{}) }

// step tells the flow what happened and does what it asks for.
func (c *Call) step(in ivr.Input) {
	if c.over {
		return
	}
	actions := c.machine.Step(in, time.Now())
	for _, a := range actions {
		c.act(a)
	}
}

func (c *Call) act(a ivr.Action) {
	c.patient.stop()
	switch a := a.(type) {
	case ivr.Play:
		c.playPrompts(a.Prompts, func() { c.step(ivr.Played{}) })
	case ivr.Wait:
		c.patient.set(a.For)
	case ivr.Enter:
		c.enterQueue(a.Queue, a.Priority)
	case ivr.End:
		c.logPath(a)
		c.finish(flowEnding(a.Reason, !c.first.IsZero()))
	}
}

// logPath tells the steps that were walked. The machine's own words for them are left out: they name the keys pressed.
func (c *Call) logPath(end ivr.End) {
	visits := c.machine.Trace()
	path := make([]string, len(visits))
	for i, v := range visits {
		path[i] = v.Flow + "." + v.Step
	}
	c.log.Info("the flow ended", zap.String("reason", end.Reason), zap.Strings("path", path))
}

// playPrompts plays recordings one after the other instead of whatever plays, and then goes on. What cannot be played is
// told and left out: a caller is never lost for a recording.
func (c *Call) playPrompts(names []string, then func()) {
	sources := make([]media.Source, 0, len(names))
	for _, name := range names {
		source, err := c.plan.Prompts.Prompt(name)
		if err != nil { // a flow that is no longer configured goes on with its recordings
			source, err = c.began.Prompts.Prompt(name)
		}
		if err != nil {
			c.log.Error("a recording cannot be played", zap.String("prompt", name), zap.Error(err))
			continue
		}
		sources = append(sources, source)
	}
	c.play(sources, then)
}

// play plays instead of whatever plays; then is called when all of it was heard, and not if something else replaces it.
func (c *Call) play(sources []media.Source, then func()) {
	c.playing++
	c.afterPlay = then
	if len(sources) == 0 {
		sources = []media.Source{media.Silence(media.FrameDuration)}
	}
	c.sound.Play(c.playing, sources...)
}

// hush stops what plays; music in the background goes on.
func (c *Call) hush() {
	c.playing++
	c.afterPlay = nil
	c.sound.Stop()
}

// farewell plays a last recording and ends the call; it is said once.
func (c *Call) farewell(prompt string, e Ending) {
	c.leaveQueue(string(e.Reason))
	c.dropParty()
	c.patient.stop()
	if c.sound == nil || c.leaving {
		c.finish(e)
		return
	}
	c.leaving = true
	c.playPrompts([]string{prompt}, func() { c.finish(e) })
}

// onSound handles what the caller's sound reports. It ends with the call; before that only when all sound of the node does.
func (c *Call) onSound(e media.Event, open bool) {
	if !open {
		c.log.Error("the caller's sound has ended")
		c.finish(Ending{Broken, OurFailure})
		return
	}
	switch e := e.(type) {
	case media.Played:
		if e.ID == c.playing && c.afterPlay != nil {
			then := c.afterPlay
			c.afterPlay = nil
			then()
		}
	case media.Digit:
		c.onDigit(e.Digit)
	case media.Silent:
		c.ask()
	}
}

// onDigit hands a key to the flow; while the caller waits or talks it is nobody's.
func (c *Call) onDigit(key byte) {
	if c.machine != nil && c.waiting == nil && c.party == nil && !c.leaving {
		c.step(ivr.Digit{Key: key})
	}
}
