package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/internal/app"
	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/client"
	"github.com/spillway-voice/spillway/internal/phone"
)

const (
	// patience is how long the story waits for one thing that should happen at once; the machine may be slow and loaded.
	patience = 12 * time.Second

	// glance is the pause between two looks at the API.
	glance = 25 * time.Millisecond
)

// stage is where the story is played: the node, its API, and the phones. It is used by the story's goroutine and by those
// that the story starts to wait with.
type stage struct {
	dir     string
	secrets map[string]string // by agent
	node    *app.App
	api     *client.Client
	sounds  repertoire
	phones  []*phone.Phone
	tones   []int         // of everybody
	turn    chan struct{} // holds one token while somebody recognises
}

// openStage starts the node in a folder that is laid out. The stage must be closed.
func openStage(dir string, secrets map[string]string, log io.Writer) (*stage, error) {
	sounds, err := readRepertoire()
	if err != nil {
		return nil, err
	}
	node, err := app.New(app.Options{Dir: dir, Log: log})
	if err != nil {
		return nil, fmt.Errorf("start the node: %w", err)
	}
	api, err := client.New("http://"+node.HTTP(), "")
	if err != nil {
		node.Close()
		return nil, err
	}
	return &stage{dir: dir, secrets: secrets, node: node, api: api, sounds: sounds, turn: make(chan struct{}, 1)}, nil
}

// close hangs up, and ends phones and node.
func (st *stage) close() {
	var closing sync.WaitGroup
	for _, p := range st.phones {
		closing.Go(p.Close) // together: one that waits for its far end holds up nobody
	}
	closing.Wait()
	st.api.Close()
	st.node.Close()
}

// phone opens a phone; the stage closes it.
func (st *stage) phone(user string, tone int) (*phone.Phone, error) {
	p, err := phone.New(phone.Options{Bind: loopback, Server: st.node.SIP()[0].AddrPort, User: user, Secret: st.secrets[user]})
	if err != nil {
		return nil, err
	}
	st.phones = append(st.phones, p)
	st.tones = append(st.tones, tone)
	return p, nil
}

// sees waits until the API tells what is expected; look returns what it tells now, in words, and whether that is it.
func (st *stage) sees(ctx context.Context, look func(context.Context) (seen string, done bool, err error)) error {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(glance)
	defer again.Stop()
	last := "nothing"
	for {
		seen, done, err := look(within)
		if done && err == nil {
			return nil
		}
		if err == nil {
			last = seen
		} else if within.Err() == nil {
			last = err.Error()
		}
		select {
		case <-again.C:
		case <-within.Done():
			return fmt.Errorf("the API still says after %s: %s", short(time.Since(began)), last)
		}
	}
}

// agentIs waits until the API shows an agent in a state, for a reason.
func (st *stage) agentIs(ctx context.Context, name, state, reason string) error {
	return st.sees(ctx, func(ctx context.Context) (string, bool, error) {
		agents, err := st.api.Agents(ctx)
		for _, a := range agents {
			if a.Name == name {
				return strings.TrimSpace(a.State + " " + a.Reason), a.State == state && (reason == "" || a.Reason == reason), err
			}
		}
		return "no agent " + name, false, err
	})
}

// seatsAre waits until the API shows so many seats, used and in all.
func (st *stage) seatsAre(ctx context.Context, used, limit int) error {
	return st.sees(ctx, func(ctx context.Context) (string, bool, error) {
		s, err := st.api.Seats(ctx)
		return fmt.Sprintf("%d of %d seats used", s.Used, s.Limit), s.Used == used && s.Limit == limit, err
	})
}

// queueIs waits until a queue is as it should be.
func (st *stage) queueIs(ctx context.Context, name string, is func(ops.Queue) bool) error {
	return st.sees(ctx, func(ctx context.Context) (string, bool, error) {
		queues, err := st.api.Queues(ctx)
		for _, q := range queues {
			if q.Name == name {
				return fmt.Sprintf("%s: %d waiting, %d overflowed in", name, q.Waiting, q.OverflowedIn), is(q), err
			}
		}
		return "no queue " + name, false, err
	})
}

// incidentIs waits until an incident is on, or off, and the sentence on its last change says something. It returns that sentence.
func (st *stage) incidentIs(ctx context.Context, name string, active bool, says string) (sentence string, err error) {
	err = st.sees(ctx, func(ctx context.Context) (string, bool, error) {
		i, err := st.api.Incident(ctx, name)
		sentence = i.Change
		return fmt.Sprintf("%s active: %v, %s", name, i.Active, i.Change), i.Active == active && strings.Contains(i.Change, says), err
	})
	return sentence, err
}

// configError waits until the API shows a mistake in the files, or none (wanted false), and returns it.
func (st *stage) configError(ctx context.Context, wanted bool) (found *ops.ConfigError, err error) {
	err = st.sees(ctx, func(ctx context.Context) (string, bool, error) {
		c, err := st.api.Config(ctx)
		found = c.Error
		seen := "no mistake"
		if c.Error != nil {
			seen = mistake(c.Error)
		}
		return seen, (found != nil) == wanted, err
	})
	return found, err
}

// mistake writes a mistake as `spillway check` does.
func mistake(e *ops.ConfigError) string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// callIs waits until the API shows a caller's call in a state.
func (st *stage) callIs(ctx context.Context, number, state string) error {
	_, err := st.call(ctx, number, state)
	return err
}

// call waits until the API shows a caller's latest call in a state, and returns it.
func (st *stage) call(ctx context.Context, number, state string) (found ops.Call, err error) {
	err = st.sees(ctx, func(ctx context.Context) (string, bool, error) {
		calls, err := st.api.Calls(ctx)
		for _, c := range calls {
			if c.From == number {
				found = c
			}
		}
		return "the call is " + found.State, found.State == state, err
	})
	return found, err
}
