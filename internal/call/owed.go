package call

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

const (
	// repayEvery is how often the store is told again what it did not take: a blink against a wait, little load for a store that is
	// away.
	repayEvery = 500 * time.Millisecond
	// repayWithin is how long a call that is over goes on telling. It is far more than a store takes to come back; what is left then
	// ends with the node's lease.
	repayWithin = time.Minute
)

// owed is what the store must be told sooner or later, whatever becomes of the call, or an agent would talk for ever and a ghost
// wait: in order, one request for each subject.
type owed struct {
	requests []request
	again    alarm
}

// request is one thing to be told to the store.
type request struct {
	subject string // of requests about the same thing, the newest counts
	do      func(context.Context) error
}

// The subjects of requests; that of an agent's call outside the queues is "outside" with the agent's name.
const (
	aboutPlace = "place" // whether the caller waits
	aboutClaim = "claim" // that a conversation is over
)

// try does one thing in the store within its time; a failure is told and returned.
func (c *Call) try(what string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	err := do(ctx)
	if err != nil {
		c.log.Warn("the queue did not take a request", zap.String("request", what), zap.Error(err))
	}
	return err
}

// tell does one thing in the store, now or later; it replaces what was owed on the same subject.
func (c *Call) tell(subject string, do func(context.Context) error) {
	c.owed.forget(subject)
	if unanswered(c.try(subject, do)) {
		c.owe(subject, do)
	}
}

// owe notes what has to be told later.
func (c *Call) owe(subject string, do func(context.Context) error) {
	c.owed.requests = append(c.owed.requests, request{subject, do})
	c.owed.again.set(repayEvery)
}

// unanswered reports whether a request may have to be made again: a lost race and somebody unknown are answers.
func unanswered(err error) bool {
	return err != nil && !errors.Is(err, routing.ErrLost) && !errors.Is(err, routing.ErrGone)
}

// forget drops what was owed on a subject.
func (o *owed) forget(subject string) {
	kept := o.requests[:0]
	for _, r := range o.requests {
		if r.subject != subject {
			kept = append(kept, r)
		}
	}
	o.requests = kept
}

// repay tells the store what is owed, as far as it listens.
func (c *Call) repay() {
	c.owed.again.stop()
	for len(c.owed.requests) > 0 {
		first := c.owed.requests[0]
		if unanswered(c.try(first.subject, first.do)) {
			c.owed.again.set(repayEvery)
			return
		}
		c.owed.requests = c.owed.requests[1:]
	}
}

// settle repays what is still owed when the call is over: within repayWithin, and not when the node closes, whose lease ends then.
func (c *Call) settle() {
	var enough alarm
	enough.set(repayWithin)
	defer enough.stop()
	defer c.owed.again.stop()
	for len(c.owed.requests) > 0 {
		select {
		case <-c.owed.again.due():
			c.repay()
		case <-enough.due():
			c.log.Error("the queue was not told of a call's end", zap.String("request", c.owed.requests[0].subject))
			return
		case <-c.house.Closing:
			return
		}
	}
}
