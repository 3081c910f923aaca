package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/config/watch"
	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/routing/memq"
	"github.com/spillway-voice/spillway/sip"
)

// farewell is how long callers who are sent away at the end of a drain may hear why: the recording and a little more.
const farewell = 15 * time.Second

// apiClose is how long requests to the API may take to end.
const apiClose = 2 * time.Second

// Options are what an App is made of.
type Options struct {
	// Dir is the folder of spillway.yaml, centre.yaml and incidents.yaml.
	Dir string
	// Log is where the log goes, in the form that spillway.yaml says; nil: standard error.
	Log io.Writer
	// Env looks up environment variables for secrets; nil: os.LookupEnv.
	Env func(string) (string, bool)
}

// App is one node. New opens everything and Close closes it; between the two it serves. Its methods are safe for concurrent use.
type App struct {
	config     *config.Node
	log        *zap.Logger
	cluster    *cluster // nil: redis.url is empty, and the queues live in memory
	keep       *keeper
	centre     *centre
	dispatcher *dispatch.Dispatcher
	front      *front
	engine     *media.Engine
	house      *call.House
	feed       *ops.Feed
	metrics    *ops.Metrics
	node       *node
	api        *ops.Server

	centreFile atomic.Pointer[string] // digest of the centre.yaml in force
	draining   atomic.Bool
	closing    chan struct{} // House.Closing
	sendAway   sync.Once
	failed     chan error
	stack      stack
}

// MistakesError says that a node cannot start with these files: what `spillway check` prints.
type MistakesError struct {
	Report config.Report
}

// Error names the first mistake, and how many there are.
func (e *MistakesError) Error() string {
	if e.Report.Unreadable != nil {
		return e.Report.Unreadable.Error()
	}
	first := e.Report.Error()
	if first == nil {
		return "no usable configuration"
	}
	return first.String()
}

// New starts a node; when it returns, calls are taken. What was opened before a failure is closed again.
func New(o Options) (*App, error) {
	a := &App{closing: make(chan struct{}), failed: make(chan error, 4)}
	if err := a.open(o); err != nil {
		a.stack.close()
		return nil, err
	}
	return a, nil
}

func (a *App) open(o Options) error {
	check := config.Options{Prompts: OpenPrompts, Redis: CheckRedis, Codec: CheckCodec, Env: o.Env}
	report := config.Start(o.Dir, check)
	if report.Node == nil || report.Snapshot == nil {
		return &MistakesError{report}
	}
	a.config = report.Node
	a.log = newLogger(a.config.Log, cmp.Or[io.Writer](o.Log, os.Stderr))
	a.warn(report)
	a.noteCentreFile(report)
	if err := a.openKeeper(); err != nil {
		return err
	}
	if err := a.openCluster(report); err != nil {
		return err
	}
	if err := a.openCentre(o.Dir, report); err != nil {
		return err
	}
	if err := a.openQueues(); err != nil {
		return err
	}
	if err := a.openCalls(); err != nil {
		return err
	}
	if err := a.openOps(); err != nil {
		return err
	}
	a.serve()
	check.Prompts = func(c config.Centre) config.Prompts { return openPrompts(c, media.CodecsOf(codecsOf(a.config)...)) }
	a.watch(o.Dir, check, report)
	a.log.Info("ready", zap.String("node", a.config.ID), zap.String("centre", report.Snapshot.Centre.Name),
		zap.Stringers("sip", a.SIP()), zap.String("http", a.HTTP()), zap.String("configuration", report.Snapshot.Version))
	return nil
}

// OpenPrompts lets config look at the recordings of a centre: for config.Options.
func OpenPrompts(c config.Centre) config.Prompts { return openPrompts(c, 0) }

// openPrompts lets config look at the recordings of a centre as a node with these codecs does.
func openPrompts(c config.Centre, codecs media.Codecs) config.Prompts {
	library, err := openLibrary(c, codecs)
	if err != nil {
		return unusable{err}
	}
	return library
}

// CheckCodec says why this program cannot speak a codec: for config.Options.
func CheckCodec(name string) error {
	_, err := codec.Parse(name)
	return err
}

// CheckRedis says what is wrong with the address of a Redis: for config.Options.
func CheckRedis(url string) error {
	_, err := store.ParseAddress(url)
	return err
}

// unusable is a prompts folder that cannot be looked at.
type unusable struct{ err error }

// Check says why.
func (u unusable) Check(string) error { return u.err }

// warn tells what the configuration says of itself.
func (a *App) warn(r config.Report) {
	for _, m := range r.Mistakes {
		a.log.Warn(m.String())
	}
	if a.config.Redis.URL == "" {
		a.log.Info("the queues live in memory and end with this process; incidents and pauses are kept", zap.String("data", a.config.Data))
	}
	if allowed := openFiles(); allowed < uint64(a.config.OpenFiles()) {
		a.log.Warn("limits.calls needs more open files than this process may have: raise the limit (ulimit -n) or lower limits.calls",
			zap.Int("needed", a.config.OpenFiles()), zap.Uint64("allowed", allowed))
	}
}

// openKeeper opens what is kept in node.data.
func (a *App) openKeeper() (err error) {
	a.keep, err = openKeeper(a.config.Data)
	return err
}

// openCluster connects the node with the others, when it is to share its queues.
func (a *App) openCluster(report config.Report) error {
	if a.config.Redis.URL == "" {
		return nil
	}
	shared, err := openCluster(a.config, report.Snapshot.Centre.Name, a.keep.pauses(), a.log.Named("redis"))
	if err != nil {
		return err
	}
	a.cluster = shared
	a.stack.push("redis", shared.close)
	return nil
}

// noteCentreFile notes which centre.yaml is in force: the other nodes compare it with theirs.
func (a *App) noteCentreFile(r config.Report) {
	if r.Sources != nil {
		sum := sha256.Sum256(r.Sources.Centre)
		digest := hex.EncodeToString(sum[:6])
		a.centreFile.Store(&digest)
	}
}

func (a *App) openCentre(dir string, report config.Report) error {
	a.centre = newCentre(a.config.ID, filepath.Join(dir, config.IncidentsFile), media.CodecsOf(codecsOf(a.config)...), a.keep, a.log.Named("centre"))
	a.centre.onPublish = func(*edition) {}
	a.centre.onChange = a.onChange
	if s := a.cluster; s != nil {
		a.centre.share(sharing{board: store.NewBoard(s.redis), sounds: s.redis, reach: store.NewReach(s.redis), nodes: s.living})
		a.centre.heard.share()
	}
	a.feed = ops.NewFeed(report.Snapshot.Centre.Name, a.config.ID)
	a.stack.push("feed", a.feed.Close)
	return a.centre.apply(report)
}

func (a *App) openQueues() error {
	a.node = &node{id: a.config.ID, centre: a.centre, cluster: a.cluster, ledger: call.NewLedger(), draining: a.draining.Load,
		centreFile: func() string { return *a.centreFile.Load() }}
	sources := ops.Sources{Name: a.config.ID, Node: a.node, RTP: a.rtp}
	e := a.centre.current()
	o := dispatch.Options{Node: a.config.ID, Plan: e.plan.Routing, Zone: e.snapshot.Centre.Zone, Logger: a.log.Named("dispatch")}
	if s := a.cluster; s != nil {
		o.Store, o.Node, o.Gone, o.Told = s.queues, s.owner(), s.gone, s.queues.Told
		sources.Store = s.queues.Up
		a.joinCluster()
	} else {
		o.Store = memq.New(memq.Options{Pauses: a.keep.pauses()})
	}
	a.metrics = ops.NewMetrics(sources)
	figures := &figures{publish: a.publish, feed: a.feed, metrics: a.metrics, log: a.log.Named("queues")}
	o.Observer = figures
	d, err := dispatch.New(o)
	if err != nil {
		return err
	}
	a.dispatcher, a.node.dispatcher = d, d
	a.house = &call.House{
		Plan: func() *call.Plan { return a.centre.current().plan }, Queue: d, Heard: a.centre.heard, Ledger: a.node.ledger,
		Log: a.log.Named("call"), Told: a.centre.told, Ended: figures.ended, Measured: figures.measured,
		Duration: a.config.Limits.CallDuration, Closing: a.closing,
	}
	a.background("dispatcher", func(ctx context.Context) { a.fail(d.Run(ctx)) })
	a.background("figures", func(ctx context.Context) { figures.follow(ctx, d) })
	a.background("pauses", a.keepPauses)
	return nil
}

// joinCluster lets the node take part in what the nodes share; it ends after all that uses it.
func (a *App) joinCluster() {
	s := a.cluster
	a.background("survivable", s.queues.Run)
	a.background("announcements", func(ctx context.Context) { s.announce(ctx, a.node.centreFile) })
	a.background("news of others", func(ctx context.Context) { s.hearNews(ctx, a.feed.Publish) })
	a.background("news", s.tellNews)
	a.background("calls", func(ctx context.Context) { s.tellCalls(ctx, a.node.own) })
	a.background("hearings", func(ctx context.Context) { a.centre.heard.follow(ctx, s.heard) })
}

// publish tells people here, and at the other nodes, what happened on this one.
func (a *App) publish(e ops.Event) {
	e.Time, e.Node = ops.Time(time.Now()), a.config.ID
	a.feed.Publish(e)
	if a.cluster != nil {
		a.cluster.tell(e)
	}
}

func (a *App) openCalls() error {
	a.front = &front{house: a.house, dispatcher: a.dispatcher, log: a.log.Named("sip")}
	server, err := sip.New(a.sipOptions())
	if err != nil {
		return err
	}
	a.front.server, a.house.Phones = server, a.front
	a.stack.push("sip", server.Close)
	a.engine, err = media.NewEngine(a.mediaOptions(server))
	if err != nil {
		return err
	}
	a.stack.push("media", a.engine.Close)
	a.house.Sound = func(o call.SoundOptions) (call.Sound, error) {
		session, err := a.engine.Open(media.SessionOptions{Signalling: o.Signalling, Trusted: o.Trusted, Security: o.Security})
		if err != nil {
			return nil, err // and no session that is nil, which a call would take for one
		}
		return session, nil
	}
	a.house.Join = a.join
	a.house.Part = func(one, _ call.Sound) { media.Unbridge(one.(*media.Session)) }
	server.SetDirectory(directory(a.centre.current().snapshot))
	if s := a.cluster; s != nil {
		s.reachedAt(a.asked(server), server.Probe)
		a.background("nonces", func(ctx context.Context) {
			s.nonceKey(ctx, func(key []byte) { server.ShareNonces(key, s.redis.CountNonce) })
		})
	}
	server.SetLimits(sip.Limits{Calls: a.config.Limits.Calls, CallsPerSecond: a.config.Limits.CallsPerSecond})
	a.stack.push("calls", func() { server.Close(); a.house.Wait() })
	a.background("invariants", a.watchInvariants)
	return nil
}

// asked is where other nodes may ask whether this one lives; the zero value without a listener for UDP.
func (a *App) asked(server *sip.Server) netip.AddrPort {
	for _, l := range server.Addresses() {
		if l.Network == "udp4" && l.Address.Addr().IsUnspecified() {
			return netip.AddrPortFrom(a.config.Cluster.Advertise, l.Address.Port())
		} else if l.Network == "udp4" {
			return l.Address
		}
	}
	return netip.AddrPort{}
}

// join lets two legs hear each other.
func (a *App) join(one, other call.Sound) {
	if err := media.Bridge(one.(*media.Session), other.(*media.Session)); err != nil {
		a.log.Error("two legs could not be joined", zap.Error(err))
	}
}

func (a *App) sipOptions() sip.Options {
	o := sip.Options{
		Advertise: a.config.SIP.Advertise, Realm: a.config.SIP.Realm, Handler: a.front, Logger: a.log.Named("sip"),
		Answered: a.metrics.SIPRequest, Unfinished: func() { a.metrics.Violated("I7") },
	}
	for _, l := range a.config.SIP.Listen {
		o.Listen = append(o.Listen, sip.Listen{Network: l.Network + "4", Address: l.Addr})
	}
	for _, d := range a.config.SIP.Digest {
		o.Digest = append(o.Digest, sip.Algorithm(strings.ToUpper(d)))
	}
	return o
}

func (a *App) mediaOptions(server *sip.Server) media.Options {
	o := media.Options{
		Low: uint16(a.config.Media.FirstPort), High: uint16(a.config.Media.LastPort), // config has them within 1 to 65535
		Advertise: a.config.Media.Advertise, Codecs: codecsOf(a.config), Timeout: a.config.Media.Timeout, Logger: a.log.Named("media"),
	}
	if len(o.Advertise) == 1 && o.Advertise[0].IsLoopback() {
		o.Bind = o.Advertise[0]
	}
	for _, l := range server.Addresses() {
		if strings.HasPrefix(l.Network, "udp") { // sound never comes to a TCP listener, and a phone's port may have its number
			o.Own = append(o.Own, l.Address)
		}
	}
	return o
}

// codecsOf returns the codecs of a node, in order of preference.
func codecsOf(node *config.Node) []codec.Codec {
	var codecs []codec.Codec
	for _, name := range node.Media.Codecs {
		if c, err := codec.Parse(name); err == nil { // config accepts no other
			codecs = append(codecs, c)
		}
	}
	return codecs
}

func (a *App) openOps() error {
	var tokens []ops.Token
	for name, t := range a.config.HTTP.Tokens {
		tokens = append(tokens, ops.Token{Name: name, Secret: t.Secret.Reveal(), Read: t.Read, Act: t.Act})
	}
	api, err := ops.Listen(ops.Options{Listen: a.config.HTTP.Listen.String(), Node: a.node, Feed: a.feed,
		Metrics: a.metrics, Tokens: tokens, Log: a.log.Named("http")})
	if err != nil {
		return err
	}
	a.api = api
	a.stack.push("http", func() {
		ctx, cancel := context.WithTimeout(context.Background(), apiClose)
		defer cancel()
		if err := api.Close(ctx); err != nil {
			a.log.Warn("the API did not close cleanly", zap.Error(err))
		}
	})
	return nil
}

// serve lets the rooms work: from here on calls come in and plans go out.
func (a *App) serve() {
	a.centre.onPublish = func(e *edition) {
		a.dispatcher.SetPlan(e.plan.Routing)
		a.dispatcher.SetZone(e.snapshot.Centre.Zone)
		a.front.server.SetDirectory(directory(e.snapshot))
	}
	a.background("centre", a.centre.run)
	if a.cluster != nil {
		a.background("board", a.centre.follow)
	}
	go func() { a.fail(a.front.server.Serve()) }()
	go func() {
		if err := a.api.Wait(); err != nil {
			a.log.Error("the API failed; calls go on without it until the node is started again", zap.Error(err))
		}
	}()
}

// watch applies what is saved from now on.
func (a *App) watch(dir string, check config.Options, began config.Report) {
	told := "" // the refusal that was told last: the same folder is tried again and again
	w := watch.New(watch.Options{Dir: dir, Check: check, Current: began.Sources, Told: began, Apply: func(r config.Report, change watch.Change) error {
		var refused error
		err := a.centre.do(context.Background(), func() { refused = a.centre.apply(r) })
		if err = errors.Join(err, refused); err != nil && err.Error() == told {
			return err
		}
		if err == nil {
			a.noteCentreFile(r)
		}
		if change.Node {
			a.log.Warn(config.NodeFile + " was changed: that needs a restart")
		}
		for _, m := range r.Mistakes {
			a.log.Warn(m.String())
		}
		if told = ""; err != nil {
			told = err.Error()
			a.log.Error("a saved configuration was not applied", zap.Error(err))
		}
		return err
	}})
	a.background("watcher", w.Run)
	a.background("recordings", a.watchRecordings)
}

// directory is who may call and register.
func directory(s *config.Snapshot) *sip.Directory {
	d := &sip.Directory{Accounts: make(map[string]sip.Account, len(s.Accounts))}
	for name, account := range s.Accounts {
		d.Accounts[name] = sip.Account{Secret: account.Secret.Reveal()}
	}
	for _, t := range s.Trunks {
		d.Trunks = append(d.Trunks, sip.Trunk{Name: t.Name, Accept: t.Accept})
	}
	return d
}

// onChange tells people what changed, in one sentence.
func (a *App) onChange(c change) {
	a.log.Info(c.sentence, zap.String("incident", c.incident))
	if c.incident != "" { // the other nodes say it, too, when they have applied it
		a.feed.Publish(ops.Event{Type: ops.IncidentRevised, Incident: c.incident, Reason: c.sentence})
		return
	}
	a.publish(ops.Event{Type: ops.ConfigApplied, Reason: c.sentence})
}

// keepPauses writes the pauses down whenever they differ from what is on the disk: a node that starts without Redis goes by them.
func (a *App) keepPauses(ctx context.Context) {
	saved, sure := a.keep.pauses(), true
	save := func(view *routing.View) {
		pauses := memq.Pauses(view)
		if sure && maps.Equal(saved, pauses) {
			return
		}
		err := a.keep.savePauses(pauses)
		if err != nil && sure {
			a.log.Error("the pauses could not be kept; every change of an agent tries again", zap.Error(err))
		}
		saved, sure = pauses, err == nil
	}
	for ctx.Err() == nil {
		view, events, err := a.dispatcher.Events(ctx)
		if err != nil { // as while Redis is away
			pause(ctx, followAgain)
			continue
		}
		save(view) // what changed before the first event, or between two streams of them
		for e := range events {
			if !view.Fold(e) {
				break
			}
			if e.Agent == nil {
				continue
			}
			now := memq.Pause{Since: e.Agent.Paused, Reason: e.Agent.PauseReason}
			if !sure || now != saved[e.Agent.Name] {
				save(view)
			}
		}
		pause(ctx, followAgain)
	}
}

func (a *App) rtp() ops.RTP {
	if a.engine == nil {
		return ops.RTP{}
	}
	s := a.engine.Stats()
	return ops.RTP{
		Received: s.PacketsIn, Sent: s.PacketsOut, Lost: s.Lost,
		Strangers: s.Strangers, Unproven: s.Unproven, Excess: s.Excess, Invalid: s.Invalid,
		Unsent: s.Unsent, Late: a.engine.Late(), FreePorts: a.engine.FreePorts(),
	}
}

// SIP is where the node listens for SIP, with the ports that it took.
func (a *App) SIP() []Address {
	listeners := a.front.server.Addresses()
	addresses := make([]Address, len(listeners))
	for i, l := range listeners {
		addresses[i] = Address{l.Network[:3], l.Address}
	}
	return addresses
}

// HTTP is where the API listens.
func (a *App) HTTP() string { return a.api.Addr().String() }

// Address is one address that the node listens on.
type Address struct {
	Network string // "udp" or "tcp"
	netip.AddrPort
}

// String is the address as configuration writes it.
func (a Address) String() string { return a.Network + "://" + a.AddrPort.String() }

// Failed is ready when a room of the node failed by itself: the node should be closed.
func (a *App) Failed() <-chan error { return a.failed }

func (a *App) fail(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	select {
	case a.failed <- err:
	default: // one reason is enough
	}
}

// Drain takes no new calls and waits until the running ones are over, at most as long as limits.drain says or until the context
// ends; who still waits then hears an apology.
func (a *App) Drain(ctx context.Context) {
	a.draining.Store(true)
	a.front.server.Drain()
	a.log.Info("draining", zap.Int("calls", a.house.Ledger.Live()), zap.Duration("limit", a.config.Limits.Drain))
	over := make(chan struct{})
	go func() { a.house.Wait(); close(over) }()
	limit := time.NewTimer(a.config.Limits.Drain)
	defer limit.Stop()
	select {
	case <-over:
		return
	case <-limit.C:
	case <-ctx.Done():
	}
	a.endCalls()
	select {
	case <-over:
	case <-time.After(farewell):
	case <-ctx.Done():
	}
}

// endCalls tells every call that its time is over.
func (a *App) endCalls() { a.sendAway.Do(func() { close(a.closing) }) }

// Close ends the node. Calls that still run are hung up.
func (a *App) Close() { a.stack.close() }

// background runs a goroutine that ends when the node closes.
func (a *App) background(name string, run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	a.stack.push(name, func() { cancel(); <-done })
}
