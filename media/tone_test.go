package media

import "math"

// toneShare returns how much of the power of some sound is in one frequency, 0 to 1 (Goertzel's algorithm).
func toneShare(pcm []int16, hz float64) float64 {
	var total, s1, s2 float64
	coefficient := 2 * math.Cos(2*math.Pi*hz/SampleRate)
	for _, sample := range pcm {
		x := float64(sample)
		total += x * x
		s1, s2 = x+coefficient*s1-s2, s1
	}
	if total == 0 {
		return 0
	}
	power := s1*s1 + s2*s2 - coefficient*s1*s2
	return 2 * power / (total * float64(len(pcm)))
}
