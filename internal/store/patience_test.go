package store_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// patience bounds what a test waits for.
const patience = 30 * time.Second

// patiently does again what a loaded machine did not do within the limit of a command: all that is done so may be repeated.
func patiently(do func() error) error {
	for end := time.Now().Add(patience); ; {
		err := do()
		var network net.Error
		late := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
		if !late || time.Now().After(end) {
			return err
		}
	}
}

// patientBoard is a board that does again what took too long.
type patientBoard struct{ *store.Board }

// openBoard returns a node's store and board on a server.
func openBoard(t *testing.T, server *redistest.Server) (*store.Store, patientBoard) {
	t.Helper()
	s, err := store.Open(t.Context(), server.URL(), store.Options{Centre: "kettle"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, patientBoard{store.NewBoard(s)}
}

func (b patientBoard) Publish(ctx context.Context, rev incident.Revision, sound []byte) error {
	return patiently(func() error { return b.Board.Publish(ctx, rev, sound) })
}

func (b patientBoard) Assert(ctx context.Context, known incident.Board, sound func(string) ([]byte, error)) error {
	return patiently(func() error { return b.Board.Assert(ctx, known, sound) })
}

func (b patientBoard) Next(ctx context.Context, after store.Edition) (board incident.Board, edition store.Edition, err error) {
	err = patiently(func() error {
		board, edition, err = b.Board.Next(ctx, after)
		return err
	})
	return board, edition, err
}

// TestARedisThatIsFarAwayIsReached has every answer take 60 ms: a new connection needs several, and a command has 100 ms.
func TestARedisThatIsFarAwayIsReached(t *testing.T) {
	link := redistest.Start(t).Link()
	link.Delay(60 * time.Millisecond)
	s, err := store.Open(t.Context(), link.URL(), store.Options{Centre: "kettle"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	deadline := time.Now().Add(20 * time.Second)
	for good := 0; good < 5; good++ {
		if err := s.Check(t.Context()); err != nil {
			good = -1
		}
		if time.Now().After(deadline) {
			t.Fatal("it is never reached")
		}
	}
}
