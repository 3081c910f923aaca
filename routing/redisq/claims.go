package redisq

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// Claim binds a waiting caller and a ready agent.
func (s *Store) Claim(ctx context.Context, call, agent, queue, node string, ring time.Duration) (routing.Claim, error) {
	if err := named(call, agent, queue, node); err != nil {
		return routing.Claim{}, fmt.Errorf("claim %q: %w", agent, err)
	}
	life := (ring + routing.ClaimGrace).Microseconds()
	r, err := s.step(ctx, claim, "claim "+agent+" for", call, call, agent, queue, node, life, routing.ClaimMargin.Microseconds())
	if err != nil {
		return routing.Claim{}, err
	}
	granted, err := parse[claimRecord](r.Text(0))
	if err != nil {
		return routing.Claim{}, err
	}
	return *granted.claim(), nil
}

// Accept turns a live claim into a conversation.
func (s *Store) Accept(ctx context.Context, token uint64) error {
	_, err := s.step(ctx, accept, "accept", number(token), number(token))
	return err
}

// Release ends an offer without a conversation.
func (s *Store) Release(ctx context.Context, token uint64, outcome routing.Outcome) error {
	_, err := s.step(ctx, release, "release", number(token), number(token), words(string(outcome)))
	return err
}

// Finish ends a conversation.
func (s *Store) Finish(ctx context.Context, token uint64, wrapUp time.Duration) error {
	_, err := s.step(ctx, finish, "finish", number(token), number(token), max(0, wrapUp).Microseconds())
	return err
}

// Hold makes a claim stand that the store lacks.
func (s *Store) Hold(ctx context.Context, c routing.Claim) error {
	if err := named(c.Call, c.Agent, c.Queue, c.Node); err != nil {
		return fmt.Errorf("hold %q: %w", c.Agent, err)
	}
	record, err := encode(claimOf(&c))
	if err != nil {
		return err
	}
	r, err := s.step(ctx, hold, "hold", number(c.Token), record)
	if why := r.Text(0); err != nil && why != "" {
		return fmt.Errorf("%w: %s", err, why)
	}
	return err
}

// number is a token as the records have it.
func number(token uint64) string { return strconv.FormatUint(token, 10) }
