package sip

import (
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// DialogState is what identifies a dialog and lets requests be sent in it (RFC 3261 section 12): a plain value that a
// store can hold.
type DialogState struct {
	CallID string `json:"call_id"`
	// LocalTag is ours, RemoteTag the far end's, "" as long as it has not answered.
	LocalTag  string `json:"local_tag"`
	RemoteTag string `json:"remote_tag"`
	// LocalURI and RemoteURI are From and To of our requests, without tags; LocalName is shown with ours.
	LocalURI  string `json:"local_uri"`
	LocalName string `json:"local_name,omitempty"`
	RemoteURI string `json:"remote_uri"`
	// RemoteTarget is where requests go, RouteSet the way there.
	RemoteTarget string   `json:"remote_target"`
	RouteSet     []string `json:"route_set,omitempty"`
	// LocalSeq and RemoteSeq are the last CSeq numbers; RemoteSeq counts once RemoteTag is known.
	LocalSeq  uint32 `json:"local_seq"`
	RemoteSeq uint32 `json:"remote_seq"`
	// Transport and Remote are the way that messages take.
	Transport Transport      `json:"transport"`
	Remote    netip.AddrPort `json:"remote"`
	// Outbound is a call of ours.
	Outbound bool `json:"outbound"`
	// Phase is how far the dialog has come.
	Phase Phase `json:"phase"`
}

// Phase is how far a dialog has come.
type Phase string

// The phases of a dialog.
const (
	PhaseCalling    Phase = "calling"    // outbound: nothing heard yet
	PhaseRinging    Phase = "ringing"    // outbound: a provisional answer
	PhaseProceeding Phase = "proceeding" // inbound: not decided
	PhaseAccepted   Phase = "accepted"   // inbound: our 2xx waits for its ACK
	PhaseConfirmed  Phase = "confirmed"  // the call is up
	PhaseWithdrawn  Phase = "withdrawn"  // outbound: not wanted any more, the far end has not yet agreed
	PhaseClosing    Phase = "closing"    // our BYE waits for its answer
	PhaseOver       Phase = "over"
)

// alarm is something that a dialog waits for no longer than until its time.
type alarm int

const (
	alarmRepeat     alarm = iota // the 2xx is due once more
	alarmNoACK                   // the 2xx was never acknowledged
	alarmSilence                 // an INVITE of ours got no answer at all
	alarmUnanswered              // an INVITE that nobody decided
	alarmReoffer                 // a changed offer that nobody decided
	alarmLinger                  // the end of patience with a far end that does not say good-bye
	alarms
)

// eventBuffer is how many events a leg keeps for a reader who is busy; the last place is kept for Ended.
const eventBuffer = 32

// eventReserve is how many of those are kept for what a call cannot go on without: not for digits and progress.
const eventReserve = 8

// dialog is one call as SIP sees it, in either direction. Everything below the line belongs to the goroutine of run;
// others leave it inputs.
type dialog struct {
	server *Server
	box    *mailbox
	events chan Event
	done   chan struct{} // closed when the goroutine has ended

	peer    Peer
	from    Party
	to      string
	offer   []byte
	source  netip.AddrPort
	tag     string
	id      string
	invited string // origin, "" when outbound

	// ---
	state     DialogState
	flow      flow // where we send to; at first that by which the INVITE came or went
	deadlines [alarms]time.Time
	ended     bool        // Ended was emitted
	invite    *incoming   // the INVITE that made an inbound dialog
	calling   *outgoing   // the INVITE that made an outbound one
	accepted  *acceptance // a 2xx of ours that waits for its ACK
	pending   *incoming   // a re-INVITE that whoever serves the call thinks about
	ack       *sipgo.Request
	leave     bool // hang up as soon as the ACK is there
	cancelled bool // the CANCEL is sent
	finished  bool // an INVITE of ours was refused, cancelled or given up after its time, a BYE was sent or came, or the server closes
	counted   bool // RemoteSeq is known
}

// run owns the dialog until it is over.
func (d *dialog) run() {
	d.flow.wire.use(1)
	defer d.close()
	defer func() {
		if cause := recover(); cause != nil {
			d.server.panicked("dialog", cause)
			d.abort()
		}
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for d.state.Phase != PhaseOver {
		timer.Reset(d.wait())
		select {
		case <-d.box.wake:
			d.work()
		case <-timer.C:
			d.ring(time.Now())
		}
	}
}

// work does what is in the mailbox, until the dialog is over; the rest is for close.
func (d *dialog) work() {
	for d.state.Phase != PhaseOver {
		in := d.box.next()
		if in == nil {
			return
		}
		in(d)
	}
}

// abort says good-bye for an owner that has failed, as well as that goes.
func (d *dialog) abort() {
	defer d.server.survive("dialog")
	switch d.state.Phase {
	case PhaseAccepted, PhaseConfirmed:
		d.bye()
	case PhaseRinging:
		d.cancel()
	case PhaseCalling:
		if d.calling != nil {
			d.calling.abandon()
		}
	}
}

// close tells whoever is left that the dialog is over.
func (d *dialog) close() {
	d.state.Phase = PhaseOver
	if d.invite != nil && d.invite.final.Load() == 0 {
		d.invite.reply(500, "") // nobody decided: the owner has failed
	}
	d.refuse(d.pending, 500)
	if d.calling != nil {
		d.calling.abandon() // nothing of it is waited for any more
		if !d.finished {
			d.server.unfinished(d)
		}
	}
	d.end(Ended{By: ByUs, Code: 500, Cause: "internal error"})
	d.server.dialogs.remove(d, time.Now().Add(d.server.timers.patience()))
	for _, in := range d.box.close() {
		d.last(in)
	}
	d.flow.wire.use(-1)
	close(d.done)
}

// last runs an input that came too late: it finds the dialog over, and answers accordingly.
func (d *dialog) last(in input) {
	defer d.server.survive("dialog")
	in(d)
}

// wait is how long nothing is due.
func (d *dialog) wait() time.Duration {
	next := time.Hour
	for _, at := range d.deadlines {
		if !at.IsZero() {
			next = min(next, time.Until(at))
		}
	}
	return max(next, 0)
}

// arm sets an alarm, 0 clears it.
func (d *dialog) arm(a alarm, in time.Duration) {
	d.deadlines[a] = time.Time{}
	if in > 0 {
		d.deadlines[a] = time.Now().Add(in)
	}
}

// ring does what is due.
func (d *dialog) ring(now time.Time) {
	for a := range alarms {
		at := d.deadlines[a]
		if at.IsZero() || now.Before(at) {
			continue
		}
		d.deadlines[a] = time.Time{}
		switch a {
		case alarmRepeat:
			d.repeat()
		case alarmNoACK:
			d.unacknowledged()
		case alarmSilence:
			d.withdraw(Ended{By: ByNobody, Code: 408, Cause: "no answer at all"})
		case alarmUnanswered:
			d.decline(480, "", Ended{By: ByUs, Code: 480, Cause: "nobody took the call"})
		case alarmReoffer:
			d.refuse(d.pending, 500)
		case alarmLinger:
			d.finished, d.state.Phase = true, PhaseOver
		}
	}
}

// emit tells whoever serves the call. A reader who does not keep up loses digits and progress, not the end.
func (d *dialog) emit(e Event) bool {
	room := cap(d.events) - 1 - len(d.events)
	switch e.(type) {
	case Digit, Ringing:
		room -= eventReserve
	}
	if d.ended || room <= 0 {
		return false
	}
	d.events <- e
	return true
}

// end tells that the call is over, once.
func (d *dialog) end(e Ended) {
	if d.ended {
		return
	}
	d.ended = true
	d.server.dialogs.left(d)
	d.events <- e // emit leaves a place for it
	close(d.events)
}

// concerns tells whether a request that names our tag is really about this dialog. The far end's tag is checked by
// the owner, who alone knows it.
func (d *dialog) concerns(req *sipgo.Request) bool { return string(*req.CallID()) == d.id }

// shutdown ends the dialog because the server closes: one good-bye, no waiting for an answer.
func (d *dialog) shutdown() {
	e := Ended{By: ByUs, Code: 503, Cause: "server closed"}
	if d.state.Phase == PhaseAccepted {
		d.bye() // there is no time for the ACK
	}
	d.hangup(e)
	d.end(e)
	d.finished, d.state.Phase = true, PhaseOver
}

// dialogs are those alive, by our tag, and the INVITEs that made them, for as long as copies of those may come. Safe
// for concurrent use.
type dialogs struct {
	alive atomic.Int32 // legs that have not ended; a dialog may outlive its leg to say good-bye
	calls atomic.Int32 // those of them that came in

	mu      sync.Mutex
	byTag   map[string]*dialog
	origins map[string]string // origin → branch
	leaving departures
	closed  bool
}

func newDialogs() *dialogs {
	return &dialogs{byTag: map[string]*dialog{}, origins: map[string]string{}}
}

// origin identifies an INVITE by what all its copies share, whatever way they took (RFC 3261 section 8.2.2.2).
func origin(req *sipgo.Request) string {
	return string(*req.CallID()) + "|" + tagOf(req.From().Params) + "|" + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)
}

func branchOf(req *sipgo.Request) string {
	branch, _ := param(req.Via().Params, "branch")
	return branch
}

// late tells whether this is a copy of an INVITE that was taken before.
func (t *dialogs) late(req *sipgo.Request) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	branch, known := t.origins[origin(req)]
	return known && branch == branchOf(req)
}

// merged tells whether an INVITE that was taken has come another way as well.
func (t *dialogs) merged(req *sipgo.Request) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	branch, known := t.origins[origin(req)]
	return known && branch != branchOf(req)
}

// add takes in a dialog; false when the server closes.
func (t *dialogs) add(d *dialog, branch string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.byTag[d.tag] = d
	t.alive.Add(1)
	if d.invited != "" {
		t.calls.Add(1)
		t.origins[d.invited] = branch
	}
	return true
}

// remove drops a dialog, and the memory of its INVITE when no copy can come any more.
func (t *dialogs) remove(d *dialog, remember time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byTag, d.tag)
	if d.invited != "" {
		t.leaving = append(t.leaving, leaving{remember, d.invited})
	}
}

func (t *dialogs) find(tag string) *dialog {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byTag[tag]
}

// left counts a leg that has ended.
func (t *dialogs) left(d *dialog) {
	t.alive.Add(-1)
	if d.invited != "" {
		t.calls.Add(-1)
	}
}

// forget drops the INVITEs of which no copy is expected any more.
func (t *dialogs) forget(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.leaving.over(now) {
		delete(t.origins, l.key)
	}
}

// close shuts all dialogs down, and waits for them no longer than the grace.
func (t *dialogs) close(grace time.Duration) {
	t.mu.Lock()
	t.closed = true
	var all []*dialog
	for _, d := range t.byTag {
		all = append(all, d)
	}
	t.mu.Unlock()
	for _, d := range all {
		d.box.post((*dialog).shutdown)
	}
	patience := time.NewTimer(grace)
	defer patience.Stop()
	for _, d := range all {
		select {
		case <-d.done:
		case <-patience.C:
			return
		}
	}
}
