package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
)

// registered is for how long the agents' phones ask to be registered: longer than any demo.
const registered = time.Hour

// caller is somebody who rings the kettle shop. It belongs to whoever plays the part: the story's goroutine, or one that it has
// started and waits for.
type caller struct {
	name   string
	number string // of those that are kept free for fiction
	tone   int    // Hz: the voice
	phone  *phone.Phone
	call   *phone.Call

	pressed  time.Time     // when the key for orders was pressed
	waited   time.Duration // from there to the agent's answer, or to hanging up
	message  time.Duration // from the save, or for a new caller from dialling, to the first sound of the recall message
	informed bool          // heard the recall message
	fresh    bool          // called when the recall was on
	agent    string        // who answered
	left     bool          // hung up
}

// agent is somebody who serves the shop's callers.
type agent struct {
	name  string // the account
	tone  int    // Hz: the voice
	phone *phone.Phone
	call  *phone.Call // the latest conversation
}

// caller brings a caller on stage.
func (st *stage) caller(name, number string, tone int) (*caller, error) {
	p, err := st.phone(number, tone)
	if err != nil {
		return nil, fmt.Errorf("%s's phone: %w", name, err)
	}
	return &caller{name: name, number: number, tone: tone, phone: p}, nil
}

// agent brings an agent on stage, who is not signed in yet.
func (st *stage) agent(name string, tone int) (*agent, error) {
	p, err := st.phone(name, tone)
	if err != nil {
		return nil, fmt.Errorf("%s's phone: %w", name, err)
	}
	return &agent{name: name, tone: tone, phone: p}, nil
}

// dial calls the shop and returns when it has answered.
func (c *caller) dial(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	call, err := c.phone.Dial(within, sample.MainNumber, phone.CallOptions{})
	if err != nil {
		return err
	}
	call.PlayTone(c.tone)
	c.call = call
	return nil
}

// wantsOrders presses 1. What was heard before is forgotten, so that what follows is judged alone.
func (c *caller) wantsOrders() error {
	c.call.Ear().Forget()
	c.pressed = time.Now()
	return c.call.SendDigits("1")
}

// hangUp ends the caller's call.
func (c *caller) hangUp(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c.left = true
	return c.call.Hangup(within)
}

// signIn registers the agent's phone.
func (a *agent) signIn(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return a.phone.Register(within, registered)
}

// rung waits until the agent's phone rings for a caller.
func (a *agent) rung(ctx context.Context, callers ...*caller) (*caller, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case a.call = <-a.phone.Incoming():
	case <-within.Done():
		return nil, fmt.Errorf("it did not ring in %v", patience)
	}
	for _, c := range callers {
		if c.number != a.call.From() {
			continue
		}
		if err := a.call.Ring(); err != nil {
			return nil, fmt.Errorf("it rang for %s and stopped: %w", c.name, err)
		}
		return c, nil
	}
	return nil, fmt.Errorf("it rang for %s from %s", a.call.Display(), a.call.From())
}

// idle says whether the agent's phone has rung though it should not.
func (a *agent) idle() error {
	select {
	case call := <-a.phone.Incoming():
		a.call = call
		return fmt.Errorf("it rang for %s from %s", call.Display(), call.From())
	default:
		return nil
	}
}

// released waits until the agent's call is over.
func (a *agent) released(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-a.call.Done():
		return nil
	case <-within.Done():
		return fmt.Errorf("the call of %s goes on", a.name)
	}
}

// pickUp answers the call that rings.
func (a *agent) pickUp(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := a.call.Answer(within); err != nil {
		return fmt.Errorf("the ringing call could not be answered: %w", err)
	}
	a.call.PlayTone(a.tone)
	return nil
}
