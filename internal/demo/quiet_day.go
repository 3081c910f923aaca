package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/sample"
)

// ordinaryDay: a caller presses 1, hears music, reaches alice.
func (s *story) ordinaryDay(ctx context.Context) bool {
	st, mia := s.stage, s.mia
	if !s.signsIn(ctx, s.alice, "orders") || !s.signsIn(ctx, s.dave, "support") {
		return false
	}
	s.check("seats", fmt.Sprintf("%d of %d are taken", seats, seats), st.seatsAre(ctx, seats, seats))
	if !s.check(mia.name, "dials "+sample.MainNumber+" and is answered", mia.dial(ctx)) {
		return false
	}
	greeting, err := st.greeted(ctx, mia.call)
	s.check(mia.name, greeting, err)
	if !s.check(mia.name, "presses 1 for orders", mia.wantsOrders()) || !s.rings(ctx, s.alice, mia) {
		return false
	}
	_, err = st.hears(ctx, mia.call, st.sounds.music)
	s.check(mia.name, "hears the music while it rings", err)
	return s.talk(ctx, mia, s.alice)
}

// signsIn registers an agent and waits until a caller could reach him.
func (s *story) signsIn(ctx context.Context, a *agent, queue string) bool {
	err := a.signIn(ctx)
	if err == nil {
		err = s.stage.agentIs(ctx, a.name, "ready", "")
	}
	return s.check(a.name, "signs in and is ready for "+queue, err)
}

// rings waits until an agent's phone rings for a caller.
func (s *story) rings(ctx context.Context, a *agent, c *caller) bool {
	_, err := a.rung(ctx, c)
	return s.check(a.name, "the phone rings: it is "+c.name, err)
}

// talk answers the call that rings at an agent, and lets both hear each other.
func (s *story) talk(ctx context.Context, c *caller, a *agent) bool {
	err := a.pickUp(ctx)
	if err == nil {
		c.waited, c.agent = time.Since(c.pressed), a.name
		err = s.stage.bothHear(ctx, c, a)
	}
	after := ""
	if err == nil {
		after = ", who waited " + short(c.waited)
	}
	return s.check(a.name, fmt.Sprintf("answers %s%s; both hear each other (%d and %d Hz)", c.name, after, c.tone, a.tone), err)
}

// goodbye ends a conversation from the caller's side, which must end the agent's.
func (s *story) goodbye(ctx context.Context, c *caller, a *agent) bool {
	err := c.hangUp(ctx)
	if err == nil {
		err = a.released(ctx)
	}
	return s.check(c.name, "says goodbye; the phone of "+a.name+" is free again", err)
}

// waiting are those who wait when the recall comes, in the order of the queue.
func (s *story) waiting() []*caller { return []*caller{s.noah, s.priya, s.leo} }

// busyPhones: alice talks, so the next three wait for orders, though dave of support is free.
func (s *story) busyPhones(ctx context.Context) bool {
	st := s.stage
	answered := s.each(s.waiting(), func(c *caller) (string, error) {
		if err := c.dial(ctx); err != nil {
			return "calls and is answered", err
		}
		greeting, err := st.greeted(ctx, c.call)
		return "calls and " + greeting, err
	})
	if !answered {
		return false
	}
	for _, c := range s.waiting() { // one after the other, so that Noah is the first in the queue
		err := c.wantsOrders()
		if err == nil {
			err = st.callIs(ctx, c.number, ops.CallWaiting)
		}
		if !s.check(c.name, "presses 1 for orders and waits", err) {
			return false
		}
	}
	s.each(s.waiting(), func(c *caller) (string, error) {
		_, err := st.hears(ctx, c.call, st.sounds.music)
		return "hears the music", err
	})
	s.check("orders", "has 3 callers waiting", st.queueIs(ctx, "orders", func(q ops.Queue) bool { return q.Waiting == 3 }))
	s.check(s.dave.name, "is free all the while, and is not rung: orders is not his", s.dave.idle())
	return true
}

// slip: a typo is saved. Nothing changes, and the node says where it is.
func (s *story) slip(ctx context.Context) bool {
	st := s.stage
	s.tell.say("officer", "wants to switch the recall on, types %q and saves", typo.to)
	if err := typo.save(st.dir); err != nil {
		return s.check("officer", "saves "+typo.file, err)
	}
	told, err := st.configError(ctx, true)
	if err == nil && (told.File != config.IncidentsFile || told.Line == 0 || told.Column == 0) {
		err = errors.New("it says only: " + mistake(told))
	}
	s.check("node", "says where the mistake is", err)
	if told != nil {
		s.tell.say("node", "%s", mistake(told))
	}
	_, err = st.incidentIs(ctx, sample.Recall, false, "")
	s.check("recall", "is off as before", err)
	s.each(s.waiting(), func(c *caller) (string, error) {
		c.call.Ear().Forget()
		_, err := st.hears(ctx, c.call, st.sounds.music)
		return "still hears the music", err
	})
	if err := typo.undone().save(st.dir); err != nil {
		return s.check("officer", "saves "+typo.file, err)
	}
	_, err = st.configError(ctx, false)
	return s.check("officer", "takes it back; no mistake is left", err)
}
