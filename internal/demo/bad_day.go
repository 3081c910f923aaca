package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

const (
	// late is how far into the recall message what was recognised may begin: a stall of a loaded machine breaks what is heard
	// in two, and the longer part counts.
	late = 1500 * time.Millisecond

	// lastWords is the stretch of the message that tells that it was heard to its end.
	lastWords = 4 * time.Second
)

// recallSeats is how many seats there are during the recall: incidents.yaml adds ten.
const recallSeats = seats + 10

// recall: the officer flips the switch. Who waits hears the message, and so does the next who calls; orders overflows.
func (s *story) recall(ctx context.Context) bool {
	st := s.stage
	for _, c := range s.waiting() {
		c.call.Ear().Forget()
	}
	saved := time.Now()
	if !s.check("officer", `changes "active: false" to "active: true" and saves`, s.flip(st.dir, true)) {
		return false
	}
	informed := s.each(s.waiting(), func(c *caller) (string, error) {
		err := s.informed(ctx, c, saved)
		return measured(err, "hears the recall message from its beginning", "%s after the save", c.message), err
	})
	if !informed {
		return false
	}
	sentence, err := st.incidentIs(ctx, sample.Recall, true, "played to 3 waiting")
	s.check("node", "says: "+sentence, err)
	if !s.spilled(ctx) || !s.newCaller(ctx) {
		return false
	}
	s.check(s.mia.name, "talks with alice all the while, and hears no message", errors.Join(
		st.never(s.mia.call, st.sounds.recall), st.bothHear(ctx, s.mia, s.alice)))
	return s.enough(ctx)
}

// informed waits until a caller has heard the recall message from its beginning, and notes how long after a moment it came.
func (s *story) informed(ctx context.Context, c *caller, since time.Time) error {
	recall := s.stage.sounds.recall
	h, err := s.stage.hears(ctx, c.call, recall)
	if err != nil {
		return err
	}
	c.informed, c.message = true, h.First.Sub(since)
	if lead := phone.Correlate(recall.pcm, recall.pcm).From; h.From > lead+late {
		return fmt.Errorf("heard it, but without its first %v", h.From)
	}
	return nil
}

// newCaller: the next who calls hears the message before anything else.
func (s *story) newCaller(ctx context.Context) bool {
	ruth := s.ruth
	ruth.fresh = true
	dialled := time.Now()
	if !s.check(ruth.name, "calls during the recall", ruth.dial(ctx)) {
		return false
	}
	err := s.informed(ctx, ruth, dialled)
	if err == nil {
		err = s.stage.never(ruth.call, s.stage.sounds.welcome)
	}
	return s.check(ruth.name, measured(err, "hears the recall message before anything else", "%s after dialling", ruth.message), err)
}

// spilled: orders overflows into support, and dave answers who has waited longest.
func (s *story) spilled(ctx context.Context) bool {
	st := s.stage
	s.check("support", "is offered the callers of orders who waited over 3s",
		st.queueIs(ctx, "support", func(q ops.Queue) bool { return q.OverflowedIn > 0 }))
	return s.rings(ctx, s.dave, s.noah) && s.talk(ctx, s.noah, s.dave)
}

// enough: who knows all that he wanted hangs up.
func (s *story) enough(ctx context.Context) bool {
	leo := s.leo
	_, err := s.stage.hears(ctx, leo.call, s.stage.sounds.recall.ending(lastWords))
	if err == nil {
		_, err = s.stage.hears(ctx, leo.call, s.stage.sounds.music)
	}
	s.check(leo.name, "hears the message to its end, and then the music again", err)
	leo.waited = time.Since(leo.pressed)
	return s.check(leo.name, "knows all that he wanted to know, and hangs up", leo.hangUp(ctx))
}

// moreHands: reserve agents sign in, find seats that the recall added, and answer.
func (s *story) moreHands(ctx context.Context) bool {
	st, ruth := s.stage, s.ruth
	greeting, err := st.greeted(ctx, ruth.call)
	s.check(ruth.name, greeting+" after the message", err)
	if !s.check(ruth.name, "presses 1 for orders", ruth.wantsOrders()) {
		return false
	}
	_, err = st.hears(ctx, ruth.call, st.sounds.music)
	s.check(ruth.name, "hears the music, and the message no second time", errors.Join(err, st.never(ruth.call, st.sounds.recall)))
	for _, a := range s.reserves() {
		if !s.check(a.name, "signs in", a.signIn(ctx)) {
			return false
		}
	}
	s.check("seats", fmt.Sprintf("%d of %d are taken: the recall added ten", seats+2, recallSeats), st.seatsAre(ctx, seats+2, recallSeats))
	unserved := []*caller{s.priya, ruth}
	for _, a := range s.reserves() {
		c, err := a.rung(ctx, unserved...)
		if !s.check(a.name, "the phone rings for orders", err) || !s.talk(ctx, c, a) {
			return false
		}
		unserved = slices.DeleteFunc(unserved, func(other *caller) bool { return other == c })
	}
	return s.goodbye(ctx, s.noah, s.dave)
}

// reserves are the agents of the bad day.
func (s *story) reserves() []*agent { return []*agent{s.first, s.second} }

// allAsBefore: the recall is switched off in the file. What it changed goes back, and who talks may finish.
func (s *story) allAsBefore(ctx context.Context) bool {
	st := s.stage
	if !s.check("officer", `changes "active: true" to "active: false" and saves`, s.flip(st.dir, false)) {
		return false
	}
	sentence, err := st.incidentIs(ctx, sample.Recall, false, "OFF")
	s.check("node", "says: "+sentence, err)
	s.check("seats", fmt.Sprintf("are %d again; the reserves keep theirs until their calls are over", seats), st.seatsAre(ctx, seats+2, seats))
	for _, a := range s.reserves() {
		c := s.servedBy(a)
		s.check(a.name, "talks on with "+c.name, st.bothHear(ctx, c, a))
		s.goodbye(ctx, c, a)
		s.check(a.name, "is offline again: without the recall it has no queue", st.agentIs(ctx, a.name, "offline", "no-queue"))
	}
	s.check("seats", fmt.Sprintf("%d of %d are taken", seats, seats), st.seatsAre(ctx, seats, seats))
	return s.nextCaller(ctx)
}

// servedBy is the caller whom an agent answered.
func (s *story) servedBy(a *agent) *caller {
	all := s.callers()
	return all[slices.IndexFunc(all, func(c *caller) bool { return c.agent == a.name })]
}

// longEnough is a wait that the recall's overflow would have noticed, and that of an ordinary day does not.
const longEnough = 4 * time.Second

// nextCaller: who calls after the recall hears no message and is not offered to support; he waits for alice as ever.
func (s *story) nextCaller(ctx context.Context) bool {
	st, omar := s.stage, s.omar
	if !s.check(omar.name, "calls after the recall", omar.dial(ctx)) {
		return false
	}
	greeting, err := st.greeted(ctx, omar.call)
	s.check(omar.name, greeting+" at once, and no message", errors.Join(err, st.never(omar.call, st.sounds.recall)))
	if !s.check(omar.name, "presses 1 for orders", omar.wantsOrders()) {
		return false
	}
	_, err = st.hears(ctx, omar.call, st.sounds.music)
	s.check(omar.name, "hears the music, and no message", errors.Join(err, st.never(omar.call, st.sounds.recall)))
	s.check(omar.name, "has waited over "+longEnough.String(),
		st.queueIs(ctx, "orders", func(q ops.Queue) bool { return time.Duration(q.LongestWait) > longEnough }))
	s.check(s.dave.name, "is free, and is not rung", errors.Join(st.agentIs(ctx, s.dave.name, "ready", ""), s.dave.idle()))
	s.goodbye(ctx, s.mia, s.alice)
	if !s.rings(ctx, s.alice, omar) || !s.talk(ctx, omar, s.alice) {
		return false
	}
	return s.goodbye(ctx, omar, s.alice)
}
