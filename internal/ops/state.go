package ops

// Queue is a department as the API tells it.
type Queue struct {
	Name         string       `json:"name"`
	Waiting      int          `json:"waiting"`       // callers whose home queue it is
	Lost         int          `json:"lost"`          // callers whose node died and whose places are kept for their return; they do not wait
	OverflowedIn int          `json:"overflowed_in"` // callers of other queues who are offered here too
	LongestWait  Seconds      `json:"longest_wait"`  // 0 when nobody waits
	AgentsReady  int          `json:"agents_ready"`
	AgentsBusy   int          `json:"agents_busy"` // ringing, talking or in wrap-up
	ServiceLevel ServiceLevel `json:"service_level"`
}

// ServiceLevel is how well a queue answered since the centre's midnight; short abandons (5 s) are left out.
type ServiceLevel struct {
	Threshold      Seconds `json:"threshold"`
	AnsweredWithin int     `json:"answered_within"` // calls answered within the threshold
	Offered        int     `json:"offered"`         // calls that count
}

// Agent is one agent as the API tells it.
type Agent struct {
	Name   string         `json:"name"`
	State  string         `json:"state"` // offline, ready, ringing, talking, wrapup, paused
	Since  Time           `json:"since"` // of the state; null when never registered
	Reason string         `json:"reason"`
	Queues map[string]int `json:"queues"` // tier per queue, incidents included
	Calls  int            `json:"calls"`  // conversations since the store's start
	Node   string         `json:"node"`   // where the registration came in; "" when offline
}

// Seats is who may be signed in, and who is.
type Seats struct {
	Limit   int      `json:"limit"` // incidents included
	Used    int      `json:"used"`
	Agents  []string `json:"agents"`  // who has a seat, in order of registration
	Waiting []string `json:"waiting"` // who would take one, in order of registration
}

// Call is one caller's visit as the API tells it.
type Call struct {
	ID        string   `json:"id"` // UUIDv7
	SIPCallID string   `json:"sip_call_id"`
	From      string   `json:"from"` // the caller's number; "" when anonymous
	To        string   `json:"to"`   // the number dialled
	State     string   `json:"state"`
	Queue     string   `json:"queue"`
	Since     Time     `json:"since"`    // of the state
	Position  *int     `json:"position"` // 1 is next; null when not waiting
	Node      string   `json:"node"`
	Agent     string   `json:"agent"`
	Incidents []string `json:"incidents"` // whose message or effect the call met
	Result    string   `json:"result"`    // once ended
	Reason    string   `json:"reason"`    // once ended

	Sound *CallSound `json:"sound,omitempty"` // nil while nothing of it has ended, or was ever heard
}

// The states of a call.
const (
	CallIVR     = "ivr"
	CallWaiting = "waiting"
	CallRinging = "ringing"
	CallTalking = "talking"
	CallEnded   = "ended" // kept for 60 s
)

// Incident is an incident with its newest revision, as the API tells it.
type Incident struct {
	Name            string  `json:"name"`
	Active          bool    `json:"active"` // now lies between its start and its end
	Title           string  `json:"title"`
	Since           Time    `json:"since"`    // the start, which may be to come; null when off
	Until           Time    `json:"until"`    // the end; null when off, or until it is switched off by hand
	Revision        int     `json:"revision"` // 0: never switched on
	By              string  `json:"by"`
	Reason          string  `json:"reason"`
	Change          string  `json:"change"` // what the newest revision changed, in one sentence; "" when there is none
	DiffersFromFile bool    `json:"differs_from_file"`
	Effects         Effects `json:"effects"`
}

// Effects are what an incident changes while it is active, with the words of incidents.yaml.
type Effects struct {
	AppliesTo      *Scope                    `json:"applies_to,omitempty"` // nil: everyone
	Message        string                    `json:"message,omitempty"`    // the prompt's name
	Then           string                    `json:"then,omitempty"`       // continue, hangup
	WaitingCallers bool                      `json:"waiting_callers,omitempty"`
	Overflow       map[string][]OverflowRule `json:"overflow,omitempty"` // by queue
	Seats          *SeatsEffect              `json:"seats,omitempty"`
}

// Scope is whom an incident concerns: either matches.
type Scope struct {
	Numbers []string `json:"numbers,omitempty"`
	Queues  []string `json:"queues,omitempty"`
}

// OverflowRule is one rule by which callers of a queue are offered elsewhere too; its conditions hold together.
type OverflowRule struct {
	AfterWait   Seconds  `json:"after_wait,omitempty"`
	WhenWaiting int      `json:"when_waiting,omitempty"`
	To          []string `json:"to"`
}

// SeatsEffect is how an incident changes seats and memberships.
type SeatsEffect struct {
	Add    int                       `json:"add,omitempty"`
	Agents map[string]map[string]int `json:"agents,omitempty"` // agent, queue, tier
}

// Config is which configuration is in force.
type Config struct {
	Centre    string       `json:"centre"`
	Timezone  string       `json:"timezone"` // the centre's, as the IANA database has it
	Version   string       `json:"version"`  // a digest of what is in force
	AppliedAt Time         `json:"applied_at"`
	Error     *ConfigError `json:"error"` // the first mistake of what is on disk; null when all of it is in force
}

// ConfigError is a mistake in a file, and where it stands. Lines and columns begin at 1; 0 is unknown.
type ConfigError struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// Nodes is who serves the centre together, and whether the store that they share answers.
type Nodes struct {
	Redis *Redis      `json:"redis"` // null: no shared store is configured
	Nodes []NodeState `json:"nodes"` // by name
}

// Redis is how the shared store stands, seen from the node that answers.
type Redis struct {
	Up    bool   `json:"up"`
	Since Time   `json:"since"` // of the present state
	Error string `json:"error"` // why it is away; "" while up
}

// NodeState is one node of the centre, seen from the node that answers.
type NodeState struct {
	Name          string  `json:"name"`
	Alive         bool    `json:"alive"`
	Heard         Time    `json:"heard"`         // its last heartbeat
	Version       string  `json:"version"`       // of the program
	Configuration string  `json:"configuration"` // the digest of its centre.yaml
	Differs       bool    `json:"differs"`       // it has another centre.yaml than the node that answers
	ClockOff      Seconds `json:"clock_off"`     // how far its wall clock is ahead of the store's time; negative when behind
}

// Event is something that happened. Feed.Publish fills in Seq, and what else it knows better: see there.
type Event struct {
	Seq      uint64 `json:"seq"`
	Time     Time   `json:"time"`
	Centre   string `json:"centre"`
	Node     string `json:"node"` // the one that it is about, as the owner of the call
	Type     string `json:"type"`
	Call     string `json:"call"`
	Queue    string `json:"queue"`
	Agent    string `json:"agent"`
	Incident string `json:"incident"`
	Reason   string `json:"reason"`
}

// The types of an event.
const (
	CallQueued      = "call.queued"
	CallOffered     = "call.offered"
	CallAnswered    = "call.answered"
	CallDone        = "call.ended"
	AgentChanged    = "agent.state"       // Reason is the new state
	IncidentRevised = "incident.revision" // Reason is the sentence that says what changed
	ConfigApplied   = "config.applied"
)
