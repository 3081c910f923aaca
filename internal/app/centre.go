package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/media"
)

// settle is how long after a toggle the sentence about it waits for the calls that it reached: they react within milliseconds,
// and the sentence must say how many they were.
const settle = 300 * time.Millisecond

// lookAtClock is how often the active incidents are compared with what was published: timers do not see that somebody sets the
// clock, and promises to callers are kept within a second.
const lookAtClock = time.Second

// sweepHeard is how often it is forgotten who heard the messages of incidents long past.
const sweepHeard = time.Hour

// writeHeard is how often it is written down who heard what: so much of it is lost when the process is killed.
const writeHeard = 10 * time.Second

// centre owns what holds now: the configuration in force, the board of incidents and the plan made of both. One goroutine (run)
// changes them, request by request; everybody else reads what it has published. What it shares with the other nodes is in board.go.
type centre struct {
	node     string
	file     string       // incidents.yaml, for the revisions that it makes
	codecs   media.Codecs // that recordings are kept in
	log      *zap.Logger
	keep     *keeper
	heard    *heard
	shared   *sharing // nil: the node has its board for itself
	requests chan func()
	stopped  chan struct{}

	published atomic.Pointer[edition]
	onPublish func(*edition) // tells the rooms; on the owner's goroutine
	onChange  func(change)   // tells people; on the owner's goroutine

	// Owned by run.
	board      incident.Board
	said       map[string]incident.Said
	superseded chan struct{}
	unsaid     []unsaid       // in the order in which they are due
	counting   int            // sentences that wait for what other nodes tell
	complained map[string]int // revisions of other nodes that could not be applied, by incident
	counts     chan change    // sentences that have been counted
}

// edition is what was published at one moment. It is immutable.
type edition struct {
	snapshot  *config.Snapshot
	board     incident.Board
	plan      *call.Plan
	library   *media.Library
	trouble   *config.Mistake // what is wrong on disk, or nil
	appliedAt time.Time       // of this edition
	// configuredAt is when the snapshot came into force.
	configuredAt time.Time
	reached      map[string]*atomic.Int64 // waiting callers to whom a message began to play, by incident
	sentences    map[string]string        // what was said last, by incident; those of earlier processes are not known
}

// change is something that people are told: one sentence.
type change struct {
	incident string // "" for a change of the configuration alone
	sentence string
}

// unsaid is a sentence that waits for the calls to react.
type unsaid struct {
	change
	revision incident.Revision // zero: it is the clock that this node went by
	reached  *atomic.Int64     // nil: it plays nothing
	due      time.Time
}

func newCentre(node, file string, codecs media.Codecs, keep *keeper, log *zap.Logger) *centre {
	board, said := keep.board()
	return &centre{
		node: node, file: file, codecs: codecs, log: log, keep: keep,
		heard:    &heard{memory: keep.heard()},
		requests: make(chan func()), stopped: make(chan struct{}),
		board: board, said: said, complained: make(map[string]int), counts: make(chan change),
	}
}

// run is the owner's goroutine: requests, and what time alone changes.
func (c *centre) run(ctx context.Context) {
	defer close(c.stopped)
	defer func() {
		for len(c.unsaid) > 0 {
			c.say(ctx)
		}
		for c.counting > 0 {
			c.finish(<-c.counts)
		}
	}()
	sweep := time.NewTicker(sweepHeard)
	defer sweep.Stop()
	write := time.NewTicker(writeHeard)
	defer write.Stop()
	defer c.keepHeard()
	look := time.NewTicker(lookAtClock)
	defer look.Stop()
	for {
		clock := c.nextByTime()
		select {
		case <-ctx.Done():
			return
		case request := <-c.requests:
			request()
		case <-clock:
			c.onClock()
		case <-look.C:
			c.onClock()
		case <-c.nextUnsaid():
			c.say(ctx)
		case counted := <-c.counts:
			c.finish(counted)
		case <-sweep.C:
			c.heard.sweep(c.board, time.Now())
		case <-write.C:
			c.keepHeard()
		}
	}
}

// keepHeard writes down who heard what, if anybody heard something since.
func (c *centre) keepHeard() {
	text, err := c.heard.news()
	if err == nil && text != nil {
		err = c.keep.write(heardFile, text)
	}
	if err != nil {
		c.log.Error("who heard which message could not be kept", zap.Error(err))
	}
}

// do runs a request on the owner's goroutine and waits for it. It fails when the centre has stopped or the context ends first.
func (c *centre) do(ctx context.Context, request func()) error {
	done := make(chan struct{})
	select {
	case c.requests <- func() { defer close(done); request() }:
		<-done
		return nil
	case <-c.stopped:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nextByTime is ready when an incident starts or ends by the clock. It counts from what was published last: a moment that passed
// while a request was served is still to be acted on.
func (c *centre) nextByTime() <-chan time.Time {
	next := incident.Next(c.board, c.current().appliedAt)
	if next.IsZero() {
		return nil
	}
	return time.After(time.Until(next))
}

// current is what holds now.
func (c *centre) current() *edition { return c.published.Load() }

// apply takes over a judged folder: what is good of it holds from now on, what is wrong is shown. A folder that cannot be taken
// over changes nothing else.
func (c *centre) apply(r config.Report) error {
	before := c.current()
	if r.Snapshot == nil {
		return fmt.Errorf("no usable configuration: %v", r.Error())
	}
	if before != nil && before.snapshot.Version == r.Snapshot.Version {
		same := *before
		same.trouble, same.snapshot = r.Error(), r.Snapshot // a secret may have come since
		c.published.Store(&same)
		c.onPublish(&same)
		return nil
	}
	err := c.take(r)
	if err != nil && before != nil {
		same := *before
		same.trouble = cmp.Or(r.Error(), refusal(err, r.Snapshot))
		c.published.Store(&same)
	}
	return err
}

// refusal is why a folder without a mistake of its own could not be taken over: an incident that cannot be switched like that, or
// node.data that cannot be written.
func refusal(err error, s *config.Snapshot) *config.Mistake {
	m := &config.Mistake{Text: err.Error(), Severity: config.Error}
	if mistake, inFile := errors.AsType[*incident.Mistake](err); inFile {
		m.Place = s.IncidentEnd(mistake.Incident)
	}
	return m
}

// take makes a judged folder hold.
func (c *centre) take(r config.Report) error {
	library, err := openLibrary(r.Snapshot.Centre, c.codecs)
	if err != nil {
		return err
	}
	if e := c.current(); e == nil {
		c.keep.options = library.Options().PromptOptions
	} else if e.library.Dir() == library.Dir() {
		library.After(e.library)
	}
	file := incident.File{
		Definitions: r.Snapshot.Incidents,
		By:          "file@" + c.node,
		From:        c.file,
		Sound:       c.keep.soundOf(library, r.Snapshot.Centre.PromptsDir),
	}
	var outcome incident.Outcome
	made, err := c.agree(func(basis incident.Board) ([]incident.Revision, error) {
		outcome = incident.Reconcile(basis, file, c.said, c.now(r.Snapshot))
		if len(outcome.Mistakes) > 0 {
			return nil, &outcome.Mistakes[0]
		}
		prepare(library, r.Snapshot.Conversation, r.Snapshot.Incidents) // before anybody is told
		return outcome.Revisions, nil
	})
	if err != nil {
		return err
	}
	board := with(c.board, made)
	if err := c.keep.saveBoard(board, outcome.Said); err != nil {
		return err
	}
	// Nothing fails from here on; what cannot be kept for the next start is told.
	if err := config.SaveLastGood(c.keep.dir, *r.Sources); err != nil {
		c.log.Error("the last good configuration could not be kept", zap.Error(err))
	}
	for _, w := range outcome.Warnings {
		c.log.Warn(w.Text, zap.String("incident", w.Incident))
	}
	old, first := c.board, c.current() == nil
	c.board, c.said = board, outcome.Said
	c.forgetSounds()
	library.Settle()
	c.publish(r.Snapshot, library, r.Error(), time.Now())
	if !first {
		c.onChange(change{sentence: "configuration " + r.Snapshot.Version + " applied"})
	}
	c.tell(old, made)
	return nil
}

// forgetSounds drops the recordings that no incident plays any more.
func (c *centre) forgetSounds() {
	if err := c.keep.forgetSounds(c.board); err != nil {
		c.log.Warn("recordings that no incident plays any more could not be removed", zap.Error(err))
	}
}

// now is the present in the centre's zone, in which people are told times. It is the wall clock's alone: an end that people were
// told holds also when that clock is set, as it does after a restart.
func (c *centre) now(s *config.Snapshot) time.Time { return time.Now().Round(0).In(s.Centre.Zone) }

// toggle switches an incident by API or command. When it returns without an error, the revision is kept.
func (c *centre) toggle(name string, t incident.Toggle) error {
	e := c.current()
	var definition incident.Definition
	if d := e.snapshot.Incident(name); d != nil {
		definition = *d
	}
	made, err := c.agree(func(basis incident.Board) ([]incident.Revision, error) {
		revision, err := incident.Switch(basis, name, definition, t, c.now(e.snapshot))
		if err != nil || revision.Number == basis.Revisions[name].Number {
			return nil, err
		}
		return []incident.Revision{revision}, nil
	})
	if err != nil || len(made) == 0 {
		return err
	}
	board := with(c.board, made)
	if err := c.keep.saveBoard(board, c.said); err != nil {
		return err
	}
	old := c.board
	c.board = board
	c.republish()
	c.tell(old, made)
	return nil
}

// onClock publishes what holds now that an incident has started or ended by the clock, and says so. Before that it does nothing.
func (c *centre) onClock() {
	e := c.current()
	now := c.now(e.snapshot)
	wasActive, active := activeNames(c.board, e.appliedAt), activeNames(c.board, now)
	next := incident.Next(c.board, e.appliedAt)
	if maps.Equal(wasActive, active) && (next.IsZero() || next.After(now)) {
		return
	}
	c.republish()
	for name := range wasActive {
		if !active[name] {
			c.tellReached(name, name+" ended at its time", incident.Revision{})
		}
	}
	for name := range active {
		if !wasActive[name] {
			c.tellReached(name, name+" began as scheduled", incident.Revision{})
		}
	}
}

func activeNames(b incident.Board, now time.Time) map[string]bool {
	names := make(map[string]bool)
	for _, r := range incident.ActiveNow(b, now) {
		names[r.Incident] = true
	}
	return names
}

// republish makes a new plan of the same configuration.
func (c *centre) republish() {
	e := c.current()
	c.publish(e.snapshot, e.library, e.trouble, time.Now())
}

// publish makes a plan of a configuration and the board, and swaps it in: calls that wait are woken by the old one's end.
func (c *centre) publish(s *config.Snapshot, library *media.Library, trouble *config.Mistake, now time.Time) {
	overlaid, warnings := incident.Overlay(s.Routing, c.board, now)
	for _, w := range warnings {
		c.log.Warn(w.Text, zap.String("incident", w.Incident))
	}
	configuredAt, sentences, reached := now, map[string]string{}, make(map[string]*atomic.Int64)
	for name := range activeNames(c.board, now) {
		reached[name] = new(atomic.Int64)
	}
	if before := c.current(); before != nil {
		sentences = before.sentences
		for name, counter := range before.reached {
			if reached[name] != nil && !c.board.Revisions[name].Replaces(before.board.Revisions[name]) {
				reached[name] = counter // who is counted for a sentence is not another's
			}
		}
		if before.snapshot.Version == s.Version {
			configuredAt = before.configuredAt
		}
	}
	last := c.superseded
	c.superseded = make(chan struct{})
	e := &edition{
		snapshot: s, board: c.board, library: library, trouble: trouble, appliedAt: now, configuredAt: configuredAt, reached: reached, sentences: sentences,
		plan: &call.Plan{
			Numbers: s.Numbers, Conversation: s.Conversation, Routing: overlaid, Board: c.board,
			Trunks: trunksOf(s), Phones: protectedPhones(s), Prompts: c.recordings(library),
			Superseded: c.superseded,
		},
	}
	c.published.Store(e)
	c.onPublish(e)
	if last != nil {
		close(last)
	}
}

// renewed makes the recordings of a library hold that was made of the one in force; false when another has come into force
// meanwhile. The board stays as it is: a revision plays the sound that it was made with.
func (c *centre) renewed(old, next *media.Library) bool {
	e := c.current()
	if e.library != old {
		return false
	}
	changed := next.Changed(old)
	c.publish(e.snapshot, next, e.trouble, time.Now())
	if len(changed) > 0 {
		c.onChange(change{sentence: "recordings changed: " + strings.Join(changed, ", ")})
	}
	return true
}

// recordings are what calls play: those of the library and the messages of the board. Music goes on where it is while its
// recording stays the same; who listens to another goes on with that until his wait ends.
func (c *centre) recordings(library *media.Library) *recordings {
	r := &recordings{library: library, messages: make(map[string]*media.Prompt), music: new(sync.Map)}
	if e := c.current(); e != nil {
		e.plan.Prompts.(*recordings).music.Range(func(name, music any) bool {
			if library.Loaded(name.(string)) == music.(*media.Music).Prompt() {
				r.music.Store(name, music)
			}
			return true
		})
	}
	c.keep.options = library.Options().PromptOptions
	for name, revision := range c.board.Revisions {
		if revision.Sound == "" {
			continue
		}
		message, err := c.keep.sound(revision.Sound)
		if err != nil {
			c.log.Error("the message of an incident cannot be played", zap.String("incident", name), zap.Error(err))
			continue
		}
		r.messages[revision.Sound] = message
	}
	return r
}

// trunksOf returns what calls need to know of the trunks.
func trunksOf(s *config.Snapshot) map[string]call.Trunk {
	trunks := make(map[string]call.Trunk, len(s.Trunks))
	for _, t := range s.Trunks {
		trunks[t.Name] = call.Trunk{Media: t.Media, Security: security(t.SRTP)}
	}
	return trunks
}

// protectedPhones returns how the sound of the agents' phones is protected, of those where it is.
func protectedPhones(s *config.Snapshot) map[string]media.Security {
	phones := map[string]media.Security{}
	for name, account := range s.Accounts {
		if security := security(account.SRTP); security != media.SecurityOff {
			phones[name] = security
		}
	}
	return phones
}

// security returns what a word of the configuration asks for.
func security(word string) media.Security {
	security, err := media.ParseSecurity(word)
	if err != nil {
		panic("app: config accepted " + err.Error())
	}
	return security
}

// tell says each revision in one sentence, with how many waiting callers it reached.
func (c *centre) tell(old incident.Board, revisions []incident.Revision) {
	now := c.now(c.current().snapshot)
	for _, r := range revisions {
		if c.board.Revisions[r.Incident].Replaces(r) {
			continue // another node was faster still
		}
		c.tellReached(r.Incident, incident.Sentence(old.Revisions[r.Incident], r, now), r)
	}
}

// tellReached sets a sentence down to be said once the waiting callers have reacted, with how many heard the message begin.
func (c *centre) tellReached(name, sentence string, revision incident.Revision) {
	c.show(name, sentence)
	c.unsaid = append(c.unsaid, unsaid{change{name, sentence}, revision, c.current().reached[name], time.Now().Add(settle)})
}

// nextUnsaid is ready when a sentence is due.
func (c *centre) nextUnsaid() <-chan time.Time {
	if len(c.unsaid) == 0 {
		return nil
	}
	return time.After(time.Until(c.unsaid[0].due))
}

// say says the oldest sentence, or lets it be counted at the other nodes first.
func (c *centre) say(ctx context.Context) {
	next := c.unsaid[0]
	c.unsaid = c.unsaid[1:]
	c.counting++
	switch {
	case next.reached == nil:
		c.finish(next.change)
	case c.shared == nil || next.revision.Number == 0:
		c.finish(next.counted(next.reached.Load(), 1, c.nodes()))
	default:
		go func() { c.counts <- c.count(ctx, next) }()
	}
}

// finish says a sentence that is complete.
func (c *centre) finish(told change) {
	c.counting--
	c.show(told.incident, told.sentence)
	c.onChange(told)
}

// show makes a sentence what is said last about an incident.
func (c *centre) show(name, sentence string) {
	shown := *c.current()
	shown.sentences = maps.Clone(shown.sentences)
	shown.sentences[name] = sentence
	c.published.Store(&shown)
}

// told counts a waiting caller to whom the message of an incident begins to play.
func (c *centre) told(name string) {
	if n := c.current().reached[name]; n != nil {
		n.Add(1)
	}
}
