package ops

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// scrapeLimit is how long a scrape waits for the node: Prometheus itself gives up after 10 s by default.
const scrapeLimit = 5 * time.Second

// callStates and agentStates are the values that are told even when they count nothing, so that graphs have no holes.
var (
	callStates  = []string{CallIVR, CallWaiting, CallRinging, CallTalking}
	agentStates = []string{"offline", "ready", "ringing", "talking", "wrapup", "paused"}
)

// gauges reads the node's state at each scrape: nothing has to be counted up and down, so nothing can drift, and the series of
// a queue that was removed end with it.
type gauges struct {
	sources Sources

	calls, waiting, longest, agents, seats, incident *prometheus.Desc
	reload, packets, lost, store                     *prometheus.Desc
	dropped, unsent, late, ports                     *prometheus.Desc
	places, nodes, differs, clock                    *prometheus.Desc
}

func newGauges(s Sources) *gauges {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &gauges{
		sources:  s,
		calls:    describe("spillway_calls", "Calls that this node owns, by state.", "state"),
		waiting:  describe("spillway_queue_waiting", "Callers whose home queue it is and who wait; the centre's.", "queue"),
		longest:  describe("spillway_queue_longest_wait_seconds", "How long the first in line has waited; the centre's.", "queue"),
		agents:   describe("spillway_agents", "Agents by state; the centre's.", "state"),
		seats:    describe("spillway_seats", "Seats in use and their limit; the centre's.", "kind"),
		incident: describe("spillway_incident_active", "1 while the incident is active.", "incident"),
		reload:   describe("spillway_config_last_reload_success", "1 while the configuration on disk is the one in force."),
		packets:  describe("spillway_rtp_packets_total", "RTP packets since the start.", "direction"),
		lost:     describe("spillway_rtp_lost_total", "RTP packets that were due and never came."),
		dropped:  describe("spillway_rtp_dropped_total", "RTP and RTCP packets that were not heard, by reason.", "reason"),
		unsent:   describe("spillway_rtp_unsent_total", "RTP packets that could not be sent."),
		late:     describe("spillway_playout_late_total", "Runs of the playout clock that came 20 ms or more behind."),
		ports:    describe("spillway_media_ports_free", "Pairs of media ports that are free; ports that rest after a call are not."),
		store:    describe("spillway_redis_up", "1 while the store of the queues answers; the store in memory always does."),
		places:   describe("spillway_queue_lost", "Callers whose node died and whose places are kept for their return; the centre's.", "queue"),
		nodes:    describe("spillway_nodes", "Nodes of the centre, by whether they are heard.", "state"),
		differs:  describe("spillway_nodes_differing", "Nodes alive whose centre.yaml is another than this node's."),
		clock:    describe("spillway_clock_offset_seconds", "How far this node's wall clock is ahead of the store's time."),
	}
}

// Describe says what Collect sends.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.calls, g.waiting, g.longest, g.agents, g.seats, g.incident, g.reload, g.packets, g.lost, g.store,
		g.dropped, g.unsent, g.late, g.ports,
		g.places, g.nodes, g.differs, g.clock} {
		out <- d
	}
}

// Collect asks the node. What it cannot tell is reported as an error; the rest is sent all the same.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	g.collectCalls(ctx, out)
	g.collectQueues(ctx, out)
	g.collectAgents(ctx, out)
	g.collectSeats(ctx, out)
	g.collectNodes(ctx, out)
	g.collectIncidents(ctx, out)
	gauge(out, g.reload, truth(g.sources.Node.Config().Error == nil))
	gauge(out, g.store, truth(g.sources.Store == nil || g.sources.Store()))
	var rtp RTP
	if g.sources.RTP != nil {
		rtp = g.sources.RTP()
	}
	counter(out, g.packets, rtp.Received, "in")
	counter(out, g.packets, rtp.Sent, "out")
	counter(out, g.lost, rtp.Lost)
	counter(out, g.dropped, rtp.Strangers, "stranger")
	counter(out, g.dropped, rtp.Unproven, "unproven")
	counter(out, g.dropped, rtp.Excess, "excess")
	counter(out, g.dropped, rtp.Invalid, "invalid")
	counter(out, g.unsent, rtp.Unsent)
	counter(out, g.late, rtp.Late)
	gauge(out, g.ports, float64(rtp.FreePorts))
}

func (g *gauges) collectCalls(ctx context.Context, out chan<- prometheus.Metric) {
	calls, err := g.sources.Node.OwnCalls(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(g.calls, err)
		return
	}
	count := make(map[string]int)
	for _, c := range calls {
		count[c.State]++
	}
	for _, state := range callStates {
		gauge(out, g.calls, float64(count[state]), state)
	}
}

func (g *gauges) collectQueues(ctx context.Context, out chan<- prometheus.Metric) {
	queues, err := g.sources.Node.Queues(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(g.waiting, err)
		return
	}
	for _, q := range queues {
		gauge(out, g.waiting, float64(q.Waiting), q.Name)
		gauge(out, g.places, float64(q.Lost), q.Name)
		gauge(out, g.longest, time.Duration(q.LongestWait).Seconds(), q.Name)
	}
}

func (g *gauges) collectAgents(ctx context.Context, out chan<- prometheus.Metric) {
	agents, err := g.sources.Node.Agents(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(g.agents, err)
		return
	}
	count := make(map[string]int)
	for _, a := range agents {
		count[a.State]++
	}
	for _, state := range agentStates {
		gauge(out, g.agents, float64(count[state]), state)
	}
}

func (g *gauges) collectSeats(ctx context.Context, out chan<- prometheus.Metric) {
	seats, err := g.sources.Node.Seats(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(g.seats, err)
		return
	}
	gauge(out, g.seats, float64(seats.Used), "used")
	gauge(out, g.seats, float64(seats.Limit), "limit")
}

// collectNodes tells of the nodes. A node that is not among them, as before its first heartbeat, tells nothing of its clock.
func (g *gauges) collectNodes(ctx context.Context, out chan<- prometheus.Metric) {
	nodes, err := g.sources.Node.Nodes(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(g.nodes, err)
		return
	}
	var alive, lost, differing int
	for _, n := range nodes.Nodes {
		switch {
		case !n.Alive:
			lost++
		case n.Differs:
			differing++
			alive++
		default:
			alive++
		}
		if n.Name == g.sources.Name {
			gauge(out, g.clock, time.Duration(n.ClockOff).Seconds())
		}
	}
	gauge(out, g.nodes, float64(alive), "alive")
	gauge(out, g.nodes, float64(lost), "lost")
	gauge(out, g.differs, float64(differing))
}

func (g *gauges) collectIncidents(ctx context.Context, out chan<- prometheus.Metric) {
	incidents, err := g.sources.Node.Incidents(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(g.incident, err)
		return
	}
	for _, i := range incidents {
		gauge(out, g.incident, truth(i.Active), i.Name)
	}
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, value uint64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
