package media

import "time"

// How many packets of one far end are heard. Sound takes 17 to 100 a second (60 to 10 ms each), keys as many again for
// a moment; what a network held back may come all at once. More than that is a fault or an attack, which a bridge would
// pass on to the other side.
const (
	packetsPerSecond = 200
	packetsAtOnce    = 200
)

// allowance is a bucket of packets that fills with time. The zero value is a full one. It is owned by the goroutine that
// receives.
type allowance struct {
	spent time.Duration // of the bucket, as the time that it takes to fill again
	at    time.Time     // when it was last looked at
}

// take reports whether one packet more is heard.
func (a *allowance) take(now time.Time) bool {
	const one = time.Second / packetsPerSecond
	a.spent = max(a.spent-now.Sub(a.at), 0)
	a.at = now
	if a.spent+one > packetsAtOnce*one {
		return false
	}
	a.spent += one
	return true
}
