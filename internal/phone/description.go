package phone

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/sdp/v3"
)

// eventPayload is the payload type that the phone offers for telephone events.
const eventPayload = 101

// maxDescription bounds a session description in bytes; one with sound alone has a few hundred.
const maxDescription = 16 << 10

// errNoCommonSound says that a session description has no sound that the phone can speak.
var errNoCommonSound = errors.New("no common codec")

// direction is who sends sound, seen from the one who wrote the description (RFC 3264 section 5.1).
type direction string

const (
	sendrecv direction = "sendrecv"
	sendonly direction = "sendonly"
	recvonly direction = "recvonly"
	inactive direction = "inactive"
)

// reversed is the direction with which an offer of direction d is answered at most.
func (d direction) reversed() direction {
	switch d {
	case sendonly:
		return recvonly
	case recvonly:
		return sendonly
	}
	return d
}

// remoteListens says whether the one who wrote the description wants to hear anything.
func (d direction) remoteListens() bool { return d == sendrecv || d == recvonly }

// terms is what the far end's session description says about sound.
type terms struct {
	remote    netip.AddrPort
	codec     Codec // the first that both speak
	eventType uint8 // the payload type of telephone events; 0: none
	direction direction
	tag       string // of the key, for the answer
	key       []byte // by which its sound is protected; nil: it is not
	text      []byte // all of it
}

// description is our side of a session.
type description struct {
	local     netip.AddrPort
	codecs    []Codec
	eventType uint8
	direction direction
	id        uint64 // of the session, the same in every version
	version   uint64 // grows with every change (RFC 3264 section 8)
	packet    time.Duration
	tag       string // of the key
	key       []byte // by which our sound is protected; nil: it is not
}

// marshal writes the description as SDP (RFC 8866).
func (d description) marshal() ([]byte, error) {
	address, family, protos := d.local.Addr().String(), "IP4", []string{"RTP", "AVP"}
	if d.local.Addr().Is6() {
		family = "IP6"
	}
	if d.key != nil {
		protos = []string{"RTP", "SAVP"}
	}
	audio := (&sdp.MediaDescription{MediaName: sdp.MediaName{
		Media:  "audio",
		Port:   sdp.RangedPort{Value: int(d.local.Port())},
		Protos: protos,
	}})
	for _, c := range d.codecs {
		audio.WithCodec(uint8(c), c.String(), SampleRate, 0, "")
	}
	if d.eventType != 0 {
		audio.WithCodec(d.eventType, "telephone-event", SampleRate, 0, "0-15")
	}
	if d.key != nil {
		audio.WithValueAttribute("crypto", cryptoLine(d.tag, d.key))
	}
	audio.WithValueAttribute("ptime", strconv.FormatInt(d.packet.Milliseconds(), 10)).WithPropertyAttribute(string(d.direction))
	s := sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: d.id, SessionVersion: d.version,
			NetworkType: "IN", AddressType: family, UnicastAddress: address,
		},
		SessionName:           "-",
		ConnectionInformation: &sdp.ConnectionInformation{NetworkType: "IN", AddressType: family, Address: &sdp.Address{Address: address}},
		TimeDescriptions:      []sdp.TimeDescription{{}},
		MediaDescriptions:     []*sdp.MediaDescription{audio},
	}
	b, err := s.Marshal()
	if err != nil {
		return nil, fmt.Errorf("write session description: %w", err)
	}
	return b, nil
}

// understand reads the far end's description. Of the codecs in it the first that is also in speaks is taken, and of sound only
// what is protected, or what is not.
func understand(body []byte, speaks []Codec, secure bool) (terms, error) {
	if len(body) > maxDescription {
		return terms{}, fmt.Errorf("session description of %d bytes", len(body))
	}
	var s sdp.SessionDescription
	if err := s.Unmarshal(body); err != nil {
		return terms{}, fmt.Errorf("session description: %w", err)
	}
	profile := "AVP"
	if secure {
		profile = "SAVP"
	}
	for _, m := range s.MediaDescriptions {
		if m.MediaName.Media != "audio" || m.MediaName.Port.Value == 0 || !slices.Equal(m.MediaName.Protos, []string{"RTP", profile}) {
			continue
		}
		connection := s.ConnectionInformation
		if m.ConnectionInformation != nil {
			connection = m.ConnectionInformation
		}
		t, err := understandAudio(m, connection, directionOf(m, &s), speaks)
		if secure && err == nil {
			if t.tag, t.key = understandKey(m); t.key == nil {
				err = errNotProtected
			}
		}
		t.text = body
		return t, err
	}
	return terms{}, errNoCommonSound
}

// understandAudio reads the part about sound.
func understandAudio(m *sdp.MediaDescription, c *sdp.ConnectionInformation, d direction, speaks []Codec) (terms, error) {
	if c == nil || c.Address == nil {
		return terms{}, errors.New("session description without an address")
	}
	address, err := netip.ParseAddr(strings.TrimSpace(c.Address.Address))
	if err != nil || m.MediaName.Port.Value < 0 || m.MediaName.Port.Value > 65535 {
		return terms{}, fmt.Errorf("session description: address %q, port %d", c.Address.Address, m.MediaName.Port.Value)
	}
	t := terms{remote: netip.AddrPortFrom(address.Unmap(), uint16(m.MediaName.Port.Value)), direction: d}
	if address.IsUnspecified() {
		t.direction = inactive // hold as it was before RFC 3264
	}
	found := false
	for _, format := range m.MediaName.Formats {
		number, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			continue
		}
		if codec := Codec(number); !found && codec.known() && slices.Contains(speaks, codec) {
			t.codec, found = codec, true
		}
		if t.eventType == 0 && number >= 96 && isEvent(m, format) {
			t.eventType = uint8(number)
		}
	}
	if !found {
		return terms{}, errNoCommonSound
	}
	return t, nil
}

// isEvent says whether a dynamic payload type stands for telephone events at our sample rate.
func isEvent(m *sdp.MediaDescription, format string) bool {
	for _, a := range m.Attributes {
		number, mapping, _ := strings.Cut(a.Value, " ")
		if a.Key == "rtpmap" && number == format {
			return strings.EqualFold(strings.TrimSpace(mapping), "telephone-event/8000")
		}
	}
	return false
}

// directionOf finds the direction, which may stand at the media or at the session; none means both ways.
func directionOf(m *sdp.MediaDescription, s *sdp.SessionDescription) direction {
	for _, attributes := range [][]sdp.Attribute{m.Attributes, s.Attributes} {
		for _, a := range attributes {
			switch d := direction(a.Key); d {
			case sendrecv, sendonly, recvonly, inactive:
				return d
			}
		}
	}
	return sendrecv
}
