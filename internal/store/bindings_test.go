package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// patientBindings are bindings that do again what took too long.
type patientBindings struct{ *store.Bindings }

func (b patientBindings) Put(ctx context.Context, binding store.Binding, life time.Duration) (put store.Binding, err error) {
	err = patiently(func() error {
		put, err = b.Bindings.Put(ctx, binding, life)
		return err
	})
	return put, err
}

func (b patientBindings) Remove(ctx context.Context, agent, place string) error {
	return patiently(func() error { return b.Bindings.Remove(ctx, agent, place) })
}

func (b patientBindings) Of(ctx context.Context, agent string) (list []store.Binding, err error) {
	err = patiently(func() error {
		list, err = b.Bindings.Of(ctx, agent)
		return err
	})
	return list, err
}

// openBindings returns a node's bindings on a server.
func openBindings(t *testing.T, server *redistest.Server) (*store.Store, patientBindings) {
	t.Helper()
	s, _ := openBoard(t, server)
	return s, patientBindings{store.NewBindings(s)}
}

// phone is a binding of an agent.
func phone(agent, place string) store.Binding {
	return store.Binding{Agent: agent, Place: place, Node: "syd-1", Boot: "b1", Record: json.RawMessage(`{"flow":18446744073709551615,"name":"\"é"}`)}
}

// placesOf returns where an agent can be reached.
func placesOf(t *testing.T, b patientBindings, agent string) []string {
	t.Helper()
	list, err := b.Of(t.Context(), agent)
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, binding := range list {
		places = append(places, binding.Place)
	}
	return places
}

func TestABindingIsReadOnEveryNodeAsItWasPut(t *testing.T) {
	server := redistest.Start(t)
	_, here := openBindings(t, server)
	there, away := openBindings(t, server)
	put, err := here.Put(t.Context(), phone("mia", "mia@desk"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	list, err := away.Of(t.Context(), "mia")
	if err != nil || len(list) != 1 || fmt.Sprint(list[0]) != fmt.Sprint(put) {
		t.Fatalf("got %v, %v, want %v", list, err, put)
	}
	if left := put.Expires.Sub(there.Now()); left <= 0 || left > time.Minute+time.Second {
		t.Errorf("it lasts %v", left)
	}
	all, err := away.All(t.Context())
	if err != nil || len(all) != 1 || len(all["mia"]) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestAPlaceHasOneBindingAndAnAgentSeveralPlaces(t *testing.T) {
	_, b := openBindings(t, redistest.Start(t))
	for _, place := range []string{"desk", "mobile", "desk"} {
		if _, err := b.Put(t.Context(), phone("mia", place), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if got := placesOf(t, b, "mia"); !slices.Equal(got, []string{"mobile", "desk"}) {
		t.Errorf("%v", got)
	}
	if err := b.Remove(t.Context(), "mia", "mobile"); err != nil {
		t.Fatal(err)
	}
	if got := placesOf(t, b, "mia"); !slices.Equal(got, []string{"desk"}) {
		t.Errorf("after one was removed: %v", got)
	}
	for range 2 { // there need not be any
		if err := b.Remove(t.Context(), "mia", ""); err != nil {
			t.Fatal(err)
		}
		if got := placesOf(t, b, "mia"); got != nil {
			t.Errorf("after all were removed: %v", got)
		}
	}
}

func TestABindingEndsByItself(t *testing.T) {
	server := redistest.Start(t)
	s, b := openBindings(t, server)
	if _, err := b.Put(t.Context(), phone("mia", "desk"), time.Microsecond); err != nil {
		t.Fatal(err)
	}
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	end := time.After(patience)
	for placesOf(t, b, "mia") != nil {
		select {
		case <-again.C:
		case <-end:
			t.Fatal("still there")
		}
	}
	if _, err := b.Put(t.Context(), phone("mia", "mobile"), time.Minute); err != nil {
		t.Fatal(err)
	}
	text, err := server.Client().HGet(t.Context(), s.Key(store.KeyBindings), "mia").Result()
	var lying []any
	if err != nil || json.Unmarshal([]byte(text), &lying) != nil || len(lying) != 1 {
		t.Errorf("what is over still lies there: %s, %v", text, err)
	}
}

func TestAnAgentHasNoMoreBindingsThanHeMay(t *testing.T) {
	_, b := openBindings(t, redistest.Start(t))
	var err error
	count := 0
	for ; err == nil && count < 100; count++ {
		_, err = b.Put(t.Context(), phone("mia", fmt.Sprint(count)), time.Minute)
	}
	if !errors.Is(err, store.ErrTooManyBindings) {
		t.Fatalf("after %d: %v", count, err)
	}
	if _, err := b.Put(t.Context(), phone("mia", "0"), time.Minute); err != nil {
		t.Errorf("one that he has could not be renewed: %v", err)
	}
}

func TestABindingThatMakesNoSenseIsRefused(t *testing.T) {
	_, b := openBindings(t, redistest.Start(t))
	for name, change := range map[string]func(*store.Binding, *time.Duration){
		"no agent":  func(b *store.Binding, _ *time.Duration) { b.Agent = "" },
		"no place":  func(b *store.Binding, _ *time.Duration) { b.Place = "" },
		"no record": func(b *store.Binding, _ *time.Duration) { b.Record = nil },
		"too large": func(b *store.Binding, _ *time.Duration) { b.Place = string(make([]byte, 1<<20)) },
		"over":      func(_ *store.Binding, life *time.Duration) { *life = 0 },
		"for ever":  func(_ *store.Binding, life *time.Duration) { *life = 1 << 62 },
	} {
		binding, life := phone("mia", "desk"), time.Minute
		change(&binding, &life)
		if _, err := b.Put(t.Context(), binding, life); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestBindingsThatCannotBeReadAreLeftOut(t *testing.T) {
	server := redistest.Start(t)
	s, b := openBindings(t, server)
	if _, err := b.Put(t.Context(), phone("mia", "desk"), time.Minute); err != nil {
		t.Fatal(err)
	}
	for agent, text := range map[string]string{"a": "{", "b": `[{"place":"x","record":"{","until":"9999999999999999"}]`, "c": `[{"place":"x","record":"{}","until":"x"}]`} {
		if err := server.Client().HSet(t.Context(), s.Key(store.KeyBindings), agent, text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := b.All(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	for _, agent := range []string{"a", "b", "c"} {
		if _, err := b.Put(t.Context(), phone(agent, "desk"), time.Minute); err != nil {
			t.Errorf("%s cannot register any more: %v", agent, err)
		}
		if got := placesOf(t, b, agent); !slices.Equal(got, []string{"desk"}) {
			t.Errorf("%s: %v", agent, got)
		}
	}
}

func FuzzBindingsAreReadOrRefused(f *testing.F) {
	server := redistest.Start(f)
	s, err := store.Open(f.Context(), server.URL(), store.Options{Centre: "kettle"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	client := server.Client()
	for _, seed := range []string{"", "[]", "{", "null", "7", `[{"place":"x","record":"{}","until":"9000000000000000"}]`, `[7,{"place":{}}]`} {
		f.Add(seed)
	}
	b := patientBindings{store.NewBindings(s)}
	f.Fuzz(func(t *testing.T, text string) {
		if err := client.HSet(t.Context(), s.Key(store.KeyBindings), "mia", text).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Of(t.Context(), "mia"); err != nil {
			t.Fatal(err)
		}
		if err := b.Remove(t.Context(), "mia", "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Put(t.Context(), phone("mia", "desk"), time.Minute); err != nil && !errors.Is(err, store.ErrTooManyBindings) {
			t.Fatal(err)
		}
	})
}
