package sdp

import "slices"

// Direction says who sends, seen by the party that wrote the description.
type Direction uint8

// The directions of RFC 8866 section 6.7.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// directionNames are the attributes' names, by Direction.
var directionNames = [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}

// String returns the attribute's name.
func (d Direction) String() string { return directionNames[d] }

// Sends reports whether the party that wrote the description sends.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives reports whether the party that wrote the description wants to receive.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse returns the same direction seen by the other party.
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// deaf returns the direction of a party that has no address to receive at (0.0.0.0 or ::): RFC 2543's way to put on
// hold. It does not want sound; it may still send some.
func (d Direction) deaf() Direction {
	switch d {
	case SendRecv:
		return SendOnly
	case RecvOnly:
		return Inactive
	}
	return d
}

// readDirection returns the first direction in the lists: the stream's, else the session's, else sendrecv.
func readDirection(lists ...[]attribute) Direction {
	for _, attributes := range lists {
		for _, a := range attributes {
			if d := slices.Index(directionNames[:], a.name); d >= 0 {
				return Direction(d)
			}
		}
	}
	return SendRecv
}
