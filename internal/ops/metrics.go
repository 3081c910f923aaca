package ops

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// other is the label value for what is not in a closed list, so that nothing from the wire can make new time series.
const other = "other"

// The values that labels may have.
var (
	// methods are the SIP methods that we answer (RFC 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665).
	methods = closedList("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "REFER", "NOTIFY", "SUBSCRIBE",
		"UPDATE", "PRACK", "MESSAGE", "PUBLISH")
	// results and reasons are how a call may end.
	results = closedList("answered", "abandoned", "message", "routed_out", "refused", "failed")
	reasons = closedList("caller", "agent", "short", "key", "timeout", "full", "closed", "unstaffed", "overflow", "incident",
		"drain", "no_media", "carrier", "overload", "internal")
	// legs and directions say whose sound is rated, and whether it is what the node heard of the far end, or what it sent there.
	legs       = closedList("caller", "agent")
	directions = closedList("heard", "sent")
	// invariants are what must hold at any time: a caller is in exactly one state (I1); an agent has at most one call or offer of a
	// queue (I2); nobody is reserved without a ringing leg for longer than ringing takes (I3); an agent's leg ends with its caller's
	// (I4); a queue is in order of priority, then entry (I5); who entered has left somehow or waits (I6); an INVITE that we sent is
	// brought to its end (I7); nothing is left over after load (I8).
	invariants = closedList("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8")
)

// Buckets of the histograms, in seconds.
var (
	// waitBuckets hold the usual service levels (10, 20, 30 s) and patience up to an hour.
	waitBuckets = []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600}
	// matchBuckets reach from a match in memory to one that the safety sweep found.
	matchBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	// mosBuckets are the bounds of ITU-T G.109's classes (R of 50, 60, 70, 80, 90), what is worse than all of them, and 4.2, which a
	// leg without a fault is above.
	mosBuckets = []float64{1.5, 2, 2.58, 3.1, 3.6, 4.03, 4.2, 4.34, 4.5}
)

// Sources are what gauges and counters are read from at each scrape.
type Sources struct {
	Name  string      // the node's name: whose calls are counted
	Node  Node        // queues, agents, seats, calls, nodes, incidents, configuration
	RTP   func() RTP  // the sound's counters since the start; nil: none
	Store func() bool // whether the store of the queues answers; nil: it is in memory, which always does
}

// RTP is what the media counted since the node's start.
type RTP struct {
	Received, Sent uint64 // packets
	Lost           uint64 // packets that were due and never came

	// Packets that were dropped: of somebody who may not send to us, of somebody who had yet to be taken, beyond what sound takes, and
	// what was no packet or not protected by the key.
	Strangers, Unproven, Excess, Invalid uint64

	Unsent    uint64 // packets that could not be written
	Late      uint64 // runs of the playout clock that came a frame's time or more behind
	FreePorts int    // pairs of ports that could be opened now
}

// Metrics are one node's figures for Prometheus, in a registry of their own. Its methods are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	ended    *prometheus.CounterVec
	waits    *prometheus.HistogramVec
	requests *prometheus.CounterVec
	matches  prometheus.Histogram
	scores   *prometheus.HistogramVec
	stuck    prometheus.Counter
	violated *prometheus.CounterVec
}

// NewMetrics returns the metrics of one node, those of the process and of Go's runtime included. The sources are asked at each
// scrape, not before.
func NewMetrics(s Sources) *Metrics {
	m := newMetrics(s)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// newMetrics returns Spillway's own metrics alone.
func newMetrics(s Sources) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spillway_calls_ended_total", Help: "Calls that ended on this node, by how and why."}, []string{"result", "reason"}),
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "spillway_queue_wait_seconds", Help: "How long callers waited, by how the wait ended.",
			Buckets: waitBuckets}, []string{"queue", "result"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spillway_sip_requests_total", Help: "SIP requests received, by method and the final answer's code."}, []string{"method", "code"}),
		matches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "spillway_match_seconds", Help: "From the moment when caller and agent were both free to the offer.",
			Buckets: matchBuckets}),
		scores: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "spillway_call_mos", Help: "How good the sound of a leg was when it ended, by the E-model (ITU-T G.107): 1 to 4.41.",
			Buckets: mosBuckets}, []string{"leg", "direction"}),
		stuck: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "spillway_stuck_callers_total", Help: "Callers who waited although an agent for them was ready: must stay 0."}),
		violated: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spillway_invariant_violations_total", Help: "Invariants that were found broken, by number: must stay 0."}, []string{"invariant"}),
	}
	m.registry.MustRegister(m.ended, m.waits, m.requests, m.matches, m.scores, m.stuck, m.violated, newGauges(s))
	m.begin()
	return m
}

// begin shows the series that every node will have from the start with 0: a rate needs a beginning.
func (m *Metrics) begin() {
	for _, end := range [][2]string{{"answered", "caller"}, {"answered", "agent"}, {"abandoned", "caller"}, {"abandoned", "short"}, {"failed", "internal"}} {
		m.ended.WithLabelValues(end[0], end[1])
	}
	for _, method := range []string{"INVITE", "REGISTER"} {
		m.requests.WithLabelValues(method, "200")
	}
	for leg := range legs {
		for direction := range directions {
			m.scores.WithLabelValues(leg, direction)
		}
	}
	for invariant := range invariants {
		m.violated.WithLabelValues(invariant)
	}
}

// CallEnded counts a call that ended.
func (m *Metrics) CallEnded(result, reason string) {
	m.ended.WithLabelValues(results.label(result), reasons.label(reason)).Inc()
}

// QueueWait counts one caller's wait in a queue that is or was configured, and how it ended: answered, abandoned, or the
// reason for which the queue was left.
func (m *Metrics) QueueWait(queue, result string, wait time.Duration) {
	if _, known := results[result]; !known {
		result = reasons.label(result)
	}
	m.waits.WithLabelValues(queue, result).Observe(wait.Seconds())
}

// SIPRequest counts a request from the wire and the code of its final answer; 0 is no answer, as for ACK.
func (m *Metrics) SIPRequest(method string, code int) {
	label := other
	if code == 0 || code >= 100 && code < 700 { // RFC 3261 section 7.2: three digits, 1xx to 6xx
		label = strconv.Itoa(code)
	}
	m.requests.WithLabelValues(methods.label(method), label).Inc()
}

// Match counts one offer, and how long after both were free it was made.
func (m *Metrics) Match(wait time.Duration) {
	m.matches.Observe(max(wait, 0).Seconds())
}

// MOS counts how good the sound of a leg was that ended: caller or agent, heard or sent.
func (m *Metrics) MOS(leg, direction string, score float64) {
	m.scores.WithLabelValues(legs.label(leg), directions.label(direction)).Observe(score)
}

// Stuck counts callers who wait although agents for them have been ready for seconds. It must never be called.
func (m *Metrics) Stuck(callers int) { m.stuck.Add(float64(callers)) }

// Violated counts one violation of an invariant, I1 to I8. It must never be called.
func (m *Metrics) Violated(invariant string) {
	m.violated.WithLabelValues(invariants.label(invariant)).Inc()
}

// labels is a closed list of label values.
type labels map[string]struct{}

func closedList(values ...string) labels {
	l := make(labels, len(values))
	for _, v := range values {
		l[v] = struct{}{}
	}
	return l
}

// label returns the value if it is in the list, else "other".
func (l labels) label(value string) string {
	if _, in := l[value]; in {
		return value
	}
	return other
}
