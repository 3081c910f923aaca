package phone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Side is who did something to a call.
type Side string

// The two ends of a call.
const (
	Local  Side = "local"
	Remote Side = "remote"
)

// Ending says how a call ended.
type Ending struct {
	By     Side   // who ended it
	Code   int    // the SIP status that refused it; 0 for a call that was hung up after it was answered
	Reason string // the phrase that goes with it, or the value of a Reason header in BYE or CANCEL
	Err    error  // what failed on our side, if anything did

	RetryAfter time.Duration // from the Retry-After of a refusal; 0: not given
}

// Times says when a call passed its stages; the zero time where it has not.
type Times struct {
	Began    time.Time // the first INVITE was sent, or arrived
	Ringing  time.Time // the first 18x arrived, or the INVITE did
	Answered time.Time // the 200 arrived, or its ACK did
	Ended    time.Time
}

// RefusedError says that the far end did not take a request or a call.
type RefusedError struct {
	Code       int           // the SIP status, 300 to 699
	Reason     string        // its phrase
	RetryAfter time.Duration // from Retry-After; 0: not given
}

// Error implements error.
func (e *RefusedError) Error() string { return fmt.Sprintf("refused: %d %s", e.Code, e.Reason) }

// refusal makes the error for a response that is not a success.
func refusal(r *sip.Response) *RefusedError {
	e := &RefusedError{Code: r.StatusCode, Reason: r.Reason}
	e.RetryAfter, _ = seconds(r.GetHeader("Retry-After"))
	return e
}

// ErrNotTalking says that a call is not, or not any more, in the state that was needed.
var ErrNotTalking = errors.New("the call is not established")

// ErrBusyChanging says that another change of the session is under way; it may be tried again (RFC 3261 section 14.1).
var ErrBusyChanging = errors.New("another offer is under way")

// state is how far a call has come.
type state int

const (
	arising  state = iota // no final answer yet
	answered              // a 200 was sent; its ACK is awaited
	talking
	over
)

// Call is one call of a phone, placed or taken. All methods are safe for concurrent use.
type Call struct {
	phone    *Phone
	key      dialogKey
	outgoing bool
	sound    *sound

	ringing   chan struct{} // closed at the first 18x, or when an incoming call arrived
	confirmed chan struct{} // closed when both sides know that it is answered
	done      chan struct{} // closed when it is over
	giveUp    chan struct{} // closed to cancel a call that is being placed
	giveUpNow sync.Once

	mu           sync.Mutex
	state        state
	vanished     bool
	ending       Ending
	times        Times
	request      *sip.Request  // the INVITE that began it: ours, or the far end's
	tx           *sip.ServerTx // of an incoming INVITE
	answeredWith *sip.Response // the 200 that is repeated until its ACK
	repeat       *time.Timer   // repeats it
	dialog       dialog
	provisionals []int
	describes    description // our side of the session, as it was last sent
	agreed       bool        // an offer was answered
	changing     bool        // an offer of ours, or one of theirs that we answered, is not settled yet
	ackIsAnswer  bool        // our 200 carried the offer
	remoteHolds  bool
}

// newCall makes a call with its media ports open. The phone does not know it before begin.
func (p *Phone) newCall(key dialogKey, outgoing bool, options Sound) (*Call, error) {
	s, err := openSound(p.options.Bind, options)
	if err != nil {
		return nil, err
	}
	c := &Call{
		phone: p, key: key, outgoing: outgoing, sound: s,
		ringing: make(chan struct{}), confirmed: make(chan struct{}),
		done: make(chan struct{}), giveUp: make(chan struct{}),
		describes: description{
			local: s.local(), codecs: options.codecs(), eventType: eventPayload, direction: sendrecv,
			id: uint64(time.Now().UnixNano()) >> 1, version: 1, packet: cmp.Or(options.Packet, frame),
		},
	}
	if options.Eventless {
		c.describes.eventType = 0
	}
	if s.secure != nil {
		c.describes.tag, c.describes.key = "1", s.secure.master
	}
	c.times.Began = time.Now()
	return c, nil
}

// begin makes a call known to its phone: its INVITE is set by now, so that whoever finds the call can use it.
func (c *Call) begin() error {
	if !c.phone.keep(c) {
		c.sound.close()
		return ErrClosed
	}
	return nil
}

// Ear returns what the call hears.
func (c *Call) Ear() *Ear { return c.sound.ear }

// Ringing is closed when the far end rings (180 or 183), for an incoming call from the beginning.
func (c *Call) Ringing() <-chan struct{} { return c.ringing }

// Answered is closed when the call is established: a 200 was acknowledged.
func (c *Call) Answered() <-chan struct{} { return c.confirmed }

// Done is closed when the call is over, whoever ended it and however far it had come.
func (c *Call) Done() <-chan struct{} { return c.done }

// Ending says how the call ended; the zero value while it has not.
func (c *Call) Ending() Ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// Times says when the call passed its stages.
func (c *Call) Times() Times {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times
}

// Provisionals returns the provisional responses to a call that was placed, in order, 100 included.
func (c *Call) Provisionals() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int(nil), c.provisionals...)
}

// CallID returns the SIP Call-ID.
func (c *Call) CallID() string { return c.key.callID }

// Digits returns the digits that the far end sends, by RFC 4733 or INFO. Up to 64 wait to be read.
func (c *Call) Digits() <-chan byte { return c.sound.digits }

// Held says whether the far end has put the call on hold: it does not want to hear us.
func (c *Call) Held() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remoteHolds
}

// Header returns a header of the INVITE that began the call, or "".
func (c *Call) Header(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.request.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// From returns the user part of From in the INVITE: the caller's number.
func (c *Call) From() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.request.From().Address.User
}

// Display returns the display name of From in the INVITE.
func (c *Call) Display() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.request.From().DisplayName
}

// To returns the user part of the request URI of the INVITE: the number that was dialled.
func (c *Call) To() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.request.Recipient.User
}

// Play says a piece of linear sound at SampleRate from now on, again and again if repeat is set; nil is silence. The
// call keeps pcm: it must not be changed afterwards, and may be shared by calls.
func (c *Call) Play(pcm []int16, repeat bool) { c.sound.voice.play(pcm, repeat) }

// PlayTone says a steady tone of a whole number of Hz.
func (c *Call) PlayTone(frequency int) {
	c.Play(Tone(float64(frequency), time.Second), true)
}

// SendRaw sends a datagram as it is from where the call's sound comes from to where it goes: what somebody might slip in.
func (c *Call) SendRaw(datagram []byte) error { return c.sound.voice.sendRaw(datagram) }

// FarDescription returns the session description that the far end sent last, or nil.
func (c *Call) FarDescription() []byte {
	if t := c.sound.from.Load(); t != nil {
		return t.text
	}
	return nil
}

// Mute stops sending packets altogether, as a phone that lost its network does; false goes on.
func (c *Call) Mute(on bool) { c.sound.voice.mute(on) }

// Vanish makes the call dead to the far end: no packet is sent or heard, and no request of its dialog is answered. It
// cannot be undone; Close of the phone, or End, frees what it holds.
func (c *Call) Vanish() {
	c.mu.Lock()
	c.vanished = true
	if c.repeat != nil {
		c.repeat.Stop()
	}
	c.mu.Unlock()
	c.sound.vanish()
}

// End drops the call on our side without a word to the far end.
func (c *Call) End() { c.end(Ending{By: Local}) }

// SendDigits presses keys, one after another, each for 100 ms, as RFC 4733 events.
func (c *Call) SendDigits(digits string) error {
	for i := range len(digits) {
		event, ok := eventOf(digits[i])
		if !ok {
			return fmt.Errorf("digit %q: not on the keypad", digits[i])
		}
		if !c.sound.voice.press(event) {
			return errors.New("the far end takes no telephone events")
		}
	}
	return nil
}

// SendInfoDigit presses a key by an INFO request and waits for its response.
func (c *Call) SendInfoDigit(ctx context.Context, digit byte) error {
	if _, ok := eventOf(digit); !ok {
		return fmt.Errorf("digit %q: not on the keypad", digit)
	}
	body := fmt.Sprintf("Signal=%c\r\nDuration=160\r\n", digit)
	response, err := c.ask(ctx, sip.INFO, []byte(body), "application/dtmf-relay")
	if err != nil {
		return err
	}
	if !response.IsSuccess() {
		return fmt.Errorf("digit by INFO: %w", refusal(response))
	}
	return nil
}

// gone says whether the call has vanished.
func (c *Call) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.vanished || c.phone.gone.Load()
}

// belongs says whether a request with the given tag of the far end belongs to this dialog.
func (c *Call) belongs(remoteTag string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialog.remoteTag == "" || c.dialog.remoteTag == remoteTag
}

// end ends the call's life in our books, once; the first ending stands.
func (c *Call) end(e Ending) {
	c.mu.Lock()
	if c.state == over {
		c.mu.Unlock()
		return
	}
	c.state = over
	c.ending = e
	c.times.Ended = time.Now()
	if c.repeat != nil {
		c.repeat.Stop()
	}
	c.mu.Unlock()
	c.sound.close()
	c.phone.drop(c)
	close(c.done)
}

// agree applies the far end's session description.
func (c *Call) agree(t terms) {
	c.mu.Lock()
	c.agreed = true
	c.remoteHolds = !t.direction.remoteListens()
	c.mu.Unlock()
	c.sound.agree(t)
}

// confirm notes that the call is established.
func (c *Call) confirm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == over || c.state == talking {
		return
	}
	c.state = talking
	c.times.Answered = time.Now()
	close(c.confirmed)
}

// Hangup ends the call, whatever its state: a call that is being placed is cancelled, one that came in is refused with
// 603, an established one gets a BYE. It returns when the far end has confirmed, or with an error; the call is over on
// our side in any case.
func (c *Call) Hangup(ctx context.Context) error {
	c.mu.Lock()
	now := c.state
	c.mu.Unlock()
	switch {
	case now == over:
		return nil
	case now == arising && c.outgoing:
		c.giveUpNow.Do(func() { close(c.giveUp) })
		select {
		case <-c.done:
			return nil
		case <-ctx.Done():
			c.end(Ending{By: Local, Err: ctx.Err()})
			return ctx.Err()
		}
	case now == arising:
		return c.Reject(sip.StatusGlobalDecline)
	}
	return c.bye(ctx)
}

// bye sends a BYE.
func (c *Call) bye(ctx context.Context) error {
	o, ok := c.outline(sip.BYE, nil, "")
	c.end(Ending{By: Local})
	if !ok {
		return nil // another was faster
	}
	response, err := c.phone.exchange(ctx, &o)
	if err != nil {
		return err
	}
	if !response.IsSuccess() && response.StatusCode != sip.StatusCallTransactionDoesNotExists {
		return fmt.Errorf("hang up: %w", refusal(response))
	}
	return nil
}
