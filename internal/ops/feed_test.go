package ops

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fill publishes so many events.
func fill(f *Feed, n int) {
	for range n {
		f.Publish(Event{Type: AgentChanged})
	}
}

func TestASubscriberGetsEveryEventOnceWhereverHeBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFeed("kettle", "syd-1")
		begin := uint64(time.Now().UnixMicro())
		fill(f, feedMemory+100)
		for _, c := range []struct {
			after uint64
			past  int
			lost  bool
		}{
			{0, 0, false},
			{begin + feedMemory + 100, 0, false},
			{begin + feedMemory + 99, 1, false},
			{begin + 101, feedMemory - 1, false},
			{begin + 100, feedMemory, false},
			{begin + 99, feedMemory, true},
			{begin, feedMemory, true},
			{1, feedMemory, true},
			{begin + feedMemory + 101, feedMemory, true},
		} {
			s := f.Subscribe(c.after)
			if len(s.Past) != c.past || s.Lost != c.lost {
				t.Errorf("after the start + %d: %d events, lost %v; want %d, %v", c.after-begin, len(s.Past), s.Lost, c.past, c.lost)
			}
			for i, e := range s.Past {
				if want := begin + feedMemory + 101 - uint64(c.past) + uint64(i); e.Seq != want {
					t.Fatalf("event %d has the number start + %d, want start + %d", i, e.Seq-begin, want-begin)
				}
			}
			s.Cancel()
		}
	})
}

func TestASlowSubscriberIsCutAndOthersAreNot(t *testing.T) {
	f := NewFeed("kettle", "syd-1")
	slow, quick := f.Subscribe(0), f.Subscribe(0)
	var last uint64
	for range subscriberBacklog + 10 {
		f.Publish(Event{})
		last = (<-quick.C).Seq
	}
	var got int
	var seen uint64
	for e := range slow.C { // closed: else this would wait for ever
		got, seen = got+1, e.Seq
	}
	if got != subscriberBacklog {
		t.Errorf("the slow one got %d events", got)
	}
	back := f.Subscribe(seen)
	if len(back.Past) != 10 || back.Lost || back.Past[9].Seq != last {
		t.Errorf("coming back he got %d events, lost %v", len(back.Past), back.Lost)
	}
	for _, s := range []*Subscription{slow, quick, back, back} {
		s.Cancel()
	}
}

func TestAClosedFeedEndsAllSubscriptions(t *testing.T) {
	f := NewFeed("kettle", "syd-1")
	before := f.Subscribe(0)
	f.Close()
	f.Close()
	f.Publish(Event{})
	after := f.Subscribe(1)
	for _, s := range []*Subscription{before, after} {
		if e, more := <-s.C; more {
			t.Errorf("%+v", e)
		}
		s.Cancel()
	}
}

func TestNumbersHaveNoHoleWhenManyPublish(t *testing.T) {
	f := NewFeed("kettle", "syd-1")
	s := f.Subscribe(0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { fill(f, subscriberBacklog/8) })
	}
	all.Wait()
	s.Cancel()
	var last uint64
	for e := range s.C {
		if last != 0 && e.Seq != last+1 {
			t.Fatalf("%d comes after %d", e.Seq, last)
		}
		last = e.Seq
	}
}

// listener is a reader of a stream in memory; nothing can be written once it hung up.
type listener struct {
	httpWriter
	mu   sync.Mutex
	text strings.Builder
}

func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *listener) heard() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestAQuietStreamSaysThatItIsStillThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := NewFeed("kettle", "syd-1")
		reader, gone := &listener{}, make(chan struct{})
		a := &api{feed: feed, stop: t.Context()}
		var done sync.WaitGroup
		sub := feed.Subscribe(0)
		done.Go(func() { a.follow(newStream(reader), gone, sub, 0) })
		time.Sleep(2*heartbeat + time.Second)
		synctest.Wait()
		if got := strings.Count(reader.heard(), ": still here\n\n"); got != 2 {
			t.Errorf("%d signs of life in %s: %q", got, 2*heartbeat, reader.heard())
		}
		close(gone)
		done.Wait()
		sub.Cancel()
	})
}

// httpWriter is what a stream needs of a response beside Write.
type httpWriter struct{}

func (httpWriter) Header() http.Header              { return http.Header{} }
func (httpWriter) WriteHeader(int)                  {}
func (httpWriter) Flush()                           {}
func (httpWriter) SetWriteDeadline(time.Time) error { return nil }
