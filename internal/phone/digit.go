package phone

import (
	"strings"
)

// keypad lists the digits in the order of their event numbers (RFC 4733 table 7).
const keypad = "0123456789*#ABCD"

// eventOf returns the event number of a digit.
func eventOf(digit byte) (uint8, bool) {
	i := strings.IndexByte(keypad, digit)
	return uint8(i), i >= 0
}

// eventReceiver turns telephone events into digits, one for each event however many packets it has. It belongs to the
// goroutine that reads the socket.
type eventReceiver struct {
	known bool
	ssrc  uint32
	began uint32
}

// receive takes the payload of a telephone event; the second result says whether it begins a new digit.
func (r *eventReceiver) receive(ssrc, timestamp uint32, payload []byte) (byte, bool) {
	if len(payload) < 4 || int(payload[0]) >= len(keypad) {
		return 0, false
	}
	if r.known && r.ssrc == ssrc && int32(timestamp-r.began) <= 0 {
		return 0, false
	}
	r.known, r.ssrc, r.began = true, ssrc, timestamp
	return keypad[payload[0]], true
}

// infoDigit reads the digit out of the body of an INFO request, of type application/dtmf-relay or application/dtmf.
func infoDigit(contentType string, body []byte) (byte, bool) {
	contentType, _, _ = strings.Cut(contentType, ";")
	text := string(body)
	switch strings.ToLower(strings.TrimSpace(contentType)) {
	case "application/dtmf-relay":
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(line, "=")
			if strings.EqualFold(strings.TrimSpace(name), "signal") {
				return knownDigit(value)
			}
		}
	case "application/dtmf":
		return knownDigit(text)
	}
	return 0, false
}

func knownDigit(text string) (byte, bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if len(text) != 1 {
		return 0, false
	}
	_, ok := eventOf(text[0])
	return text[0], ok
}

// isControl says whether a datagram on the RTP port is RTCP (RFC 5761 section 4).
func isControl(datagram []byte) bool {
	return len(datagram) >= 2 && datagram[1] >= 192 && datagram[1] <= 223
}
