package dtmf

import (
	"strings"
	"time"
)

// Way is how a press came.
type Way uint8

// The ways.
const (
	ByEvent Way = iota // a telephone-event (RFC 4733)
	ByInfo             // a SIP INFO request
	ByTone             // tones within the sound
	ways               // how many there are
)

// wayNames are for people, by Way.
var wayNames = [ways]string{"telephone-event", "SIP INFO", "tone"}

// String returns what a person calls the way.
func (w Way) String() string {
	if w >= ways {
		return "unknown"
	}
	return wayNames[w]
}

// lag is how long after another way told of a press each way may still tell of it. Telephone-events and tones tell when
// a key goes down, and differ by what the network and the detector take. Many phones send INFO when the key is released,
// because it says how long it was held: it may be as late as the key was down.
var lag = [ways]time.Duration{ByEvent: time.Second, ByInfo: 5 * time.Second, ByTone: time.Second}

// remembered is how many presses a Stream remembers: as many as can be made within the longest lag, one every 80 ms
// (ITU-T Q.24), and one more.
const remembered = 64

// toldPress is a press that was told.
type toldPress struct {
	at    time.Duration
	digit byte
	ways  uint8 // that have told of it, a bit each
}

// Stream makes one stream of the digits of a leg, whatever ways they come: phones and gateways may tell the same press by
// two or all of them, each at its own time.
//
// A press is matched, not a leg: what a way tells is the oldest press of that digit that this way has not told of yet and
// for which it is not too late, and a new press when there is none. So two quick presses of a key that come by one way
// are two, and the second way has to tell of both before it is ahead. It was chosen over trusting whatever way came
// first for the rest of the call, as that way may lose a press that another has, or end with a re-INVITE. The price: a
// digit pressed twice within the lag, where one way missed the first and the other the second, is told once.
//
// The zero value is ready. Ways are told by different goroutines: whoever shares a Stream between them guards it.
type Stream struct {
	presses [remembered]toldPress // a ring
	next    int                   // index of the oldest in it
}

// Press takes a digit that came by a way at a time, counted from any moment that is the same for all of the leg. It is
// true for a new press, which is to be told, and false for one that another way has told already. What is not one of Keys
// or of the ways is false.
func (s *Stream) Press(digit byte, way Way, at time.Duration) bool {
	if strings.IndexByte(Keys, digit) < 0 || way >= ways {
		return false
	}
	for i := range remembered {
		press := &s.presses[(s.next+i)%remembered]
		if press.digit == digit && press.ways&(1<<way) == 0 && at-press.at <= lag[way] {
			press.ways |= 1 << way
			return false
		}
	}
	s.presses[s.next] = toldPress{at: at, digit: digit, ways: 1 << way}
	s.next = (s.next + 1) % remembered
	return true
}
