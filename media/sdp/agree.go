package sdp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// packetTime is what we send and ask for, in milliseconds: what every telephone takes (RFC 3551 section 4.2).
const packetTime = 20

// longestPacket is the longest packet that we take, in milliseconds, announced as a=maxptime.
const longestPacket = 60

// offeredEvent is the payload type that our own offers give to telephone-events; 101 is what nearly all phones use.
const offeredEvent = 101

// A Local is what our descriptions say of ourselves.
type Local struct {
	Session uint64     // o= session id, the same for the life of a session
	Version uint64     // o= version, one more whenever the description differs from the last (RFC 3264 section 8)
	Address netip.Addr // where we want sound
	Port    uint16     // of RTP; RTCP is the next one
	Codecs  []string   // names of the codecs that we speak, in upper case, in order of preference
}

// An Agreement is what both ends have settled on.
type Agreement struct {
	Codec     string         // encoding name, as in Local.Codecs
	Type      uint8          // its RTP payload type, the same both ways
	Event     uint8          // payload type of telephone-events, when HasEvent
	HasEvent  bool           // both ends speak RFC 4733
	Remote    netip.AddrPort // where the far end wants sound
	RTCP      netip.AddrPort // where it wants reports
	Direction Direction      // seen by us: SendRecv unless somebody is on hold
}

// Answer settles on a session with the far end that made the offer and returns the answer to send. The codec is the
// first of ours that was offered. Its error is a *Refusal.
func Answer(offer *Description, local Local) (Agreement, []byte, error) {
	agreed, err := settle(offer, local.Codecs)
	if err != nil {
		return Agreement{}, nil, err
	}
	var b strings.Builder
	writeSession(&b, local, offer.session.times)
	for i, other := range offer.session.streams {
		if i == offer.Audio {
			writeAudio(&b, local.Port, other.profile, agreed.formats(), agreed.Direction)
			continue
		}
		// Refused, in its place, with formats repeated because the grammar wants one at least.
		fmt.Fprintf(&b, "m=%s 0 %s %s\r\n", other.media, other.profile, strings.Join(other.formats, " "))
	}
	return agreed, []byte(b.String()), nil
}

// Offer returns a description of all that we speak, to be answered by the far end.
func Offer(local Local) []byte {
	var formats []Format
	for _, name := range local.Codecs {
		for _, format := range staticFormats {
			if format.Name == name {
				formats = append(formats, format)
			}
		}
	}
	formats = append(formats, Format{Type: offeredEvent, Name: eventName, Rate: 8000, Channels: 1})
	var b strings.Builder
	writeSession(&b, local, "0 0")
	writeAudio(&b, local.Port, "RTP/AVP", formats, SendRecv)
	return []byte(b.String())
}

// Accept reads the answer to an Offer with the same codecs. The codec is the first in the answer that we speak. Its
// error is a *Refusal.
func Accept(answer *Description, codecs []string) (Agreement, error) {
	order := make([]string, 0, len(codecs))
	for _, format := range answer.Formats {
		if slices.Contains(codecs, format.Name) {
			order = append(order, format.Name)
		}
	}
	return settle(answer, order)
}

// settle finds the first of the codecs that the far end speaks, and its telephone-events.
func settle(far *Description, codecs []string) (Agreement, error) {
	agreed := Agreement{Remote: far.Remote, RTCP: far.RTCP, Direction: far.Direction.Reverse()}
	found := false
	for _, name := range codecs {
		format, ok := far.format(name)
		if ok {
			agreed.Codec, agreed.Type, found = name, format.Type, true
			break
		}
	}
	if !found {
		return Agreement{}, refuse("no codec in common")
	}
	if event, ok := far.format(eventName); ok {
		agreed.Event, agreed.HasEvent = event.Type, true
	}
	return agreed, nil
}

// format finds a narrow-band format by its name.
func (d *Description) format(name string) (Format, bool) {
	for _, format := range d.Formats {
		if format.Name == name && format.Rate == 8000 && format.Channels == 1 {
			return format, true
		}
	}
	return Format{}, false
}

// formats returns what an answer lists.
func (a Agreement) formats() []Format {
	formats := []Format{{Type: a.Type, Name: a.Codec, Rate: 8000, Channels: 1}}
	if a.HasEvent {
		formats = append(formats, Format{Type: a.Event, Name: eventName, Rate: 8000, Channels: 1})
	}
	return formats
}

// writeSession writes the lines above the first m= line.
func writeSession(b *strings.Builder, local Local, times string) {
	fmt.Fprintf(b, "v=0\r\no=- %d %d IN IP4 %s\r\ns=spillway\r\nc=IN IP4 %s\r\nt=%s\r\n",
		local.Session, local.Version, local.Address, local.Address, times)
}

// writeAudio writes the lines of the audio stream.
func writeAudio(b *strings.Builder, port uint16, profile string, formats []Format, direction Direction) {
	fmt.Fprintf(b, "m=audio %d %s", port, profile)
	for _, format := range formats {
		fmt.Fprintf(b, " %d", format.Type)
	}
	b.WriteString("\r\n")
	for _, format := range formats {
		name := format.Name
		if name == eventName {
			name = strings.ToLower(name)
		}
		fmt.Fprintf(b, "a=rtpmap:%d %s/%d\r\n", format.Type, name, format.Rate)
		if format.Name == eventName {
			fmt.Fprintf(b, "a=fmtp:%d 0-15\r\n", format.Type)
		}
	}
	fmt.Fprintf(b, "a=ptime:%d\r\na=maxptime:%d\r\na=%s\r\n", packetTime, longestPacket, direction)
}
