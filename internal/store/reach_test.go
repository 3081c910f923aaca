package store_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// patientReach is a reach that does again what took too long.
type patientReach struct{ *store.Reach }

func (r patientReach) Report(ctx context.Context, incident string, revision int, node string, reached int64) error {
	return patiently(func() error { return r.Reach.Report(ctx, incident, revision, node, reached) })
}

func (r patientReach) Of(ctx context.Context, incident string, revision int) (nodes map[string]int64, err error) {
	err = patiently(func() error {
		nodes, err = r.Reach.Of(ctx, incident, revision)
		return err
	})
	return nodes, err
}

// openReach returns the reach of a server's store.
func openReach(t *testing.T, server *redistest.Server) (*store.Store, patientReach) {
	t.Helper()
	s, _ := openBoard(t, server)
	return s, patientReach{store.NewReach(s)}
}

// report reports of the kettle centre's recall.
func report(t *testing.T, r patientReach, revision int, node string, reached int64) {
	t.Helper()
	if err := r.Report(t.Context(), "kettle-recall", revision, node, reached); err != nil {
		t.Fatal(err)
	}
}

// reached checks whom a revision of the recall reached.
func reached(t *testing.T, r patientReach, revision int, want map[string]int64) {
	t.Helper()
	if got, err := r.Of(t.Context(), "kettle-recall", revision); err != nil || !maps.Equal(got, want) {
		t.Errorf("revision %d reached %v, %v, not %v", revision, got, err, want)
	}
}

func TestARevisionsReachIsTheSameOnEveryNode(t *testing.T) {
	server := redistest.Start(t)
	_, here := openReach(t, server)
	_, there := openReach(t, server)
	reached(t, there, 1, nil)
	report(t, here, 1, "syd-1", 3)
	report(t, here, 1, "syd-1", 37)
	report(t, there, 1, "syd-2", math.MaxInt64)
	reached(t, there, 1, map[string]int64{"syd-1": 37, "syd-2": math.MaxInt64})
	if got, err := here.Of(t.Context(), "another", 1); err != nil || got != nil {
		t.Errorf("another incident reached %v, %v", got, err)
	}
}

func TestTheReachIsThatOfTheHighestRevision(t *testing.T) {
	_, r := openReach(t, redistest.Start(t))
	report(t, r, 9, "syd-1", 3)
	report(t, r, 10, "syd-2", 4)
	report(t, r, 9, "syd-1", 5)
	reached(t, r, 9, nil)
	reached(t, r, 10, map[string]int64{"syd-2": 4})
	reached(t, r, 11, nil)
}

func TestAReportThatMakesNoSenseIsRefused(t *testing.T) {
	_, r := openReach(t, redistest.Start(t))
	for name, err := range map[string]error{
		"no incident": r.Report(t.Context(), "", 1, "syd-1", 1),
		"no node":     r.Report(t.Context(), "kettle-recall", 1, "", 1),
		"no text":     r.Report(t.Context(), "kettle-recall", 1, "\xff", 1),
		"no revision": r.Report(t.Context(), "kettle-recall", 0, "syd-1", 1),
		"no count":    r.Report(t.Context(), "kettle-recall", 1, "syd-1", -1),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// crooked are records of a reach that no node wrote.
var crooked = []string{
	"", "{", "null", "[]", "7", `{"revision":"x","nodes":{}}`, `{"revision":"1"}`, `{"revision":"1","nodes":{"a":"-1"}}`, `{"revision":"1","nodes":[7]}`,
	`{"revision":"1","nodes":{"":"1"}}`, `{"revision":{},"nodes":{}}`, `{"revision":"nan","nodes":{}}`, `{"revision":"inf","nodes":{}}`, `{"revision":1,"nodes":{"a":1}}`,
}

func TestAReachThatCannotBeReadCountsAsNone(t *testing.T) {
	server := redistest.Start(t)
	s, r := openReach(t, server)
	client := server.Client()
	for _, text := range append(crooked, fmt.Sprintf(`{"revision":"7","nodes":{},"odd":%q}`, strings.Repeat("x", 1<<20))) {
		if err := client.HSet(t.Context(), s.Key(store.KeyReach), "kettle-recall", text).Err(); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Of(t.Context(), "kettle-recall", 1); err != nil || len(got) != 0 {
			t.Errorf("%.50q is read as %v, %v", text, got, err)
		}
		report(t, r, 2, "syd-1", 3)
		reached(t, r, 2, map[string]int64{"syd-1": 3})
	}
}

func FuzzReachIsReadOrCountsAsNone(f *testing.F) {
	server := redistest.Start(f)
	s, err := store.Open(f.Context(), server.URL(), store.Options{Centre: "kettle"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	client := server.Client()
	for i, seed := range crooked {
		f.Add(seed, i)
	}
	r := patientReach{store.NewReach(s)}
	f.Fuzz(func(t *testing.T, text string, revision int) {
		if err := client.HSet(t.Context(), s.Key(store.KeyReach), "kettle-recall", text).Err(); err != nil {
			t.Fatal(err)
		}
		nodes, err := r.Of(t.Context(), "kettle-recall", revision)
		if err != nil {
			t.Fatal(err)
		}
		for node, count := range nodes {
			if node == "" || count < 0 {
				t.Fatalf("%q is read as %v", text, nodes)
			}
		}
		report(t, r, 1+revision&math.MaxInt32, "syd-"+strconv.Itoa(revision), 3)
	})
}
