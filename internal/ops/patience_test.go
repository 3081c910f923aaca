package ops

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

// stuck is a node that answers nothing before the one who asks gives up.
type stuck struct{ Node }

func (stuck) Queues(ctx context.Context) ([]Queue, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestANodeThatDoesNotAnswerIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{node: stuck{}, log: zap.NewNop(), refused: rate.NewLimiter(1, 1)}
		handler := newHandler(a, http.NotFoundHandler())
		answer := httptest.NewRecorder()
		begun := time.Now()
		handler.ServeHTTP(answer, httptest.NewRequest("GET", "http://localhost/api/v1/queues", nil))
		if took := time.Since(begun); answer.Code != http.StatusServiceUnavailable || took != answerLimit {
			t.Errorf("%d after %s: %s", answer.Code, took, answer.Body)
		}
	})
}

// wire is a response that goes over a connection.
type wire struct {
	httpWriter
	net.Conn
}

func (w wire) Write(p []byte) (int, error)         { return w.Conn.Write(p) }
func (w wire) SetWriteDeadline(at time.Time) error { return w.Conn.SetWriteDeadline(at) }

func TestAReaderWhoDoesNotReadIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := NewFeed("kettle", "syd-1")
		here, there := net.Pipe()
		defer func() { _, _ = here.Close(), there.Close() }()
		a := &api{feed: feed, stop: t.Context()}
		sub := feed.Subscribe(0)
		defer sub.Cancel()
		begun := time.Now()
		var done sync.WaitGroup
		done.Go(func() { a.follow(newStream(wire{Conn: here}), nil, sub, 0) })
		fill(feed, subscriberBacklog+1) // publishing does not wait for him
		if took := time.Since(begun); took != 0 {
			t.Errorf("publishing took %s", took)
		}
		done.Wait()
		if took := time.Since(begun); took != streamWrite {
			t.Errorf("given up after %s", took)
		}
	})
}

func TestAListenerThatFailsIsTold(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{server: &http.Server{}, served: make(chan struct{})}
	_ = listener.Close()
	go s.serve(listener)
	if err := s.Wait(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the error is %v, want that of the listener", err)
	}
}
