package redisq

import (
	"encoding/json"
	"errors"
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
	Returns    string            `json:"returns,omitempty"`
}

// lostRecord is the place of a caller whose node died, in JSON.
type lostRecord struct {
	At     micros          `json:"at"`
	Caller json.RawMessage `json:"caller"`
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

// phoneRecord is an agent's phone in JSON.
type phoneRecord struct {
	Place     string `json:"place"`
	Node      string `json:"node"`
	Direct    bool   `json:"direct,omitempty"`
	Since     micros `json:"since,omitempty"`
	Refreshed micros `json:"refreshed,omitempty"`
	Expires   micros `json:"expires,omitempty"`
	Record    string `json:"record,omitempty"`
}

// agentRecord is an agent's state in JSON.
type agentRecord struct {
	Name        string        `json:"name"`
	Phones      []phoneRecord `json:"phones,omitempty"`
	Registered  micros        `json:"registered,omitempty"`
	Seat        micros        `json:"seat,omitempty"`
	Paused      micros        `json:"paused,omitempty"`
	PauseReason string        `json:"pause_reason,omitempty"`
	PauseSaid   micros        `json:"pause_said,omitempty"`
	Claim       *claimRecord  `json:"claim,omitempty"`
	Outside     string        `json:"outside,omitempty"`
	OutsideNode string        `json:"outside_node,omitempty"`
	WrapUp      micros        `json:"wrap_up,omitempty"`
	Idle        micros        `json:"idle,omitempty"`
	NotBefore   micros        `json:"not_before,omitempty"`
	Cause       string        `json:"cause,omitempty"`
	Misses      int           `json:"misses,omitempty"`
	Calls       int           `json:"calls,omitempty"`
	Changed     micros        `json:"changed,omitempty"`
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
		Spilled: c.Spilled, SpillRule: c.SpillRule, Missed: c.Missed, Offers: c.Offers, Returns: c.Returns,
	}
	if len(c.Refused) > 0 {
		r.Refused = make(map[string]micros, len(c.Refused))
		for name, until := range c.Refused {
			r.Refused[name] = at(until)
		}
	}
	return encode(r)
}

// recalledJSON is an agent as a node remembers him, for the script that recalls him.
func recalledJSON(a *routing.AgentState) (string, error) {
	err := errors.Join(named(a.Name, a.Outside, a.OutsideNode), namedPhones(a.Phones))
	if c := a.Claim; c != nil {
		err = errors.Join(err, named(c.Call, c.Agent, c.Queue, c.Node))
	}
	if err != nil {
		return "", err
	}
	return encode(agentRecord{
		Name: a.Name, Phones: phonesOf(a.Phones), Registered: at(a.Registered), Seat: at(a.Seat),
		Paused: at(a.Paused), PauseReason: a.PauseReason, PauseSaid: at(a.PauseSaid), Claim: claimOf(a.Claim),
		Outside: a.Outside, OutsideNode: a.OutsideNode, WrapUp: at(a.WrapUp), Idle: at(a.Idle), NotBefore: at(a.NotBefore),
		Cause: string(a.Cause), Misses: a.Misses, Calls: a.Calls, Changed: at(a.Changed),
	})
}

// phonesOf are the records of phones.
func phonesOf(phones []routing.Phone) []phoneRecord {
	records := make([]phoneRecord, len(phones))
	for i, p := range phones {
		records[i] = phoneRecord{
			Place: p.Place, Node: p.Node, Direct: p.Direct, Record: p.Record,
			Since: at(p.Since), Refreshed: at(p.Refreshed), Expires: at(p.Until),
		}
	}
	return records
}

// namedPhones checks that phones can be part of a record.
func namedPhones(phones []routing.Phone) error {
	for _, p := range phones {
		if err := named(p.Place, p.Node, p.Record); err != nil {
			return err
		}
	}
	return nil
}

// claimOf is the record of a claim; nil of nil.
func claimOf(c *routing.Claim) *claimRecord {
	if c == nil {
		return nil
	}
	return &claimRecord{
		Token: c.Token, Call: c.Call, Agent: c.Agent, Queue: c.Queue, Node: c.Node,
		Offered: at(c.Offered), Deadline: at(c.Deadline), Answered: at(c.Answered),
	}
}

// encode writes a record.
func encode(record any) (string, error) {
	raw, err := json.Marshal(record)
	if err != nil {
		return "", fmt.Errorf("a record for the store: %w", err)
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
		Returns: r.Returns,
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
	var phones []routing.Phone
	for _, p := range r.Phones {
		phones = append(phones, routing.Phone{
			Place: p.Place, Node: p.Node, Direct: p.Direct, Record: p.Record,
			Since: p.Since.time(), Refreshed: p.Refreshed.time(), Until: p.Expires.time(),
		})
	}
	return &routing.AgentState{
		Name: r.Name, Phones: phones, Registered: r.Registered.time(), Seat: r.Seat.time(),
		Paused: r.Paused.time(), PauseReason: r.PauseReason, PauseSaid: r.PauseSaid.time(), Claim: r.Claim.claim(),
		Outside: r.Outside, OutsideNode: r.OutsideNode,
		WrapUp: r.WrapUp.time(), Idle: r.Idle.time(), NotBefore: r.NotBefore.time(), Cause: routing.Outcome(r.Cause),
		Misses: r.Misses, Calls: r.Calls, Changed: r.Changed.time(),
	}, nil
}

// parseLost reads the place of a caller whose node died.
func parseLost(raw string) (*routing.LostPlace, error) {
	r, err := parse[lostRecord](raw)
	if err != nil {
		return nil, err
	}
	c, err := parseCaller(string(r.Caller))
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, errors.New("a place without its caller")
	}
	return &routing.LostPlace{Caller: *c, At: r.At.time()}, nil
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
