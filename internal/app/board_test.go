package app

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/sample"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// fellow is one of several nodes of the sample centre: its files, its node.data and its centre, without the rooms that take calls.
type fellow struct {
	t       *testing.T
	id, dir string
	url     string // of the Redis, as this node reaches it
	live    int    // how many nodes it believes to live
	logged  *observer.ObservedLogs
	said    sentences

	centre  *centre
	store   *store.Store
	sources *config.Sources
	stop    func()
}

// sentences are what people were told. It is safe for concurrent use.
type sentences struct {
	mu  sync.Mutex
	all []change
}

func (s *sentences) add(c change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, c)
}

// of returns what was said of an incident.
func (s *sentences) of(name string) (said []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if c.incident == name {
			said = append(said, c.sentence)
		}
	}
	return said
}

// newFellow lays the files of a node out; edits change them before its first start.
func newFellow(t *testing.T, id, url string, edits ...func(dir string)) *fellow {
	t.Helper()
	n := &fellow{t: t, id: id, dir: t.TempDir(), url: url, live: 2}
	secrets := make(map[string]string)
	for _, agent := range sample.Agents() {
		secrets[agent] = secret
	}
	free := netip.AddrPortFrom(loopback, 0)
	if err := sample.Write(n.dir, sample.Options{SIP: free, HTTP: free, Secrets: secrets}); err != nil {
		t.Fatal(err)
	}
	for _, edit := range edits {
		edit(n.dir)
	}
	return n
}

// start runs the node with what is in its node.data, until stop or the end of the test.
func (n *fellow) start() {
	n.t.Helper()
	report := config.Start(n.dir, config.Options{Prompts: OpenPrompts})
	if report.Node == nil || report.Snapshot == nil {
		n.t.Fatal(&MistakesError{report})
	}
	n.sources = report.Sources
	keep, err := openKeeper(report.Node.Data)
	if err != nil {
		n.t.Fatal(err)
	}
	core, logged := observer.New(zap.DebugLevel)
	n.logged = logged
	n.store, err = store.Open(n.t.Context(), n.url, store.Options{Centre: "kettle"})
	if err != nil {
		n.t.Fatal(err)
	}
	n.centre = newCentre(n.id, filepath.Join(n.dir, config.IncidentsFile), 0, keep, zap.New(core))
	n.centre.onPublish, n.centre.onChange = func(*edition) {}, n.said.add
	n.centre.share(sharing{board: store.NewBoard(n.store), sounds: n.store, reach: store.NewReach(n.store), nodes: func() int { return n.live }})
	if err := n.centre.apply(report); err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { n.centre.run(ctx) })
	running.Go(func() { n.centre.follow(ctx) })
	n.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := n.store.Close(); err != nil {
			n.t.Error(err)
		}
	})
	n.t.Cleanup(n.stop)
}

// save applies what is in the files now, as the watcher does.
func (n *fellow) save() error {
	n.t.Helper()
	report := config.CheckAfter(n.dir, n.sources, config.Options{Prompts: OpenPrompts})
	n.sources = report.Sources
	var refused error
	if err := n.centre.do(n.t.Context(), func() { refused = n.centre.apply(report) }); err != nil {
		n.t.Fatal(err)
	}
	return refused
}

// flip saves incidents.yaml with the recall switched on or off.
func (n *fellow) flip(on bool) {
	n.t.Helper()
	if err := sample.Switch(n.dir, on); err != nil {
		n.t.Fatal(err)
	}
	if err := n.save(); err != nil {
		n.t.Fatal(err)
	}
}

// toggle switches the recall by the API.
func (n *fellow) toggle(toggle incident.Toggle) {
	n.t.Helper()
	var refused error
	if err := n.centre.do(n.t.Context(), func() { refused = n.centre.toggle(sample.Recall, toggle) }); err != nil || refused != nil {
		n.t.Fatal(err, refused)
	}
}

// recall is what holds of the recall at the node.
func (n *fellow) recall() incident.Revision { return n.centre.current().board.Revisions[sample.Recall] }

// madeAlone reports whether the node has made a revision without the store: on a machine under load that happens, too.
func (n *fellow) madeAlone() bool {
	return n.logged.FilterMessageSnippet("do not know of a revision yet").Len() > 0
}

// differs reports whether the node shows that its file says otherwise.
func (n *fellow) differs() bool {
	return n.centre.current().incident(sample.Recall, time.Now()).DiffersFromFile
}

// plays reports whether the node's calls can play the recall's message.
func (n *fellow) plays() bool {
	e := n.centre.current()
	_, err := e.plan.Prompts.Message(e.board.Revisions[sample.Recall].Sound)
	return err == nil
}

// eventually waits until something is true.
func (n *fellow) eventually(what string, is func() bool) {
	n.t.Helper()
	(&fixture{t: n.t}).eventually(n.id+": "+what, is)
}

// published calls f at each edition from now on, on the owner's goroutine.
func (n *fellow) published(f func()) {
	n.t.Helper()
	if err := n.centre.do(n.t.Context(), func() { n.centre.onPublish = func(*edition) { f() } }); err != nil {
		n.t.Fatal(err)
	}
}

// last is what was said last of the recall.
func (n *fellow) last() string {
	said := n.said.of(sample.Recall)
	if len(said) == 0 {
		return ""
	}
	return said[len(said)-1]
}

// agree waits until nodes have the same revision of the recall, made by somebody in particular.
func agree(t *testing.T, by string, nodes ...*fellow) incident.Revision {
	t.Helper()
	first := nodes[0]
	for _, n := range nodes {
		n.eventually("has what "+by+" made", func() bool {
			a, b := first.recall(), n.recall()
			return a.By == by && !a.Replaces(b) && !b.Replaces(a)
		})
	}
	return first.recall()
}

// pair starts two nodes with the same files on a server.
func pair(t *testing.T, server *redistest.Server) (a, b *fellow) {
	t.Helper()
	a, b = newFellow(t, "syd-1", server.URL()), newFellow(t, "syd-2", server.URL())
	a.start()
	b.start()
	return a, b
}

var on, off = incident.Toggle{Active: true, By: "duty", From: "127.0.0.1"}, incident.Toggle{By: "duty", From: "127.0.0.1"}

// by is a toggle of somebody else.
func by(who string, toggle incident.Toggle) incident.Toggle {
	toggle.By = who
	return toggle
}

func TestASavedToggleHoldsOnAllNodesWithItsSound(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := newFellow(t, "syd-1", server.URL())
	b := newFellow(t, "syd-2", server.URL(), func(dir string) {
		content, err := os.ReadFile(filepath.Join(dir, "prompts", "welcome.wav"))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "prompts", sample.RecallMessage), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	a.start()
	b.start()
	var unplayable atomic.Bool
	b.published(func() {
		if b.recall().Active(time.Now()) && !b.plays() {
			unplayable.Store(true)
		}
	})
	saved := time.Now()
	a.flip(true)
	made := agree(t, "file@syd-1", a, b)
	t.Logf("it held on the other node %v after the save", time.Since(saved))
	if !made.Active(time.Now()) || !b.plays() || unplayable.Load() {
		t.Errorf("on the other node it is active: %t, to be heard: %t, and was not at first: %t", made.Active(time.Now()), b.plays(), unplayable.Load())
	}
	if seats := b.centre.current().plan.Routing.Seats; seats != 30 {
		t.Errorf("%d seats on the other node, want 30", seats)
	}
	if was, _ := b.centre.keep.board(); was.Revisions[sample.Recall].Number != made.Number {
		t.Errorf("in its node.data the other node has %+v", was.Revisions[sample.Recall])
	}
	content, err := b.centre.keep.content(made.Sound)
	if err != nil || content == nil {
		t.Errorf("in its node.data the other node has %d bytes of sound: %v", len(content), err)
	}
}

func TestTwoNodesWithTheSameFileSavedAtOnceMakeOneRevision(t *testing.T) {
	t.Parallel()
	a, b := pair(t, redistest.Start(t))
	before := a.recall().Number
	var saving sync.WaitGroup
	for _, n := range []*fellow{a, b} {
		saving.Go(func() { n.flip(true) })
	}
	saving.Wait()
	n := a.recall().By
	if made := agree(t, n, a, b); made.Number != before+1 || !made.Active(time.Now()) {
		t.Errorf("after revision %d came %+v", before, made)
	}
	for _, n := range []*fellow{a, b} {
		if n.differs() {
			t.Errorf("%s shows that its file differs", n.id)
		}
	}
	a.flip(false)
	b.flip(false)
	agree(t, a.recall().By, a, b)
	if made := a.recall(); made.Number != before+2 || made.Active(time.Now()) {
		t.Errorf("switched off in both files it is %+v", made)
	}
}

func TestOfTwoPeopleAtOnceTheSecondDecidesOnWhatTheFirstMade(t *testing.T) {
	t.Parallel()
	a, b := pair(t, redistest.Start(t))
	for round := range 5 {
		before := a.recall().Number
		var toggling sync.WaitGroup
		for i, n := range []*fellow{a, b} {
			toggle := by(n.id, on)
			toggle.For = time.Duration(10*round+i+1) * time.Minute
			toggling.Go(func() { n.toggle(toggle) })
		}
		toggling.Wait()
		a.eventually("both agree", func() bool {
			x, y := a.recall(), b.recall()
			return !x.Replaces(y) && !y.Replaces(x)
		})
		alone := a.madeAlone() || b.madeAlone()
		if made := a.recall(); !alone && (made.Number != before+2 || !strings.HasPrefix(made.Difference, "now until ") && round > 0) {
			t.Errorf("after revision %d came %d: %s", before, made.Number, made.Difference)
		}
	}
}

func TestAToggleWithoutTheStoreHoldsAtOnceAndIsToldLater(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct{ begin, end func(*redistest.Server) }{
		"away":    {(*redistest.Server).Kill, (*redistest.Server).Restart},
		"hanging": {(*redistest.Server).Pause, (*redistest.Server).Resume},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			a, b := pair(t, server)
			agree(t, a.recall().By, a, b)
			a.logged.TakeAll()
			fault.begin(server)
			began := time.Now()
			a.toggle(on)
			if took := time.Since(began); took > agreeLimit+time.Second {
				t.Errorf("the toggle took %v", took)
			}
			if !a.recall().Active(time.Now()) || !a.plays() {
				t.Errorf("it is %+v", a.recall())
			}
			if !a.madeAlone() {
				t.Error("the log does not say that the other node does not know")
			}
			fault.end(server)
			back := time.Now()
			agree(t, "duty", a, b)
			t.Logf("the other node had it %v after the store was back", time.Since(back))
			if !b.plays() {
				t.Error("the other node cannot play it")
			}
		})
	}
}

func TestAnEmptiedStoreHasTheBoardAgainAndMeanwhileAllHoldsOn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := pair(t, server)
	a.toggle(on)
	made := agree(t, "duty", a, b)
	server.FlushAll()
	var third *fellow
	a.eventually("the store has the board again", func() bool {
		seen, _, err := store.NewBoard(a.store).Read(t.Context())
		return err == nil && seen.Revisions[sample.Recall].Number == made.Number
	})
	third = newFellow(t, "syd-3", server.URL())
	third.start()
	if agree(t, "duty", a, b, third).Number != made.Number || !third.plays() {
		t.Errorf("the third node has %+v", third.recall())
	}
}

func TestAStoreThatWentBackIsToldWhatHappenedSince(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := pair(t, server)
	agree(t, a.recall().By, a, b)
	key := a.store.Key(store.KeyBoard)
	old, err := server.Client().HGetAll(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	a.toggle(on)
	made := agree(t, "duty", a, b)
	a.stop() // what b knows is enough
	if err := server.Client().HSet(t.Context(), key, old).Err(); err != nil {
		t.Fatal(err)
	}
	b.eventually("the store has the revision again", func() bool {
		seen, _, err := store.NewBoard(b.store).Read(t.Context())
		return err == nil && seen.Revisions[sample.Recall].Number == made.Number
	})
	if got := b.recall(); got.Number != made.Number || !got.Active(time.Now()) {
		t.Errorf("it is %+v", got)
	}
}

func TestANodeWithAnotherFileOverridesNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := newFellow(t, "syd-1", server.URL())
	a.start()
	a.flip(true)
	made := a.recall()
	b := newFellow(t, "syd-2", server.URL(), func(dir string) { replace(dir, config.IncidentsFile, "Recall of the K-200 kettle", "An old title") })
	b.start()
	if got := agree(t, "file@syd-1", a, b); got.Replaces(made) || !b.differs() || a.differs() {
		t.Errorf("a first start beside revision %d by %s made %+v, and it differs: %t", made.Number, made.By, got, b.differs())
	}
	b.stop()
	b.start() // the same file again
	if got := agree(t, "file@syd-1", a, b); got.Replaces(made) || !b.differs() {
		t.Errorf("another start made %+v", got)
	}
	replace(b.dir, config.IncidentsFile, "An old title", "A new title")
	if err := b.save(); err != nil {
		t.Fatal(err)
	}
	if made := agree(t, "file@syd-2", a, b); made.Title != "A new title" || !made.Active(time.Now()) || !a.differs() {
		t.Errorf("what was changed in its file came to %+v", made)
	}
}

func TestAToggleByTheAPIHoldsOverTheRestartOfEachNode(t *testing.T) {
	t.Parallel()
	a, b := pair(t, redistest.Start(t))
	a.flip(true)
	agree(t, "file@syd-1", a, b)
	b.toggle(off)
	made := agree(t, "duty", a, b)
	for _, n := range []*fellow{a, b} {
		n.stop()
		n.start()
		if got := n.recall(); got.Replaces(made) || got.Active(time.Now()) {
			t.Errorf("after its restart %s has %+v", n.id, got)
		}
	}
}

func TestANodeThatWasDownDuringAToggleStartsWithIt(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := pair(t, server)
	var made incident.Revision
	// A machine that is too slow for the store's limits has b start with what it has kept, and say so: then it is done again.
	for starts := 1; ; starts++ {
		b.stop()
		a.flip(true)
		made = a.recall()
		a.eventually("the store has it", func() bool {
			seen, _, err := store.NewBoard(a.store).Read(t.Context())
			return err == nil && seen.Revisions[sample.Recall].Number == made.Number
		})
		b.start()
		if b.logged.FilterMessageSnippet("starts with what it has kept").Len() == 0 {
			break
		}
		if starts == 10 {
			t.Fatal("ten starts did not reach the store in time")
		}
		a.flip(false)
	}
	first := b.centre.current()
	if got := first.board.Revisions[sample.Recall]; got.Number != made.Number || !b.plays() || first.plan.Routing.Seats != 30 {
		t.Errorf("it starts with %+v and %d seats", got, first.plan.Routing.Seats)
	}
	b.stop()
	server.Kill()
	began := time.Now()
	b.start()
	if got := b.recall(); got.Number != made.Number || !b.plays() {
		t.Errorf("without the store it starts with %+v", got)
	}
	t.Logf("without the store a start took %v", time.Since(began))
}

func TestAFirstStartWithoutTheStoreOverridesNothingLater(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := newFellow(t, "syd-1", server.URL(), func(dir string) {
		if err := sample.Switch(dir, true); err != nil {
			t.Fatal(err)
		}
	})
	a.start()
	made := a.recall()
	link := server.Link()
	link.Cut()
	b := newFellow(t, "syd-2", link.URL())
	b.start()
	if got := b.recall(); got.Number != 1 || got.Active(time.Now()) {
		t.Fatalf("alone it starts with %+v", got)
	}
	link.Heal()
	if got := agree(t, "file@syd-1", a, b); got.Number != made.Number || !got.Active(time.Now()) || !b.differs() || !b.plays() {
		t.Errorf("together they have %+v", got)
	}
}

func TestAfterTogglesOnNodesThatCouldNotHearEachOtherAllAgree(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	link := server.Link()
	a, b := newFellow(t, "syd-1", server.URL()), newFellow(t, "syd-2", link.URL())
	a.start()
	b.start()
	link.Hang()
	b.toggle(by("early", on))
	a.toggle(by("late", on))
	if x, y := a.recall().Number, b.recall().Number; x != y {
		t.Fatalf("apart they have made %d and %d", x, y)
	}
	link.Heal()
	agree(t, "late", a, b)
	link.Cut()
	b.toggle(by("first", off))
	b.toggle(by("second", on))
	a.toggle(by("third", off))
	link.Heal()
	agree(t, "second", a, b) // two steps further
}

func TestTheSentenceCountsWhomAllNodesReached(t *testing.T) {
	t.Parallel()
	a, b := pair(t, redistest.Start(t))
	reached := map[*fellow]int{a: 3, b: 34}
	for n, waiting := range reached {
		n.published(func() {
			for range waiting {
				n.centre.told(sample.Recall) // no incident, nobody counted
			}
		})
	}
	a.flip(true)
	for n := range reached {
		n.eventually("says the sentence", func() bool { return strings.HasSuffix(n.last(), ", played to 37 waiting, 2 of 2 nodes") })
		if shown := n.centre.current().sentences[sample.Recall]; !strings.HasSuffix(shown, "2 of 2 nodes") {
			t.Errorf("%s shows %q", n.id, shown)
		}
	}
	b.stop()
	a.toggle(off)
	a.toggle(on)
	a.eventually("says what it knows without the other", func() bool { return strings.HasSuffix(a.last(), ", played to 3 waiting, 1 of 2 nodes") })
	if said := a.said.of(sample.Recall); len(said) != 4 {
		t.Errorf("it said %q, want one sentence for each of 4 revisions", said)
	}
	if said := b.said.of(sample.Recall); len(said) != 1 {
		t.Errorf("the other node said %q, want one sentence", said)
	}
}
