package call_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
)

// line is the way to the queues: a dispatcher that can be made to fail or to be slow, request by request.
type line struct {
	*dispatch.Dispatcher
	mu    sync.Mutex
	fails map[string]error         // before it reaches the store
	slow  map[string]time.Duration // the request is done, but the answer takes so long
	asked map[string]int
	lost  chan struct{} // what Accept returns instead of the dispatcher's own, unless nil
}

// ask counts a request and does it as well as the line is; the answer never takes longer than the context lasts.
func (l *line) ask(ctx context.Context, what string, do func(context.Context) error) error {
	l.mu.Lock()
	l.asked[what]++
	err, wait := l.fails[what], l.slow[what]
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if _, bounded := ctx.Deadline(); !bounded {
		return errors.New("a request without a limit: " + what)
	}
	if err := do(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// times is how often a request was made.
func (l *line) times(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[what]
}

// disturb lets a request fail with an error, or take so long; nil and 0: as usual.
func (l *line) disturb(what string, err error, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails[what], l.slow[what] = err, wait
}

func (l *line) Enter(ctx context.Context, c routing.Caller) (notices <-chan dispatch.Notice, err error) {
	err = l.ask(ctx, "enter", func(ctx context.Context) (err error) {
		notices, err = l.Dispatcher.Enter(ctx, c)
		return err
	})
	return l.unanswered(ctx, c, notices, err, l.Dispatcher.Enter)
}

// unanswered has the dispatcher asked when a request for a place failed before it: its store did not answer then.
func (l *line) unanswered(ctx context.Context, c routing.Caller, notices <-chan dispatch.Notice, err error,
	enter func(context.Context, routing.Caller) (<-chan dispatch.Notice, error)) (<-chan dispatch.Notice, error) {
	if err == nil || notices != nil || errors.Is(err, routing.ErrFull) || errors.Is(err, routing.ErrClosed) {
		return notices, err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	return enter(ended, c)
}

func (l *line) Return(ctx context.Context, c routing.Caller) (notices <-chan dispatch.Notice, err error) {
	err = l.ask(ctx, "return", func(ctx context.Context) (err error) {
		notices, err = l.Dispatcher.Return(ctx, c)
		return err
	})
	return l.unanswered(ctx, c, notices, err, l.Dispatcher.Return)
}

func (l *line) Leave(ctx context.Context, call, reason string) error {
	return l.ask(ctx, "leave", func(ctx context.Context) error { return l.Dispatcher.Leave(ctx, call, reason) })
}

func (l *line) Accept(ctx context.Context, claim routing.Claim) (taken <-chan struct{}, err error) {
	err = l.ask(ctx, "accept", func(ctx context.Context) error {
		taken, err = l.Dispatcher.Accept(ctx, claim)
		return err
	})
	if taken == nil && err != nil && !errors.Is(err, routing.ErrLost) { // the dispatcher was asked, and its store did not answer
		ended, cancel := context.WithCancel(ctx)
		cancel()
		taken, _ = l.Dispatcher.Accept(ended, claim)
	}
	if l.lost != nil && taken != nil {
		taken = l.lost
	}
	return taken, err
}

func (l *line) Release(ctx context.Context, claim routing.Claim, outcome routing.Outcome) error {
	return l.ask(ctx, "release", func(ctx context.Context) error { return l.Dispatcher.Release(ctx, claim, outcome) })
}

func (l *line) Finish(ctx context.Context, claim routing.Claim) error {
	return l.ask(ctx, "finish", func(ctx context.Context) error { return l.Dispatcher.Finish(ctx, claim) })
}

func (l *line) Outside(ctx context.Context, agent, call string) error {
	return l.ask(ctx, "outside", func(ctx context.Context) error { return l.Dispatcher.Outside(ctx, agent, call) })
}

func (l *line) Pause(ctx context.Context, agent, reason string) error {
	return l.ask(ctx, "pause", func(ctx context.Context) error { return l.Dispatcher.Pause(ctx, agent, reason) })
}

func (l *line) Resume(ctx context.Context, agent string) error {
	return l.ask(ctx, "resume", func(ctx context.Context) error { return l.Dispatcher.Resume(ctx, agent) })
}

func (l *line) Picture(ctx context.Context) (picture dispatch.Picture, err error) {
	err = l.ask(ctx, "picture", func(ctx context.Context) (err error) {
		picture, err = l.Dispatcher.Picture(ctx)
		return err
	})
	return picture, err
}
