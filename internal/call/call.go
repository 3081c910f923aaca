package call

import (
	"context"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/sip"
)

// storeTime bounds every request to the queue, while the call hears nothing else: a store that is slower is treated as away.
const storeTime = 100 * time.Millisecond

// pingTime bounds the question to a silent leg whether it is still there: more than a lost packet, less than a caller's patience.
const pingTime = 5 * time.Second

// askAgain is how long a leg that was silent, and answered, is left alone: the sound reports a silence once, and who mutes his phone
// may still lose it.
const askAgain = 30 * time.Second

// Call is one caller's visit. Only the goroutine that runs Take touches it.
type Call struct {
	house *House
	plan  *Plan // the newest
	began *Plan // with which the call began, and its flow goes on
	log   callLog
	leg   Leg
	sound Sound // nil until opened
	entry *entry
	info  Info
	over  bool

	answered bool // the INVITE was, with 200
	marked   bool // the agent who dialled counts as in a call, because of this one
	served   bool // an agent has spoken with the caller
	offered  bool // the caller's INVITE had no offer: his answer to ours is still to come, in the ACK

	// What the caller hears.
	playing   uint64 // the id of the last Play
	afterPlay func() // what follows it; nil: nothing

	// The conversation with the flow.
	machine  *ivr.Machine // nil in a call that no flow began
	patient  alarm        // the machine's Wait
	told     time.Time    // when an incident's message last began in this call; zero: never
	messages []string     // what was played of them, by content

	// The queue.
	waiting  *waiting  // nil outside of a queue
	priority int       // with which it was entered last
	first    time.Time // first entry of this visit, in store time; zero: none yet

	// The other side: an agent who is ringing or talking.
	party *party

	owed    owed // what the store has still to be told
	asking  bool // a question to a silent leg is under way
	asked   chan bool
	quiet   alarm           // when a leg that was silent is asked again
	longest alarm           // the call's own limit
	dialled []byte          // SDP with which a call that an agent dialled is answered
	closing <-chan struct{} // House.Closing until it was heeded
	leaving bool            // a last recording plays
}

// Take serves a new call to its end, on the goroutine of whoever calls it.
func (h *House) Take(leg Leg) {
	h.calls.Add(1)
	defer h.calls.Done()
	c := h.open(leg)
	if c == nil { // no randomness: nothing can be done safely
		leg.Reject(500, "Server Internal Error")
		return
	}
	defer c.close()
	if c.begin() {
		c.run()
	}
}

// open makes a call of a leg; nil when it cannot be named. It is not part of Take, whose frame stays on the stack for as long as the
// call lasts: a quarter of a small stack more would double it for every caller.
//
//go:noinline
func (h *House) open(leg Leg) *Call {
	id, err := uuid.NewV7()
	if err != nil {
		return nil
	}
	now := time.Now()
	c := &Call{
		house: h, plan: h.Plan(), leg: leg,
		log:   newLog(h.Log, id.String(), leg.ID()),
		asked: make(chan bool, 1), closing: h.Closing,
		info: Info{ID: id.String(), SIPCallID: leg.ID(), From: caller(leg.From().Number), To: leg.To(),
			State: InIVR, Since: now, Started: now},
	}
	c.began = c.plan
	c.entry = h.Ledger.open(c.info)
	return c
}

// caller is a caller's number, "" for one who does not tell it (RFC 3323 section 4.1.1.3).
func caller(number string) string {
	if number == "anonymous" {
		return ""
	}
	return number
}

// begin decides what the dialled number starts; false when the call was refused.
func (c *Call) begin() bool {
	if c.leg.Peer().Kind == sip.PeerAgent {
		return c.beginAgent()
	}
	flow, ok := c.plan.Numbers[c.leg.To()]
	if !ok {
		return c.refuse(404, "Not Found", Ending{Refused, Closed})
	}
	return c.beginFlow(flow)
}

// run waits for what happens next until the call is over.
func (c *Call) run() {
	if c.house.Duration > 0 {
		c.longest.set(c.house.Duration)
	}
	for !c.over {
		select {
		case e, ok := <-c.leg.Events():
			c.onLeg(e, ok)
		case e, ok := <-c.soundEvents():
			c.onSound(e, ok)
		case n := <-c.notices():
			c.onNotice(n)
		case e := <-c.ringing():
			c.onRinging(e)
		case e, ok := <-c.talking():
			c.onTalking(e, ok)
		case <-c.takenFromUs():
			c.onTaken()
		case e, ok := <-c.partySound():
			c.onPartySound(e, ok)
		case <-c.partyDeadline():
			c.onPartyDeadline()
		case <-c.announceDue():
			c.announce()
		case <-c.owed.again.due():
			c.repay()
		case <-c.patient.due():
			c.patient.stop()
			c.step(ivr.Expired{})
		case <-c.plan.Superseded:
			c.plan = c.house.Plan()
			c.onPlan()
		case here := <-c.asked:
			c.onAsked(here)
		case <-c.quiet.due():
			c.quiet.stop()
			c.ask()
		case <-c.longest.due():
			c.finish(Ending{Broken, Timeout})
		case <-c.closing:
			c.onClosing()
		}
	}
}

// close leaves nothing behind, whatever way the call ended, also by a panic. People come first, then the store and the record;
// a step that fails keeps none of the others from being done.
func (c *Call) close() {
	if cause := recover(); cause != nil {
		c.log.Error("a call panicked and was ended", zap.Any("cause", cause), zap.Stack("stack"))
		c.info.Result, c.info.Reason = Broken, OurFailure
		defer panic(cause) // the front door counts it
	}
	defer c.settle()
	defer c.record()
	defer c.leaveStore()
	defer c.closeSound()
	defer c.leg.Hangup()
	c.patient.stop()
	c.longest.stop()
	c.quiet.stop()
	c.hangUpParty()
}

// hangUpParty lets go of the other side before anything else is done; leaveStore tells.
func (c *Call) hangUpParty() {
	if c.party != nil {
		c.party.hangUp()
	}
}

func (c *Call) closeSound() {
	if c.sound != nil {
		c.sound.Close()
		c.info.CallerSound = c.measure(CallerLeg, c.sound)
	}
}

// leaveStore takes the call out of the store: its place, its claim, the mark of the agent who dialled.
func (c *Call) leaveStore() {
	c.leaveQueue(string(c.info.Reason))
	c.dropParty()
	if c.marked {
		c.outside(c.callingAgent(), "")
	}
}

// record tells the end to the ledger and to the house.
func (c *Call) record() {
	c.info.State, c.info.Since, c.info.Position = Ended, time.Now(), 0
	c.house.Ledger.close(c.info)
	c.house.Ended(c.info)
}

// finish ends the call once the select comes round; the first ending counts. Who has spoken with an agent was answered, whatever
// came after it.
func (c *Call) finish(e Ending) {
	if c.over {
		return
	}
	c.over = true
	if c.served {
		e.Result = Answered
	}
	c.info.Result, c.info.Reason = e.Result, e.Reason
}

// refuse answers the INVITE with a final refusal. It returns false, for begin.
func (c *Call) refuse(code int, text string, e Ending) bool {
	c.leg.Reject(code, text)
	c.finish(e)
	return false
}

// answer opens the sound and answers the INVITE with 200; false when that cannot be.
func (c *Call) answer() bool {
	if err := c.openSound(); err != nil {
		c.log.Warn("no sound for a call", zap.Error(err))
		return c.refuse(503, "Service Unavailable", Ending{Refused, Overload})
	}
	description, err := c.describeCaller()
	if err != nil {
		c.log.Info("offer refused", zap.Error(err))
		return c.refuse(488, "Not Acceptable Here", Ending{Refused, NoMedia})
	}
	if err := c.leg.Answer(description); err != nil {
		c.log.Info("the caller was gone before the answer", zap.Error(err))
		c.finish(Ending{Abandoned, ByCaller})
		return false
	}
	c.answered = true
	return true
}

func (c *Call) openSound() (err error) {
	o := SoundOptions{Signalling: c.leg.Source().Addr()}
	if from := c.leg.Peer(); from.Kind == sip.PeerTrunk {
		o.Trusted, o.Security = c.plan.Trunks[from.Name].Media, c.plan.Trunks[from.Name].Security
	} else {
		o.Security = c.plan.Phones[from.Name]
	}
	c.sound, err = c.house.Sound(o)
	return err
}

// describeCaller answers the offer of the caller's INVITE, or makes one where it had none.
func (c *Call) describeCaller() ([]byte, error) {
	c.offered = len(c.leg.Offer()) == 0
	return describe(c.sound, c.leg.Offer())
}

// describe answers an offer, or makes one where the far end wants ours (an INVITE without SDP).
func describe(s Sound, offer []byte) ([]byte, error) {
	if len(offer) == 0 {
		return s.Offer()
	}
	return s.Answer(offer)
}

// publish makes a change of info visible to others.
func (c *Call) publish() {
	shown := c.info
	c.entry.info.Store(&shown)
}

// become notes a new state.
func (c *Call) become(s State) {
	if c.info.State != s {
		c.info.State, c.info.Since = s, time.Now()
	}
	c.publish()
}

// ask asks a silent caller's phone whether it is still there; the answer comes to onAsked.
func (c *Call) ask() {
	if c.asking {
		return
	}
	c.asking = true
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), pingTime)
		defer cancel()
		c.asked <- c.leg.Ping(ctx) == nil
	}()
}

func (c *Call) onAsked(here bool) {
	c.asking = false
	if !here {
		c.log.Info("the caller's leg is silent and does not answer")
		c.finish(Ending{Broken, NoMedia})
		return
	}
	c.quiet.set(askAgain)
}

// onClosing ends what still runs when the time for finishing is over: who waits or is in a flow hears an apology.
func (c *Call) onClosing() {
	c.closing = nil
	switch {
	case c.info.State == Talking && !c.whispering():
		c.finish(Ending{Answered, Drain})
	case !c.answered: // only a phone that dialled a colleague hears ringing
		c.refuse(503, "Service Unavailable", Ending{Refused, Drain})
	default:
		c.farewell("draining.wav", Ending{Refused, Drain})
	}
}

func (c *Call) soundEvents() <-chan media.Event {
	if c.sound == nil {
		return nil
	}
	return c.sound.Events()
}
