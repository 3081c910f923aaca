package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/media/prompts"
)

// paper is a shared board and its sounds in memory, for tests of time. It is safe for concurrent use.
type paper struct {
	mu       sync.Mutex
	board    incident.Board
	edition  int
	changed  chan struct{}
	sounds   map[string][]byte
	hangs    chan struct{} // nil, or until it is closed nobody is told a sound
	refuses  error         // what whoever publishes or asserts is told
	silent   bool          // whoever publishes gets no answer
	asserted int
}

func newPaper() *paper {
	return &paper{changed: make(chan struct{}), sounds: make(map[string][]byte)}
}

// write puts a revision on the board, whatever is there.
func (p *paper) write(rev incident.Revision) {
	p.mu.Lock()
	defer p.mu.Unlock()
	revisions := maps.Clone(p.board.Revisions)
	if revisions == nil {
		revisions = make(map[string]incident.Revision)
	}
	revisions[rev.Incident] = rev
	p.board = incident.Board{Revisions: revisions}
	p.edition++
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *paper) Publish(ctx context.Context, rev incident.Revision, sound []byte) error {
	if p.silent {
		<-ctx.Done()
		return ctx.Err()
	}
	if p.refuses != nil {
		return p.refuses
	}
	p.mu.Lock()
	held := p.board.Revisions[rev.Incident]
	if sound != nil {
		p.sounds[rev.Sound] = sound
	}
	p.mu.Unlock()
	if held.Number >= rev.Number {
		return store.ErrConflict
	}
	p.write(rev)
	return nil
}

func (p *paper) Assert(_ context.Context, known incident.Board, _ func(string) ([]byte, error)) error {
	p.mu.Lock()
	p.asserted++
	board := p.board
	p.mu.Unlock()
	if p.refuses != nil {
		return p.refuses
	}
	for name, rev := range known.Revisions {
		if rev.Replaces(board.Revisions[name]) {
			p.write(rev)
		}
	}
	return nil
}

func (p *paper) Next(ctx context.Context, after store.Edition) (incident.Board, store.Edition, error) {
	for {
		p.mu.Lock()
		board, edition, changed := p.board, store.Edition(strconv.Itoa(p.edition)), p.changed
		p.mu.Unlock()
		if edition != after {
			return board, edition, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return incident.Board{}, "", ctx.Err()
		}
	}
}

func (p *paper) Blob(ctx context.Context, sum string) ([]byte, error) {
	if p.hangs != nil {
		select {
		case <-p.hangs:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	content, there := p.sounds[sum]
	if !there {
		return nil, store.ErrNoBlob
	}
	return content, nil
}

// put stores a sound and returns its name.
func (p *paper) put(content []byte) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	hash := sha256.Sum256(content)
	sum := hex.EncodeToString(hash[:])
	p.sounds[sum] = content
	return sum
}

// tally is a reach that nodes of one process share. It is safe for concurrent use.
type tally struct {
	mu   sync.Mutex
	told map[string]map[string]int64
}

func newTally() *tally { return &tally{told: make(map[string]map[string]int64)} }

func (t *tally) Report(_ context.Context, name string, revision int, node string, reached int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := fmt.Sprint(name, revision)
	if t.told[key] == nil {
		t.told[key] = make(map[string]int64)
	}
	t.told[key][node] = reached
	return nil
}

func (t *tally) Of(_ context.Context, name string, revision int) (map[string]int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.told[fmt.Sprint(name, revision)]), nil
}

// spoken is the file of a built-in recording.
func spoken(t *testing.T, name string) []byte {
	t.Helper()
	content, err := fs.ReadFile(prompts.English(), name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// followed is a centre with an incident kettle-recall that adds 10 seats, which follows a paper; it ends with the bubble's test.
type followed struct {
	*centre
	paper  *paper
	tally  *tally
	said   sentences
	logged *observer.ObservedLogs
	end    func()
}

func follow(t *testing.T, p *paper) *followed {
	t.Helper()
	c := newTestCentre(t, time.Now().Add(5*time.Hour))
	core, logged := observer.New(zap.InfoLevel)
	f := &followed{centre: c, paper: p, tally: newTally(), logged: logged}
	c.log, c.onChange = zap.New(core), f.said.add
	c.share(sharing{board: p, sounds: p, reach: f.tally, nodes: func() int { return 2 }})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.run(ctx) })
	running.Go(func() { c.follow(ctx) })
	f.end = func() { cancel(); running.Wait() }
	synctest.Wait()
	return f
}

// elsewhere is a revision that another node makes now of an incident that adds seats.
func elsewhere(name string, number, seats int, sound string) incident.Revision {
	return incident.Revision{Incident: name, Number: number, On: true, Start: time.Now(), End: time.Now().Add(time.Hour), Sound: sound,
		By: "file@syd-2", At: time.Now(), Effects: incident.Effects{SeatsAdd: seats, Message: "kettle-recall.wav"}}
}

// seats is how many seats the plan in force has: 20, and what each active incident adds.
func (f *followed) seats() int { return f.current().plan.Routing.Seats }

// complaints is how often the log has an error.
func (f *followed) complaints() int { return f.logged.FilterLevelExact(zap.ErrorLevel).Len() }

func TestARevisionHoldsOnceItsSoundIsHereAndOthersDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper()
		p.hangs = make(chan struct{})
		f := follow(t, p)
		defer f.end()
		sum := p.put(spoken(t, "sorry.wav"))
		p.write(elsewhere("first", 1, 100, sum))
		p.write(elsewhere("second", 1, 1000, sum))
		synctest.Wait()
		if seats := f.seats(); seats != 30 {
			t.Errorf("%d seats before the sound has come, want 30", seats)
		}
		p.write(elsewhere("silent", 1, 10_000, ""))
		synctest.Wait()
		if seats := f.seats(); seats != 10_030 {
			t.Errorf("%d seats while the sound of others is awaited, want 10030", seats)
		}
		close(p.hangs)
		synctest.Wait()
		if seats := f.seats(); seats != 11_130 {
			t.Errorf("%d seats when the sound has come, want 11130", seats)
		}
		if _, err := f.current().plan.Prompts.Message(sum); err != nil {
			t.Error(err)
		}
	})
}

func TestARevisionThatCannotBePlayedIsNotAppliedAndToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper()
		f := follow(t, p)
		defer f.end()
		lost := sha256.Sum256(spoken(t, "closed.wav"))
		swapped := p.put([]byte("to be swapped"))
		p.sounds[swapped] = spoken(t, "sorry.wav")
		p.write(elsewhere("noise", 1, 100, p.put([]byte("this is no recording"))))
		p.write(elsewhere("swapped", 1, 100, swapped))
		p.write(elsewhere("lost", 1, 1000, hex.EncodeToString(lost[:])))
		p.write(elsewhere("silent", 1, 5, ""))
		time.Sleep(10 * boardRetry)
		if seats, told := f.seats(), f.complaints(); seats != 35 || told != 3 {
			t.Errorf("%d seats, want 35; %d errors in the log, want 3: %v", seats, told, f.logged.All())
		}
		p.put(spoken(t, "closed.wav")) // somebody had it
		time.Sleep(2 * boardRetry)
		if seats := f.seats(); seats != 1035 {
			t.Errorf("%d seats when a lost sound is there again, want 1035", seats)
		}
	})
}

func TestWhatNoNodeCanHaveMadeIsNotApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper()
		f := follow(t, p)
		defer f.end()
		before := f.current().board
		endless := elsewhere("kettle-recall", 1<<40, 100, "")
		p.write(endless)
		p.write(elsewhere("../kettle", 1, 100, ""))
		p.write(elsewhere("kettle", 1, 100, "../../etc/passwd"))
		p.write(elsewhere("\x1b[2J", 1, 100, ""))
		time.Sleep(time.Minute)
		if now := f.current().board; len(now.Revisions) != len(before.Revisions) || now.Revisions["kettle-recall"].Number != 1 || f.complaints() != 4 {
			t.Errorf("it took over %+v", now)
		}
		err := f.do(t.Context(), func() {
			if err := f.toggle("kettle-recall", incident.Toggle{}); !errors.Is(err, errContended) {
				t.Errorf("a toggle of what cannot be followed: %v", err)
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestWhatWasMadeByAClockThatIsAheadHoldsAtItsMoment has another node's clock be ahead by as much as clocks are.
func TestWhatWasMadeByAClockThatIsAheadHoldsAtItsMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper()
		f := follow(t, p)
		defer f.end()
		rev := elsewhere("ahead", 1, 100, "")
		rev.At, rev.Start = rev.At.Add(clockSkew/2), rev.Start.Add(clockSkew/2)
		p.write(rev)
		time.Sleep(clockSkew)
		synctest.Wait()
		if seats := f.seats(); seats != 130 {
			t.Errorf("%d seats, want 130", seats)
		}
		time.Sleep(reachLimit)
		if said := f.said.of("ahead"); len(said) != 1 || !strings.HasPrefix(said[0], "ahead ON until ") {
			t.Errorf("people are told %q", said)
		}
	})
}

func TestAStoreThatDoesNotAnswerHoldsUpAToggleForABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper()
		f := follow(t, p)
		defer f.end()
		time.Sleep(lookAtBoard) // the store is told of what it lacks
		p.silent = true
		began := time.Now()
		if err := f.do(t.Context(), func() {
			if err := f.toggle("kettle-recall", incident.Toggle{}); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > agreeLimit {
			t.Errorf("it took %v", took)
		}
		if seats := f.seats(); seats != 20 {
			t.Errorf("%d seats after the toggle, want 20", seats)
		}
		time.Sleep(2 * lookAtBoard)
		p.mu.Lock()
		defer p.mu.Unlock()
		if got := p.board.Revisions["kettle-recall"]; got.Number != 2 || got.On {
			t.Errorf("the store was told %+v", got)
		}
	})
}

func TestAStoreThatRefusesIsAskedAgainAndThatIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper()
		p.refuses = errors.New("full")
		f := follow(t, p)
		defer f.end()
		time.Sleep(4 * boardRetry)
		p.mu.Lock()
		asserted := p.asserted
		p.refuses = nil
		p.mu.Unlock()
		if told := f.complaints(); asserted < 3 || asserted > 5 || told != 1 {
			t.Errorf("asked %d times, told %d times", asserted, told)
		}
		time.Sleep(10 * keepSounds)
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.board.Revisions) != 1 || p.asserted < asserted+10 {
			t.Errorf("the store has %v and was asked %d times more to keep its sounds", p.board, p.asserted-asserted)
		}
	})
}

// TestAnOlderSentenceIsSaidBeforeANewerOne toggles twice, and another node hears of the second toggle alone.
func TestAnOlderSentenceIsSaidBeforeANewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, newPaper())
		defer f.end()
		if err := f.tally.Report(t.Context(), "kettle-recall", 3, "syd-2", 7); err != nil {
			t.Fatal(err)
		}
		for _, until := range []time.Duration{time.Hour, 2 * time.Hour} {
			if err := f.do(t.Context(), func() {
				if err := f.toggle("kettle-recall", incident.Toggle{Active: true, For: until}); err != nil {
					t.Error(err)
				}
			}); err != nil {
				t.Error(err)
			}
			time.Sleep(2 * settle)
		}
		time.Sleep(reachLimit)
		synctest.Wait()
		said, shown := f.said.of("kettle-recall"), f.current().sentences["kettle-recall"]
		if len(said) != 2 || !strings.HasSuffix(said[0], ", played to 0 waiting, 1 of 2 nodes") || !strings.HasSuffix(said[1], ", played to 7 waiting, 2 of 2 nodes") || shown != said[1] {
			t.Errorf("said was %q, and shown is %q", said, shown)
		}
	})
}

func TestASentenceIsSaidWhenTheNodeStopsBeforeAllHaveTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := follow(t, newPaper())
		if err := f.do(t.Context(), func() {
			if err := f.toggle("kettle-recall", incident.Toggle{Active: true, For: time.Hour}); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Error(err)
		}
		time.Sleep(settle + reachPoll)
		f.end()
		if said := f.said.of("kettle-recall"); len(said) != 1 {
			t.Errorf("said was %q", said)
		}
	})
}
