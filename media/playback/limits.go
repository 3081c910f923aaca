package playback

import "time"

// Limits are the bounds of the delay that a Stream adds to the quickest packet's way. Zero is the default.
type Limits struct {
	Shortest time.Duration // 20 ms at least and by default: a frame is only whole when all of its packets are here
	Longest  time.Duration // up to 1 s, by default 200 ms: half of the 400 ms that ITU-T G.114 allows a whole connection
}

const (
	defaultLongest = 200 * time.Millisecond
	longestLongest = time.Second
)

// checked returns the limits with defaults and within bounds.
func (l Limits) checked() Limits {
	l.Shortest = min(max(l.Shortest, frameDuration), longestLongest)
	if l.Longest <= 0 {
		l.Longest = defaultLongest
	}
	l.Longest = min(max(l.Longest, l.Shortest), longestLongest)
	return l
}
