package redisq

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/routing"
)

// mailbox is how many events lie ready for a reader. One who is slower leaves the rest in Redis, until they are forgotten there.
const mailbox = 256

// Snapshot returns a copy of everything.
func (s *Store) Snapshot(ctx context.Context) (*routing.View, error) {
	r, err := s.redis.Copy(ctx, snapshot)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	v := routing.NewView()
	v.Incarnation = r.Text(1)
	if v.Seq, err = strconv.ParseUint(r.Text(0), 10, 64); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	err = errors.Join(
		fill(v.Callers, r.List(3), parseCaller, func(c *routing.Caller) string { return c.Call }),
		fill(v.Agents, r.List(4), parseAgent, func(a *routing.AgentState) string { return a.Name }),
		fill(v.Queues, r.List(5), parseQueue, func(q *routing.QueueState) string { return q.Name }),
		fill(v.Lost, r.List(6), parseLost, func(l *routing.LostPlace) string { return l.Caller.Call }),
	)
	if err != nil {
		s.redis.Log().Error("records of the queues that cannot be read are left out", zap.Error(err))
	}
	s.mu.Lock()
	s.mark = store.Position{Seq: v.Seq, Incarnation: v.Incarnation, Stamp: r.Text(2)}
	s.mu.Unlock()
	return v, nil
}

// fill reads a hash, of names and records in turn. What cannot be read, or is not of its name, is left out, and told: it costs nobody the
// rest.
func fill[V any](into map[string]*V, hash []string, read func(string) (*V, error), name func(*V) string) (unreadable error) {
	for i := 0; i+1 < len(hash); i += 2 {
		v, err := read(hash[i+1])
		if err == nil && v != nil && name(v) != hash[i] {
			err = errors.New("it has another name")
		}
		if err != nil {
			unreadable = errors.Join(unreadable, fmt.Errorf("%q: %w", hash[i], err))
		} else if v != nil {
			into[hash[i]] = v
		}
	}
	return unreadable
}

// Subscribe returns the events after seq. The channel comes back closed when they are not to be had, and is closed when Redis fails, since
// nobody knows what it will have forgotten when it is back.
func (s *Store) Subscribe(ctx context.Context, seq uint64) (<-chan routing.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	reader, err := s.redis.Read(ctx, s.position(seq))
	events := make(chan routing.Event, mailbox)
	switch {
	case errors.Is(err, store.ErrGap):
		close(events)
		return events, nil
	case err != nil:
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	go pass(ctx, reader, events)
	return events, nil
}

// position is the place behind event seq, as exactly as it is known.
func (s *Store) position(seq uint64) store.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mark.Seq == seq {
		return s.mark
	}
	return store.Position{Seq: seq}
}

// pass hands events on until the context ends or there is no next one, and closes the channel.
func pass(ctx context.Context, reader *store.Reader, events chan<- routing.Event) {
	defer close(events)
	for {
		entries, err := reader.Next(ctx)
		if err != nil {
			return
		}
		for _, entry := range entries {
			e, err := event(entry)
			if err != nil {
				return
			}
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
	}
}

// event reads an event of the stream.
func event(entry store.Entry) (routing.Event, error) {
	f := entry.Fields
	e := routing.Event{
		Seq: entry.Seq, Incarnation: entry.Incarnation, At: entry.At,
		Kind: routing.Kind(f["kind"]), Reason: f["reason"], Call: f["call"],
	}
	var errs [4]error
	e.Caller, errs[0] = parseCaller(f["caller"])
	e.Was, errs[1] = parseCaller(f["was"])
	e.Agent, errs[2] = parseAgent(f["agent"])
	e.Queue, errs[3] = parseQueue(f["queue"])
	return e, errors.Join(append(errs[:], complete(e))...)
}

// complete checks that an event has the parts that its kind promises: others fold it without looking.
func complete(e routing.Event) error {
	has := true
	switch e.Kind {
	case routing.CallerEntered, routing.CallerSpilled:
		has = e.Caller != nil
	case routing.CallerOffered:
		has = e.Caller != nil && e.Caller.Claim != nil && e.Agent != nil
	case routing.CallerReleased:
		has = e.Call != ""
	case routing.CallerLeft:
		has = e.Was != nil
	case routing.CallerAnswered:
		has = e.Was != nil && e.Agent != nil
	case routing.CallFinished:
		has = e.Call != "" && e.Agent != nil
	case routing.AgentChanged:
		has = e.Agent != nil
	case routing.QueueChanged:
		has = e.Queue != nil
	default:
		has = false
	}
	for _, c := range []*routing.Caller{e.Caller, e.Was} {
		has = has && (c == nil || c.Call == e.Call && e.Call != "")
	}
	if !has || e.Agent != nil && e.Agent.Name == "" || e.Queue != nil && e.Queue.Name == "" {
		return fmt.Errorf("event %d (%q) is not whole", e.Seq, e.Kind)
	}
	return nil
}
