// Package sdp agrees on sound with a far end: it reads session descriptions (RFC 8866), answers offers and reads
// answers by the offer/answer model (RFC 3264), for one audio stream of G.711 with telephone-events (RFC 4733).
//
// It is pure: bytes and values in, bytes and values out. It opens no port and sends nothing; package media does both
// with what is agreed here, between the INVITE that a leg brought and the first packet of sound. It is not for
// video, encryption or ICE: such lines are refused and kept in their place, as RFC 3264 section 6 wants.
package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// MaxSize bounds a description, in bytes. An audio description is under 2 KiB; browsers and video terminals send up to
// some 10 KiB.
const MaxSize = 16 << 10

// maxMedia bounds the m= lines of a description. Each is repeated in an answer, so the bound is also one on what an
// offer makes us send.
const maxMedia = 16

// notAcceptable is the SIP status for a session that cannot be had as it was described (RFC 3261 section 21.4.26).
const notAcceptable = 488

// Refusal says why a description leads to no session. Code is the SIP status to refuse it with.
type Refusal struct {
	Code   int    // a SIP status code, always 488
	Reason string // for logs, never to be parsed
}

// Error returns the status and the reason.
func (r *Refusal) Error() string { return fmt.Sprintf("%d: %s", r.Code, r.Reason) }

// refuse makes a Refusal.
func refuse(format string, args ...any) error {
	return &Refusal{Code: notAcceptable, Reason: fmt.Sprintf(format, args...)}
}

// Direction says who sends, seen by the party that wrote the description.
type Direction uint8

// The directions of RFC 8866 section 6.7.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// directionNames are the attributes' names, by Direction.
var directionNames = [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}

// String returns the attribute's name.
func (d Direction) String() string { return directionNames[d] }

// Sends reports whether the party that wrote the description sends.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives reports whether the party that wrote the description wants to receive.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse returns the same direction seen by the other party.
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// A Format is one payload type of an audio stream and what it stands for.
type Format struct {
	Type     uint8  // RTP payload type, 0 to 127
	Name     string // encoding name in upper case: PCMU, PCMA, TELEPHONE-EVENT
	Rate     uint32 // clock rate in Hz
	Channels int    // 1 unless the description says more
}

// staticFormats are the payload types of RFC 3551 that need no rtpmap and that telephones offer.
var staticFormats = map[uint8]Format{
	0:  {0, "PCMU", 8000, 1},
	3:  {3, "GSM", 8000, 1},
	4:  {4, "G723", 8000, 1},
	8:  {8, "PCMA", 8000, 1},
	9:  {9, "G722", 8000, 1},
	13: {13, "CN", 8000, 1},
	18: {18, "G729", 8000, 1},
}

// eventName is the encoding name of RFC 4733 events.
const eventName = "TELEPHONE-EVENT"

// A Description is what a far end said of the one audio stream that we speak about, and enough of the other lines to
// answer them.
type Description struct {
	Audio     int            // index of the audio stream among the m= lines
	Remote    netip.AddrPort // where the far end wants sound; an unspecified address (0.0.0.0) means nowhere, for now
	RTCP      netip.AddrPort // where it wants reports
	Formats   []Format       // of the audio stream, in the far end's order
	Direction Direction      // as the far end wrote it; 0.0.0.0 already counted in

	session *session
}

// Parse reads a description and picks its audio stream: the first m=audio line on RTP/AVP with a port. Its error is a
// *Refusal.
func Parse(body []byte) (*Description, error) {
	if len(body) > MaxSize {
		return nil, refuse("the description is over %d bytes", MaxSize)
	}
	if len(body) == 0 {
		return nil, refuse("there is no description")
	}
	session, err := parseLines(string(body))
	if err != nil {
		return nil, err
	}
	d := &Description{session: session}
	if d.Audio, err = pickAudio(session.streams); err != nil {
		return nil, err
	}
	audio := session.streams[d.Audio]
	if err := d.readAddresses(audio); err != nil {
		return nil, err
	}
	if d.Formats, err = readFormats(audio); err != nil {
		return nil, err
	}
	d.Direction = readDirection(audio.attributes, session.attributes)
	if d.Remote.Addr().IsUnspecified() && d.Direction.Receives() {
		// RFC 2543's way to put on hold: the far end does not want sound, it may still send some.
		if d.Direction == SendRecv {
			d.Direction = SendOnly
		} else {
			d.Direction = Inactive
		}
	}
	return d, nil
}

// pickAudio returns the index of the stream that we can talk about.
func pickAudio(streams []*stream) (int, error) {
	why := errors.New("there is no audio stream")
	for i, s := range streams {
		if s.media != "audio" || s.port == 0 {
			continue
		}
		if s.profile == "RTP/AVP" || s.profile == "RTP/AVPF" && !s.encrypted() {
			return i, nil
		}
		why = fmt.Errorf("the profile %q of the audio stream is not supported", s.profile)
	}
	return 0, refuse("%v", why)
}

// encrypted reports whether a stream wants keys that we cannot give.
func (s *stream) encrypted() bool {
	_, sdes := s.attribute("crypto")
	_, dtls := s.attribute("fingerprint")
	return sdes || dtls
}

// readAddresses finds where the far end wants sound and reports.
func (d *Description) readAddresses(audio *stream) error {
	connection := audio.connection
	if connection == "" {
		connection = d.session.connection
	}
	if connection == "" {
		return refuse("there is no c= line for the audio stream")
	}
	address, err := parseIPv4(connection)
	if err != nil {
		return err
	}
	port := uint16(audio.port)
	d.Remote = netip.AddrPortFrom(address, port)
	d.RTCP = netip.AddrPortFrom(address, max(port, port+1)) // 65535 has no port above it
	if value, ok := audio.attribute("rtcp"); ok {           // RFC 3605
		if rtcp, ok := parseRTCP(value, address); ok {
			d.RTCP = rtcp
		}
	}
	return nil
}

// parseIPv4 reads a connection address: "IN IP4 192.0.2.1". Host names are never resolved: a look-up has no place in
// the path of a call.
func parseIPv4(connection string) (netip.Addr, error) {
	fields := strings.Fields(connection)
	if len(fields) != 3 || fields[0] != "IN" || fields[1] != "IP4" {
		return netip.Addr{}, refuse("the address %q is not supported, only IN IP4 ones are", connection)
	}
	text, _, _ := strings.Cut(fields[2], "/") // multicast has a lifetime behind it
	address, err := netip.ParseAddr(text)
	if err != nil || !address.Is4() {
		return netip.Addr{}, refuse("%q is not an IPv4 address", fields[2])
	}
	if address.IsMulticast() || address == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}, refuse("sound is not sent to %s", address)
	}
	return address, nil
}

// parseRTCP reads the value of a=rtcp. Reports go to the address of the sound only, so that an offer cannot make us
// send to two places.
func parseRTCP(value string, sound netip.Addr) (netip.AddrPort, bool) {
	fields := strings.Fields(value)
	if len(fields) == 0 {
		return netip.AddrPort{}, false
	}
	port, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(sound, uint16(port)), true
}

// readFormats reads the payload types of a stream with their a=rtpmap lines.
func readFormats(audio *stream) ([]Format, error) {
	mapped := map[uint8]Format{}
	for _, a := range audio.attributes {
		if a.name != "rtpmap" {
			continue
		}
		if format, ok := parseMap(a.value); ok {
			mapped[format.Type] = format
		}
	}
	var formats []Format
	for _, text := range audio.formats {
		number, err := strconv.ParseUint(text, 10, 7)
		if err != nil {
			return nil, refuse("%q is not a payload type", text)
		}
		format, ok := mapped[uint8(number)]
		if !ok {
			format, ok = staticFormats[uint8(number)]
		}
		if ok {
			formats = append(formats, format)
		}
	}
	return formats, nil
}

// parseMap reads the value of a=rtpmap: "101 telephone-event/8000".
func parseMap(value string) (Format, bool) {
	number, encoding, found := strings.Cut(strings.TrimSpace(value), " ")
	kind, err := strconv.ParseUint(number, 10, 7)
	if !found || err != nil {
		return Format{}, false
	}
	parts := strings.Split(strings.TrimSpace(encoding), "/")
	if len(parts) < 2 {
		return Format{}, false
	}
	rate, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil {
		return Format{}, false
	}
	channels := 1
	if len(parts) > 2 {
		if channels, err = strconv.Atoi(parts[2]); err != nil {
			return Format{}, false
		}
	}
	return Format{uint8(kind), strings.ToUpper(parts[0]), uint32(rate), channels}, true
}

// readDirection returns the first direction in the lists: the stream's, else the session's, else sendrecv.
func readDirection(lists ...[]attribute) Direction {
	for _, attributes := range lists {
		for _, a := range attributes {
			if d := slices.Index(directionNames[:], a.name); d >= 0 {
				return Direction(d)
			}
		}
	}
	return SendRecv
}
