package call

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/sip"
)

// The numbers that an agent's phone dials to pause and to resume; no number of a centre may be one of them.
const (
	PauseNumber  = "*1"
	ResumeNumber = "*2"
)

// DialRing is how long a phone rings that another agent dialled: two of the usual ring times of a queue.
const DialRing = 30 * time.Second

// beginAgent starts what an agent dialled: a pause, a colleague, a queue. Nothing that a phone dials leads outside.
func (c *Call) beginAgent() bool {
	to := c.leg.To()
	switch {
	case to == PauseNumber, to == ResumeNumber:
		return c.beginPause(to == PauseNumber)
	case c.plan.Routing.Agent(to) != nil:
		return c.beginDial(to)
	case c.plan.Routing.Queue(to) != nil:
		if !c.answer() {
			return false
		}
		c.markCalling()
		c.enterQueue(to, 0)
		return true
	default:
		return c.refuse(404, "Not Found", Ending{Refused, Closed})
	}
}

// callingAgent is the agent whose phone began this call, or "".
func (c *Call) callingAgent() string {
	if peer := c.leg.Peer(); peer.Kind == sip.PeerAgent {
		return peer.Name
	}
	return ""
}

// beginPause pauses or resumes the agent and says so.
func (c *Call) beginPause(pause bool) bool {
	if !c.answer() {
		return false
	}
	agent, said := c.callingAgent(), "resumed.wav"
	do := func(ctx context.Context) error { return c.house.Queue.Resume(ctx, agent) }
	if pause {
		said = "paused.wav"
		do = func(ctx context.Context) error { return c.house.Queue.Pause(ctx, agent, "phone") }
	}
	end := Ending{RoutedOut, ByKey}
	if c.try("pause or resume", do) != nil {
		said, end = "apology.wav", Ending{Broken, OurFailure}
	}
	c.farewell(said, end)
	return true
}

// beginDial rings a colleague.
func (c *Call) beginDial(agent string) bool {
	switch c.doing(agent) {
	case routing.Offline:
		return c.refuse(480, "Temporarily Unavailable", Ending{Refused, Unstaffed})
	case routing.Ringing, routing.Talking:
		return c.refuse(486, "Busy Here", Ending{Refused, ByAgent})
	}
	if agent == c.callingAgent() {
		return c.refuse(486, "Busy Here", Ending{Refused, ByAgent})
	}
	if err := c.openSound(); err != nil {
		return c.refuse(503, "Service Unavailable", Ending{Refused, Overload})
	}
	description, err := c.describeCaller()
	if err != nil {
		return c.refuse(488, "Not Acceptable Here", Ending{Refused, NoMedia})
	}
	c.dialled = description
	if err := c.callParty(&party{agent: agent}, c.colleague(), DialRing); err != nil {
		return c.refuse(480, "Temporarily Unavailable", Ending{Refused, ByAgent})
	}
	c.markCalling()
	c.outside(agent, c.info.ID)
	if err := c.leg.Ring(); err != nil {
		c.log.Info("the caller was gone before it rang", zap.Error(err))
	}
	c.info.Agent = agent
	c.become(Ringing)
	return true
}

// colleague is who dials, as the colleague's phone is told: the account that was proved and the person's name of it, whatever the
// dialling phone says of itself.
func (c *Call) colleague() sip.Party {
	agent := c.plan.Routing.Agent(c.callingAgent())
	if agent == nil { // removed since he registered
		return c.leg.From()
	}
	return sip.Party{Number: agent.Name, Display: agent.Display}
}

// doing is what an agent does now; when the queue does not know, his phone will say.
func (c *Call) doing(agent string) routing.State {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	picture, err := c.house.Queue.Picture(ctx)
	if err != nil {
		c.log.Warn("nobody knows what an agent does", zap.String("agent", agent), zap.Error(err))
		return routing.Ready
	}
	state, _, reason := picture.Plan.Agent(agent).Condition(picture.View.Agents[agent], picture.Now)
	if state == routing.Offline && reason != routing.NotRegistered { // without a seat or a queue, but the phone can ring
		return routing.Paused
	}
	return state
}

// dialAnswered answers the dialling phone when its colleague picked up.
func (c *Call) dialAnswered() bool {
	if err := c.leg.Answer(c.dialled); err != nil {
		c.finish(Ending{Abandoned, ByCaller})
		return false
	}
	c.answered = true
	return true
}

// dialFailed tells the dialling phone why its colleague does not answer.
func (c *Call) dialFailed(outcome routing.Outcome) {
	switch outcome {
	case routing.Busy:
		c.refuse(486, "Busy Here", Ending{Refused, ByAgent})
	case routing.Refused:
		c.refuse(603, "Decline", Ending{Refused, ByAgent})
	default:
		c.refuse(480, "Temporarily Unavailable", Ending{Refused, Timeout})
	}
}

// markCalling lets the agent who dialled count as in a call until this one is over.
func (c *Call) markCalling() {
	c.marked = true
	c.outside(c.callingAgent(), c.info.ID)
}

// outside says that an agent is in a call outside the queues, or no longer (call "").
func (c *Call) outside(agent, call string) {
	c.tell("outside "+agent, func(ctx context.Context) error { return c.house.Queue.Outside(ctx, agent, call) })
}
