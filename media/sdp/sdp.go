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
	"strconv"
	"strings"

	psdp "github.com/pion/sdp/v3"
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
	Ptime     int            // milliseconds in a packet that the far end would like; 0: it did not say

	media []*psdp.MediaDescription
	times string
}

// Parse reads a description and picks its audio stream: the first m=audio line on RTP/AVP with a port. Its error is a
// *Refusal.
func Parse(body []byte) (*Description, error) {
	if len(body) > MaxSize {
		return nil, refuse("the description is over %d bytes", MaxSize)
	}
	text := strings.TrimRight(string(body), "\r\n\x00 ")
	if text == "" {
		return nil, refuse("there is no description")
	}
	var session psdp.SessionDescription
	if err := session.UnmarshalString(text + "\r\n"); err != nil {
		return nil, refuse("the description cannot be read: %v", err)
	}
	if len(session.MediaDescriptions) > maxMedia {
		return nil, refuse("the description has over %d streams", maxMedia)
	}
	d := &Description{media: session.MediaDescriptions, times: timing(&session)}
	audio, err := pickAudio(d.media)
	if err != nil {
		return nil, err
	}
	d.Audio = audio
	stream := d.media[audio]
	if err := d.readAddresses(&session, stream); err != nil {
		return nil, err
	}
	if d.Formats, err = readFormats(stream); err != nil {
		return nil, err
	}
	d.Direction = readDirection(&session, stream)
	if d.Remote.Addr().IsUnspecified() && d.Direction.Receives() {
		// RFC 2543's way to put on hold: the far end does not want sound, it may still send some.
		if d.Direction == SendRecv {
			d.Direction = SendOnly
		} else {
			d.Direction = Inactive
		}
	}
	d.Ptime = readPtime(stream)
	return d, nil
}

// timing returns the t= value that an answer must repeat (RFC 3264 section 6).
func timing(session *psdp.SessionDescription) string {
	if len(session.TimeDescriptions) == 0 {
		return "0 0"
	}
	return session.TimeDescriptions[0].Timing.String()
}

// pickAudio returns the index of the stream that we can talk about.
func pickAudio(media []*psdp.MediaDescription) (int, error) {
	why := errors.New("there is no audio stream")
	for i, m := range media {
		if m.MediaName.Media != "audio" || m.MediaName.Port.Value == 0 {
			continue
		}
		profile := strings.Join(m.MediaName.Protos, "/")
		if profile == "RTP/AVP" || profile == "RTP/AVPF" && !encrypted(m) {
			return i, nil
		}
		why = fmt.Errorf("the profile %q of the audio stream is not supported", profile)
	}
	return 0, refuse("%v", why)
}

// encrypted reports whether a stream wants keys that we cannot give.
func encrypted(m *psdp.MediaDescription) bool {
	_, sdes := m.Attribute("crypto")
	_, dtls := m.Attribute("fingerprint")
	return sdes || dtls
}

// readAddresses finds where the far end wants sound and reports.
func (d *Description) readAddresses(session *psdp.SessionDescription, stream *psdp.MediaDescription) error {
	connection := stream.ConnectionInformation
	if connection == nil {
		connection = session.ConnectionInformation
	}
	if connection == nil || connection.Address == nil {
		return refuse("there is no c= line for the audio stream")
	}
	address, err := parseIPv4(connection.NetworkType, connection.AddressType, connection.Address.Address)
	if err != nil {
		return err
	}
	port := stream.MediaName.Port.Value
	if port < 1 || port > 65535 {
		return refuse("the audio port %d is out of range", port)
	}
	d.Remote = netip.AddrPortFrom(address, uint16(port))
	d.RTCP = netip.AddrPortFrom(address, uint16(min(port+1, 65535)))
	if value, ok := stream.Attribute("rtcp"); ok { // RFC 3605
		if rtcp, ok := parseRTCP(value, address); ok {
			d.RTCP = rtcp
		}
	}
	return nil
}

// parseIPv4 reads a connection address. Host names are never resolved: a look-up has no place in the path of a call.
func parseIPv4(network, kind, text string) (netip.Addr, error) {
	if network != "IN" || kind != "IP4" {
		return netip.Addr{}, refuse("addresses of type %q are not supported, only IN IP4", network+" "+kind)
	}
	address, err := netip.ParseAddr(text)
	if err != nil || !address.Is4() {
		return netip.Addr{}, refuse("%q is not an IPv4 address", text)
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
func readFormats(stream *psdp.MediaDescription) ([]Format, error) {
	mapped := map[uint8]Format{}
	for _, attribute := range stream.Attributes {
		if attribute.Key != "rtpmap" {
			continue
		}
		if format, ok := parseMap(attribute.Value); ok {
			mapped[format.Type] = format
		}
	}
	var formats []Format
	for _, text := range stream.MediaName.Formats {
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

// readDirection returns the stream's direction, else the session's, else sendrecv.
func readDirection(session *psdp.SessionDescription, stream *psdp.MediaDescription) Direction {
	for _, attributes := range [][]psdp.Attribute{stream.Attributes, session.Attributes} {
		for _, attribute := range attributes {
			for d, name := range directionNames {
				if attribute.Key == name {
					return Direction(d)
				}
			}
		}
	}
	return SendRecv
}

// readPtime returns a=ptime in milliseconds, or 0.
func readPtime(stream *psdp.MediaDescription) int {
	value, _ := stream.Attribute("ptime")
	ptime, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || ptime < 1 || ptime > 1000 {
		return 0
	}
	return ptime
}
