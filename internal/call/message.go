package call

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/media"
)

// due is an incident's message that a caller should hear now, with its sound.
type due struct {
	incident.Message
	source media.Source
}

// messageDue returns the message that this caller should hear now: at the answer (queue ""), at the entry of a queue, or while he
// waits in it. One message is played per call, unless a later incident starts during it, and the same content never twice, but
// for one that ends the call: who calls again is told again, and not let in. A message without its recording is told and not
// due: nobody is hung up on without a word.
func (c *Call) messageDue(queue string, waits bool) (due, bool) {
	now := time.Now()
	m, ok := incident.MessageFor(c.plan.Board, incident.Facts{Number: c.info.To, Queue: queue, Waiting: waits}, now)
	if !ok || m.Then != incident.HangUp && (slices.Contains(c.messages, m.Sound) || c.house.Heard.Has(c.info.From, m.Sound)) {
		return due{}, false
	}
	if !c.told.IsZero() && !c.plan.Board.Revisions[m.Incident].Start.After(c.told) {
		return due{}, false
	}
	source, err := c.plan.Prompts.Message(m.Sound)
	if err != nil {
		c.log.Error("an incident's message cannot be played", zap.String("incident", m.Incident), zap.Error(err))
		return due{}, false
	}
	return due{m, source}, true
}

// playMessage plays an incident's message instead of whatever plays, remembers who has heard it once it was heard to its
// end, and goes on.
func (c *Call) playMessage(m due, then func()) {
	c.told = time.Now()
	c.messages = append(c.messages, m.Sound)
	c.info.Incidents = append(slices.Clip(c.info.Incidents), m.Incident) // a copy: others read the old one
	c.publish()
	revision := c.plan.Board.Revisions[m.Incident]
	c.log.Info("playing an incident's message", zap.String("incident", m.Incident), zap.Int("revision", revision.Number), zap.String("why", m.Why))
	c.play([]media.Source{m.source}, func() {
		c.house.Heard.Add(incident.Hearing{Caller: c.info.From, Sound: m.Sound, Incident: m.Incident})
		then()
	})
}
