package ops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	// streamLimit is how many event streams one node serves: wallboards and tools, not the public.
	streamLimit = 64
	// heartbeat is the time between comments on a quiet stream, under the 30 to 60 s after which proxies cut it.
	heartbeat = 15 * time.Second
	// streamWrite is how long one write may take before the reader counts as gone.
	streamWrite = 10 * time.Second
	// retryAfter is when a browser comes back after a stream broke.
	retryAfter = 2 * time.Second
)

// events streams what happens, from now on or after the event that Last-Event-ID names. What is no longer known of the events in
// between is told by an event named "gap".
func (a *api) events(v *visit) error {
	after, err := parseEventID(v.r.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	if v.r.Method == http.MethodHead {
		v.w.Header().Set("Content-Type", "text/event-stream")
		return nil
	}
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		return refuse(http.StatusServiceUnavailable, "too_many_streams", fmt.Sprintf("%d event streams are open already", streamLimit))
	}
	sub := a.feed.Subscribe(after)
	defer sub.Cancel()
	header := v.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Accel-Buffering", "no")                      // proxies pass each event on at once
	a.follow(newStream(v.w), v.r.Context().Done(), sub, after) // a stream outlives the limit that other answers have
	return nil
}

// follow writes events until the reader is gone or too slow, or the server closes.
func (a *api) follow(s *stream, gone <-chan struct{}, sub *Subscription, after uint64) {
	s.text("retry: %d\n: from now on\n\n", retryAfter.Milliseconds())
	if sub.Lost {
		s.text("event: gap\ndata: {\"after\":%d}\n\n", after)
	}
	for _, e := range sub.Past {
		s.event(e)
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for s.flush() == nil {
		select {
		case e, more := <-sub.C:
			if !more {
				return
			}
			s.event(e)
			for n := len(sub.C); n > 0; n-- { // what came meanwhile goes out in one write
				if e, more = <-sub.C; more {
					s.event(e)
				}
			}
		case <-beat.C:
			s.text(": still here\n\n")
		case <-gone:
			return
		case <-a.stop.Done():
			return
		}
	}
}

// stream writes server-sent events: text that is gathered, then sent.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	pending bytes.Buffer
}

func newStream(w http.ResponseWriter) *stream {
	return &stream{w: w, control: http.NewResponseController(w)}
}

func (s *stream) text(format string, args ...any) {
	fmt.Fprintf(&s.pending, format, args...)
}

func (s *stream) event(e Event) {
	data, err := json.Marshal(e)
	if err != nil {
		return // an Event is texts, a number and a time: it always can be written
	}
	s.text("id: %d\ndata: %s\n\n", e.Seq, data)
}

// flush sends what was gathered.
func (s *stream) flush() error {
	defer s.pending.Reset()
	if err := s.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return fmt.Errorf("limit the write: %w", err)
	}
	if _, err := s.w.Write(s.pending.Bytes()); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return s.control.Flush()
}

// parseEventID reads a Last-Event-ID header; without one it returns 0.
func parseEventID(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, badRequest("Last-Event-ID is the number of an event")
	}
	return id, nil
}
