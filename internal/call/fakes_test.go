package call_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/sip"
)

// leg is a SIP dialog whose far end is the test. Like sip's it ends once, with an Ended, and its channel is closed behind that.
type leg struct {
	bench   *bench
	name    string     // in timelines
	address netip.Addr // its own, so that its sound is known by it
	peer    sip.Peer
	from    sip.Party
	to      string
	offer   []byte

	events chan sip.Event

	mu       sync.Mutex
	ended    bool
	answer   []byte // what we answered, or nil
	rang     bool   // we said 180
	rejected int    // we refused it with this status
	pings    int
	here     bool // the far end answers pings
}

// errGone is what an ended leg says.
var errGone = errors.New("the leg has ended")

// newLeg adds a leg; the lock is held.
func (b *bench) newLeg(name string, peer sip.Peer, from, to string) *leg {
	l := &leg{bench: b, name: name, peer: peer, from: sip.Party{Number: from}, to: to, offer: []byte("offer"),
		events: make(chan sip.Event, 32), here: true, address: netip.AddrFrom4([4]byte{127, 0, 1, byte(len(b.legs) + 1)})}
	b.legs = append(b.legs, l)
	return l
}

func (l *leg) ID() string               { return l.name }
func (l *leg) Peer() sip.Peer           { return l.peer }
func (l *leg) From() sip.Party          { return l.from }
func (l *leg) To() string               { return l.to }
func (l *leg) Source() netip.AddrPort   { return netip.AddrPortFrom(l.address, 5060) }
func (l *leg) Offer() []byte            { return l.offer }
func (l *leg) Events() <-chan sip.Event { return l.events }

func (l *leg) State() sip.DialogState {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return sip.DialogState{Phase: sip.PhaseOver}
	}
	return sip.DialogState{Phase: sip.PhaseConfirmed}
}

func (l *leg) Ring() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errGone
	}
	l.rang = true
	l.bench.note("%s hears ringing", l.name)
	return nil
}

func (l *leg) Answer(sdp []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errGone
	}
	l.answer = sdp
	l.bench.note("%s is answered", l.name)
	return nil
}

func (l *leg) Reject(code int, _ string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.answer != nil {
		return
	}
	l.rejected = code
	l.bench.note("%s is refused with %d", l.name, code)
	l.end(sip.Ended{By: sip.ByUs, Code: code})
}

func (l *leg) Hangup() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.bench.note("%s is hung up", l.name)
		l.end(sip.Ended{By: sip.ByUs, Code: 200})
	}
}

func (l *leg) Ping(ctx context.Context) error {
	l.mu.Lock()
	l.pings++
	here := l.here
	l.mu.Unlock()
	if here {
		return nil
	}
	<-ctx.Done() // nobody answers
	return ctx.Err()
}

// end ends the leg; the lock is held.
func (l *leg) end(e sip.Ended) {
	l.ended = true
	l.events <- e
	close(l.events)
}

// ends lets the far end, or the line, end the leg.
func (l *leg) ends(e sip.Ended) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.bench.note("%s ends: %s %d", l.name, e.By, e.Code)
		l.end(e)
	}
}

// hangsUp lets the far end hang up, or cancel.
func (l *leg) hangsUp() { l.ends(sip.Ended{By: sip.ByFarEnd, Code: 200}) }

// says lets the far end say something.
func (l *leg) says(e sip.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	if _, up := e.(sip.Answered); up {
		l.bench.note("%s answers", l.name)
	}
	l.events <- e
}

// vanishes lets the far end answer no question any more.
func (l *leg) vanishes() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.here = false
}

// questions is how often it was asked whether it is there.
func (l *leg) questions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pings
}

// over reports whether the leg has ended.
func (l *leg) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// sound is a leg's sound: recordings last as long as they say, on fake time.
type sound struct {
	bench *bench
	side  string // "caller", "agent"
	name  string // in timelines

	events chan media.Event

	mu       sync.Mutex
	closed   bool
	agreed   bool // on a description
	held     bool // by the far end
	playing  *time.Timer
	hears    string // in the foreground, "" nothing
	behind   string // in the background
	digits   string // passed on to the far end
	with     *sound // joined
	refusing bool   // descriptions are refused
	trusted  []netip.Prefix
	quality  media.Quality
}

func (b *bench) openSound(o call.SoundOptions) (call.Sound, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.noPorts {
		return nil, media.ErrNoPorts
	}
	s := &sound{bench: b, side: "agent", name: "agent", events: make(chan media.Event, 64), refusing: b.refusing, trusted: o.Trusted}
	for _, l := range b.legs {
		if l.address == o.Signalling {
			s.side, s.name = "caller", l.name
		}
	}
	b.sounds = append(b.sounds, s)
	return s, nil
}

// agree settles on a description: "hold" holds, "bad" cannot be taken.
func (s *sound) agree(description []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing || len(description) == 0 || string(description) == "bad" {
		return &media.Refusal{}
	}
	s.agreed, s.held = true, string(description) == "hold"
	return nil
}

func (s *sound) Offer() ([]byte, error) { return []byte("our offer"), nil }

func (s *sound) Answer(offer []byte) ([]byte, error) {
	return []byte("our answer"), s.agree(offer)
}

func (s *sound) Accept(answer []byte) error { return s.agree(answer) }

func (s *sound) SetSignalling(netip.Addr) {}

func (s *sound) Play(id uint64, sources ...media.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	var names []string
	var length time.Duration
	for _, source := range sources {
		r, ok := source.(recording)
		if !ok {
			r = recording{name: "silence", length: time.Second}
		}
		names, length = append(names, r.name), length+r.length
	}
	s.hears = strings.Join(names, " ")
	s.bench.note("%s hears %s", s.name, s.hears)
	s.playing = time.AfterFunc(length, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.playing != nil && !s.closed {
			s.playing, s.hears = nil, ""
			s.events <- media.Played{ID: id}
		}
	})
}

// stop ends what plays; the lock is held.
func (s *sound) stop() {
	if s.playing != nil {
		s.playing.Stop()
	}
	s.playing, s.hears = nil, ""
}

func (s *sound) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
}

func (s *sound) Background(source media.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.behind
	s.behind = ""
	if r, ok := source.(recording); ok {
		s.behind = r.name
	}
	if s.behind != before {
		s.bench.note("%s has %s behind", s.name, quiet(s.behind))
	}
}

// quiet names a sound or its absence.
func quiet(name string) string {
	if name == "" {
		return "silence"
	}
	return name
}

func (s *sound) Press(digit byte, _ time.Duration) {
	s.mu.Lock()
	with := s.with
	s.mu.Unlock()
	s.reports(media.Digit{Digit: digit})
	if with != nil {
		with.mu.Lock()
		defer with.mu.Unlock()
		with.digits += string(digit)
	}
}

func (s *sound) Held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

func (s *sound) Events() <-chan media.Event { return s.events }

func (s *sound) Quality() media.Quality {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quality
}

// sounds says how good the sound is from now on.
func (s *sound) sounds(codec string, mos float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quality = media.Quality{Codec: codec, Heard: media.Direction{Packets: 500, MOS: mos}}
}

func (s *sound) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.stop()
	s.closed = true
	close(s.events)
}

// reports lets the sound report something that happened.
func (s *sound) reports(e media.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.events <- e
	}
}

// heard is what the far end hears: in front, then behind.
func (s *sound) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.hears != "":
		return s.hears
	case s.with != nil:
		return "the other"
	default:
		return quiet(s.behind)
	}
}

// join and part let two sounds hear each other, or no longer.
func (b *bench) join(one, other call.Sound) {
	x, y := one.(*sound), other.(*sound)
	x.meet(y)
	y.meet(x)
	b.note("joined")
}

func (b *bench) part(one, other call.Sound) {
	x, y := one.(*sound), other.(*sound)
	if x.meet(nil) {
		b.note("parted")
	}
	y.meet(nil)
}

// meet joins a side with another, nil for none, and reports whether it was joined before.
func (s *sound) meet(other *sound) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.with
	s.with = other
	if other != nil {
		s.stop()
	}
	return before != nil
}

// recording is a prompt of a length.
type recording struct {
	name   string
	length time.Duration
}

func (recording) Next([]int16) bool { return false }

// recordings are a centre's: all names exist but those that are missing; each lasts 2 s, a message 10 s.
type recordings struct {
	missing map[string]bool
	long    map[string]time.Duration // those that last otherwise
	broken  bool                     // asking for any of them panics
}

func (r recordings) find(name string, length time.Duration) (media.Source, error) {
	if r.broken {
		panic("a recording that breaks the program")
	}
	if r.missing[name] {
		return nil, media.ErrNoRecording
	}
	return recording{name, length}, nil
}

func (r recordings) Prompt(name string) (media.Source, error) {
	if length, ok := r.long[name]; ok {
		return r.find(name, length)
	}
	return r.find(name, 2*time.Second)
}
func (r recordings) Music(name string) (media.Source, error)    { return r.find(name, time.Hour) }
func (r recordings) Message(sound string) (media.Source, error) { return r.find(sound, 10*time.Second) }
func (r recordings) Position(place int) []string {
	return []string{fmt.Sprintf("place-%d.wav", place)}
}

// phone is what a phone of an agent does when it rings.
type phone func(*leg)

// answers picks up after a while, with a description.
func answers(after time.Duration, sdp string) phone {
	return func(l *leg) {
		time.AfterFunc(after, func() { l.says(sip.Answered{SDP: []byte(sdp)}) })
	}
}

// refuses answers with a status after a while.
func refuses(after time.Duration, code int) phone {
	return func(l *leg) {
		time.AfterFunc(after, func() { l.ends(sip.Ended{By: sip.ByFarEnd, Code: code}) })
	}
}

// rings rings for ever.
func rings(*leg) {}

// Ring is call.Phones.
func (b *bench) Ring(_ context.Context, agent string, i call.Invitation) ([]call.Leg, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.invitations = append(b.invitations, i)
	var legs []call.Leg
	for n, behave := range b.phones[agent] {
		l := b.newLeg(fmt.Sprintf("%s-%d", agent, n+1), sip.Peer{Kind: sip.PeerAgent, Name: agent}, i.From.Number, agent)
		l.events <- sip.Ringing{Code: 180}
		b.note("%s rings", l.name)
		behave(l)
		legs = append(legs, l)
	}
	if len(legs) == 0 {
		return nil, errors.New("no phone")
	}
	return legs, nil
}

// digit is a key in the sound.
func digit(key byte) media.Event { return media.Digit{Digit: key} }
