package playback

import "math"

// findPeriod returns the distance, from shortest to longest, at which pcm is most like itself, and how much so (a normalised
// correlation, at most 1; 0 in silence). The part of width from at on is looked for that distance to the left, or to the right
// if direction is 1. All that is looked at must be in pcm.
func findPeriod(pcm []int16, at, width, shortest, longest, direction, stride int) (period int, likeness float32) {
	pattern := pcm[at : at+width]
	period = longest
	var own float32
	for i := 0; i < width; i += stride {
		own += float32(pattern[i]) * float32(pattern[i])
	}
	if own == 0 {
		return longest, 0
	}
	for lag := shortest; lag <= longest; lag++ {
		other := pcm[at+direction*lag:][:width]
		var product, energy float32
		for i := 0; i < width; i += stride {
			a, b := float32(pattern[i]), float32(other[i])
			product += a * b
			energy += b * b
		}
		if product <= 0 || energy == 0 {
			continue
		}
		if c := product / float32(math.Sqrt(float64(own)*float64(energy))); c > likeness {
			period, likeness = lag, c
		}
	}
	return period, likeness
}

// clip returns the nearest sample.
func clip(x float32) int16 {
	if x >= 0 {
		return int16(min(x+0.5, math.MaxInt16))
	}
	return int16(max(x-0.5, math.MinInt16))
}
