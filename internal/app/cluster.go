package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/routing/memq"
	"github.com/spillway-voice/spillway/routing/redisq"
	"github.com/spillway-voice/spillway/routing/survivable"
)

const (
	// announceEvery is how often a node tells the others that it is there: as often as it renews its lease.
	announceEvery = 500 * time.Millisecond
	// callsEvery is how often the other nodes are told what became of this node's calls: what the API tells is not older than a second.
	callsEvery = 250 * time.Millisecond
	// callsTime bounds telling them.
	callsTime = time.Second
	// othersTime bounds asking for the calls of the other nodes: whoever looks at a wallboard would rather see ours at once.
	othersTime = 500 * time.Millisecond
	// probeTime is how long a node whose lease is over may take to answer that it lives.
	probeTime = 250 * time.Millisecond
	// localStart bounds the start of a private redis-server; one with much to read takes seconds.
	localStart = 30 * time.Second
	// joinTime bounds joining the other nodes: an earlier life of this one that was killed is waited for as long as its lease lasts.
	joinTime = 4 * time.Second
	// clockOff is how far the machine's clock may be away from the store's: schedules go by the one, and nodes shall agree.
	clockOff = 2 * time.Second
	// untoldEvents is how many events wait to be told to the other nodes; what comes while they are full is told here alone.
	untoldEvents = 1024
	// newsKept is how many events of all nodes are kept for one that was away for a moment: as many as a feed remembers.
	newsKept = 4096
	// newsLength is how long an event of another node may be, in bytes; ours have some hundred.
	newsLength = 4 << 10
	// heardKept is how many hearings are kept for nodes that start.
	heardKept = 200_000
	// nonceSecret is the name of the secret that nonces are signed with.
	nonceSecret = "nonces"
)

// news are the types of events that nodes tell each other; the others each node tells by itself.
var news = map[string]bool{ops.CallDone: true, ops.ConfigApplied: true}

// ownerMark stands between a node's id and its boot in what it owns.
const ownerMark = "#"

// ownerOf is under whom a life of a node owns things in the store.
func ownerOf(id, boot string) string { return id + ownerMark + boot }

// nodeOf is the id of the node that an owner is.
func nodeOf(owner string) string {
	id, _, _ := strings.Cut(owner, ownerMark)
	return id
}

// cluster is what a node shares with the other nodes of its centre over Redis. Its methods are safe for concurrent use.
type cluster struct {
	id, boot string
	log      *zap.Logger
	local    *store.Local // nil unless redis.url is "local"
	redis    *store.Store
	queues   *survivable.Store
	nodes    *store.Nodes
	calls    *store.Calls
	news     *store.Bulletin
	heard    *store.Bulletin
	earlier  string // the life of this node before this one, whose things are to be taken out; "" none is known

	peers atomic.Pointer[[]store.Peer] // as they were told last
	state atomic.Pointer[ops.Redis]
	probe atomic.Pointer[func(context.Context, netip.AddrPort) error] // asks a node by SIP whether it lives; nil: not yet
	told  chan string                                                 // events for the other nodes

	mu      sync.Mutex
	address string // where others ask by SIP whether this node lives; "" not yet
}

// openCluster connects to the Redis that a configuration names, and joins the nodes that are there. A Redis that does not answer is no
// error: the node serves alone until it does.
func openCluster(c *config.Node, centre string, pauses map[string]memq.Pause, log *zap.Logger) (*cluster, error) {
	s := &cluster{id: c.ID, boot: strings.ToLower(rand.Text()[:8]), log: log, told: make(chan string, untoldEvents)}
	url := c.Redis.URL
	if url == config.LocalRedis {
		ctx, cancel := context.WithTimeout(context.Background(), localStart)
		defer cancel()
		local, err := store.StartLocal(ctx, c.Data, log)
		if err != nil {
			return nil, err
		}
		s.local, url = local, local.URL()
	}
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	redis, err := store.Open(ctx, url, store.Options{Centre: centre, Logger: log})
	if err != nil {
		s.close()
		return nil, err
	}
	s.redis = redis
	s.nodes, s.calls = store.NewNodes(redis), store.NewCalls(redis)
	s.news, s.heard = store.NewBulletin(redis, store.KeyNews, newsKept), store.NewBulletin(redis, store.KeyHeard, heardKept)
	s.queues = survivable.New(survivable.Options{Shared: redisq.New(redis), Probe: redis.Check, Pauses: pauses, Changed: s.changed})
	s.state.Store(&ops.Redis{Up: true, Since: ops.Time(time.Now())})
	if s.earlier, err = s.nodes.Join(ctx, s.node("")); errors.Is(err, store.ErrTwin) {
		s.close()
		return nil, err
	} else if err == nil && s.earlier != "" {
		s.reapEarlier(ctx)
	}
	return s, nil
}

// owner is under whom this node owns things in the store.
func (s *cluster) owner() string { return ownerOf(s.id, s.boot) }

// reapEarlier takes out what an earlier life of this node owned: its calls are gone, and the places of its callers are kept for them.
func (s *cluster) reapEarlier(ctx context.Context) {
	queues, earlier := redisq.New(s.redis), ownerOf(s.id, s.earlier)
	err := queues.Part(ctx, earlier)
	if err == nil {
		err = queues.Reap(ctx, earlier)
	}
	if err != nil {
		s.log.Warn("what an earlier life of this node owned is taken out later", zap.Error(err))
	}
}

// changed notes that Redis is away, or back.
func (s *cluster) changed(up bool, cause error) {
	told := &ops.Redis{Up: up, Since: ops.Time(time.Now())}
	if up {
		s.log.Info("Redis answers again: what this node holds is merged into the shared queues")
	} else {
		told.Error = cause.Error()
		s.log.Error("Redis does not answer: this node serves alone, its callers with its own agents", zap.Error(cause))
	}
	s.state.Store(told)
}

// version is what the program was built from, for the other nodes.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && setting.Value != "" {
			return info.Main.Version + " " + setting.Value[:min(len(setting.Value), 12)]
		}
	}
	return info.Main.Version
}

// node is this node as the others are told of it.
func (s *cluster) node(configuration string) store.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return store.Node{ID: s.id, Boot: s.boot, SIP: s.address, Configuration: configuration, Version: version(), Wall: time.Now()}
}

// reachedAt notes where others may ask by SIP whether this node lives (the zero value: nowhere), and how this one asks.
func (s *cluster) reachedAt(address netip.AddrPort, probe func(context.Context, netip.AddrPort) error) {
	s.probe.Store(&probe)
	s.mu.Lock()
	defer s.mu.Unlock()
	if address.IsValid() {
		s.address = address.String()
	}
}

// announce tells the other nodes that this one is there, and learns which they are, until the context ends. Then it takes its leave.
func (s *cluster) announce(ctx context.Context, configuration func() string) {
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	var trouble watchful
	for {
		err := s.nodes.Announce(ctx, s.node(configuration()))
		if trouble.twin.news(errors.Is(err, store.ErrTwin)) {
			s.log.Error("two nodes must not have one id: stop one of them, or change its node.id", zap.Error(err))
		}
		if peers, err := s.nodes.List(ctx); err == nil {
			s.peers.Store(&peers)
			trouble.judge(s, peers, configuration())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.leave()
			return
		}
	}
}

// leave tells the other nodes that this one goes.
func (s *cluster) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), callsTime)
	defer cancel()
	if err := s.nodes.Leave(ctx, s.id, s.boot); err != nil {
		s.log.Warn("the other nodes were not told that this one goes", zap.Error(err))
	}
}

// watchful says once what should be mended, and again when it comes back.
type watchful struct {
	twin, clock latch
	differing   map[string]latch
}

// latch tells the rise of a condition.
type latch bool

// news notes whether a condition holds, and reports whether it holds since now.
func (l *latch) news(holds bool) bool {
	rose := holds && !bool(*l)
	*l = latch(holds)
	return rose
}

// judge looks at the nodes for what somebody should mend: another centre.yaml, a clock that is off.
func (w *watchful) judge(s *cluster, peers []store.Peer, configuration string) {
	if off := s.redis.Skew(); w.clock.news(off.Abs() > clockOff) {
		s.log.Error("this machine's clock is off: schedules and hours go by it", zap.Duration("ahead", off))
	}
	differing := make(map[string]latch)
	for _, p := range peers {
		l := w.differing[p.ID]
		if l.news(p.Alive && p.Configuration != "" && p.Configuration != configuration) {
			s.log.Warn("another node has another centre.yaml", zap.String("other", p.ID), zap.String("its", p.Configuration), zap.String("ours", configuration))
		}
		differing[p.ID] = l
	}
	w.differing = differing
}

// living is how many nodes live, this one among them.
func (s *cluster) living() int {
	n := 0
	if peers := s.peers.Load(); peers != nil && s.queues.Up() {
		for _, p := range *peers {
			if p.Alive {
				n++
			}
		}
	}
	return max(n, 1)
}

// gone reports whether an owner whose lease is over is really gone. A node that answers by SIP is cut off from Redis alone: it serves its
// callers with its agents by itself.
func (s *cluster) gone(ctx context.Context, owner string) bool {
	peers, probe := s.peers.Load(), s.probe.Load()
	if peers == nil || probe == nil {
		return false // nobody can be asked yet
	}
	for _, p := range *peers {
		if ownerOf(p.ID, p.Boot) != owner || p.SIP == "" {
			continue
		}
		address, err := netip.ParseAddrPort(p.SIP)
		if err != nil {
			return true
		}
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		return (*probe)(ctx, address) != nil
	}
	return true // it took its leave, or has begun another life
}

// tell tells the other nodes an event of this one.
func (s *cluster) tell(e ops.Event) {
	text, err := json.Marshal(e)
	if err != nil {
		s.log.Error("an event cannot be told to the other nodes", zap.Error(err))
		return
	}
	select {
	case s.told <- string(text):
	default: // they hear of it no more
	}
}

// tellNews tells the other nodes what happens here until the context ends, a few events at a time.
func (s *cluster) tellNews(ctx context.Context) {
	for {
		select {
		case text := <-s.told:
			texts := append([]string{text}, waiting(s.told)...)
			if err := s.news.Tell(ctx, texts...); err != nil && s.queues.Up() && ctx.Err() == nil {
				s.log.Warn("events were not told to the other nodes", zap.Int("events", len(texts)), zap.Error(err))
			}
		case <-ctx.Done():
			s.tellLast()
			return
		}
	}
}

// tellLast tells what is left when the node closes: the ends of its last calls.
func (s *cluster) tellLast() {
	ctx, cancel := context.WithTimeout(context.Background(), callsTime)
	defer cancel()
	for texts := waiting(s.told); len(texts) > 0 && s.queues.Up(); texts = waiting(s.told) {
		if err := s.news.Tell(ctx, texts...); err != nil {
			s.log.Warn("the other nodes were not told the last events", zap.Error(err))
			return
		}
	}
}

// waiting takes what is ready in a channel, some at most.
func waiting(c <-chan string) (texts []string) {
	for len(texts) < 64 {
		select {
		case text := <-c:
			texts = append(texts, text)
		default:
			return texts
		}
	}
	return texts
}

// hearNews publishes here what other nodes tell, until the context ends.
func (s *cluster) hearNews(ctx context.Context, publish func(ops.Event)) {
	after := ""
	for ctx.Err() == nil {
		var items []store.Item
		var err error
		if after == "" {
			after, err = s.news.Last(ctx)
		} else {
			items, err = s.news.Next(ctx, after)
		}
		if err != nil {
			pause(ctx, announceEvery)
			continue
		}
		for _, item := range items {
			after = item.ID
			var e ops.Event
			if len(item.Text) <= newsLength && json.Unmarshal([]byte(item.Text), &e) == nil && news[e.Type] && e.Node != "" && e.Node != s.id {
				publish(e)
			}
		}
	}
}

// tellCalls tells the other nodes what became of this node's calls until the context ends.
func (s *cluster) tellCalls(ctx context.Context, list func() []ops.Call) {
	tick := time.NewTicker(callsEvery)
	defer tick.Stop()
	var told map[string]string // nil: the others may know nothing
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if !s.queues.Up() {
			told = nil
			continue
		}
		now, changed, gone := s.callsSince(told, list())
		bounded, cancel := context.WithTimeout(ctx, callsTime)
		var err error
		if told == nil {
			err = s.calls.Replace(bounded, s.owner(), now)
		} else {
			err = s.calls.Put(bounded, s.owner(), changed, gone)
		}
		cancel()
		if told = now; err != nil {
			told = nil
		}
	}
}

// callsSince is the calls as they are told, and what is new in them.
func (s *cluster) callsSince(told map[string]string, calls []ops.Call) (now, changed map[string]string, gone []string) {
	now, changed = make(map[string]string, len(calls)), make(map[string]string)
	for _, c := range calls {
		text, err := json.Marshal(c)
		if err != nil {
			s.log.Error("a call cannot be told to the other nodes", zap.String("call", c.ID), zap.Error(err))
			continue
		}
		if now[c.ID] = string(text); told[c.ID] != now[c.ID] {
			changed[c.ID] = now[c.ID]
		}
	}
	for id := range told {
		if _, still := now[id]; !still {
			gone = append(gone, id)
		}
	}
	return now, changed, gone
}

// callsOf are the calls of the other nodes; what cannot be read is left out.
func (s *cluster) callsOf(ctx context.Context) ([]ops.Call, error) {
	peers := s.peers.Load()
	if peers == nil || !s.queues.Up() {
		return nil, nil
	}
	var owners []string
	for _, p := range *peers {
		if p.Alive && p.ID != s.id {
			owners = append(owners, ownerOf(p.ID, p.Boot))
		}
	}
	if len(owners) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, othersTime)
	defer cancel()
	all, err := s.calls.Of(ctx, owners)
	if err != nil {
		return nil, fmt.Errorf("the calls of the other nodes: %w", err)
	}
	var calls []ops.Call
	for _, texts := range all {
		for _, text := range texts {
			var c ops.Call
			if json.Unmarshal([]byte(text), &c) == nil {
				calls = append(calls, c)
			}
		}
	}
	return calls, nil
}

// nonceKey brings the secret that nonces are signed with over all nodes, as soon as Redis has it, and again when it is another Redis.
func (s *cluster) nonceKey(ctx context.Context, use func(key []byte)) {
	for ctx.Err() == nil {
		if key, err := s.redis.Secret(ctx, nonceSecret); err == nil {
			use(key) // the same again changes nothing
		}
		pause(ctx, 10*announceEvery)
	}
}

// close ends the connection, and the private redis-server.
func (s *cluster) close() {
	if s.redis != nil {
		if err := s.redis.Close(); err != nil {
			s.log.Warn("Redis", zap.Error(err))
		}
	}
	if s.local != nil {
		s.local.Close()
	}
}
