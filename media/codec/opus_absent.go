//go:build !opus

package codec

// opusBuilt says whether Opus is in this build.
const opusBuilt = false

// opusAbsent is what is wrong with asking for it all the same.
const opusAbsent = "codec: OPUS is not in this build: the program must be built with `-tags opus`"

func newOpusEncoder() Encoder { panic(opusAbsent) }

func newOpusDecoder() Decoder { panic(opusAbsent) }
