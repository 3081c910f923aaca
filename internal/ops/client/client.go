// Package client talks to a node's API for the command line: one request, one bounded answer, or an error that says in one line
// what is wrong. It shares the JSON types of internal/ops, and is not for watching events or for nodes talking to each other.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
)

const (
	// answerTime is how long one request may take in all.
	answerTime = 10 * time.Second
	// answerBytes is the most that is read of an answer: some ten thousand calls.
	answerBytes = 16 << 20
	// DefaultAPI is where a node listens unless spillway.yaml says otherwise.
	DefaultAPI = "http://127.0.0.1:8080"
)

// Refusal is an answer of the node that is not the one asked for.
type Refusal struct {
	Status  int    // the HTTP status
	Code    string // for programs; "" when the answer was not the API's
	Message string // for people
}

// Error returns what the node said.
func (r *Refusal) Error() string {
	if r.Message == "" {
		return fmt.Sprintf("%d %s", r.Status, strings.ToLower(http.StatusText(r.Status)))
	}
	return r.Message
}

// Toggle is what is asked of the node for an incident. For and Until exclude each other; both empty means what the file says.
type Toggle struct {
	Active bool   `json:"active"`
	For    string `json:"for,omitempty"`   // "6h"
	Until  string `json:"until,omitempty"` // RFC 3339, "2026-11-22 18:00" in the centre's time, or "manual"
	Reason string `json:"reason,omitempty"`
}

// Client asks one node. It is safe for concurrent use.
type Client struct {
	base  string // scheme and authority
	token string // "" none
	http  *http.Client
}

// New returns a client of the API at an address such as http://127.0.0.1:8080, or 127.0.0.1:8080. The token may be empty. Close it when done.
func New(api, token string) (*Client, error) {
	if !strings.Contains(api, "://") {
		api = "http://" + api
	}
	u, err := url.Parse(api)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the API's address must be http://host:port or https://host:port, not %q", api)
	}
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return nil, errors.New("the token has characters that a header cannot carry")
		}
	}
	// No proxy: the node is reached directly, and nobody between hears the token.
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: answerTime}).DialContext, MaxIdleConns: 1}
	return &Client{
		base:  u.Scheme + "://" + u.Host,
		token: token,
		http: &http.Client{
			Transport: transport,
			Timeout:   answerTime,
			// A redirect would take the token elsewhere; the API has none.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close gives back the idle connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Queues returns the queues.
func (c *Client) Queues(ctx context.Context) ([]ops.Queue, error) {
	return get[[]ops.Queue](ctx, c, "/api/v1/queues")
}

// Agents returns the agents.
func (c *Client) Agents(ctx context.Context) ([]ops.Agent, error) {
	return get[[]ops.Agent](ctx, c, "/api/v1/agents")
}

// Seats returns the seats.
func (c *Client) Seats(ctx context.Context) (ops.Seats, error) {
	return get[ops.Seats](ctx, c, "/api/v1/seats")
}

// Calls returns the calls.
func (c *Client) Calls(ctx context.Context) ([]ops.Call, error) {
	return get[[]ops.Call](ctx, c, "/api/v1/calls")
}

// Nodes returns the nodes of the centre, and how the store that they share stands.
func (c *Client) Nodes(ctx context.Context) (ops.Nodes, error) {
	return get[ops.Nodes](ctx, c, "/api/v1/nodes")
}

// Incidents returns the incidents.
func (c *Client) Incidents(ctx context.Context) ([]ops.Incident, error) {
	return get[[]ops.Incident](ctx, c, "/api/v1/incidents")
}

// Incident returns one incident.
func (c *Client) Incident(ctx context.Context, name string) (ops.Incident, error) {
	return get[ops.Incident](ctx, c, "/api/v1/incidents/"+url.PathEscape(name))
}

// Toggle switches an incident and returns it as it stands then.
func (c *Client) Toggle(ctx context.Context, name string, t Toggle) (ops.Incident, error) {
	var i ops.Incident
	body, err := json.Marshal(t)
	if err != nil {
		return i, fmt.Errorf("write the request: %w", err)
	}
	err = c.ask(ctx, http.MethodPost, "/api/v1/incidents/"+url.PathEscape(name), body, &i)
	return i, err
}

// Config returns which configuration is in force.
func (c *Client) Config(ctx context.Context) (ops.Config, error) {
	return get[ops.Config](ctx, c, "/api/v1/config")
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var answer T
	err := c.ask(ctx, http.MethodGet, path, nil, &answer)
	return answer, err
}

// ask sends a request and reads its answer into a value.
func (c *Client) ask(ctx context.Context, method, path string, body []byte, answer any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerBytes+1))
	if err != nil {
		return c.unreachable(err)
	}
	if len(text) > answerBytes {
		return fmt.Errorf("the answer of %s is larger than %d bytes", c.base, answerBytes)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response.StatusCode, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s does not answer as a node does: %w", c.base, err)
	}
	return nil
}

// refusal reads an error of the API, or makes one of the status alone.
func refusal(status int, text []byte) error {
	var body struct {
		Error struct{ Code, Message string }
	}
	if json.Unmarshal(text, &body) != nil {
		return &Refusal{Status: status}
	}
	return &Refusal{Status: status, Code: body.Error.Code, Message: body.Error.Message}
}

// unreachable says in one line why there was no answer.
func (c *Client) unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the URL, which is said already
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no node answers at %s: is it running? (--api or SPILLWAY_API says where): %w", c.base, err)
	}
	return fmt.Errorf("ask %s: %w", c.base, err)
}
