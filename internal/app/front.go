package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/routing"
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

// Registered tells the switch room where an agent can be reached.
func (f *front) Registered(agent string, live []sip.Binding) {
	phones, err := phonesOf(live, time.Now(), f.dispatcher.Now())
	if err != nil {
		f.log.Error("a registration cannot be noted", zap.String("agent", agent), zap.Error(err))
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), registerTime)
	defer cancel()
	if err := f.dispatcher.Register(ctx, agent, phones); err != nil {
		f.log.Warn("a registration was not noted yet", zap.String("agent", agent), zap.Error(err))
	}
}

// phonesOf are an agent's bindings as the switch room keeps them, in store time: the wall clock by which the registrar keeps them may have
// been set since the store began. now and store are the same moment by the two clocks.
func phonesOf(live []sip.Binding, now, store time.Time) ([]routing.Phone, error) {
	phones := make([]routing.Phone, 0, len(live))
	for _, b := range live {
		record, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		phones = append(phones, routing.Phone{
			Place: b.Place(), Direct: b.Direct(), Record: string(record),
			Since: store.Add(b.Registered.Sub(now)), Refreshed: store.Add(b.Refreshed.Sub(now)), Until: store.Add(b.Expires.Sub(now)),
		})
	}
	return phones, nil
}

// bindingOf is a phone as this node dials it: for as long as its registration still runs, by this node's clock.
func bindingOf(p routing.Phone, now, store time.Time) (sip.Binding, error) {
	var b sip.Binding
	if err := json.Unmarshal([]byte(p.Record), &b); err != nil {
		return b, fmt.Errorf("a phone that another node registered: %w", err)
	}
	b.Expires = now.Add(p.Until.Sub(store))
	return b, nil
}

// errNoPhone says that an agent has no phone to ring.
var errNoPhone = errors.New("no phone of the agent is registered")

// Ring rings every phone of an agent that this node reaches: those registered here, and those of other nodes that have an address of
// their own.
func (f *front) Ring(ctx context.Context, agent string, i call.Invitation) ([]call.Leg, error) {
	bindings, err := f.reached(ctx, agent)
	if err != nil {
		return nil, err
	}
	var legs []call.Leg
	problem := errNoPhone
	for _, b := range bindings {
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

// reached are the phones of an agent that this node can ring. Of those registered here the registrar knows best.
func (f *front) reached(ctx context.Context, agent string) ([]sip.Binding, error) {
	bindings := f.server.Bindings(agent)
	phones, err := f.dispatcher.Phones(ctx, agent)
	if err != nil {
		return nil, err
	}
	for _, p := range phones {
		here := slices.ContainsFunc(bindings, func(b sip.Binding) bool { return b.Place() == p.Place })
		if here || !p.Direct {
			continue
		}
		b, err := bindingOf(p, time.Now(), f.dispatcher.Now())
		if err != nil || b.Agent != agent || !b.Direct() {
			f.log.Warn("a phone of another node cannot be rung", zap.String("agent", agent), zap.Error(err))
			continue
		}
		bindings = append(bindings, b)
	}
	return bindings, nil
}
