package redisq

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Register tells that an agent's phone is reachable until a time.
func (s *Store) Register(ctx context.Context, agent, node string, until time.Time) error {
	if agent == "" {
		return errors.New("register: an agent needs a name")
	}
	if err := named(agent, node); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	_, err := s.step(ctx, register, "register", agent, agent, node, int64(at(until)))
	return err
}

// Seat gives an agent a seat, or takes it back.
func (s *Store) Seat(ctx context.Context, agent string, grant bool, limit int, reason string) error {
	_, err := s.step(ctx, seat, "seat of", agent, agent, flag(grant), limit, words(reason))
	return err
}

// Pause keeps an agent from offers.
func (s *Store) Pause(ctx context.Context, agent, reason string) error {
	if agent == "" {
		return errors.New("pause: an agent needs a name")
	}
	if err := named(agent); err != nil {
		return fmt.Errorf("pause: %w", err)
	}
	_, err := s.step(ctx, pause, "pause", agent, agent, words(reason))
	return err
}

// Resume ends a pause.
func (s *Store) Resume(ctx context.Context, agent string) error {
	_, err := s.step(ctx, resume, "resume", agent, agent)
	return err
}

// Outside says that an agent is in a call outside the queues, or no longer.
func (s *Store) Outside(ctx context.Context, agent, call string) error {
	if err := named(call); err != nil {
		return fmt.Errorf("outside call of %s: %w", agent, err)
	}
	_, err := s.step(ctx, outside, "outside call of", agent, agent, call)
	return err
}
