package dtmf

import (
	"encoding/binary"
	"errors"
)

// EventSize is how many bytes an event takes in a packet (RFC 4733 section 2.3).
const EventSize = 4

// Event is one report of a key that is or was pressed (RFC 4733 section 2.3).
type Event struct {
	Code     uint8  // the key's index in Keys; larger ones are no keys
	End      bool   // the key is released
	Volume   uint8  // in dB below 0 dBm0, 0 to 63
	Duration uint16 // since the report's timestamp, in units of the clock rate
}

// errShortEvent is the error of a payload that holds no report.
var errShortEvent = errors.New("a telephone-event of under 4 bytes")

// ParseEvent reads the first report of a payload. Others that may follow it (RFC 4733 section 2.5.1.5) are left alone.
func ParseEvent(payload []byte) (Event, error) {
	if len(payload) < EventSize {
		return Event{}, errShortEvent
	}
	return Event{
		Code:     payload[0],
		End:      payload[1]&0x80 != 0,
		Volume:   payload[1] & 0x3F,
		Duration: binary.BigEndian.Uint16(payload[2:]),
	}, nil
}

// Put writes the event into the first EventSize bytes of dst, which must have them.
func (e Event) Put(dst []byte) {
	dst[0], dst[1] = e.Code, e.Volume&0x3F
	if e.End {
		dst[1] |= 0x80
	}
	binary.BigEndian.PutUint16(dst[2:], e.Duration)
}
