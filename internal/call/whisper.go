package call

import (
	"time"

	"go.uber.org/zap"
)

// longestWhisper is how long an agent may be kept from the caller who waits for him: two sentences.
const longestWhisper = 10 * time.Second

// whispered is the id of what plays to an agent; there is nothing else.
const whispered = 1

// whisper plays to the agent who picked up what the queue has for him before he hears the caller, who goes on hearing the
// music; false when there is nothing to play. The agent is taken, and the wait over, from the pick-up on; the caller counts as
// answered when the two are joined.
func (c *Call) whisper() bool {
	name := c.plan.Conversation.Waiting[c.info.Queue].Whisper
	if name == "" || c.party.dialled() {
		return false
	}
	source, err := c.plan.Prompts.Prompt(name)
	if err != nil {
		c.log.Error("a whisper cannot be played", zap.String("prompt", name), zap.Error(err))
		return false
	}
	c.party.sound.Play(whispered, source)
	c.party.ring.set(longestWhisper)
	return true
}

// whispering reports whether an agent has picked up and does not hear the caller yet.
func (c *Call) whispering() bool { return c.party != nil && c.party.leg != nil && !c.party.joined }

// cutWhisper joins the two although the agent has not heard all.
func (c *Call) cutWhisper() {
	c.party.sound.Stop()
	c.connect()
}
