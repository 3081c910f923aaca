package media

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/spillway-voice/spillway/media/sdp"
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
	s.commit(agreed)
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
	s.commit(agreed)
	return nil
}

// local returns what our next description says of the session, unless it says anything new.
func (s *Session) local() sdp.Local {
	return sdp.Local{
		Session:   s.id,
		Version:   max(s.agreement.version, 1),
		Addresses: []netip.Addr{s.engine.options.Advertise},
		Port:      s.port,
		Codecs:    s.engine.codecs,
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

// commit puts what was agreed into force. The caller holds the agreement's lock.
func (s *Session) commit(agreed sdp.Agreement) {
	codec, err := ParseCodec(agreed.Codec.Name)
	if err != nil {
		panic("media: agreed on a codec that was not ours: " + err.Error())
	}
	next := &far{
		address:    agreed.Remote,
		reports:    agreed.RTCP,
		signalling: s.agreement.signalling,
		codec:      codec,
		audioType:  agreed.ReceiveType,
		eventType:  agreed.ReceiveEvent,
		hasEvent:   agreed.HasEvent,
		sends:      agreed.Direction.Receives(),
		listens:    agreed.Direction.Sends(),
	}
	o := &s.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	before := s.far.Swap(next)
	if before == nil || before.address != next.address {
		o.to = next.address // until the far end is found to send from elsewhere
		s.source.Store(nil)
	}
	s.attention.full() // another agreement, other packets that matter
	first := !o.ready
	o.ready = true
	o.sends = agreed.Direction.Sends() && !next.address.Addr().IsUnspecified()
	o.codec, o.audioType = codec, agreed.Type
	o.eventType, o.hasEvent = agreed.Event, agreed.HasEvent
	o.relay.anchored = false
	if first {
		s.engine.clock.add(s) // under the lock, so that Close either sees it or prevents it
	}
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
			same = address.Addr() == e.options.Advertise || address.Addr() == e.options.Bind || address.Addr().IsLoopback()
		}
		return same && own.Port() == address.Port()
	})
}
