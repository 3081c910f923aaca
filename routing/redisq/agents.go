package redisq

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/routing"
)

// What one script recalls at most: some milliseconds, in which Redis does nothing else.
const (
	recallBatch = 100
	recallBytes = 128 << 10
)

// Register tells which phones of an agent are registered through a node.
func (s *Store) Register(ctx context.Context, agent, node string, phones []routing.Phone) error {
	if agent == "" {
		return fmt.Errorf("register: an agent needs a name: %w", routing.ErrMalformed)
	}
	if err := errors.Join(named(agent, node), namedPhones(phones)); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	records, err := encode(phonesOf(phones))
	if err != nil {
		return err
	}
	_, err = s.step(ctx, register, "register", agent, agent, node, records)
	return err
}

// Recall tells what a node remembers of agents, some at a time: after an error it is told again. One who cannot be written is left out: it
// costs nobody the rest.
func (s *Store) Recall(ctx context.Context, agents []*routing.AgentState) error {
	var told []any
	size := 0
	tell := func() error {
		if len(told) == 0 {
			return nil
		}
		_, err := s.step(ctx, recall, "recall", fmt.Sprintf("%d agents", len(told)), told...)
		told, size = nil, 0
		return err
	}
	for _, a := range agents {
		record, err := recalledJSON(a)
		if err != nil {
			s.redis.Log().Error("an agent who cannot be told to the store is left out", zap.String("agent", a.Name), zap.Error(err))
			continue
		}
		told, size = append(told, record), size+len(record)
		if len(told) == recallBatch || size >= recallBytes {
			if err := tell(); err != nil {
				return err
			}
		}
	}
	return tell()
}

// Seat gives an agent a seat, or takes it back.
func (s *Store) Seat(ctx context.Context, agent string, grant bool, limit int, reason string) error {
	_, err := s.step(ctx, seat, "seat of", agent, agent, flag(grant), limit, words(reason))
	return err
}

// Pause keeps an agent from offers.
func (s *Store) Pause(ctx context.Context, agent, reason string) error {
	if agent == "" {
		return fmt.Errorf("pause: an agent needs a name: %w", routing.ErrMalformed)
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
func (s *Store) Outside(ctx context.Context, agent, node, call string) error {
	if err := named(node, call); err != nil {
		return fmt.Errorf("outside call of %s: %w", agent, err)
	}
	_, err := s.step(ctx, outside, "outside call of", agent, agent, node, call)
	return err
}
