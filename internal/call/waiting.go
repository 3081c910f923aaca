package call

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/routing"
)

// ShortAbandon is the wait up to which hanging up is no verdict on the service: the caller never meant to wait
// (field default: 5 s).
const ShortAbandon = 5 * time.Second

// waiting is what a call knows while it is in a queue.
type waiting struct {
	queue    string
	entered  time.Time
	place    int // in the home queue, from 1; 0: not told yet
	notices  <-chan dispatch.Notice
	announce alarm
}

// enterQueue lets the caller wait for an agent. The place is taken first; what he hears comes second.
func (c *Call) enterQueue(name string, priority int) {
	c.hush()
	m, message := c.messageDue(name, false)
	if message && m.Then == incident.HangUp {
		c.playMessage(m, func() { c.finish(Ending{Message, Incident}) })
		return
	}
	c.priority = priority
	if err := c.join(name, c.house.Queue.Enter); err != nil {
		c.log.Warn("no place in the queue", zap.String("queue", name), zap.Error(err))
		c.noAgent(string(whyNot(err)))
		return
	}
	c.music()
	if message {
		c.tellWaiting(m)
	}
}

// join takes a place in the queue, with the first entry of this visit.
func (c *Call) join(queue string, enter func(context.Context, routing.Caller) (<-chan dispatch.Notice, error)) error {
	if c.first.IsZero() {
		c.first = c.house.Queue.Now()
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	notices, err := enter(ctx, routing.Caller{Call: c.info.ID, Number: c.info.From, Queue: queue,
		Priority: c.priority, FirstEntry: c.first})
	if err != nil {
		return err
	}
	c.waiting = &waiting{queue: queue, entered: time.Now(), notices: notices}
	if first := c.plan.Conversation.Waiting[queue].First; first > 0 {
		c.waiting.announce.set(first)
	}
	c.info.Queue = queue
	c.become(Waiting)
	return nil
}

// whyNot is the reason for which a queue did not take a caller.
func whyNot(err error) Reason {
	switch {
	case errors.Is(err, routing.ErrFull):
		return Full
	case errors.Is(err, routing.ErrClosed):
		return Closed
	default:
		return OurFailure
	}
}

// music plays the queue's music below whatever else is said; without it, silence that keeps the line alive.
func (c *Call) music() {
	name := c.plan.Conversation.Waiting[c.info.Queue].Music
	if name == "" {
		c.sound.Background(nil)
		return
	}
	source, err := c.plan.Prompts.Music(name)
	if err != nil {
		c.log.Error("music cannot be played", zap.String("prompt", name), zap.Error(err))
	}
	c.sound.Background(source)
}

// tellWaiting plays an incident's message to a caller who waits, over the music.
func (c *Call) tellWaiting(m due) {
	c.house.Told(m.Incident)
	c.playMessage(m, func() {})
}

// onPlan takes note of a new plan: who waits hears the message of an incident that has just begun.
func (c *Call) onPlan() {
	if c.waiting == nil {
		return
	}
	if m, ok := c.messageDue(c.waiting.queue, true); ok {
		c.tellWaiting(m)
	}
}

// announce says the caller's place, unless something else is being said, and sets the next time.
func (c *Call) announce() {
	w := c.waiting
	rules := c.plan.Conversation.Waiting[w.queue]
	w.announce.stop()
	if rules.Every > 0 {
		w.announce.set(rules.Every)
	}
	if c.afterPlay != nil || len(rules.Say) == 0 {
		return
	}
	if w.place > 0 {
		c.playPrompts(c.plan.Prompts.Position(w.place), func() {})
	}
}

func (c *Call) announceDue() <-chan time.Time {
	if c.waiting == nil {
		return nil
	}
	return c.waiting.announce.due()
}

func (c *Call) notices() <-chan dispatch.Notice {
	if c.waiting == nil {
		return nil
	}
	return c.waiting.notices
}

// onNotice handles what the dispatcher says of a caller who waits.
func (c *Call) onNotice(n dispatch.Notice) {
	switch n := n.(type) {
	case dispatch.Offered:
		c.ring(n)
	case dispatch.Withdrawn:
		c.onWithdrawn(n)
	case dispatch.Moved:
		c.waiting.place = n.Position
		c.info.Position = n.Position
		c.publish()
	case dispatch.Ended:
		c.stopWaiting()
		c.dropParty()
		c.hush()
		c.sound.Background(nil)
		c.info.Agent = ""
		c.become(InIVR)
		c.noAgent(n.Reason)
	}
}

// noAgent goes on after a queue step that ended without an agent: by the flow, or with an apology where none led here.
func (c *Call) noAgent(reason string) {
	if c.machine == nil {
		c.farewell("apology.wav", flowEnding(reason, !c.first.IsZero()))
		return
	}
	c.step(ivr.Left{Reason: reason})
}

// leaveQueue takes the caller out of the queue, if he is in one.
func (c *Call) leaveQueue(reason string) {
	if c.waiting == nil {
		return
	}
	c.stopWaiting()
	c.request("leave", func(ctx context.Context) error { return c.house.Queue.Leave(ctx, c.info.ID, reason) })
}

// stopWaiting forgets the queue; the store has let go of the caller, or is told by whoever calls.
func (c *Call) stopWaiting() {
	c.waiting.announce.stop()
	c.waiting = nil
	c.info.Position = 0
}

// request does one thing in the store within its time, and tells a failure: the call goes on in any case.
func (c *Call) request(what string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	if err := do(ctx); err != nil {
		c.log.Warn("the queue refused a request", zap.String("request", what), zap.Error(err))
	}
}

// abandonment is the ending of a caller who hung up; see finish for one who has spoken with an agent.
func (c *Call) abandonment() Ending {
	switch {
	case c.served:
		return Ending{Answered, ByCaller}
	case c.waiting != nil && time.Since(c.waiting.entered) <= ShortAbandon:
		return Ending{Abandoned, Short}
	case c.waiting == nil && !c.told.IsZero():
		return Ending{Message, ByCaller}
	default:
		return Ending{Abandoned, ByCaller}
	}
}
