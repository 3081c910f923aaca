package playback

import "time"

// Stats are the figures of a Stream since New.
type Stats struct {
	Delay     time.Duration // of what was played last, behind the line at its quickest
	Invalid   uint64        // packets that were malformed, or too large
	Late      uint64        // packets whose turn had passed; also counted in Lost if it passed as they were missing
	Doubled   uint64        // packets that were here already
	Lost      uint64        // packets that were missing when their turn came
	Dropped   uint64        // packets that were here, and not played as they would have made the delay too long
	Concealed uint64        // frames that were made up, in part at least
	Stretched uint64        // frames that were played slower
	Shrunk    uint64        // frames that were played faster
	Restarts  uint64        // jumps of the timestamps or the sequence, and Resets
}

// Stats returns the figures so far.
func (s *Stream) Stats() Stats { return s.stats }
