package media

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/media/sdp"
	"github.com/spillway-voice/spillway/media/socket"
)

// SessionOptions are what is known of a far end before it says anything.
type SessionOptions struct {
	Signalling netip.Addr     // where its signalling comes from; sound may come from there, too. See SetSignalling
	Trusted    []netip.Prefix // where its sound may come from as well: a trunk's media ranges
	Security   sdp.Security   // whether its sound is protected (SRTP)
}

// A Session is the sound of one leg: a pair of ports, what is sent and what is heard. Its methods are safe for
// concurrent use and never wait for the network. Whoever opened it closes it.
type Session struct {
	engine  *Engine
	port    uint16
	rtp     socket.Conn
	rtcp    socket.Conn
	mailbox *mailbox
	id      uint64 // o= session id
	cname   string // in our reports

	agreement agreement // the owner's calls, under its own lock

	far       atomic.Pointer[far]            // what was agreed; nil: nothing yet
	peer      atomic.Pointer[Session]        // the other side of a bridge
	source    atomic.Pointer[netip.AddrPort] // who is heard, when that is not the description's address
	sinks     atomic.Pointer[[]Sink]
	attention attention
	heardAt   atomic.Int64 // nanoseconds since the clock's epoch, and 1; 0: never

	sending  sync.Mutex // held while a packet is numbered and written, so that they leave in order; before out's own
	out      outgoing
	in       incoming // the receiving goroutine's
	counters counters
	hearing  hearing
	presses  presses
	phase    *atomic.Pointer[[]*Session] // the clock's, under its lock

	reports   reportsTaken
	reporting reporting // what reports tell, ours and the far end's

	// The playout goroutine's.
	quiet      quiet
	nextReport time.Time

	closing sync.Once
}

// Events returns what the session has to say; the channel is closed by Close. One goroutine should always be reading:
// more than 24 events that wait are dropped and counted.
func (s *Session) Events() <-chan Event { return s.mailbox.events }

// Play plays sources one after another in place of what is playing, from the next packet on, and reports Played with
// the id when all were sent. Each source belongs to the session from now on. Without sources it stops what is playing.
func (s *Session) Play(id uint64, sources ...Source) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	for _, source := range sources {
		if live, ok := source.(liveSource); ok {
			live.rejoin(time.Now())
		}
	}
	s.out.foreground, s.out.id = slices.Clone(sources), id
	s.out.voice.joins = true
}

// Stop ends what Play began, without a Played, from the next packet on.
func (s *Session) Stop() { s.Play(0) }

// Background sets what is heard whenever nothing is played in the foreground and the session is not bridged; nil is
// silence, which is what a new session has. The source belongs to the session from now on.
func (s *Session) Background(source Source) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	s.out.voice.joins = s.out.voice.joins || s.out.behind
	s.out.background, s.out.behind = source, false
}

// Held reports whether the far end has put us on hold: it takes no sound.
func (s *Session) Held() bool {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.ready && !s.out.sends
}

// Local returns where the session receives sound: the first of the engine's advertised addresses and the port.
func (s *Session) Local() netip.AddrPort {
	return netip.AddrPortFrom(s.engine.options.Advertise[0], s.port)
}

// Close ends the session: no packet of sound is sent after it returns but one that is being written, the far end gets an
// RTCP BYE, the events end, and the ports rest before they are used again. Closing twice is harmless.
func (s *Session) Close() {
	s.closing.Do(func() {
		s.out.close()
		s.engine.bridges.unbridge(s)
		s.engine.clock.remove(s)
		s.sayGoodbye()
		closeSockets(s.rtp, s.rtcp)
		s.mailbox.close()
		s.engine.forget(s)
		if n := s.counters.strangers.Load(); n > 0 {
			s.engine.options.Logger.Info("dropped packets of strangers", zap.Uint16("port", s.port), zap.Uint64("packets", n))
		}
	})
}

// closeSockets closes both; there is nobody to tell when that fails, and nothing to be done.
func closeSockets(sockets ...socket.Conn) {
	for _, socket := range sockets {
		_ = socket.Close()
	}
}

// playout is one tick of the clock.
func (s *Session) playout(now time.Time, tick uint32, buffer []byte) {
	defer s.survive()
	if ended := s.say(now, tick, buffer); ended != nil {
		s.post(ended)
	}
	if s.hearing.active.Load() {
		s.listen(now, buffer)
	}
	s.watch(now)
	if !now.Before(s.nextReport) {
		s.report(now)
	}
}

// say sends what is due of our own, and returns Played when the foreground has ended.
func (s *Session) say(now time.Time, tick uint32, buffer []byte) (ended Event) {
	s.sending.Lock()
	defer s.sending.Unlock()
	due := s.out.frame(now, tick, buffer)
	s.sendAll(due, buffer)
	return due.ended
}

// survive keeps a fault in the sound of one call from being the end of all: it is told, and the next packet is another.
func (s *Session) survive() {
	if cause := recover(); cause != nil {
		s.engine.options.Logger.Error("sound panicked", zap.Uint16("port", s.port), zap.Any("cause", cause), zap.Stack("stack"))
	}
}

// watch looks whether the far end has gone quiet.
func (s *Session) watch(now time.Time) {
	heard := time.Duration(s.heardAt.Load())
	current := s.far.Load()
	if heard == 0 || current == nil {
		return
	}
	at := now.Sub(s.engine.clock.epoch)
	s.quiet.look(at)
	held := !current.sends || !current.listens || current.address.Addr().IsUnspecified() // many a phone that holds us says nothing
	if s.quiet.check(at, heard, !held) {
		s.post(Silent{})
	}
}

// sendAll writes the packets that a frame fills.
func (s *Session) sendAll(due sent, buffer []byte) {
	for due.packet != nil {
		s.send(due.packet, due.to)
		if !due.more {
			return
		}
		due = s.out.rest(buffer)
	}
}

// send writes a packet of sound. A failure is counted: the next packet is due in 20 ms anyway.
func (s *Session) send(packet []byte, to netip.AddrPort) {
	if _, err := s.rtp.WriteToUDPAddrPort(packet, to); err != nil {
		s.counters.unsent.Add(1)
		return
	}
	s.counters.packetsOut.Add(1)
}

// post tells the owner.
func (s *Session) post(event Event) {
	if !s.mailbox.post(event) {
		s.counters.eventsLost.Add(1)
	}
}
