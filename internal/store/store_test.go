package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// note is a step that does nothing but append an event.
var note = store.NewScript("append({'what', ARGV[3]}) return reply('ok', text(seq), stamp)")

// opened is the store of a server.
func opened(t *testing.T, server *redistest.Server) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), server.URL(), store.Options{Centre: "kettle"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// noted appends an event.
func noted(t *testing.T, s *store.Store, what string) store.Reply {
	t.Helper()
	r, err := s.Run(t.Context(), note, what)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// meddle sets fields of meta behind the store's back.
func meddle(t *testing.T, server *redistest.Server, s *store.Store, fields ...any) {
	t.Helper()
	if err := server.Client().HSet(t.Context(), s.Key(store.KeyMeta), fields...).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestAnOlderNodeRefusesANewerSchema(t *testing.T) {
	server := redistest.Start(t)
	s := opened(t, server)
	meddle(t, server, s, "schema", store.Schema+1)
	if err := s.Check(t.Context()); !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "upgrade this node") {
		t.Errorf("the error is %v", err)
	}
	if _, err := store.Open(t.Context(), server.URL(), store.Options{Centre: "kettle"}); !errors.Is(err, store.ErrSchema) {
		t.Errorf("Open says %v", err)
	}
	other, err := store.Open(t.Context(), server.URL(), store.Options{Centre: "teapot"})
	if err != nil {
		t.Fatalf("another centre on the same Redis: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

func TestStoreTimeGoesOnWhenTheClockOfRedisGoesBack(t *testing.T) {
	server := redistest.Start(t)
	s := opened(t, server)
	ahead := s.Now().Add(time.Hour)
	meddle(t, server, s, "last", ahead.UnixMicro()) // as if its clock had been an hour further
	first := noted(t, s, "first")
	second := noted(t, s, "second")
	if first.At.Before(ahead) || !second.At.After(first.At) || second.At.After(ahead.Add(time.Minute)) {
		t.Errorf("after %v it is %v, then %v", ahead, first.At, second.At)
	}
	if s.Now().Before(second.At) {
		t.Errorf("it is %v here, %v there", s.Now(), second.At)
	}
}

func TestAStepThatItsSenderGaveUpIsNotTaken(t *testing.T) {
	server := redistest.Start(t)
	link := server.Link()
	s, err := store.Open(t.Context(), link.URL(), store.Options{Centre: "kettle"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// A step that is in the link when it hangs, and comes to Redis when the link is well again. A first step has had the script loaded.
	if err := patiently(func() error { _, err := s.Run(t.Context(), note, "first"); return err }); err != nil {
		t.Fatal(err)
	}
	arrivals := func() string {
		stats, err := server.Client().InfoMap(t.Context(), "commandstats").Result()
		if err != nil {
			t.Fatal(err)
		}
		calls, _, _ := strings.Cut(stats["Commandstats"]["cmdstat_evalsha"], ",")
		return calls
	}
	before := arrivals()
	link.Hang()
	if _, err := s.Run(t.Context(), note, "given up"); err == nil {
		t.Fatal("a step got through a link that hangs")
	}
	link.Heal()
	for end := time.Now().Add(patience); arrivals() == before; {
		if time.Now().After(end) {
			t.Fatal("the step never came to Redis")
		}
	}
	events, err := server.Client().XRange(t.Context(), s.Key(store.KeyEvents), "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Values["what"] == "given up" {
			t.Error("Redis took a step that its sender had given up")
		}
	}
	if err := patiently(func() error { _, err := s.Run(t.Context(), note, "after"); return err }); err != nil {
		t.Errorf("the next step: %v", err)
	}
}

func TestAReaderGetsEveryEventInOrder(t *testing.T) {
	s := opened(t, redistest.Start(t))
	noted(t, s, "before")
	r, err := s.Read(t.Context(), store.Position{Seq: 1})
	if err != nil {
		t.Fatal(err)
	}
	const events = 600 // more than are read at once
	for range events {
		noted(t, s, "kettle")
	}
	for want := uint64(2); want <= events+1; {
		entries, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Seq != want || e.Fields["what"] != "kettle" || e.At.IsZero() {
				t.Fatalf("event %d is %+v", want, e)
			}
			want++
		}
	}
}

func TestEventsThatAreForgottenAreAGap(t *testing.T) {
	server := redistest.Start(t)
	s := opened(t, server)
	for range 10 {
		noted(t, s, "kettle")
	}
	if err := server.Client().XTrimMaxLen(t.Context(), s.Key(store.KeyEvents), 5).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), store.Position{Seq: 4}); !errors.Is(err, store.ErrGap) {
		t.Errorf("after 4: %v", err)
	}
	if _, err := s.Read(t.Context(), store.Position{Seq: 11}); !errors.Is(err, store.ErrGap) {
		t.Errorf("after 11: %v", err)
	}
	if _, err := s.Read(t.Context(), store.Position{Seq: 5}); err != nil {
		t.Errorf("after 5: %v", err)
	}
}

// A failover or a crash can take back what was told; what then follows has the same numbers.
func TestAHistoryThatWasRewrittenIsAGap(t *testing.T) {
	server := redistest.Start(t)
	s := opened(t, server)
	first := noted(t, s, "first")
	noted(t, s, "lost")
	r, err := s.Read(t.Context(), store.Position{Seq: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Client().Del(t.Context(), s.Key(store.KeyEvents)).Err(); err != nil {
		t.Fatal(err)
	}
	meddle(t, server, s, "seq", 1, "at", first.Text(1))
	noted(t, s, "second")
	noted(t, s, "third")
	if entries, err := r.Next(t.Context()); !errors.Is(err, store.ErrGap) {
		t.Errorf("it reads %+v, %v", entries, err)
	}
}
