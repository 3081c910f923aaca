package redisq_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redisserver"
	"github.com/spillway-voice/spillway/internal/store/redistest"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/redisq"
)

// slack is what a loaded machine may add to a limit.
const slack = 2 * time.Second

// inUse is a store with a caller and an agent, and a reader of its events.
func inUse(t *testing.T, server *redistest.Server) (*redisq.Store, *routing.View, <-chan routing.Event) {
	t.Helper()
	s := opened(t, server, "kettle")
	ready(t, s, "alice")
	must(t, s.Enter(t.Context(), routing.Caller{Call: "c1", Node: "n1", Queue: "orders"}, 0))
	v, err := s.Snapshot(t.Context())
	must(t, err)
	events, err := s.Subscribe(t.Context(), v.Seq)
	must(t, err)
	return s, v, events
}

// ended waits for the channel of a reader to be closed.
func ended(t *testing.T, events <-chan routing.Event) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case _, open := <-events:
			if !open {
				return
			}
		case <-timeout:
			t.Fatal("the reader goes on")
		}
	}
}

// everyStepFails checks that no step waits longer than its limit for a Redis that is away.
func everyStepFails(t *testing.T, s *redisq.Store) {
	t.Helper()
	ctx := t.Context()
	steps := map[string]func() error{
		"enter":    func() error { return s.Enter(ctx, routing.Caller{Call: "c2", Node: "n1", Queue: "orders"}, 0) },
		"leave":    func() error { return s.Leave(ctx, "c1", "caller") },
		"claim":    func() error { _, err := s.Claim(ctx, "c1", "alice", "orders", "n1", time.Second); return err },
		"accept":   func() error { return s.Accept(ctx, 1) },
		"release":  func() error { return s.Release(ctx, 1, routing.Busy) },
		"finish":   func() error { return s.Finish(ctx, 1, 0) },
		"register": func() error { return s.Register(ctx, "bob", "n1", desk(s)) },
		"hold": func() error {
			return s.Hold(ctx, routing.Claim{Token: 1, Call: "c1", Agent: "alice", Answered: s.Now()})
		},
		"recall":    func() error { return s.Recall(ctx, []*routing.AgentState{{Name: "bob"}}) },
		"seat":      func() error { return s.Seat(ctx, "alice", false, 1, "limit") },
		"pause":     func() error { return s.Pause(ctx, "alice", "lunch") },
		"heartbeat": func() error { _, err := s.Heartbeat(ctx, "n1"); return err },
		"part":      func() error { return s.Part(ctx, "n1") },
		"reap":      func() error { return s.Reap(ctx, "n2") },
		"subscribe": func() error { _, err := s.Subscribe(ctx, 0); return err },
	}
	for name, step := range steps {
		began := time.Now()
		err := step()
		if took := time.Since(began); err == nil || took > store.CommandLimit+slack {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}
}

// works waits until Redis answers again, and checks that steps, a snapshot and a new subscription are right.
func works(t *testing.T, s *redisq.Store) *routing.View {
	t.Helper()
	var v *routing.View
	var events <-chan routing.Event
	deadline := time.Now().Add(patience)
	for {
		var err error
		if v, err = s.Snapshot(t.Context()); err == nil {
			events, err = s.Subscribe(t.Context(), v.Seq)
		}
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	must(t, s.Enter(t.Context(), routing.Caller{Call: "after", Node: "n1", Queue: "orders"}, 0))
	if e := next(t, events); e.Call != "after" || !v.Fold(e) {
		t.Errorf("%+v does not follow %d", e, v.Seq)
	}
	return v
}

func TestAnEmptiedStoreEndsTheReaders(t *testing.T) {
	server := redistest.Start(t)
	s, before, events := inUse(t, server)
	now := s.Now()
	server.FlushAll()
	ended(t, events)
	v := works(t, s)
	if v.Incarnation == before.Incarnation || len(v.Agents) != 0 || len(v.Callers) != 1 {
		t.Errorf("it is %+v", v)
	}
	if s.Now().Before(now) {
		t.Error("store time went back")
	}
	must(t, s.Enter(t.Context(), *before.Callers["c1"], 0))
	v, err := s.Snapshot(t.Context())
	must(t, err)
	if back := v.Callers["c1"]; !back.FirstEntry.Equal(before.Callers["c1"].FirstEntry) {
		t.Errorf("his first entry is %v", back.FirstEntry)
	}
}

// A store that was emptied and filled beyond the number where a reader stood does not go on for it.
func TestAnotherLifeIsNotTakenForTheSame(t *testing.T) {
	server := redistest.Start(t)
	s, before, events := inUse(t, server)
	server.FlushAll()
	for n := range 2 * before.Seq {
		must(t, s.Enter(t.Context(), routing.Caller{Call: fmt.Sprintf("n%d", n), Node: "n1", Queue: "orders"}, 0))
	}
	for e := range events {
		if e.Incarnation != before.Incarnation {
			t.Fatalf("%+v is of another life", e)
		}
	}
	works(t, s)
}

func TestARedisThatHangsDelaysNobody(t *testing.T) {
	server := redistest.Start(t)
	s, before, events := inUse(t, server)
	server.Pause()
	everyStepFails(t, s)
	ended(t, events)
	server.Resume()
	if v := works(t, s); v.Incarnation != before.Incarnation {
		t.Error("it is another store")
	}
}

func TestARedisThatHoldsItsClientsDelaysNobody(t *testing.T) {
	server := redistest.Start(t)
	s, _, _ := inUse(t, server)
	client := server.Client()
	must(t, client.Do(t.Context(), "CLIENT", "PAUSE", "60000", "WRITE").Err())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	if err := s.Pause(ctx, "alice", "lunch"); err == nil || time.Since(began) > store.CommandLimit+slack {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	must(t, client.Do(t.Context(), "CLIENT", "UNPAUSE").Err())
	works(t, s)
}

func TestAKilledRedisComesBackWithItsData(t *testing.T) {
	server := redistest.Start(t, redistest.AppendOnly, redistest.With(redisserver.Directive{"appendfsync", "always"}))
	s, before, events := inUse(t, server)
	server.Kill()
	everyStepFails(t, s)
	ended(t, events)
	server.Restart()
	v := works(t, s)
	if v.Incarnation != before.Incarnation || v.Callers["c1"] == nil || v.Agents["alice"] == nil {
		t.Errorf("it is %+v", v)
	}
}

func TestAKilledRedisComesBackEmpty(t *testing.T) {
	server := redistest.Start(t, redistest.AppendOnly)
	s, before, events := inUse(t, server)
	server.Kill()
	ended(t, events)
	server.RestartEmpty()
	if v := works(t, s); v.Incarnation == before.Incarnation || v.Callers["c1"] != nil {
		t.Errorf("it is %+v", v)
	}
}

func TestANodeStartsWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	s := opened(t, server, "kettle")
	everyStepFails(t, s)
	server.Restart()
	works(t, s)
}
