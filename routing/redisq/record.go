package redisq

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

// micros is a time as the records have it: microseconds since 1970, as text, since Lua's JSON rounds long numbers. 0 is the zero time.
type micros int64

// at is a time for a record.
func at(t time.Time) micros {
	if t.IsZero() {
		return 0
	}
	return micros(t.UnixMicro())
}

// time is the time of a record.
func (m micros) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// MarshalJSON writes it as text.
func (m micros) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatInt(int64(m), 10)), nil
}

// UnmarshalJSON reads it from text.
func (m *micros) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	if err != nil {
		return fmt.Errorf("a time: %w", err)
	}
	*m = micros(n)
	return nil
}

// callerRecord is a waiting caller in JSON.
type callerRecord struct {
	Call       string            `json:"call"`
	Node       string            `json:"node"`
	Number     string            `json:"number,omitempty"`
	Queue      string            `json:"queue"`
	Priority   int               `json:"priority"`
	FirstEntry micros            `json:"first_entry,omitempty"`
	Entered    micros            `json:"entered,omitempty"`
	Spilled    []string          `json:"spilled,omitempty"`
	SpillRule  string            `json:"rule,omitempty"`
	Claim      *claimRecord      `json:"claim,omitempty"`
	Refused    map[string]micros `json:"refused,omitempty"`
	Missed     []string          `json:"missed,omitempty"`
	Offers     int               `json:"offers,omitempty"`
}

// claimRecord is a claim in JSON.
type claimRecord struct {
	Token    uint64 `json:"token,string"`
	Call     string `json:"call"`
	Agent    string `json:"agent"`
	Queue    string `json:"queue"`
	Node     string `json:"node"`
	Offered  micros `json:"offered"`
	Deadline micros `json:"deadline,omitempty"`
	Answered micros `json:"answered,omitempty"`
}

// agentRecord is an agent's state in JSON.
type agentRecord struct {
	Name        string       `json:"name"`
	Node        string       `json:"node"`
	Registered  micros       `json:"registered"`
	Expires     micros       `json:"expires"`
	Seat        micros       `json:"seat"`
	Paused      micros       `json:"paused"`
	PauseReason string       `json:"pause_reason"`
	Claim       *claimRecord `json:"claim"`
	Outside     string       `json:"outside"`
	WrapUp      micros       `json:"wrap_up"`
	Idle        micros       `json:"idle"`
	NotBefore   micros       `json:"not_before"`
	Cause       string       `json:"cause"`
	Misses      int          `json:"misses"`
	Calls       int          `json:"calls"`
	Changed     micros       `json:"changed"`
}

// queueRecord is what a queue remembers in JSON.
type queueRecord struct {
	Name        string          `json:"name"`
	LastOffered string          `json:"last_offered"`
	Open        map[string]bool `json:"open"`
}

// enteringJSON is a caller as he comes, for the script that enters him. What is not UTF-8 in his number or rule is replaced: it is only shown.
func enteringJSON(c routing.Caller) (string, error) {
	r := callerRecord{
		Call: c.Call, Node: c.Node, Number: c.Number, Queue: c.Queue, Priority: c.Priority,
		FirstEntry: at(c.FirstEntry), Entered: at(c.Entered),
		Spilled: c.Spilled, SpillRule: c.SpillRule, Missed: c.Missed, Offers: c.Offers,
	}
	if len(c.Refused) > 0 {
		r.Refused = make(map[string]micros, len(c.Refused))
		for name, until := range c.Refused {
			r.Refused[name] = at(until)
		}
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("caller %s: %w", c.Call, err)
	}
	return string(raw), nil
}

// parse reads a record.
func parse[R any](raw string) (*R, error) {
	r := new(R)
	if err := json.Unmarshal([]byte(raw), r); err != nil {
		return nil, fmt.Errorf("a record of the store: %w", err)
	}
	return r, nil
}

// parseCaller reads a caller; nil of "".
func parseCaller(raw string) (*routing.Caller, error) {
	if raw == "" {
		return nil, nil
	}
	r, err := parse[callerRecord](raw)
	if err != nil {
		return nil, err
	}
	c := &routing.Caller{
		Call: r.Call, Node: r.Node, Number: r.Number, Queue: r.Queue, Priority: r.Priority,
		FirstEntry: r.FirstEntry.time(), Entered: r.Entered.time(),
		Spilled: r.Spilled, SpillRule: r.SpillRule, Claim: r.Claim.claim(), Missed: r.Missed, Offers: r.Offers,
	}
	if len(r.Refused) > 0 {
		c.Refused = make(map[string]time.Time, len(r.Refused))
		for name, until := range r.Refused {
			c.Refused[name] = until.time()
		}
	}
	return c, nil
}

// parseAgent reads an agent's state; nil of "".
func parseAgent(raw string) (*routing.AgentState, error) {
	if raw == "" {
		return nil, nil
	}
	r, err := parse[agentRecord](raw)
	if err != nil {
		return nil, err
	}
	return &routing.AgentState{
		Name: r.Name, Node: r.Node, Registered: r.Registered.time(), Until: r.Expires.time(), Seat: r.Seat.time(),
		Paused: r.Paused.time(), PauseReason: r.PauseReason, Claim: r.Claim.claim(), Outside: r.Outside,
		WrapUp: r.WrapUp.time(), Idle: r.Idle.time(), NotBefore: r.NotBefore.time(), Cause: routing.Outcome(r.Cause),
		Misses: r.Misses, Calls: r.Calls, Changed: r.Changed.time(),
	}, nil
}

// parseQueue reads what a queue remembers; nil of "".
func parseQueue(raw string) (*routing.QueueState, error) {
	if raw == "" {
		return nil, nil
	}
	r, err := parse[queueRecord](raw)
	if err != nil {
		return nil, err
	}
	return &routing.QueueState{Name: r.Name, LastOffered: r.LastOffered, Open: r.Open}, nil
}

// claim is the claim of a record; nil of nil.
func (r *claimRecord) claim() *routing.Claim {
	if r == nil {
		return nil
	}
	return &routing.Claim{
		Token: r.Token, Call: r.Call, Agent: r.Agent, Queue: r.Queue, Node: r.Node,
		Offered: r.Offered.time(), Deadline: r.Deadline.time(), Answered: r.Answered.time(),
	}
}
