package sdp

import (
	"strconv"
	"time"
)

// How much sound one packet holds. We send and ask for 20 ms, what every telephone takes (RFC 3551 section 4.2), unless
// the far end asks for another time; packets are whole steps of 10 ms, the shortest frame of the codecs that we speak.
const (
	usualPacket    = 20 * time.Millisecond
	shortestPacket = 10 * time.Millisecond
	longestPacket  = 60 * time.Millisecond // announced as a=maxptime
)

// packetTimes reads a=ptime and a=maxptime of a stream (RFC 8866 section 6.4): what the far end wants in a packet, and
// the most that it takes in one, both brought within our bounds.
func packetTimes(audio *stream) (wanted, longest time.Duration) {
	wanted, longest = usualPacket, longestPacket
	if most, ok := packetTime(audio, "maxptime"); ok {
		longest = most
	}
	if asked, ok := packetTime(audio, "ptime"); ok {
		wanted = asked
	}
	return min(wanted, longest), longest
}

// packetTime reads an attribute in milliseconds, rounded down to what we can send.
func packetTime(audio *stream, name string) (time.Duration, bool) {
	value, ok := audio.attribute(name)
	if !ok {
		return 0, false
	}
	milliseconds, err := strconv.ParseUint(value, 10, 16)
	if err != nil || milliseconds == 0 {
		return 0, false
	}
	asked := time.Duration(milliseconds) * time.Millisecond
	return min(max(asked.Truncate(shortestPacket), shortestPacket), longestPacket), true
}
