package codec

import (
	"fmt"
	"strings"
)

// A Codec is a way to carry sound in packets.
type Codec uint8

// The codecs, mono all.
const (
	PCMU  Codec = iota // G.711 µ-law, RTP payload type 0
	PCMA               // G.711 A-law, RTP payload type 8
	G722               // G.722 at 64 kbit/s, RTP payload type 9
	L16                // linear, 16 bit, big-endian, 16 kHz, dynamic payload type
	Opus               // Opus in wideband, dynamic payload type; only in a build with the tag opus
	Count              // how many there are, for arrays by Codec
)

// A property is what there is to know of a codec without coding anything.
type property struct {
	name       string // the encoding name
	sampleRate int    // Hz
	clockRate  int    // Hz
	frameBytes int    // for 20 ms
}

// properties are those of each Codec: names, clocks and sizes by RFC 3551 (table 4, section 4.5) and RFC 7587 (sections 4.1
// and 7). That the clock of G.722 is half its sample rate is an old error that RFC 3551 section 4.5.2 keeps.
var properties = [Count]property{
	PCMU: {"PCMU", 8000, 8000, 160},
	PCMA: {"PCMA", 8000, 8000, 160},
	G722: {"G722", 16000, 8000, 160},
	L16:  {"L16", 16000, 16000, 640},
	Opus: {"OPUS", 16000, 48000, opusFrameBytes},
}

// Parse finds a codec by its encoding name in any case, as in "pcmu". It is an error to ask for one that is not in this
// build; the error says what is, or how to have it.
func Parse(name string) (Codec, error) {
	for c := range Count {
		if !strings.EqualFold(name, properties[c].name) {
			continue
		}
		if !c.Available() {
			return 0, fmt.Errorf("codec %q: the program must be built with `-tags opus`", name)
		}
		return c, nil
	}
	return 0, fmt.Errorf("codec %q is not one of %s", name, strings.Join(available(), ", "))
}

// available are the names of the codecs in this build, as they stand in a configuration.
func available() []string {
	var names []string
	for c := range Count {
		if c.Available() {
			names = append(names, strings.ToLower(c.String()))
		}
	}
	return names
}

// String returns the codec's RTP encoding name, in capitals.
func (c Codec) String() string {
	if c >= Count {
		return fmt.Sprintf("codec(%d)", uint8(c))
	}
	return properties[c].name
}

// Available says whether this build can encode and decode: always, but for Opus without the build tag.
func (c Codec) Available() bool {
	return c < Opus || c == Opus && opusBuilt
}

// SampleRate returns the rate of the linear PCM that the codec takes and gives, in Hz.
func (c Codec) SampleRate() int { return properties[c].sampleRate }

// ClockRate returns the rate of the codec's RTP timestamps, in Hz, which need not be that of its samples.
func (c Codec) ClockRate() int { return properties[c].clockRate }

// FrameBytes returns the most bytes that 20 ms of sound take encoded, for buffers. For Opus this is the most that one
// frame may have whoever sends it, and the most that our encoder writes for a packet of any length.
func (c Codec) FrameBytes() int { return properties[c].frameBytes }

// Samples returns how many samples of linear PCM, at SampleRate, a payload holds, without decoding it: 0 if it is malformed
// or empty.
func (c Codec) Samples(payload []byte) int {
	switch c {
	case PCMU, PCMA:
		return len(payload)
	case G722:
		return 2 * len(payload)
	case L16:
		return l16Samples(payload)
	case Opus:
		return opusSamples(payload)
	}
	return 0
}
