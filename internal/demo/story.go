package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// story is the bad day: who takes part, and what is told of it. One goroutine plays it; those that it starts only wait and
// hand back what came of it.
type story struct {
	stage *stage
	tell  *narrator
	flip  func(dir string, on bool) error

	mia, noah, priya, leo, ruth, omar *caller
	alice, dave, first, second        *agent // the last two are reserves

	interrupted <-chan struct{} // closed when nobody wants to see it any more
	timeUp      <-chan struct{} // closed when it has taken too long
	cut         bool            // by one of both: what comes after is not told
}

// errInterrupted says that the context ended before the story did.
var errInterrupted = errors.New("the demo was interrupted")

// chapters are the story's parts in their order. Each says whether the story can go on.
var chapters = []struct {
	title string
	play  func(*story, context.Context) bool
}{
	{"An ordinary day: a call, a menu, music, an agent", (*story).ordinaryDay},
	{"The phones get busy: three wait for orders, while support is free", (*story).busyPhones},
	{"A slip of the finger: a typo changes nothing", (*story).slip},
	{"The recall: one word in a file", (*story).recall},
	{"More hands: reserves take the seats that the recall added", (*story).moreHands},
	{"All as before: the same word, back again", (*story).allAsBefore},
}

// play tells the whole story and its figures. It returns nil only if all of it happened.
func (s *story) play(ctx context.Context) error {
	s.interrupted = ctx.Done()
	within, cancel := context.WithDeadline(ctx, s.tell.began.Add(limit))
	defer cancel()
	s.timeUp = within.Done()
	told := 0
	for _, c := range chapters {
		s.tell.chapter(c.title)
		if !c.play(s, within) || s.cut {
			break
		}
		told++
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	s.figures(ctx)
	switch {
	case s.tell.failed > 0:
		return fmt.Errorf("%d of %d expectations of the demo failed", s.tell.failed, s.tell.failed+s.tell.held)
	case told < len(chapters):
		return errors.New("the demo was not told to its end")
	}
	return nil
}

// raiseCurtain says what there is and brings everybody on stage.
func (s *story) raiseCurtain() error {
	st := s.stage
	s.tell.title("Spillway: a bad day at the kettle centre")
	for _, address := range st.node.SIP() {
		s.tell.say("node", "takes calls at %s", address)
	}
	s.tell.say("node", "has its API at http://%s", st.node.HTTP())
	for _, line := range editsTold {
		s.tell.say("files", "%s", line)
	}
	s.tell.say("people", "are SIP phones, each with a voice of one tone; what they hear is recognised by ear")
	var errs []error
	for i, c := range []struct {
		who    **caller
		name   string
		number string
	}{
		{&s.mia, "Mia", "+61491570156"}, {&s.noah, "Noah", "+61491570157"}, {&s.priya, "Priya", "+61491570158"},
		{&s.leo, "Leo", "+61491570159"}, {&s.ruth, "Ruth", "+61491570006"}, {&s.omar, "Omar", "+61491570110"},
	} {
		person, err := st.caller(c.name, c.number, 440+80*i)
		*c.who = person
		errs = append(errs, err)
	}
	for i, a := range []struct {
		who  **agent
		name string
	}{{&s.alice, "alice"}, {&s.dave, "dave"}, {&s.first, "reserve-01"}, {&s.second, "reserve-02"}} {
		person, err := st.agent(a.name, 960+80*i)
		*a.who = person
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// callers are all callers in the order in which they call.
func (s *story) callers() []*caller {
	return []*caller{s.mia, s.noah, s.priya, s.leo, s.ruth, s.omar}
}

// check tells whether an expectation held, and returns that. When the time is up, the first that failed is told; what would have
// come after it, and what an interruption cut short, is not.
func (s *story) check(who, expected string, err error) bool {
	switch {
	case s.cut:
		return false
	case err == nil:
		s.tell.hold(who, expected)
		return true
	case over(s.interrupted):
		s.cut = true
		return false
	}
	s.cut = over(s.timeUp)
	s.tell.fail(who, expected, err)
	return false
}

// over says whether a channel is closed.
func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// each lets several callers do something at once and tells of each as it is done: do returns what happened, or what should
// have. It says whether all went well.
func (s *story) each(callers []*caller, do func(*caller) (string, error)) bool {
	type outcome struct {
		who  string
		what string
		err  error
	}
	outcomes := make(chan outcome, len(callers))
	for _, c := range callers {
		go func() {
			what, err := do(c)
			outcomes <- outcome{c.name, what, err}
		}()
	}
	all := true
	for range callers {
		o := <-outcomes
		all = s.check(o.who, o.what, o.err) && all
	}
	return all
}

// measured is what was expected, and the measure of it if it came.
func measured(err error, expected, measure string, d time.Duration) string {
	if err != nil {
		return expected
	}
	return expected + ", " + fmt.Sprintf(measure, short(d))
}

// short writes a duration for people: tenths and hundredths of seconds.
func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.2fs", d.Seconds())
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}
