package codec

// Limits of a packet of Opus (RFC 6716).
const (
	opusFrameBytes  = 1 + 1275              // the TOC byte, and the most of a frame (section 3.2.1)
	opusMostSamples = 120 * opusRate / 1000 // 120 ms a packet at most (section 3.2.5, R5)
	opusRate        = 16000                 // Hz, of the linear PCM on our side
	opusUnit        = opusRate / 400        // 2.5 ms, the shortest frame
)

// opusFrameUnits are the lengths of a packet's frames in units of 2.5 ms, by the configuration number that its first byte
// begins with (RFC 6716 table 2): SILK, hybrid, CELT.
var opusFrameUnits = [32]int{
	4, 8, 16, 24, 4, 8, 16, 24, 4, 8, 16, 24,
	4, 8, 4, 8,
	1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8,
}

// opusSamples returns how many samples at 16 kHz a packet of Opus holds, by its table of contents: 0 if that is malformed.
// Whether the frames behind it are whole is not looked at.
func opusSamples(packet []byte) int {
	if len(packet) == 0 {
		return 0
	}
	samples := opusFrames(packet) * opusFrameUnits[packet[0]>>3] * opusUnit
	if samples > opusMostSamples {
		return 0
	}
	return samples
}

// opusFrames returns how many frames a packet has (RFC 6716 section 3.2): 0 if it does not say.
func opusFrames(packet []byte) int {
	switch packet[0] & 3 {
	case 0:
		return 1
	case 1, 2:
		return 2
	}
	if len(packet) < 2 {
		return 0
	}
	return int(packet[1] & 0x3F)
}
