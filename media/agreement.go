package media

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/sdp"
	"github.com/spillway-voice/spillway/media/srtp"
)

// Refusal says why a description leads to no session, with the SIP status to refuse it with. The session stays as it
// was.
type Refusal = sdp.Refusal

// agreement is what a session has said of itself and settled on.
type agreement struct {
	mu         sync.Mutex
	version    uint64     // of the last description that we sent; 0: none yet
	last       []byte     // that description
	signalling netip.Addr // where the far end's signalling comes from; the zero address: not known yet
	security   sdp.Security
	keys       []sdp.Crypto  // ours, one for each suite; none when security is off
	secure     *srtp.Context // the protection in force; nil: none
	spoken     sdp.Crypto    // the key of ours in it
	detects    bool          // keys are looked for in the sound
}

// suites are the ways to protect sound that we offer, in order of preference: AES-GCM costs half of what the others do
// where the processor has instructions for it (benchmarks of package srtp).
var suites = []sdp.Suite{sdp.AEADAES128GCM, sdp.AESCM128HMACSHA80, sdp.AESCM128HMACSHA32}

// makeKeys makes the keys that a session needs.
func (a *agreement) makeKeys(security sdp.Security) error {
	a.security = security
	if security == sdp.Off {
		return nil
	}
	for _, suite := range suites {
		key, err := srtp.NewKey(suite)
		if err != nil {
			return fmt.Errorf("open media session: %w", err)
		}
		a.keys = append(a.keys, key)
	}
	return nil
}

// speak notes the key of ours that is in force from now on. The one before, if it is another, is never used again: its counters
// would begin anew, and two packets be encrypted alike. Another takes its place in later descriptions.
func (a *agreement) speak(key sdp.Crypto) error {
	before := a.spoken
	if before.Valid() && !before.Same(key) {
		another, err := srtp.NewKey(before.Suite)
		if err != nil {
			return err
		}
		for i := range a.keys {
			if a.keys[i].Same(before) {
				a.keys[i] = another
			}
		}
	}
	a.spoken = key
	return nil
}

// SetSignalling says where the far end's signalling comes from, for a session that was opened to make an offer: its sound may
// come from there, too. It holds from the next description that is agreed on.
func (s *Session) SetSignalling(from netip.Addr) {
	s.agreement.mu.Lock()
	defer s.agreement.mu.Unlock()
	s.agreement.signalling = from.Unmap()
}

// Answer settles on a session with the far end that made the offer, first or again (hold, resume, another address), and
// returns the answer to send. Sound flows from now on. The error is a *Refusal, and changes nothing.
func (s *Session) Answer(offer []byte) ([]byte, error) {
	s.agreement.mu.Lock()
	defer s.agreement.mu.Unlock()
	description, err := sdp.Parse(offer, s.local())
	if err != nil {
		return nil, err
	}
	if err := s.engine.checkAddresses(description); err != nil {
		return nil, err
	}
	var agreed sdp.Agreement
	answer, err := s.describe(func(local sdp.Local) (body []byte, err error) {
		agreed, body, err = sdp.Answer(description, local)
		return body, err
	})
	if err != nil {
		return nil, err
	}
	if err := s.commit(agreed); err != nil {
		return nil, err
	}
	return answer, nil
}

// Offer returns a description of all that we speak: to begin a session, or to answer an INVITE without one. The far
// end's answer goes to Accept; until then the session stays as it is.
func (s *Session) Offer() ([]byte, error) {
	s.agreement.mu.Lock()
	defer s.agreement.mu.Unlock()
	return s.describe(sdp.Offer)
}

// Accept settles on a session by the far end's answer to Offer. Sound flows from now on. The error is a *Refusal, and
// changes nothing.
func (s *Session) Accept(answer []byte) error {
	s.agreement.mu.Lock()
	defer s.agreement.mu.Unlock()
	local := s.local()
	description, err := sdp.Parse(answer, local)
	if err != nil {
		return err
	}
	if err := s.engine.checkAddresses(description); err != nil {
		return err
	}
	agreed, err := sdp.Accept(description, local)
	if err != nil {
		return err
	}
	return s.commit(agreed)
}

// local returns what our next description says of the session, unless it says anything new.
func (s *Session) local() sdp.Local {
	return sdp.Local{
		Session:   s.id,
		Version:   max(s.agreement.version, 1),
		Addresses: s.engine.options.Advertise,
		Port:      s.port,
		Codecs:    s.engine.codecs,
		Comfort:   true,
		Security:  s.agreement.security,
		Keys:      s.agreement.keys,
		Secured:   s.agreement.secure != nil,
	}
}

// describe writes a description and numbers it: one more than the last when it says anything else (RFC 3264 section
// 8). What fails uses up no number.
func (s *Session) describe(write func(sdp.Local) ([]byte, error)) ([]byte, error) {
	local := s.local()
	body, err := write(local)
	if err != nil {
		return nil, err
	}
	if s.agreement.version > 0 && !bytes.Equal(body, s.agreement.last) {
		local.Version++
		if body, err = write(local); err != nil {
			return nil, err
		}
	}
	s.agreement.version, s.agreement.last = local.Version, slices.Clone(body)
	return body, nil
}

// commit puts what was agreed into force. The caller holds the agreement's lock. The error changes nothing.
func (s *Session) commit(agreed sdp.Agreement) error {
	next, err := s.farOf(agreed)
	if err != nil {
		return err
	}
	s.agreement.secure = next.secure
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	before := s.far.Swap(next)
	if before == nil || before.address != next.address {
		o.to = next.address // until the far end is found to send from elsewhere
		s.source.Store(nil)
	}
	s.heed(next)
	first := !o.ready
	o.adopt(agreed, next)
	if first {
		s.engine.clock.add(s) // under the lock, so that Close either sees it or prevents it
	}
	return nil
}

// farOf returns what an agreement says of the far end. Its caller puts it into force, unless there is an error.
func (s *Session) farOf(agreed sdp.Agreement) (*far, error) {
	c, err := codec.Parse(agreed.Codec.Name)
	if err != nil {
		return nil, fmt.Errorf("agree on sound: %w", err)
	}
	next := &far{
		address:    agreed.Remote,
		reports:    agreed.RTCP,
		signalling: s.agreement.signalling,
		codec:      c,
		longest:    agreed.LongestPacket,
		audioType:  agreed.ReceiveType,
		eventType:  agreed.ReceiveEvent,
		eventClock: agreed.EventClock,
		hasEvent:   agreed.HasEvent,
		sends:      agreed.Direction.Receives(),
		listens:    agreed.Direction.Sends(),
	}
	if agreed.Secure {
		if next.secure, err = s.agreement.secure.Rekey(agreed.Local, agreed.Far); err != nil {
			return nil, fmt.Errorf("agree on sound: %w", err)
		}
		if err := s.agreement.speak(agreed.Local); err != nil {
			return nil, fmt.Errorf("agree on sound: %w", err)
		}
	}
	return next, nil
}

// heed has everything read again, as another agreement means other packets that matter, and looks for keys in the sound of a
// far end that has no telephone-events.
func (s *Session) heed(next *far) {
	s.attention.full()
	if detects := !next.hasEvent; detects != s.agreement.detects {
		s.agreement.detects = detects
		if detects {
			s.attention.begin()
		} else {
			s.attention.end()
		}
	}
}

// adopt takes over another agreement.
func (o *outgoing) adopt(agreed sdp.Agreement, next *far) {
	rate, clock := o.voice.codec.SampleRate(), o.voice.codec.ClockRate()
	if o.voice.change(next.codec, agreed.PacketTime) {
		o.turn(clock, next.codec.ClockRate())
		if o.keys != nil {
			o.keys.Cut() // the rest of its reports would be another press in another stream
		}
	}
	if next.codec.SampleRate() != rate {
		o.retune(next.codec.SampleRate())
	}
	if !agreed.HasEvent {
		o.keys = nil // nobody takes them any more
	}
	o.ready = true
	o.sends = next.listens && !next.address.Addr().IsUnspecified()
	o.audioType = agreed.Type
	o.eventType, o.eventClock, o.hasEvent = agreed.Event, agreed.EventClock, agreed.HasEvent
	o.hasComfort = agreed.HasComfort
	o.secure = next.secure
	o.relay.anchored, o.relay.keyed = false, false
}

// checkAddresses refuses to send sound or reports to ourselves: to our own signalling, which would take them for messages.
func (e *Engine) checkAddresses(d *sdp.Description) error {
	for _, address := range []netip.AddrPort{d.Remote, d.RTCP} {
		if e.signalsAt(address) {
			return &Refusal{Code: 488, Reason: fmt.Sprintf("nothing is sent to our own signalling at %s", address)}
		}
	}
	return nil
}

// signalsAt reports whether an address is one of our own signalling.
func (e *Engine) signalsAt(address netip.AddrPort) bool {
	return slices.ContainsFunc(e.options.Own, func(own netip.AddrPort) bool {
		same := own.Addr() == address.Addr()
		if own.Addr().IsUnspecified() {
			same = slices.Contains(e.options.Advertise, address.Addr()) || address.Addr() == e.options.Bind || address.Addr().IsLoopback()
		}
		return same && own.Port() == address.Port()
	})
}
