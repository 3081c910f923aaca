package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// ear is a node's memory of who heard what, on a bulletin.
type ear struct {
	*heard
	stop func()
}

// listen starts a node's memory; it ends with the test.
func listen(t *testing.T, b bulletin) ear {
	t.Helper()
	h := &heard{memory: incident.NewHeard(incident.HeardLimit)}
	h.share()
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() { h.follow(ctx, b) })
	stop := func() { cancel(); following.Wait() }
	t.Cleanup(stop)
	return ear{h, stop}
}

// hearing is that of a caller who heard the one message of these tests.
func hearing(caller int) incident.Hearing {
	return incident.Hearing{Caller: fmt.Sprintf("+614915%05d", caller), Sound: strings.Repeat("a", 64), Incident: "kettle-recall"}
}

// knows waits until a node knows of callers.
func (e ear) knows(t *testing.T, callers ...int) {
	t.Helper()
	(&fixture{t: t}).eventually("the node knows who heard it", func() bool {
		return !slices.ContainsFunc(callers, func(c int) bool { return !e.Has(hearing(c).Caller, hearing(c).Sound) })
	})
}

func TestWhoHeardAMessageIsKnownOnAllNodes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	open := func() *store.Bulletin {
		s, err := store.Open(t.Context(), server.URL(), store.Options{Centre: "kettle"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return store.NewBulletin(s, store.KeyHeard, 1000)
	}
	board := open()
	a, b := listen(t, board), listen(t, open())
	var all []int
	for caller := range 3 * untoldBatch {
		a.Add(hearing(caller))
		all = append(all, caller)
	}
	b.knows(t, all...)
	junk := []string{"{", "null", `{"caller":"+61491500001","sound":"../x","incident":"kettle-recall"}`, `{"caller":` + strings.Repeat(" ", hearingLimit) + `"x"}`}
	if err := board.Tell(t.Context(), junk...); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	b.Add(hearing(1001))
	server.Restart()
	b.Add(hearing(1002))
	a.knows(t, 1001, 1002)
	listen(t, open()).knows(t, 1001, 1002) // one that starts later
	if text, err := a.news(); err != nil || !strings.Contains(string(text), hearing(1001).Caller) {
		t.Errorf("what another node told is not written down: %v", err)
	}
}

// mute is a bulletin on which everything hangs. It is safe for concurrent use.
type mute struct{ asked chan struct{} }

func (m mute) Tell(ctx context.Context, _ ...string) error {
	m.asked <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

func (m mute) Next(ctx context.Context, _ string) ([]store.Item, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestNoCallWaitsForTheBulletin(t *testing.T) {
	t.Parallel()
	m := mute{make(chan struct{})}
	a := listen(t, m)
	a.Add(hearing(0))
	<-m.asked
	for caller := range untoldLimit + 10 {
		a.Add(hearing(caller + 1))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.untold) != untoldLimit || a.untold[untoldLimit-1] != hearing(untoldLimit+10) {
		t.Errorf("%d hearings wait", len(a.untold))
	}
}
