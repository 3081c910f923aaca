package sip

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	sipgo "github.com/emiago/sipgo/sip"
	"go.uber.org/zap"
)

// Rules of registration.
const (
	// shortestRegistration is the least that is granted, in seconds; who asks for less gets 423.
	shortestRegistration = 30
	// contactsPerAccount is how many places an agent may be at.
	contactsPerAccount = 10
	// maxContact is the longest contact taken, in bytes.
	maxContact = 512
	// registrarMailbox is how many requests may wait for the registrar, and how many more for what other nodes know
	// of their nonces; those beyond are told to come later.
	registrarMailbox = 1024
	// nonceCountTime is how long a registration waits for what other nodes know of its nonce. It is less than the
	// 500 ms after which a phone sends it again (RFC 3261 section 17.1.2.2).
	nonceCountTime = 100 * time.Millisecond
)

// registrar knows where agents are (RFC 3261 section 10.3). One goroutine changes the bindings and tells the handler,
// so that what it tells is in order; anybody may read.
type registrar struct {
	server *Server
	inbox  chan func()

	lines   map[string][]*arrival // of each agent the requests not taken yet, in their order; for run alone
	waiting int                   // how many those are

	mu     sync.RWMutex // guards what follows; never held while anyone is told anything
	agents map[string]map[string]Binding
	flows  map[flowKey]int // how many bindings came over it
}

func newRegistrar(s *Server) *registrar {
	return &registrar{
		server: s,
		inbox:  make(chan func(), registrarMailbox),
		lines:  map[string][]*arrival{},
		agents: map[string]map[string]Binding{},
		flows:  map[flowKey]int{},
	}
}

// run owns the bindings until the server closes.
func (r *registrar) run(closed <-chan struct{}) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case work := <-r.inbox:
			r.do(work)
		case now := <-tick.C:
			r.do(func() { r.expire(now) })
		case <-closed:
			return
		}
	}
}

// do survives whatever the work, or the handler that it tells, does.
func (r *registrar) do(work func()) {
	defer r.server.survive("registration")
	work()
}

// register judges a REGISTER. Only who has proved an account gets a transaction: others cost no memory.
func (s *Server) register(f flow, req *sipgo.Request) {
	if s.draining.Load() {
		s.refuse(f, req, s.unavailable())
		return
	}
	now := time.Now()
	directory := s.directory.Load()
	proof, worth := s.authenticate(f, req, directory, now)
	switch d := rule(plea{claim: worth}); {
	case d.silent:
		return
	case d.refused != 0:
		s.refuse(f, req, s.denial(f, d, now))
		return
	}
	if directory.peerOf(proof.user).Kind != PeerAgent || aor(req.To()) != proof.user {
		s.refuse(f, req, &fault{code: 403})
		return
	}
	in := s.open(f, req, s.tagger.tag(req), nil)
	if in == nil {
		return
	}
	select {
	case s.registrar.inbox <- func() { s.registrar.arrive(&arrival{in: in, proof: proof}) }:
	default:
		in.reply(503, "", retryAfter(retryBusy))
	}
}

// arrival is a REGISTER whose sender has proved an account.
type arrival struct {
	in      *incoming
	proof   credentials
	decided bool
	stale   bool // once it is decided: the count of its nonce was used at another node
}

// arrive gives a REGISTER its place in the line of its agent. Whoever knows what other nodes have seen is asked on a
// goroutine of its own, so that a store that does not answer makes each wait once and not behind all others.
func (r *registrar) arrive(a *arrival) {
	if r.waiting >= registrarMailbox {
		a.in.reply(503, "", retryAfter(retryBusy))
		return
	}
	r.waiting++
	r.lines[a.proof.user] = append(r.lines[a.proof.user], a)
	note := r.server.nonces.noted()
	if note == nil {
		r.decide(a, false)
		return
	}
	r.server.running.Go(func() {
		stale := r.server.usedElsewhere(note, a.proof)
		select {
		case r.inbox <- func() { r.decide(a, stale) }:
		case <-r.server.closed:
		}
	})
}

// usedElsewhere asks whether good credentials were used at another node. Without an answer what this node knows stands:
// that they are fresh.
func (s *Server) usedElsewhere(note NonceCount, proof credentials) bool {
	defer s.survive("nonce count")
	ctx, cancel := context.WithTimeout(context.Background(), nonceCountTime)
	defer cancel()
	fresh, err := note(ctx, proof.nonce, proof.nc, s.timers.Nonce)
	if err != nil {
		s.noisy.Debug("nonce not counted", errorField(err))
		return false
	}
	return !fresh
}

// decide takes a REGISTER, and those of its agent that were only waiting for it, in the order in which they came.
func (r *registrar) decide(a *arrival, stale bool) {
	a.decided, a.stale = true, stale
	agent := a.proof.user
	for len(r.lines[agent]) > 0 && r.lines[agent][0].decided {
		first := r.lines[agent][0]
		r.waiting--
		if r.lines[agent] = r.lines[agent][1:]; len(r.lines[agent]) == 0 {
			delete(r.lines, agent)
		}
		r.do(func() { r.take(first) })
	}
}

// take does what a REGISTER asks for.
func (r *registrar) take(a *arrival) {
	now := time.Now()
	s, f, in, user := r.server, a.in.flow, a.in, a.proof.user
	if a.stale {
		wrong := s.denial(f, rule(plea{claim: claimStale}), now)
		in.reply(wrong.code, wrong.reason, wrong.headers...)
		return
	}
	changed, wrong := r.update(f, in.req, user, now)
	if wrong != nil {
		in.reply(wrong.code, wrong.reason, wrong.headers...)
		return
	}
	live := r.live(user, now)
	in.reply(200, "", contactsOf(live, now)...)
	if changed {
		s.log.Info("registration", zap.String("agent", user), zap.Int("contacts", len(live)), remoteField(f.remote))
		s.options.Handler.Registered(user, live)
	}
}

// aor is the account that a To header names: exactly what stands there, decoded.
func aor(to *sipgo.ToHeader) string { return decoded(to.Address.User) }

// change is one contact of a REGISTER as it will be: with a life of 0 it goes.
type change struct {
	place string
	uri   string
	life  time.Duration
}

// update works out what a REGISTER changes, and changes all of it or nothing.
func (r *registrar) update(f flow, req *sipgo.Request, agent string, now time.Time) (bool, *fault) {
	contacts := lines(req, "Contact")
	if len(contacts) == 0 {
		return false, nil // a question
	}
	if contacts[0].(*sipgo.ContactHeader).Address.Wildcard {
		return r.clear(req, agent, len(contacts))
	}
	changes, wrong := r.changes(req, contacts)
	if wrong != nil {
		return false, wrong
	}
	id, seq := string(*req.CallID()), req.CSeq().SeqNo
	r.mu.Lock()
	defer r.mu.Unlock()
	bindings := r.agents[agent]
	count := len(bindings)
	for _, c := range changes {
		old, exists := bindings[c.place]
		if exists && old.CallID == id && seq <= old.CSeq {
			return false, &fault{code: 500, reason: "CSeq Out Of Order"}
		}
		if !exists && c.life > 0 {
			count++
		}
	}
	if count > contactsPerAccount {
		return false, &fault{code: 403, reason: "Too Many Contacts"}
	}
	for _, c := range changes {
		r.put(agent, c, Binding{
			Agent: agent, Contact: c.uri, Transport: f.wire.transport(), Source: f.remote, Flow: f.wire.id(),
			Local: f.wire.advertised(), CallID: id, CSeq: seq, Registered: now, Refreshed: now, Expires: now.Add(c.life),
		})
	}
	return true, nil
}

// changes reads the contacts of a REGISTER.
func (r *registrar) changes(req *sipgo.Request, contacts []sipgo.Header) ([]change, *fault) {
	fallback := r.server.timers.Registration
	if all := values(req, "expires", ""); len(all) > 0 {
		n, ok := seconds(all[0])
		if ok {
			fallback = time.Duration(n) * time.Second
		}
	}
	var changes []change
	for _, h := range contacts {
		c := h.(*sipgo.ContactHeader)
		if c.Address.Scheme != "sip" && !c.Address.Wildcard {
			return nil, &fault{code: 416}
		}
		if c.Address.Host == "" || c.Address.Wildcard || len(c.Address.Headers) > 0 {
			return nil, bad("Bad Contact")
		}
		uri := c.Address.String()
		if len(uri) > maxContact {
			return nil, bad("Contact Too Long")
		}
		if !utf8.ValidString(uri) || strings.ContainsFunc(uri, unicode.IsControl) {
			return nil, bad("Bad Contact") // a store would not give it back as it was
		}
		life := fallback
		if text, given := param(c.Params, "expires"); given {
			if n, ok := seconds(text); ok {
				life = time.Duration(n) * time.Second
			}
		}
		if life > 0 && life < shortestRegistration*time.Second {
			least := sipgo.NewHeader("Min-Expires", strconv.Itoa(shortestRegistration))
			return nil, &fault{code: 423, headers: []sipgo.Header{least}}
		}
		changes = append(changes, change{place(uri), uri, min(life, r.server.timers.Registration)})
	}
	return changes, nil
}

// clear takes `Contact: *`, which removes every binding, and is only allowed alone and with Expires 0.
func (r *registrar) clear(req *sipgo.Request, agent string, contacts int) (bool, *fault) {
	expires := values(req, "expires", "")
	if contacts != 1 || len(expires) != 1 || strings.Trim(expires[0], "0") != "" {
		return false, bad("Bad Wildcard Contact")
	}
	id, seq := string(*req.CallID()), req.CSeq().SeqNo
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.agents[agent] {
		if b.CallID == id && seq <= b.CSeq {
			return false, &fault{code: 500, reason: "CSeq Out Of Order"}
		}
	}
	changed := len(r.agents[agent]) > 0
	for at := range r.agents[agent] {
		r.remove(agent, at)
	}
	return changed, nil
}

// put stores, refreshes or removes one binding; the lock is held.
func (r *registrar) put(agent string, c change, b Binding) {
	if old, exists := r.agents[agent][c.place]; exists {
		b.Registered = old.Registered
		r.remove(agent, c.place)
	}
	if c.life <= 0 {
		return
	}
	if r.agents[agent] == nil {
		r.agents[agent] = map[string]Binding{}
	}
	r.agents[agent][c.place] = b
	r.flows[b.flowKey()]++
}

// remove drops one binding; the lock is held.
func (r *registrar) remove(agent, at string) {
	key := r.agents[agent][at].flowKey()
	if r.flows[key]--; r.flows[key] <= 0 {
		delete(r.flows, key)
	}
	delete(r.agents[agent], at)
	if len(r.agents[agent]) == 0 {
		delete(r.agents, agent)
	}
}

// drop removes all bindings that meet a condition, and tells of each agent that lost some.
func (r *registrar) drop(why string, condition func(Binding) bool) {
	r.mu.Lock()
	var poorer []string
	for agent, bindings := range r.agents {
		before := len(bindings)
		for at, b := range bindings {
			if condition(b) {
				r.remove(agent, at)
			}
		}
		if len(bindings) < before {
			poorer = append(poorer, agent)
		}
	}
	r.mu.Unlock()
	slices.Sort(poorer)
	for _, agent := range poorer {
		r.server.log.Info("registration ended", zap.String("agent", agent), zap.String("why", why))
		r.server.options.Handler.Registered(agent, r.live(agent, time.Now()))
	}
}

// expire drops what has had its time.
func (r *registrar) expire(now time.Time) {
	r.drop("expired", func(b Binding) bool { return !b.Live(now) })
}

// gone is told of a TCP connection that closed: what registered over it cannot be reached any more.
func (r *registrar) gone(connection uint64) {
	select {
	case r.inbox <- func() {
		r.drop("connection closed", func(b Binding) bool { return b.Transport == TCP && b.Flow == connection })
	}:
	case <-r.server.closed:
	}
}

// live are the bindings of an agent that may be dialled, the oldest first.
func (r *registrar) live(agent string, now time.Time) []Binding {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []Binding
	for _, b := range r.agents[agent] {
		if b.Live(now) {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b Binding) int {
		if c := a.Registered.Compare(b.Registered); c != 0 {
			return c
		}
		return strings.Compare(a.Contact, b.Contact)
	})
	return all
}

// registered tells whether a live registration came over exactly this flow.
func (r *registrar) registered(f flow) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.flows[keyOf(f)] > 0
}

// contactsOf are the Contact headers of a 200 to REGISTER: all live bindings with the seconds left to each.
func contactsOf(live []Binding, now time.Time) []sipgo.Header {
	var all []sipgo.Header
	for _, b := range live {
		left := int((b.Expires.Sub(now) + time.Second - 1) / time.Second)
		all = append(all, sipgo.NewHeader("Contact", "<"+b.Contact+">;expires="+strconv.Itoa(left)))
	}
	return all
}
