package call

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/dispatch"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/sip"
)

// party is the other side of a call: an agent whose phones ring, and then the one phone that answered.
type party struct {
	agent  string
	claim  routing.Claim // zero for a call that an agent dialled
	sound  Sound
	legs   []Leg           // that ring
	leg    Leg             // that answered; nil while it rings
	events chan phoneEvent // of those that ring; the one that answered is listened to directly
	gone   chan struct{}   // closed when none is to be heard any more
	ring   alarm           // how long it may ring, and then how long a whisper may last
	taken  <-chan struct{} // closed when the store has the agent with somebody else; nil for a call that an agent dialled
	joined bool            // the two hear each other, or did until one of them held the other
}

// phoneEvent is what one of the ringing phones says.
type phoneEvent struct {
	leg   Leg
	event sip.Event
}

// callParty rings an agent's phones and makes that agent the call's party.
func (c *Call) callParty(p *party, from sip.Party, ring time.Duration) error {
	sound, err := c.house.Sound(SoundOptions{Security: c.plan.Phones[p.agent]})
	if err != nil {
		return err
	}
	offer, err := sound.Offer()
	if err != nil {
		sound.Close()
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), ring)
	defer cancel()
	p.legs, err = c.house.Phones.Ring(ctx, p.agent, Invitation{Call: c.info.ID, From: from, Offer: offer})
	if err != nil {
		sound.Close()
		return err
	}
	p.sound, p.events, p.gone = sound, make(chan phoneEvent), make(chan struct{})
	for _, leg := range p.legs {
		c.house.pairs.add(pair{call: c.info.ID, agent: p.agent, caller: c.leg, party: leg})
		go p.follow(leg)
	}
	p.ring.set(ring)
	c.party = p
	return nil
}

// follow brings what one ringing phone says to the call, in order, until it answers or the call has chosen. Nobody needs to read on
// then: a leg never waits for its reader.
func (p *party) follow(leg Leg) {
	for e := range leg.Events() {
		select {
		case p.events <- phoneEvent{leg, e}:
		case <-p.gone:
			return
		}
		if _, up := e.(sip.Answered); up {
			return
		}
	}
}

// dialled reports whether an agent dialled this party, outside of the queues.
func (p *party) dialled() bool { return p.claim.Token == 0 }

// ring offers the caller to an agent, as the switch room decided.
func (c *Call) ring(n dispatch.Offered) {
	if c.party != nil { // it replaces any offer before it
		c.letGo()
	}
	p := &party{agent: n.Claim.Agent, claim: n.Claim}
	if err := c.callParty(p, sip.Party{Number: c.info.From, Display: c.info.Queue}, n.Offer.Ring); err != nil {
		c.log.Info("an agent cannot be rung", zap.String("agent", p.agent), zap.Error(err))
		c.release(n.Claim, routing.Unreachable)
		c.info.Agent = ""
		c.become(Waiting)
		return
	}
	c.log.Info("offered", zap.String("agent", p.agent), zap.String("queue", n.Claim.Queue), zap.String("why", n.Offer.Why))
	c.info.Agent = p.agent
	c.become(Ringing)
}

// release gives an offer back that came to nothing.
func (c *Call) release(claim routing.Claim, outcome routing.Outcome) {
	// One that fails is not owed: an offer is dead at its deadline.
	_ = c.try("release", func(ctx context.Context) error { return c.house.Queue.Release(ctx, claim, outcome) })
}

// ringing is what the phones of the agent say while they ring.
func (c *Call) ringing() <-chan phoneEvent {
	if c.party == nil || c.party.leg != nil {
		return nil
	}
	return c.party.events
}

// talking is what the phone says that answered.
func (c *Call) talking() <-chan sip.Event {
	if c.party == nil || c.party.leg == nil {
		return nil
	}
	return c.party.leg.Events()
}

func (c *Call) partySound() <-chan media.Event {
	if c.party == nil {
		return nil
	}
	return c.party.sound.Events()
}

func (c *Call) partyDeadline() <-chan time.Time {
	if c.party == nil {
		return nil
	}
	return c.party.ring.due()
}

// onRinging handles what a ringing phone of the agent says.
func (c *Call) onRinging(pe phoneEvent) {
	switch e := pe.event.(type) {
	case sip.Answered:
		c.onPickedUp(pe.leg, e.SDP)
	case sip.Ended:
		c.onPhoneEnded(pe.leg, e)
	}
}

// onTalking handles what the phone says on which the agent talks; its channel closes after Ended.
func (c *Call) onTalking(e sip.Event, open bool) {
	if !open {
		c.onAgentVanished()
		return
	}
	switch e := e.(type) {
	case sip.Reoffer:
		c.reoffer(c.party.sound, e)
	case sip.Confirmed:
		c.acceptLate(c.party.sound, e.SDP)
	case sip.Digit:
		c.press(c.party.sound, e)
	case sip.Ended:
		c.onAgentEnded(e)
	}
}

// onPhoneEnded notes that one of the ringing phones will not answer; when none is left, the offer has failed.
func (c *Call) onPhoneEnded(leg Leg, e sip.Ended) {
	p := c.party
	for i := range p.legs {
		if p.legs[i] == leg {
			p.legs = append(p.legs[:i:i], p.legs[i+1:]...)
			break
		}
	}
	outcome := outcomeOf(e)
	if len(p.legs) == 0 || outcome == routing.Refused {
		c.offerFailed(outcome)
	}
}

// outcomeOf says what a phone's refusal means (RFC 3261 section 21).
func outcomeOf(e sip.Ended) routing.Outcome {
	switch e.Code {
	case 486, 600:
		return routing.Busy
	case 480, 603, 403, 487:
		return routing.Refused
	default:
		return routing.Unreachable
	}
}

// onPartyDeadline ends an offer that nobody answered in time, or a whisper that has lasted long enough.
func (c *Call) onPartyDeadline() {
	if c.whispering() {
		c.cutWhisper()
		return
	}
	c.offerFailed(routing.NoAnswer)
}

// onWithdrawn ends an offer that the store no longer holds.
func (c *Call) onWithdrawn(n dispatch.Withdrawn) {
	if c.party != nil && c.party.claim.Token == n.Token && c.party.leg == nil {
		c.offerFailed(routing.Withdrawn)
	}
}

// offerFailed lets go of the ringing agent: the caller waits on in his place, or, in a call that an agent dialled, is told.
func (c *Call) offerFailed(outcome routing.Outcome) {
	p := c.party
	c.log.Info("the offer ended without an answer", zap.String("agent", p.agent), zap.String("outcome", string(outcome)))
	c.letGo()
	if p.dialled() {
		c.dialFailed(outcome)
		return
	}
	c.release(p.claim, outcome)
	c.info.Agent = ""
	c.become(Waiting)
}

// onPickedUp joins the caller and the phone that answered first.
func (c *Call) onPickedUp(leg Leg, sdp []byte) {
	p := c.party
	p.sound.SetSignalling(leg.Source().Addr())
	if err := p.sound.Accept(sdp); err != nil {
		c.log.Warn("the agent's phone answered with a sound that we cannot take", zap.String("agent", p.agent), zap.Error(err))
		c.offerFailed(routing.Failed)
		return
	}
	if !c.claimed(p) {
		return
	}
	p.chose(leg)
	if c.waiting != nil {
		c.stopWaiting()
	}
	c.hush()
	c.info.Agent = p.agent
	c.become(Talking)
	if !c.whisper() {
		c.connect()
	}
}

// connect lets the caller and the agent hear each other. From here on the caller was answered.
func (c *Call) connect() {
	c.party.ring.stop()
	c.party.joined = true
	c.served = true
	c.onHold()
}

// chose keeps the phone that answered and hangs up the others.
func (p *party) chose(leg Leg) {
	p.ring.stop()
	close(p.gone)
	p.leg = leg
	for _, other := range p.legs {
		if other != leg {
			other.Hangup()
		}
	}
	p.legs = nil
}

// claimed makes the conversation known: in the store for a caller from a queue, to the dialling phone otherwise. A store that does
// not answer parts nobody: it is told later.
func (c *Call) claimed(p *party) bool {
	if p.dialled() {
		return c.dialAnswered()
	}
	err := c.try("accept", func(ctx context.Context) (err error) {
		p.taken, err = c.house.Queue.Accept(ctx, p.claim)
		return err
	})
	if err != nil && !unanswered(err) {
		c.offerFailed(routing.Withdrawn)
		return false
	}
	return true
}

// takenFromUs is ready when the agent with whom the caller talks turns out to be with somebody else.
func (c *Call) takenFromUs() <-chan struct{} {
	if c.party == nil || c.party.leg == nil {
		return nil
	}
	return c.party.taken
}

// onTaken ends a conversation whose agent was given to somebody else, since this node was taken for dead: the caller goes back to the
// head of the queue.
func (c *Call) onTaken() {
	c.log.Warn("the agent is with somebody else", zap.String("agent", c.party.agent))
	c.backToQueue()
}

// onPartySound handles what the agent's sound reports.
func (c *Call) onPartySound(e media.Event, open bool) {
	if !open {
		c.log.Error("the agent's sound has ended")
		c.finish(Ending{Broken, OurFailure})
		return
	}
	switch e.(type) {
	case media.Silent:
		if c.party.leg != nil {
			c.onAgentVanished()
		}
	case media.Played:
		if c.whispering() {
			c.connect()
		}
	}
}

// onAgentEnded ends the call when the agent hung up; a phone that was lost is no hang-up.
func (c *Call) onAgentEnded(e sip.Ended) {
	switch {
	case e.By == sip.ByUs:
		c.finish(closedByUs(e))
	case lost(e):
		c.onAgentVanished()
	case c.whispering():
		c.log.Info("the agent hung up before he heard the caller", zap.String("agent", c.party.agent))
		c.backToQueue()
	default:
		c.finish(Ending{Answered, ByAgent})
	}
}

// onAgentVanished takes a caller whose agent's phone is gone back to the head of the queue.
func (c *Call) onAgentVanished() {
	p := c.party
	c.log.Warn("the agent's phone vanished in a conversation", zap.String("agent", p.agent))
	c.backToQueue()
}

// backToQueue lets a caller whose conversation failed, or did not begin, wait again, where he stood.
func (c *Call) backToQueue() {
	p, began := c.party, c.party.joined
	c.dropParty()
	if p.dialled() {
		c.finish(Ending{Answered, NoMedia})
		return
	}
	c.info.Agent = ""
	if err := c.join(c.info.Queue, c.house.Queue.Return); err != nil {
		c.log.Error("a caller could not return to the queue", zap.Error(err))
		c.farewell("apology.wav", Ending{Answered, NoMedia})
		return
	}
	c.music()
	if began { // else he noticed nothing: the music has been going on
		c.playPrompts([]string{"returning.wav"}, func() {})
	}
}

// dropParty ends the other side, whatever it is doing, and tells the store.
func (c *Call) dropParty() {
	p := c.party
	if p == nil {
		return
	}
	c.letGo()
	switch {
	case p.dialled():
	case p.leg == nil:
		c.release(p.claim, routing.Withdrawn)
	default:
		c.finishClaim(p.claim)
	}
}

// finishClaim ends a conversation in the store.
func (c *Call) finishClaim(claim routing.Claim) {
	c.tell(aboutClaim, func(ctx context.Context) error { return c.house.Queue.Finish(ctx, claim) })
}

// letGo hangs up all phones of the party and closes its sound; the call has no party afterwards.
func (c *Call) letGo() {
	p := c.party
	c.party = nil
	if p.joined {
		c.house.Part(c.sound, p.sound)
	}
	p.hangUp()
	if p.leg != nil {
		c.info.AgentSound = c.measure(AgentLeg, p.sound)
	}
	if p.dialled() {
		c.outside(p.agent, "")
	}
}

// hangUp ends all that a party holds of the node; it may be called twice.
func (p *party) hangUp() {
	p.ring.stop()
	if p.leg != nil {
		p.leg.Hangup()
	} else {
		select {
		case <-p.gone:
		default:
			close(p.gone)
		}
	}
	for _, leg := range p.legs {
		leg.Hangup()
	}
	p.sound.Close()
}

// lost reports whether a leg ended by a failure rather than by somebody's will.
func lost(e sip.Ended) bool { return e.By == sip.ByNobody || e.By == sip.ByFarEnd && e.Code >= 400 }
