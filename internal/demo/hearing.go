package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

const (
	// sure is how much of a recording must be heard before it can be recognised beyond doubt, and a little more: see
	// phone.Match.
	sure = 1700 * time.Millisecond

	// listening is the pause between two looks at how much was heard.
	listening = 100 * time.Millisecond

	// more is how much must have come since, before it is worth to look again.
	more = 500 * time.Millisecond
)

// hears waits until a recording is recognised in what a call has heard since it last forgot, or says what was heard instead.
func (st *stage) hears(ctx context.Context, c *phone.Call, r recording) (phone.Hearing, error) {
	h, _, err := st.hearsAny(ctx, c, r)
	return h, err
}

// hearsAny is hears for the first that is recognised of several recordings, which it returns. To recognise is work for a
// processor: people take turns, so that it never takes the sound its time.
func (st *stage) hearsAny(ctx context.Context, c *phone.Call, pieces ...recording) (phone.Hearing, recording, error) {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for enough := min(sure, pieces[0].length()*7/8); ; enough = heardSoFar(c.Ear()) + more {
		if err := untilHeard(within, c.Ear(), enough); err != nil {
			return phone.Hearing{}, recording{}, fmt.Errorf("did not hear %s in %s, but %s",
				pieces[0].name, short(time.Since(began)), st.inEar(ctx, c.Ear()))
		}
		for _, r := range pieces {
			if h, found := st.find(c.Ear(), r); found {
				return h, r, nil
			}
		}
	}
}

// greeted waits until a caller hears the beginning of the flow: its welcome, or the menu that follows. The welcome is short; on a
// machine so loaded that sound stalls, the menu is what is still recognised beyond doubt.
func (st *stage) greeted(ctx context.Context, c *phone.Call) (what string, err error) {
	_, r, err := st.hearsAny(ctx, c, st.sounds.welcome, st.sounds.menu)
	if err == nil && r.name == st.sounds.menu.name {
		return "hears the menu", nil
	}
	return "hears the welcome", err
}

// find looks for a recording in all that an ear remembers.
func (st *stage) find(e *phone.Ear, r recording) (phone.Hearing, bool) {
	st.turn <- struct{}{}
	defer func() { <-st.turn }()
	return e.Find(r.pcm)
}

// inEar names what an ear has heard lately.
func (st *stage) inEar(ctx context.Context, e *phone.Ear) string {
	st.turn <- struct{}{}
	defer func() { <-st.turn }()
	return st.sounds.whatIsIn(ctx, e, st.tones)
}

// untilHeard waits until an ear remembers so much sound.
func untilHeard(ctx context.Context, e *phone.Ear, enough time.Duration) error {
	again := time.NewTicker(listening)
	defer again.Stop()
	for heardSoFar(e) < enough {
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// heardSoFar is how much sound an ear remembers.
func heardSoFar(e *phone.Ear) time.Duration { return lasting(len(e.Heard())) }

// lasting says how long so many samples last.
func lasting(samples int) time.Duration {
	return time.Duration(samples) * time.Second / phone.SampleRate
}

// hearsTone waits until a call hears a tone, or says what was heard instead.
func (st *stage) hearsTone(ctx context.Context, c *phone.Call, frequency int) error {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := c.Ear().WaitTone(within, float64(frequency)); err != nil {
		return fmt.Errorf("did not hear %d Hz in %s, but %s", frequency, short(time.Since(began)), st.inEar(ctx, c.Ear()))
	}
	return nil
}

// bothHear waits until two people recognise each other's tone, now: what they heard before does not count.
func (st *stage) bothHear(ctx context.Context, c *caller, a *agent) error {
	c.call.Ear().Forget()
	a.call.Ear().Forget()
	heard := make(chan error, 1)
	go func() { heard <- st.hearsTone(ctx, a.call, c.tone) }()
	mine, theirs := st.hearsTone(ctx, c.call, a.tone), <-heard
	switch {
	case mine != nil:
		return fmt.Errorf("%s %w", c.name, mine)
	case theirs != nil:
		return fmt.Errorf("%s %w", a.name, theirs)
	}
	return nil
}

// never says whether a call has heard a recording that it should not, since it last forgot.
func (st *stage) never(c *phone.Call, r recording) error {
	if h, heard := st.find(c.Ear(), r); heard {
		return fmt.Errorf("heard %s of %s", short(h.Matched), r.name)
	}
	return nil
}
