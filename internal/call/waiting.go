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
	entered  time.Time // by this node's clock
	place    int       // in the home queue, from 1; 0: not told yet
	notices  <-chan dispatch.Notice
	announce alarm
}

// entering is how a caller comes into a queue: Queue.Enter or Queue.Return.
type entering func(context.Context, routing.Caller) (<-chan dispatch.Notice, error)

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
		c.log.Info("no place in the queue", zap.String("queue", name), zap.Error(err))
		c.noAgent(string(whyNot(err)))
		return
	}
	c.music()
	if message {
		c.tellWaiting(m)
	}
}

// join lets the caller wait in a queue, with the first entry of this visit. An error is the queue's own, which takes no more callers.
func (c *Call) join(queue string, enter entering) error {
	stamp := c.house.Queue.Now()
	if c.first.IsZero() {
		c.first = stamp
	}
	c.waiting = &waiting{queue: queue, entered: time.Now()}
	if err := c.takePlace(enter, stamp); err != nil {
		c.stopWaiting()
		return err
	}
	if first := c.plan.Conversation.Waiting[queue].First; first > 0 {
		c.waiting.announce.set(first)
	}
	c.info.Queue = queue
	c.become(Waiting)
	return nil
}

// takePlace asks the store for the caller's place. A store that does not answer ends no call: the caller waits, with his music, and the
// dispatcher tells it again, with the time at which he came.
func (c *Call) takePlace(enter entering, stamp time.Time) error {
	w := c.waiting
	c.owed.forget(aboutPlace) // that he left the queue before this one
	err := c.try("enter", func(ctx context.Context) (err error) {
		w.notices, err = enter(ctx, routing.Caller{Call: c.info.ID, Number: c.info.From, Queue: w.queue,
			Priority: c.priority, FirstEntry: c.first, Entered: stamp})
		return err
	})
	if errors.Is(err, routing.ErrFull) || errors.Is(err, routing.ErrClosed) {
		return err
	}
	return nil
}

// whyNot is the reason for which a queue takes no more callers.
func whyNot(err error) Reason {
	if errors.Is(err, routing.ErrFull) {
		return Full
	}
	return Closed
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

// announceLater is when a place is said that could not be said in its time: after most messages.
const announceLater = 10 * time.Second

// announce says the caller's place, and sets the next time; while something else is being said, it comes a little later.
func (c *Call) announce() {
	w := c.waiting
	rules := c.plan.Conversation.Waiting[w.queue]
	w.announce.stop()
	if rules.Every > 0 {
		w.announce.set(rules.Every)
	}
	switch {
	case len(rules.Say) == 0:
	case c.afterPlay != nil || w.place == 0:
		w.announce.set(announceLater)
	default:
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
		c.waitOver(n.Reason)
	}
}

// waitOver goes on after a wait without an agent.
func (c *Call) waitOver(reason string) {
	c.dropParty()
	c.hush()
	c.sound.Background(nil)
	c.info.Agent = ""
	c.become(InIVR)
	c.noAgent(reason)
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
	c.tell(aboutPlace, func(ctx context.Context) error { return c.house.Queue.Leave(ctx, c.info.ID, reason) })
}

// stopWaiting forgets the queue; the store has let go of the caller, or is told by whoever calls.
func (c *Call) stopWaiting() {
	c.waiting.announce.stop()
	c.waiting = nil
	c.info.Position = 0
}

// abandonment is the ending of a caller who hung up; see finish for one who has spoken with an agent.
func (c *Call) abandonment() Ending {
	switch {
	case c.served:
		return Ending{Answered, ByCaller}
	case c.whispering():
		return Ending{Abandoned, ByCaller}
	case c.waiting != nil && time.Since(c.waiting.entered) <= ShortAbandon:
		return Ending{Abandoned, Short}
	case c.waiting == nil && !c.told.IsZero():
		return Ending{Message, ByCaller}
	default:
		return Ending{Abandoned, ByCaller}
	}
}
