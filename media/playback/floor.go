package playback

import "math"

// loudestBackground is the loudest that a background is supposed to be, as a root mean square: -50 dBov. What is louder all
// the time is more likely a tone or music.
const loudestBackground = 104

// floor follows the level of the background: that of the quietest frames of late.
type floor struct {
	level float32 // root mean square
}

// newFloor returns a floor that has heard nothing.
func newFloor() floor { return floor{fullScale} }

// hear takes in a frame of the far end's sound. The floor rises by a half in two seconds, so that talk does not lift it much.
func (f *floor) hear(frame []int16) {
	f.level = min(f.level*1.004+0.02, level(frame), fullScale)
}

// background returns the level, or 0 if it is not known.
func (f *floor) background() float32 {
	if f.level > loudestBackground {
		return 0
	}
	return f.level
}

// level returns the root mean square of some samples.
func level(pcm []int16) float32 {
	var sum int64
	for _, x := range pcm {
		sum += int64(x) * int64(x)
	}
	return float32(math.Sqrt(float64(sum) / float64(max(len(pcm), 1))))
}
