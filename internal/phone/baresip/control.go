package baresip

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// maxMessage bounds a message of the control port in bytes; a list of calls has a few hundred.
const maxMessage = 1 << 20

// errEnded says that the control connection is gone: the program has ended.
var errEnded = errors.New("the program has ended")

// Event is something that the program tells of by itself: CALL_INCOMING, CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED,
// CALL_DTMF_START, REGISTER_OK, REGISTER_FAIL and others.
type Event struct {
	Type      string `json:"type"`
	Class     string `json:"class"`
	Direction string `json:"direction"` // incoming or outgoing
	Peer      string `json:"peeruri"`
	ID        string `json:"id"` // the SIP Call-ID
	Param     string `json:"param"`
}

// message is any JSON object of the control port: an event or a response.
type message struct {
	Event
	IsEvent  bool   `json:"event"`
	Response bool   `json:"response"`
	OK       bool   `json:"ok"`
	Data     string `json:"data"`
	Token    string `json:"token"`
}

// command is what is sent.
type command struct {
	Command string `json:"command"`
	Params  string `json:"params,omitempty"`
	Token   string `json:"token"`
}

// control is the connection to the control port. One goroutine reads it.
type control struct {
	conn   net.Conn
	events chan Event
	ended  chan struct{}

	mu      sync.Mutex
	token   uint64
	waiting map[string]chan message
}

func newControl(conn net.Conn) *control {
	c := &control{
		conn:    conn,
		events:  make(chan Event, eventsKept),
		ended:   make(chan struct{}),
		waiting: make(map[string]chan message),
	}
	go c.read()
	return c
}

// close ends the connection and waits for its reader.
func (c *control) close() {
	c.conn.Close()
	<-c.ended
}

func (c *control) read() {
	defer close(c.ended)
	defer c.conn.Close()
	r := bufio.NewReader(c.conn)
	for {
		b, err := readNetstring(r)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(b, &m) != nil {
			continue
		}
		if m.IsEvent {
			c.announce(m.Event)
		} else {
			c.deliver(m)
		}
	}
}

// announce queues an event; the oldest gives way when nobody reads.
func (c *control) announce(e Event) {
	for {
		select {
		case c.events <- e:
			return
		default:
		}
		select {
		case <-c.events:
		default:
		}
	}
}

// deliver hands a response to whoever waits for it.
func (c *control) deliver(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiter := c.waiting[m.Token]; waiter != nil {
		waiter <- m // it has room for one
		delete(c.waiting, m.Token)
	}
}

// call sends a command and waits for its response.
func (c *control) call(ctx context.Context, name, params string) (string, error) {
	answer := make(chan message, 1)
	c.mu.Lock()
	c.token++
	token := strconv.FormatUint(c.token, 10)
	c.waiting[token] = answer
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, token)
	}()
	b, err := json.Marshal(command{Command: name, Params: params, Token: token})
	if err != nil {
		return "", err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.conn.SetWriteDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := fmt.Fprintf(c.conn, "%d:%s,", len(b), b); err != nil {
		return "", err
	}
	select {
	case m := <-answer:
		if !m.OK {
			return m.Data, fmt.Errorf("refused: %s", strings.TrimSpace(m.Data))
		}
		return m.Data, nil
	case <-c.ended:
		return "", errEnded
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// readNetstring reads "length:bytes,".
func readNetstring(r *bufio.Reader) ([]byte, error) {
	digits, err := r.ReadSlice(':')
	if err != nil {
		return nil, fmt.Errorf("netstring: %w", err)
	}
	size, err := strconv.ParseUint(string(digits[:len(digits)-1]), 10, 32)
	if err != nil || size > maxMessage {
		return nil, fmt.Errorf("netstring: length %q", digits)
	}
	b := make([]byte, size+1)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("netstring: %w", err)
	}
	if b[size] != ',' {
		return nil, errors.New("netstring: no comma at its end")
	}
	return b[:size], nil
}

// Command sends any command of baresip's menu by its long name ("dial", "hangup", "reginfo" …) and returns what it prints.
func (p *Process) Command(ctx context.Context, name, params string) (string, error) {
	out, err := p.control.call(ctx, name, params)
	if err != nil {
		return out, fmt.Errorf("baresip: %s: %w", name, err)
	}
	return out, nil
}

// Events returns what the program tells of by itself. The latest 256 wait to be read.
func (p *Process) Events() <-chan Event { return p.control.events }

// WaitEvent reads events until one of the given type comes; the others are dropped.
func (p *Process) WaitEvent(ctx context.Context, kind string) (Event, error) {
	for {
		select {
		case e := <-p.control.events:
			if e.Type == kind {
				return e, nil
			}
		case <-p.control.ended:
			return Event{}, fmt.Errorf("baresip: wait for %s: %w", kind, errEnded)
		case <-ctx.Done():
			return Event{}, fmt.Errorf("baresip: wait for %s: %w", kind, ctx.Err())
		}
	}
}

// Dial calls a number at the program's server, or a complete address ("sip:user@host:port").
func (p *Process) Dial(ctx context.Context, number string) error {
	_, err := p.Command(ctx, "dial", number)
	return err
}

// Accept answers the call that rings.
func (p *Process) Accept(ctx context.Context) error {
	_, err := p.Command(ctx, "accept", "")
	return err
}

// Hangup ends the current call, or refuses the one that rings.
func (p *Process) Hangup(ctx context.Context) error {
	_, err := p.Command(ctx, "hangup", "")
	return err
}

// Hold puts the current call on hold.
func (p *Process) Hold(ctx context.Context) error {
	_, err := p.Command(ctx, "hold", "")
	return err
}

// Resume ends Hold.
func (p *Process) Resume(ctx context.Context) error {
	_, err := p.Command(ctx, "resume", "")
	return err
}

// Press sends digits in the current call, as RFC 4733 events.
func (p *Process) Press(ctx context.Context, digits string) error {
	for i := range len(digits) {
		if _, err := p.Command(ctx, "sndcode", digits[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}
