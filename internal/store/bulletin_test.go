package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// patientBulletin is a bulletin that does again what took too long.
type patientBulletin struct{ *store.Bulletin }

func (b patientBulletin) Last(ctx context.Context) (id string, err error) {
	err = patiently(func() error {
		id, err = b.Bulletin.Last(ctx)
		return err
	})
	return id, err
}

func (b patientBulletin) Next(ctx context.Context, after string) (items []store.Item, err error) {
	err = patiently(func() error {
		items, err = b.Bulletin.Next(ctx, after)
		return err
	})
	return items, err
}

// openBulletin returns the news of a server's store.
func openBulletin(t *testing.T, server *redistest.Server) (*store.Store, patientBulletin) {
	t.Helper()
	s, _ := openBoard(t, server)
	return s, patientBulletin{store.NewBulletin(s, store.KeyNews, 1000)}
}

// texts are so many different ones.
func texts(count int) []string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprint("news ", i)
	}
	return all
}

// tell tells texts.
func tell(t *testing.T, b patientBulletin, texts ...string) {
	t.Helper()
	if err := b.Tell(t.Context(), texts...); err != nil {
		t.Fatal(err)
	}
}

// next returns what follows an id.
func next(t *testing.T, b patientBulletin, after string) []store.Item {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	items, err := b.Next(ctx, after)
	if err != nil || len(items) == 0 {
		t.Fatalf("%v, %v", items, err)
	}
	return items
}

// last returns the id of the newest item.
func last(t *testing.T, b patientBulletin) string {
	t.Helper()
	id, err := b.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWhatIsToldIsReadOnEveryNodeInOrder(t *testing.T) {
	server := redistest.Start(t)
	_, here := openBulletin(t, server)
	_, there := openBulletin(t, server)
	at := last(t, there)
	if at != "0-0" {
		t.Errorf("an empty one ends at %s", at)
	}
	tell(t, here)
	tell(t, here, texts(200)...) // more than go or come at once
	for want := 0; want < 200; {
		for _, item := range next(t, there, at) {
			if item.Text != fmt.Sprint("news ", want) {
				t.Fatalf("%d is %+v", want, item)
			}
			at = item.ID
			want++
		}
	}
	if end := last(t, here); end != at {
		t.Errorf("it ends at %s, the last that was read is %s", end, at)
	}
}

func TestWhatIsToldIsHeardByThoseWhoWait(t *testing.T) {
	server := redistest.Start(t)
	_, here := openBulletin(t, server)
	_, there := openBulletin(t, server)
	tell(t, here, "before")
	at := last(t, there)
	heard := make(chan string, 1)
	go func() {
		items, err := there.Next(t.Context(), at)
		heard <- fmt.Sprint(len(items), items, err)
	}()
	tell(t, here, "now")
	select {
	case got := <-heard:
		if want := fmt.Sprint(1, []store.Item{{ID: last(t, here), Text: "now"}}, nil); got != want {
			t.Error(got)
		}
	case <-time.After(patience):
		t.Fatal("never heard")
	}
}

func TestTwoBulletinsAreNotMixed(t *testing.T) {
	s, news := openBulletin(t, redistest.Start(t))
	heard := patientBulletin{store.NewBulletin(s, store.KeyHeard, 1000)}
	tell(t, news, "a call ended")
	tell(t, heard, "somebody heard")
	if items := next(t, news, "0-0"); len(items) != 1 || items[0].Text != "a call ended" {
		t.Errorf("%v", items)
	}
	if items := next(t, heard, "0-0"); len(items) != 1 || items[0].Text != "somebody heard" {
		t.Errorf("%v", items)
	}
}

func TestABulletinRemembersTheLastOnesOnly(t *testing.T) {
	server := redistest.Start(t)
	s, _ := openBoard(t, server)
	b := patientBulletin{store.NewBulletin(s, store.KeyNews, 100)}
	for range 10 {
		tell(t, b, texts(100)...)
	}
	held, err := server.Client().XLen(t.Context(), s.Key(store.KeyNews)).Result()
	if err != nil || held < 100 || held > 300 { // Redis forgets them by the hundred
		t.Errorf("%d are held, %v", held, err)
	}
	if items := next(t, b, "0-0"); len(items) == 0 {
		t.Error("who is far behind reads nothing")
	}
}

func TestABulletinThatWasEmptiedOrWentBackBeginsAgain(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client()
	s, b := openBulletin(t, server)
	add := func(id, text string) {
		t.Helper()
		if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: s.Key(store.KeyNews), ID: id, Values: []string{"text", text}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, lower := range []string{"7-9", "5-11"} {
		server.FlushAll()
		add("7-10", "lost")
		heard := make(chan []store.Item, 1)
		go func() {
			items, err := b.Next(t.Context(), "7-10")
			if err != nil {
				t.Error(err)
			}
			heard <- items
		}()
		server.FlushAll()
		add(lower, "found")
		select {
		case items := <-heard:
			if want := []store.Item{{ID: lower, Text: "found"}}; !slices.Equal(items, want) {
				t.Errorf("%v, not %v", items, want)
			}
		case <-time.After(patience):
			t.Fatalf("%s was never heard", lower)
		}
	}
}

func TestATextThatIsNoneOrTooLargeIsNotTold(t *testing.T) {
	_, b := openBulletin(t, redistest.Start(t))
	for _, text := range []string{"", strings.Repeat("x", 64<<10+1)} {
		if err := b.Tell(t.Context(), "good", text); err == nil {
			t.Errorf("%d bytes were told", len(text))
		}
	}
	if at := last(t, b); at != "0-0" {
		t.Errorf("something was told: %s", at)
	}
	tell(t, b, strings.Repeat("x", 64<<10))
}

func TestAnEntryThatNobodyToldIsAnItemWithoutText(t *testing.T) {
	server := redistest.Start(t)
	s, b := openBulletin(t, server)
	for _, values := range [][]string{{"odd", "x"}, {"text", strings.Repeat("x", 1<<20)}} {
		if err := server.Client().XAdd(t.Context(), &redis.XAddArgs{Stream: s.Key(store.KeyNews), Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	tell(t, b, "good")
	if items := next(t, b, "0-0"); len(items) != 3 || items[0].Text+items[1].Text != "" || items[2].Text != "good" {
		t.Errorf("%.100v", items)
	}
	for _, id := range []string{"", "0", "x-0", "0-x", "-", "0-0-0", "18446744073709551616-0", "$"} {
		if _, err := b.Next(t.Context(), id); err == nil {
			t.Errorf("after %q something was read", id)
		}
	}
}

func TestWhoWaitsForABulletinEndsWithTheContextAndIsNotHeldByAStoreThatHangs(t *testing.T) {
	server := redistest.Start(t)
	_, b := openBulletin(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := b.Bulletin.Next(ctx, "0-0")
		ended <- err
	}()
	cancel()
	if err := <-ended; err == nil {
		t.Error("it ended with nothing")
	}
	server.Pause()
	defer server.Resume()
	began := time.Now()
	if _, err := b.Bulletin.Next(t.Context(), "0-0"); err == nil {
		t.Error("a paused server told something")
	}
	if err := b.Bulletin.Tell(t.Context(), "x"); err == nil {
		t.Error("a paused server took something")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}
