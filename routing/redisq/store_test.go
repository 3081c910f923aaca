package redisq_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/queuetest"
	"github.com/spillway-voice/spillway/routing/redisq"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opened is the queues of a centre on a server, by a connection of their own.
func opened(t testing.TB, server *redistest.Server, centre string) *redisq.Store {
	t.Helper()
	return openedAt(t, server.URL(), centre)
}

// openedAt is the same by an address.
func openedAt(t testing.TB, address, centre string) *redisq.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address, store.Options{Centre: centre})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return redisq.New(s)
}

func TestTheContract(t *testing.T) {
	server := redistest.Start(t)
	var centres atomic.Int64
	queuetest.Run(t, queuetest.Suite{New: func(t *testing.T) routing.Store {
		return opened(t, server, fmt.Sprintf("kettle-%d", centres.Add(1)))
	}})
}
