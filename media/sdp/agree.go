package sdp

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Local is what our descriptions say of ourselves.
type Local struct {
	Session   uint64       // o= session id, the same for the life of a session
	Version   uint64       // o= version, one more whenever the description differs from the last (RFC 3264 section 8)
	Addresses []netip.Addr // where we want sound: one of a family at most, in order of preference. Answers are in the offer's family
	Family    Family       // of our offers; AnyFamily: that of the first address
	Port      uint16       // of RTP; RTCP is the next one
	Codecs    []Codec      // that we speak, in order of preference
	Comfort   bool         // we take comfort noise, RFC 3389: descriptions list it
	Direction Direction    // of our offers, seen by us; answers mirror the far end's

	Security Security
	Keys     []Crypto // what we offer or may answer with, one a suite, in order of preference
	Secured  bool     // the session is secured already: it stays so, as if Security were Required
}

// An Agreement is what both ends have settled on. Each side sends with the payload types of the receiver's description
// (RFC 3264 section 5.1); they differ only after an offer of ours whose answer has other numbers.
type Agreement struct {
	Codec       Codec  // as in Local.Codecs
	Type        uint8  // its payload type in what we send
	ReceiveType uint8  // its payload type in what we receive
	Parameters  string // the far end's a=fmtp of it; "": none. Hostile, up to MaxSize long

	HasEvent     bool   // both ends speak RFC 4733
	Event        uint8  // payload type of telephone-events in what we send, when HasEvent
	ReceiveEvent uint8  // and in what we receive
	EventClock   uint32 // their clock in Hz: that of the codec, or 8000 if the far end has no other

	HasComfort    bool          // the far end lists comfort noise: payload type 13, RFC 3389, of a codec at 8 kHz
	PacketTime    time.Duration // of sound in a packet, that the far end wants; 10 to 60 ms in steps of 10, 20 ms if it did not say
	LongestPacket time.Duration // the most that the far end takes in a packet, 10 to 60 ms in steps of 10

	Remote    netip.AddrPort // where the far end wants sound
	RTCP      netip.AddrPort // where it wants reports
	Direction Direction      // seen by us: SendRecv unless somebody is on hold

	Secure bool   // packets are SRTP, with the keys below
	Local  Crypto // protects what we send
	Far    Crypto // protects what the far end sends
}

// Answer settles on a session with the far end that made the offer, read for the same local, and returns the answer to
// send. The codec is the first of ours that was offered. Its error is a *Refusal.
func Answer(offer *Description, local Local) (Agreement, []byte, error) {
	address, err := pick(local.Addresses, familyOf(offer.Remote.Addr()))
	if err != nil {
		return Agreement{}, nil, err
	}
	agreed := offer.settle()
	if err := agreed.choose(offer, local.Codecs); err != nil {
		return Agreement{}, nil, err
	}
	agreed.ReceiveType, agreed.ReceiveEvent = agreed.Type, agreed.Event // answers use the offer's numbers
	if err := agreed.protect(offer, local); err != nil {
		return Agreement{}, nil, err
	}
	var b strings.Builder
	writeSession(&b, local, address, offer.session.times)
	for i, other := range offer.session.streams {
		if i != offer.Audio {
			writeRefused(&b, other)
			continue
		}
		writeAudio(&b, local.Port, other.profile, agreed.formats(local), agreed.Direction)
		if agreed.Secure {
			writeCrypto(&b, agreed.Local)
		}
	}
	return agreed, []byte(b.String()), nil
}

// protect chooses the keys of an answer, by the rules by which Parse picked the stream.
func (a *Agreement) protect(offer *Description, local Local) error {
	if _, err := offer.session.streams[offer.Audio].rank(local); err != nil {
		return err
	}
	a.Far, a.Local, a.Secure = local.usable(offer.cryptos)
	return nil
}

// Offer returns a description of all that we speak, to be answered by the far end. Its error is a *Refusal when there is
// no address of the family, or no key where SRTP is required.
func Offer(local Local) ([]byte, error) {
	address, err := pick(local.Addresses, local.Family)
	if err != nil {
		return nil, err
	}
	keys := local.offeredKeys()
	if local.security() == Required && len(keys) == 0 {
		return nil, refuse("SRTP is required and there is no key to offer")
	}
	var b strings.Builder
	writeSession(&b, local, address, "0 0")
	writeAudio(&b, local.Port, local.profile(), local.formats(), local.Direction)
	writeCrypto(&b, keys...)
	return []byte(b.String()), nil
}

// Accept reads the answer, read for the same local, to an Offer by the same local. The codec is the first in the answer
// that we speak. Its error is a *Refusal.
func Accept(answer *Description, local Local) (Agreement, error) {
	if answer.Audio != 0 {
		return Agreement{}, refuse("the answer turns our stream down")
	}
	address, err := pick(local.Addresses, local.Family)
	if err != nil {
		return Agreement{}, err
	}
	if at := answer.Remote.Addr(); familyOf(at) != familyOf(address) && !at.IsUnspecified() {
		return Agreement{}, refuse("the answer is in %s, the offer was in %s", familyOf(at), familyOf(address))
	}
	agreed := answer.settle()
	if err := agreed.choose(answer, answer.order(local.Codecs)); err != nil {
		return Agreement{}, err
	}
	agreed.ReceiveType = agreed.Codec.Type
	agreed.receiveEvents(local)
	agreed.Far, agreed.Local, err = local.accepted(answer)
	if err != nil {
		return Agreement{}, err
	}
	agreed.Secure = agreed.Far.Valid()
	return agreed, nil
}

// settle takes over what needs no choice.
func (d *Description) settle() Agreement {
	return Agreement{Remote: d.Remote, RTCP: d.RTCP, Direction: d.Direction.Reverse(),
		PacketTime: d.PacketTime, LongestPacket: d.LongestPacket}
}

// order returns those of the codecs that the far end speaks, in its order.
func (d *Description) order(codecs []Codec) []Codec {
	var order []Codec
	for _, format := range d.Formats {
		if i := slices.IndexFunc(codecs, func(c Codec) bool { return c.is(format) }); i >= 0 {
			order = append(order, codecs[i])
		}
	}
	return order
}

// choose takes the first of the codecs that the far end speaks, and its telephone-events: on the clock of the sound, as
// RFC 4733 section 2.1 wants, or else at 8 kHz.
func (a *Agreement) choose(far *Description, codecs []Codec) error {
	i := slices.IndexFunc(codecs, func(c Codec) bool { _, ok := far.format(c); return ok })
	if i < 0 {
		return refuse("no codec in common")
	}
	format, _ := far.format(codecs[i])
	a.Codec, a.Type, a.Parameters = codecs[i], format.Type, format.Parameters
	for _, clock := range []uint32{a.Codec.ClockRate, narrowBand} {
		if event, ok := far.named(eventName, clock); ok {
			a.HasEvent, a.Event, a.EventClock = true, event.Type, clock
			break
		}
	}
	_, a.HasComfort = far.named(comfort, narrowBand)
	a.HasComfort = a.HasComfort && a.Codec.ClockRate == narrowBand
	return nil
}

// receiveEvents finds the payload type by which our offer wants events; without one there are none.
func (a *Agreement) receiveEvents(local Local) {
	events := local.eventFormats()
	i := slices.IndexFunc(events, func(f Format) bool { return f.Rate == a.EventClock })
	if i < 0 {
		a.HasEvent, a.Event, a.EventClock = false, 0, 0
		return
	}
	a.ReceiveEvent = events[i].Type
}

// formats returns what an answer lists.
func (a Agreement) formats(local Local) []Format {
	formats := []Format{a.Codec.format(a.Type)}
	if a.HasComfort && local.Comfort {
		formats = append(formats, comfortNoise)
	}
	if a.HasEvent {
		formats = append(formats, eventFormat(a.Event, a.EventClock))
	}
	return formats
}

// formats returns what an offer lists.
func (l Local) formats() []Format {
	var formats []Format
	for _, codec := range l.Codecs {
		formats = append(formats, codec.format(codec.Type))
	}
	if l.Comfort && slices.ContainsFunc(l.Codecs, func(c Codec) bool { return c.ClockRate == narrowBand }) {
		formats = append(formats, comfortNoise)
	}
	return append(formats, l.eventFormats()...)
}

// eventTypes is where the payload types of our offers for telephone-events begin; 101 is what nearly all phones use.
const eventTypes = 101

// eventFormats returns the telephone-events of an offer: one for each clock among our codecs, 8 kHz first.
func (l Local) eventFormats() []Format {
	var clocks []uint32
	for _, codec := range l.Codecs {
		if !slices.Contains(clocks, codec.ClockRate) {
			clocks = append(clocks, codec.ClockRate)
		}
	}
	if i := slices.Index(clocks, narrowBand); i > 0 {
		clocks = slices.Insert(slices.Delete(clocks, i, i+1), 0, narrowBand)
	}
	var formats []Format
	kind := uint8(eventTypes)
	for _, clock := range clocks {
		for slices.ContainsFunc(l.Codecs, func(c Codec) bool { return c.Type == kind }) {
			kind++
		}
		formats = append(formats, eventFormat(kind, clock))
		kind++
	}
	return formats
}
