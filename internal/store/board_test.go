package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// recall is a revision of the kettle centre's recall.
func recall(number int, by, sound string) incident.Revision {
	return incident.Revision{
		Incident: "kettle-recall", Number: number, On: true, Title: "Recall of the K2", By: by, Sound: sound,
		At: time.Date(2026, 11, 23, 9, 0, number, 0, time.UTC),
	}
}

// message is a sound and its name.
func message(text string) (content []byte, sum string) {
	hash := sha256.Sum256([]byte(text))
	return []byte(text), hex.EncodeToString(hash[:])
}

// soundless is a node that has no sounds.
func soundless(string) ([]byte, error) { return nil, nil }

func TestARevisionIsReadAsItWasPublished(t *testing.T) {
	server := redistest.Start(t)
	_, board := openBoard(t, server)
	sound, sum := message("please unplug your kettle")
	if err := board.Publish(t.Context(), recall(1, "duty", sum), sound); err != nil {
		t.Fatal(err)
	}
	if err := board.Publish(t.Context(), recall(1, "duty", sum), sound); err != nil {
		t.Fatalf("a repetition: %v", err)
	}
	if err := board.Publish(t.Context(), recall(2, "duty", sum), nil); err != nil {
		t.Fatalf("with a sound that is there: %v", err)
	}
	other, second := openBoard(t, server)
	seen, edition, err := second.Read(t.Context())
	if err != nil || len(seen.Revisions) != 1 || edition == "" {
		t.Fatalf("%v, %q, %v", seen, edition, err)
	}
	if got, want := fmt.Sprint(seen.Revisions["kettle-recall"]), fmt.Sprint(recall(2, "duty", sum)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if content, err := other.Blob(t.Context(), sum); err != nil || string(content) != string(sound) {
		t.Errorf("sound %q, %v", content, err)
	}
}

func TestARevisionWithoutItsSoundIsNeverSeen(t *testing.T) {
	_, board := openBoard(t, redistest.Start(t))
	_, sum := message("please unplug your kettle")
	if err := board.Publish(t.Context(), recall(1, "duty", sum), nil); !errors.Is(err, store.ErrNoBlob) {
		t.Errorf("without a sound: %v", err)
	}
	if err := board.Publish(t.Context(), recall(1, "duty", sum), []byte("something else")); err == nil {
		t.Error("with another sound: no error")
	}
	if seen, _, err := board.Read(t.Context()); err != nil || len(seen.Revisions) != 0 {
		t.Errorf("%v, %v", seen, err)
	}
}

func TestOfTwoWhoPublishAtOnceOneWins(t *testing.T) {
	server := redistest.Start(t)
	_, board := openBoard(t, server)
	for number := 1; number <= 20; number++ {
		const publishers = 4
		results := make(chan error, publishers)
		for i := range publishers {
			rev := recall(number, fmt.Sprintf("duty-%d", i), "")
			go func() { results <- board.Publish(t.Context(), rev, nil) }()
		}
		won := 0
		for range publishers {
			if err := <-results; err == nil {
				won++
			} else if !errors.Is(err, store.ErrConflict) {
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("revision %d: %d won", number, won)
		}
	}
}

func TestAChangeIsHeardByThoseWhoWait(t *testing.T) {
	server := redistest.Start(t)
	_, board := openBoard(t, server)
	_, other := openBoard(t, server)
	_, edition, err := other.Next(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	go func() {
		seen, _, err := other.Next(t.Context(), edition)
		heard <- fmt.Sprint(seen.Revisions["kettle-recall"].Number, err)
	}()
	if err := board.Publish(t.Context(), recall(1, "duty", ""), nil); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-heard:
		if got != "1 <nil>" {
			t.Error(got)
		}
	case <-time.After(patience):
		t.Fatal("never heard")
	}
}

func TestAnEmptiedBoardIsNoticedAndAssertedAgain(t *testing.T) {
	server := redistest.Start(t)
	s, board := openBoard(t, server)
	sound, sum := message("please unplug your kettle")
	if err := board.Publish(t.Context(), recall(7, "duty", sum), sound); err != nil {
		t.Fatal(err)
	}
	known, edition, err := board.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server.FlushAll()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen, edition, err := board.Next(ctx, edition)
	if err != nil || len(seen.Revisions) != 0 {
		t.Fatalf("%v, %v", seen, err)
	}
	if err := board.Assert(ctx, known, soundless); !errors.Is(err, store.ErrNoBlob) {
		t.Errorf("a node without the sound asserted: %v", err)
	}
	kept := func(string) ([]byte, error) { return sound, nil }
	for range 2 {
		if err := board.Assert(ctx, known, kept); err != nil {
			t.Fatal(err)
		}
	}
	if seen, _, err := board.Next(ctx, edition); err != nil || seen.Revisions["kettle-recall"].Number != 7 {
		t.Errorf("%v, %v", seen, err)
	}
	if content, err := s.Blob(ctx, sum); err != nil || string(content) != string(sound) {
		t.Errorf("%q, %v", content, err)
	}
}

func TestAllAgreeAfterTwoTogglesWithoutTheStore(t *testing.T) {
	early, late := recall(3, "duty", ""), recall(3, "manager", "")
	late.At = late.At.Add(time.Minute)
	for name, order := range map[string][]incident.Revision{"late last": {early, late}, "late first": {late, early}} {
		t.Run(name, func(t *testing.T) {
			_, board := openBoard(t, redistest.Start(t))
			for _, rev := range order {
				if err := board.Assert(t.Context(), incident.Board{}.With(rev), soundless); err != nil {
					t.Fatal(err)
				}
			}
			if seen, _, err := board.Read(t.Context()); err != nil || seen.Revisions["kettle-recall"].By != "manager" {
				t.Errorf("%v, %v", seen, err)
			}
		})
	}
}

func TestAStaleAssertionChangesNothing(t *testing.T) {
	_, board := openBoard(t, redistest.Start(t))
	if err := board.Publish(t.Context(), recall(2, "duty", ""), nil); err != nil {
		t.Fatal(err)
	}
	_, sum := message("an old message that nobody has")
	_, before, _ := board.Read(t.Context())
	if err := board.Assert(t.Context(), incident.Board{}.With(recall(1, "duty", sum)), soundless); err != nil {
		t.Fatal(err)
	}
	if seen, after, err := board.Read(t.Context()); err != nil || after != before || seen.Revisions["kettle-recall"].Number != 2 {
		t.Errorf("%v, %v", seen, err)
	}
}

func TestWhatCannotBeReadOnTheBoardStopsNothing(t *testing.T) {
	server := redistest.Start(t)
	s, board := openBoard(t, server)
	if err := board.Publish(t.Context(), recall(1, "duty", ""), nil); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a": "{", "b": `{"incident":"c","number":1}`, "d": `{"incident":"d","number":1,"sound":"../x"}`, "e": ""} {
		if err := server.Client().HSet(t.Context(), s.Key(store.KeyBoard), name, text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if seen, _, err := board.Read(t.Context()); err != nil || len(seen.Revisions) != 1 {
		t.Errorf("%v, %v", seen, err)
	}
	rev := recall(1, "duty", "")
	rev.Incident = "a"
	if err := board.Publish(t.Context(), rev, nil); err != nil {
		t.Errorf("over what cannot be read: %v", err)
	}
}

func TestAStoreThatHangsIsNotWaitedFor(t *testing.T) {
	server := redistest.Start(t)
	_, board := openBoard(t, server)
	_, edition, err := board.Next(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	server.Pause()
	defer server.Resume()
	began := time.Now()
	if _, _, err := board.Board.Next(t.Context(), edition); err == nil {
		t.Error("a paused server told a board")
	}
	if err := board.Board.Publish(t.Context(), recall(1, "duty", ""), nil); err == nil {
		t.Error("a paused server took a revision")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}
