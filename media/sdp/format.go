package sdp

import (
	"strconv"
	"strings"
)

// A Format is one payload type of an audio stream and what it stands for.
type Format struct {
	Type       uint8  // RTP payload type, 0 to 127
	Name       string // encoding name in upper case: PCMU, OPUS, TELEPHONE-EVENT
	Rate       uint32 // clock rate in Hz
	Channels   int    // 1 unless the description says more
	Parameters string // value of its a=fmtp, as it was written; "": none
}

// A Codec is a codec that we speak.
type Codec struct {
	Name       string // encoding name in upper case, as in a=rtpmap (RFC 3551, RFC 7587)
	ClockRate  uint32 // of its timestamps, in Hz: 8000 for G722, too (RFC 3551 section 4.5.2)
	Channels   int    // as a=rtpmap has them: 2 for OPUS always (RFC 7587 section 7)
	Type       uint8  // the payload type that our offers give it: the fixed one, or one of 96 to 127
	Parameters string // value of a=fmtp in our descriptions; "": none
}

// known are the codecs that Known knows. L16 and Opus have no fixed payload type: any of 96 to 127 will do that neither
// another codec nor events (101 and those behind it) are given.
var known = []Codec{
	{Name: "PCMU", ClockRate: 8000, Channels: 1, Type: 0},
	{Name: "PCMA", ClockRate: 8000, Channels: 1, Type: 8},
	{Name: "G722", ClockRate: 8000, Channels: 1, Type: 9},
	{Name: "L16", ClockRate: 16000, Channels: 1, Type: 112},
	{Name: "OPUS", ClockRate: 48000, Channels: 2, Type: 111},
}

// Known returns a codec by its name in any case: PCMU, PCMA, G722, L16 (16 kHz, one channel) or OPUS.
func Known(name string) (Codec, bool) {
	for _, codec := range known {
		if strings.EqualFold(codec.Name, name) {
			return codec, true
		}
	}
	return Codec{}, false
}

// is reports whether a format is the codec's, whatever its payload type.
func (c Codec) is(f Format) bool {
	return strings.EqualFold(c.Name, f.Name) && c.ClockRate == f.Rate && max(c.Channels, 1) == f.Channels
}

// format returns the codec as a format of ours with a payload type.
func (c Codec) format(kind uint8) Format {
	return Format{Type: kind, Name: c.Name, Rate: c.ClockRate, Channels: max(c.Channels, 1), Parameters: c.Parameters}
}

// staticFormats are the payload types of RFC 3551 that need no rtpmap and that telephones offer.
var staticFormats = map[uint8]Format{
	0:  {Type: 0, Name: "PCMU", Rate: 8000, Channels: 1},
	3:  {Type: 3, Name: "GSM", Rate: 8000, Channels: 1},
	4:  {Type: 4, Name: "G723", Rate: 8000, Channels: 1},
	8:  {Type: 8, Name: "PCMA", Rate: 8000, Channels: 1},
	9:  {Type: 9, Name: "G722", Rate: 8000, Channels: 1},
	13: {Type: 13, Name: "CN", Rate: 8000, Channels: 1},
	18: {Type: 18, Name: "G729", Rate: 8000, Channels: 1},
}

const (
	eventName  = "TELEPHONE-EVENT" // RFC 4733
	comfort    = "CN"              // RFC 3389
	narrowBand = 8000              // Hz: the clock of telephony, and of events for lack of a better one
)

// comfortNoise is what descriptions of ours list for Local.Comfort.
var comfortNoise = staticFormats[13]

// eventFormat is telephone-events of one clock, keys only (RFC 4733 section 3.2), in a description of ours.
func eventFormat(kind uint8, clock uint32) Format {
	return Format{Type: kind, Name: eventName, Rate: clock, Channels: 1, Parameters: "0-15"}
}

// readFormats reads the payload types of a stream with their a=rtpmap and a=fmtp lines.
func readFormats(audio *stream) ([]Format, error) {
	mapped, parameters := map[uint8]Format{}, map[uint8]string{}
	for _, a := range audio.attributes {
		switch a.name {
		case "rtpmap":
			if format, ok := parseMap(a.value); ok {
				mapped[format.Type] = format
			}
		case "fmtp":
			if kind, rest, ok := cutType(a.value); ok {
				parameters[kind] = rest
			}
		}
	}
	var formats []Format
	for _, text := range audio.formats {
		kind, err := strconv.ParseUint(text, 10, 7)
		if err != nil {
			return nil, refuse("%q is not a payload type", text)
		}
		format, ok := mapped[uint8(kind)]
		if !ok {
			format, ok = staticFormats[uint8(kind)]
		}
		if ok && !looksLikeReport(format.Type) {
			format.Parameters = parameters[format.Type]
			formats = append(formats, format)
		}
	}
	return formats, nil
}

// looksLikeReport reports whether packets of a payload type would be taken for RTCP (RFC 5761 section 4). Nobody may
// give such a type to sound.
func looksLikeReport(kind uint8) bool { return kind >= 64 && kind <= 95 }

// parseMap reads the value of a=rtpmap: "101 telephone-event/8000".
func parseMap(value string) (Format, bool) {
	kind, encoding, ok := cutType(value)
	if !ok {
		return Format{}, false
	}
	parts := strings.Split(encoding, "/")
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
	return Format{Type: kind, Name: strings.ToUpper(parts[0]), Rate: uint32(rate), Channels: channels}, true
}

// cutType splits the payload type from what is said of it.
func cutType(value string) (kind uint8, rest string, ok bool) {
	number, rest, found := strings.Cut(strings.TrimSpace(value), " ")
	n, err := strconv.ParseUint(number, 10, 7)
	return uint8(n), strings.TrimSpace(rest), found && err == nil
}
