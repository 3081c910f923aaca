package store_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// patientCalls are calls that do again what took too long.
type patientCalls struct{ *store.Calls }

func (c patientCalls) Put(ctx context.Context, node string, changed map[string]string, gone []string) error {
	return patiently(func() error { return c.Calls.Put(ctx, node, changed, gone) })
}

func (c patientCalls) Replace(ctx context.Context, node string, all map[string]string) error {
	return patiently(func() error { return c.Calls.Replace(ctx, node, all) })
}

// openCalls returns the calls of a server's store.
func openCalls(t *testing.T, server *redistest.Server) (*store.Store, patientCalls) {
	t.Helper()
	s, _ := openBoard(t, server)
	return s, patientCalls{store.NewCalls(s)}
}

// told returns what a node tells of its calls.
func told(t *testing.T, c patientCalls, node string) map[string]string {
	t.Helper()
	all, err := c.Of(t.Context(), []string{node, "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	if _, odd := all["nobody"]; odd {
		t.Errorf("a node that told of nothing: %v", all)
	}
	return all[node]
}

// many are the texts of so many calls.
func many(count int) map[string]string {
	texts := make(map[string]string, count)
	for i := range count {
		texts[fmt.Sprint("call-", i)] = fmt.Sprintf(`{"call":%d}`, i)
	}
	return texts
}

func TestCallsAreToldOnEveryNodeAsTheyWerePut(t *testing.T) {
	server := redistest.Start(t)
	_, here := openCalls(t, server)
	_, there := openCalls(t, server)
	put := func(changed map[string]string, gone ...string) {
		t.Helper()
		if err := here.Put(t.Context(), "syd-1/b1", changed, gone); err != nil {
			t.Fatal(err)
		}
	}
	put(map[string]string{"a": "1", "b": "2"})
	put(map[string]string{"b": "3", "c": ""})
	put(map[string]string{"d": "4"}, "a", "d", "nobody's")
	if got, want := told(t, there, "syd-1/b1"), map[string]string{"b": "3", "c": ""}; !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	put(nil, "b", "c")
	if got := told(t, there, "syd-1/b1"); got != nil {
		t.Errorf("after all are gone: %v", got)
	}
}

func TestAllCallsOfANodeAreReplaced(t *testing.T) {
	_, c := openCalls(t, redistest.Start(t))
	for _, count := range []int{1000, 256, 0, 1} { // more than one transaction carries, as many, none
		if err := c.Put(t.Context(), "syd-1", map[string]string{"old": "x"}, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Replace(t.Context(), "syd-1", many(count)); err != nil {
			t.Fatal(err)
		}
		if got := told(t, c, "syd-1"); len(got) != count || count > 0 && !maps.Equal(got, many(count)) {
			t.Errorf("%d are told, not %d", len(got), count)
		}
	}
}

func TestManyCallsChangeAndAreGoneAtOnce(t *testing.T) {
	_, c := openCalls(t, redistest.Start(t))
	gone := make([]string, 0, 700)
	for i := range 700 {
		gone = append(gone, fmt.Sprint("call-", i))
	}
	if err := c.Put(t.Context(), "syd-1", many(1000), gone); err != nil {
		t.Fatal(err)
	}
	got := told(t, c, "syd-1")
	if len(got) != 300 || got["call-700"] == "" {
		t.Errorf("%d are told", len(got))
	}
}

func TestCallsOfANodeThatPutsNothingMoreVanish(t *testing.T) {
	server := redistest.Start(t)
	s, c := openCalls(t, server)
	client := server.Client()
	key := s.Key(store.KeyCalls + "syd-1")
	for name, renew := range map[string]func() error{
		"a change": func() error { return c.Put(t.Context(), "syd-1", many(1), nil) },
		"nothing":  func() error { return c.Put(t.Context(), "syd-1", nil, nil) },
		"the end":  func() error { return c.Put(t.Context(), "syd-1", many(2), []string{"call-0"}) },
		"all":      func() error { return c.Replace(t.Context(), "syd-1", many(1)) },
	} {
		if err := c.Put(t.Context(), "syd-1", many(1), nil); err != nil {
			t.Fatal(err)
		}
		for _, other := range []time.Duration{time.Minute, time.Hour} {
			if err := client.PExpire(t.Context(), key, other).Err(); err != nil {
				t.Fatal(err)
			}
			if err := renew(); err != nil {
				t.Fatal(err)
			}
			if left, err := client.PTTL(t.Context(), key).Result(); err != nil || left <= 0 || left > store.CallsLife {
				t.Errorf("%s: %v left, %v", name, left, err)
			}
		}
	}
	if err := client.PExpire(t.Context(), key, time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); told(t, c, "syd-1") != nil; {
		if time.Now().After(end) {
			t.Fatal("still there")
		}
	}
}

func TestCallsThatMakeNoSenseAreRefused(t *testing.T) {
	_, c := openCalls(t, redistest.Start(t))
	large := strings.Repeat("x", 1<<20)
	for _, node := range []string{"", "syd\x001", "\xff", large} {
		if err := c.Put(t.Context(), node, many(1), nil); err == nil {
			t.Errorf("put for %.10q", node)
		}
		if _, err := c.Of(t.Context(), []string{node}); err == nil {
			t.Errorf("read of %.10q", node)
		}
	}
	for id, text := range map[string]string{"": "x", "a": large, large: "x"} {
		if err := c.Replace(t.Context(), "syd-1", map[string]string{id: text}); err == nil {
			t.Errorf("put %.10q: %.10q", id, text)
		}
	}
}

func TestCallsThatCannotBeReadAreLeftOut(t *testing.T) {
	server := redistest.Start(t)
	s, c := openCalls(t, server)
	if err := server.Client().HSet(t.Context(), s.Key(store.KeyCalls+"syd-1"), "", "x", "a", strings.Repeat("x", 1<<20), "b", "good").Err(); err != nil {
		t.Fatal(err)
	}
	if got := told(t, c, "syd-1"); !maps.Equal(got, map[string]string{"b": "good"}) {
		t.Errorf("%.100v", got)
	}
}
