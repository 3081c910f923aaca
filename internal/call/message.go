package call

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/media"
)

// messageDue returns the message that this caller should hear now: at the answer (queue ""), at the entry of a queue, or while he
// waits in it. One message is played per call, unless a later incident starts during it.
func (c *Call) messageDue(queue string, waits bool) (incident.Message, bool) {
	now := time.Now()
	m, ok := incident.MessageFor(c.plan.Board, incident.Facts{Number: c.info.To, Queue: queue, Waiting: waits}, now)
	if !ok || c.house.Heard.Has(c.info.From, m.Sound) {
		return m, false
	}
	if !c.told.IsZero() && !c.plan.Board.Revisions[m.Incident].Start.After(c.told) {
		return m, false
	}
	return m, true
}

// playMessage plays an incident's message instead of whatever plays, remembers who has heard it once it was heard to its
// end, and goes on.
func (c *Call) playMessage(m incident.Message, then func()) {
	c.told = time.Now()
	c.info.Incidents = append(slices.Clip(c.info.Incidents), m.Incident) // a copy: others read the old one
	c.publish()
	revision := c.plan.Board.Revisions[m.Incident]
	c.log.Info("playing an incident's message", zap.String("incident", m.Incident), zap.Int("revision", revision.Number), zap.String("why", m.Why))
	source, err := c.plan.Prompts.Message(m.Sound)
	if err != nil {
		c.log.Error("an incident's message cannot be played", zap.String("incident", m.Incident), zap.Error(err))
		then()
		return
	}
	c.play([]media.Source{source}, func() {
		c.house.Heard.Add(incident.Hearing{Caller: c.info.From, Sound: m.Sound, Incident: m.Incident})
		then()
	})
}
