package call

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/sip"
)

// House is what all calls of a node share. Its fields are set before the first call and not changed; what they refer to is
// safe for concurrent use.
type House struct {
	Plan   func() *Plan // the centre as it is now
	Queue  Queue
	Sound  func(SoundOptions) (Sound, error) // opens the sound of a leg; an error means that no port is free
	Join   func(a, b Sound)                  // lets two legs hear each other, until Part
	Part   func(a, b Sound)
	Phones Phones
	Heard  Heard
	Ledger *Ledger
	Log    *zap.Logger

	// Told is called once for each waiting caller to whom an incident's message begins to play.
	Told func(incident string)
	// Ended is called once for each call that is over, on the call's goroutine.
	Ended func(Info)
	// Measured is called once for each leg that had sound and has ended, on the call's goroutine.
	Measured func(Side, media.Quality)
	// Duration is the longest a call may last (limits.call_duration); 0: no limit.
	Duration time.Duration
	// Closing is closed when the time for finishing calls is over (limits.drain).
	Closing <-chan struct{}

	calls sync.WaitGroup
	pairs pairs
}

// Wait returns when no call is left.
func (h *House) Wait() { h.calls.Wait() }

// Plan is the centre at one moment: the configuration in force with the active incidents laid over it. It is immutable;
// Superseded is closed when a newer one was published, so that a call can wait for that.
type Plan struct {
	Numbers      map[string]string // dialled number to flow
	Conversation *ivr.Plan
	Routing      *routing.Plan
	Board        incident.Board
	Trunks       map[string]Trunk
	Phones       map[string]media.Security // how the sound of agents' phones is protected; off for those that are not here
	Prompts      Prompts
	Superseded   <-chan struct{}
}

// Trunk is what a call needs to know of where it came from.
type Trunk struct {
	Media    []netip.Prefix // further sources of its sound
	Security media.Security
}

// Prompts gives the sound of a centre's recordings.
type Prompts interface {
	// Prompt returns a recording by name; an error when there is none.
	Prompt(name string) (media.Source, error)
	// Music returns a recording that loops, shared by all who hear it.
	Music(name string) (media.Source, error)
	// Message returns the recording of a revision by its SHA-256, in hex.
	Message(sound string) (media.Source, error)
	// Position returns the recordings that say a place in the queue.
	Position(place int) []string
}

// Leg is one SIP dialog, the caller's or the agent's: *sip.Leg. Its methods are safe for concurrent use.
type Leg interface {
	ID() string
	Peer() sip.Peer
	From() sip.Party
	To() string
	Source() netip.AddrPort
	Offer() []byte
	Ring() error
	Answer(sdp []byte) error
	Reject(code int, reason string)
	Hangup()
	Ping(ctx context.Context) error
	Events() <-chan sip.Event
	State() sip.DialogState
}

// Sound is the sound of one leg: *media.Session.
type Sound interface {
	Offer() ([]byte, error)
	Answer(offer []byte) ([]byte, error)
	Accept(answer []byte) error
	SetSignalling(from netip.Addr) // before Accept: who answers an offer is known only then
	Play(id uint64, sources ...media.Source)
	Background(source media.Source)
	Stop()
	Press(digit byte, d time.Duration) // a key of the far end's that came by signalling
	Held() bool
	Events() <-chan media.Event
	Quality() media.Quality // also after Close
	Close()
}

// SoundOptions says from whom a leg's sound may come besides the address in its SDP, and whether it is protected.
type SoundOptions struct {
	Signalling netip.Addr
	Trusted    []netip.Prefix
	Security   media.Security
}

// Phones rings agents.
type Phones interface {
	// Ring sends an INVITE to every phone that the agent registered, and returns a leg for each. An error means that
	// there is none to ring.
	Ring(ctx context.Context, agent string, i Invitation) ([]Leg, error)
}

// Invitation is what an agent's phone is told.
type Invitation struct {
	Call  string    // our call id, in the header X-Spillway-Call
	From  sip.Party // the caller's number, with the queue that he waits in as display name
	Offer []byte    // SDP
}

// Queue is where callers wait: *dispatch.Dispatcher. Errors are told and survived: a call goes on without its queue.
type Queue interface {
	Now() time.Time // store time
	Enter(ctx context.Context, c routing.Caller) (<-chan dispatch.Notice, error)
	Return(ctx context.Context, c routing.Caller) (<-chan dispatch.Notice, error)
	Leave(ctx context.Context, call, reason string) error
	Accept(ctx context.Context, claim routing.Claim) (taken <-chan struct{}, err error)
	Release(ctx context.Context, claim routing.Claim, outcome routing.Outcome) error
	Finish(ctx context.Context, claim routing.Claim) error
	Outside(ctx context.Context, agent, call string) error
	Pause(ctx context.Context, agent, reason string) error
	Resume(ctx context.Context, agent string) error
	Picture(ctx context.Context) (dispatch.Picture, error)
}

// Heard remembers which caller has heard which message; see incident.Heard. An anonymous caller ("") has heard nothing.
type Heard interface {
	Has(caller, sound string) bool
	Add(h incident.Hearing) bool
}
