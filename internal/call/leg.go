package call

import (
	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/sip"
)

// onLeg handles what the caller's dialog says; its channel closes after Ended.
func (c *Call) onLeg(e sip.Event, open bool) {
	if !open {
		c.finish(Ending{Broken, OurFailure})
		return
	}
	switch e := e.(type) {
	case sip.Confirmed:
		c.onConfirmed(e.SDP)
	case sip.Reoffer:
		c.reoffer(c.sound, e)
	case sip.Digit:
		c.press(c.sound, e)
	case sip.Ended:
		c.onCallerEnded(e)
	}
}

// press hands a key that came by INFO to the sound of its leg, where keys are one stream whichever way they come: it tells of it, and
// passes it on to the other side.
func (c *Call) press(s Sound, d sip.Digit) {
	if s != nil {
		s.Press(d.Digit, d.Duration)
	}
}

// onCallerEnded ends the call: the caller hung up, or the line or the front door failed him.
func (c *Call) onCallerEnded(e sip.Ended) {
	switch e.By {
	case sip.ByUs:
		c.finish(closedByUs(e))
	case sip.ByNobody:
		c.finish(Ending{Broken, Carrier})
	default:
		c.finish(c.abandonment())
	}
}

// closedByUs is the ending of a call whose leg the front door ended: it closes (503), or something in it broke.
func closedByUs(e sip.Ended) Ending {
	if e.Code == 503 {
		return Ending{Refused, Drain}
	}
	return Ending{Broken, OurFailure}
}

// onConfirmed takes the ACK of the caller's phone: with an answer when the offer was ours (RFC 3264 section 4), of the INVITE or
// of a later one. Without the first answer there is no sound, and no call.
func (c *Call) onConfirmed(answer []byte) {
	if !c.offered {
		c.acceptLate(c.sound, answer)
		return
	}
	c.offered = false
	if err := c.sound.Accept(answer); err != nil {
		c.log.Info("the answer in the ACK cannot be taken", zap.Error(err))
		c.finish(Ending{Broken, NoMedia})
	}
}

// acceptLate takes an answer that came in the ACK of a re-INVITE without an offer; without one the sound stays as it was.
func (c *Call) acceptLate(s Sound, answer []byte) {
	if len(answer) == 0 {
		return
	}
	if err := s.Accept(answer); err != nil {
		c.log.Info("the answer to a re-offer of ours cannot be taken", zap.Error(err))
		return
	}
	c.onHold()
}

// reoffer answers a re-INVITE (RFC 3261 section 14.2); a refused one leaves the sound as it was.
func (c *Call) reoffer(s Sound, r sip.Reoffer) {
	description, err := describe(s, r.SDP)
	if err != nil {
		c.log.Info("a re-offer was refused", zap.Error(err))
		r.Refuse(488)
		return
	}
	r.Answer(description)
	c.onHold()
}

// onHold lets the caller hear music while the agent holds him, and joins the two again afterwards.
func (c *Call) onHold() {
	if c.party == nil || !c.party.joined {
		return
	}
	if c.party.sound.Held() {
		c.house.Part(c.sound, c.party.sound)
		c.music()
		return
	}
	c.sound.Background(nil)
	c.house.Join(c.sound, c.party.sound)
}
