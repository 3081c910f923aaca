package app

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/sip"
)

// registerTime bounds telling the store of a registration.
const registerTime = time.Second

// front is what the SIP front door hands in: new calls, and which agents can be reached. It is also how calls ring agents.
type front struct {
	house      *call.House
	dispatcher *dispatch.Dispatcher
	server     *sip.Server
	log        *zap.Logger
}

var (
	_ sip.Handler = (*front)(nil)
	_ call.Phones = (*front)(nil)
)

// Invite serves a call to its end.
func (f *front) Invite(leg *sip.Leg) { f.house.Take(leg) }

// Registered tells the switch room until when an agent can be reached.
func (f *front) Registered(agent string, live []sip.Binding) {
	until := lastOf(live, time.Now(), f.dispatcher.Now())
	ctx, cancel := context.WithTimeout(context.Background(), registerTime)
	defer cancel()
	if err := f.dispatcher.Register(ctx, agent, until); err != nil {
		f.log.Warn("a registration was not noted", zap.String("agent", agent), zap.Error(err))
	}
}

// lastOf is when the last of an agent's bindings ends, in store time, zero when none is live: the wall clock by which they are kept
// may have been set since the store began. now and store are the same moment by the two clocks.
func lastOf(live []sip.Binding, now, store time.Time) time.Time {
	var left time.Duration
	for _, b := range live {
		left = max(left, b.Expires.Sub(now))
	}
	if left <= 0 {
		return time.Time{}
	}
	return store.Add(left)
}

// errNoPhone says that an agent has no phone to ring.
var errNoPhone = errors.New("no phone of the agent is registered")

// Ring rings every phone of an agent.
func (f *front) Ring(ctx context.Context, agent string, i call.Invitation) ([]call.Leg, error) {
	var legs []call.Leg
	problem := errNoPhone
	for _, b := range f.server.Bindings(agent) {
		leg, err := f.server.Dial(ctx, sip.Invite{
			Binding: b, From: i.From, SDP: i.Offer,
			Headers: map[string]string{"X-Spillway-Call": i.Call},
		})
		if err != nil {
			problem = err
			continue
		}
		legs = append(legs, leg)
	}
	if len(legs) == 0 {
		return nil, problem
	}
	return legs, nil
}
