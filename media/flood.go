package media

import "time"

// How many packets of one far end are heard. Sound takes 17 to 100 a second (60 to 10 ms each), keys as many again for
// a moment; what a network held back may come all at once. More than that is a fault or an attack, which a bridge would
// pass on to the other side.
const (
	packetsPerSecond = 200
	packetsAtOnce    = 200
)

// How many reports of one far end are read: one comes each 5 s (RFC 3550 section 6.2), a few more at the beginning and the end.
const (
	reportsPerSecond = 10
	reportsAtOnce    = 20
)

// allowance is a bucket of packets that fills with time. The zero value is a full one. It is not safe for concurrent use.
type allowance struct {
	spent time.Duration // of the bucket, as the time that it takes to fill again
	at    time.Time     // when it was last looked at
}

// take reports whether one packet more is heard, of so many a second and so many at once.
func (a *allowance) take(now time.Time, perSecond, atOnce int) bool {
	one := time.Second / time.Duration(perSecond)
	a.spent = max(a.spent-now.Sub(a.at), 0)
	a.at = now
	if a.spent+one > time.Duration(atOnce)*one {
		return false
	}
	a.spent += one
	return true
}
