package quality

import (
	"strings"
	"time"
)

// Codec is what the E-model knows of a codec.
type Codec struct {
	Ie  float64 // equipment impairment factor without packet loss, narrow-band
	Bpl float64 // packet-loss robustness: the loss in percent at which half of what loss can take away is gone
	// Lookahead is how much sound the coder has to hear beyond its frame.
	Lookahead time.Duration
}

// concealed and bare are the packet-loss robustness of G.711 under random loss with and without concealment (ITU-T G.113 (11/2007)
// Appendix I; the concealment is that of G.711 Appendix I).
const (
	concealed = 25.1
	bare      = 4.3
)

// knownCodecs are the codecs by their encoding name (RFC 3551, RFC 7587), in capitals.
//
// G.711 has both values from G.113 Appendix I, which has no narrow-band values for the others, as they are made for a wider band. Their
// rating here is an assumption of ours: within a telephone's band none of them, at the rates of a call (G.722 at 64 kbit/s, Opus at
// 16 kbit/s and more), is worse than G.711, which has no impairment (Ie 0); and each has a concealment of its own (G.722 Appendix III
// and IV, RFC 6716 section 4.4; any will do for L16) that is taken to be as good as that of G.711.
var knownCodecs = map[string]Codec{
	"PCMU": {Bpl: concealed},
	"PCMA": {Bpl: concealed},
	"L16":  {Bpl: concealed},
	"G722": {Bpl: concealed, Lookahead: 1500 * time.Microsecond}, // its filter bank: 22 samples at 16 kHz
	"OPUS": {Bpl: concealed, Lookahead: 6500 * time.Microsecond}, // RFC 6716 section 2: 26.5 ms with frames of 20 ms
}

// CodecOf returns what is known of a codec by its encoding name, in any case; false for one that is not known.
func CodecOf(name string) (Codec, bool) {
	codec, ok := knownCodecs[strings.ToUpper(name)]
	return codec, ok
}

// WithoutConcealment is the codec for a listener who puts silence where a packet is missing.
func (c Codec) WithoutConcealment() Codec {
	c.Bpl = min(c.Bpl, bare)
	return c
}
