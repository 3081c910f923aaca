package media

import (
	"math"
	"time"
)

// A Level is how loud recordings are made when they are loaded, in dBFS: the root mean square of what is active in them
// against the largest sample (32768; a sine of full scale has -3). From MinLevel to MaxLevel, or AsRecorded.
type Level int

// The levels that recordings can be brought to.
const (
	// AsRecorded leaves recordings as they are.
	AsRecorded Level = 0
	// DefaultLevel is a little louder than speech on the telephone is meant to be (-26 dBov, ITU-T P.56 and G.100.1), as
	// prompts are heard over hands-free sets and in the street, and leaves the 18 dB that speech needs for its peaks.
	DefaultLevel Level = -19
	MinLevel     Level = -40
	MaxLevel     Level = -10
)

// maxGain bounds what a quiet recording is raised by, in dB: one of -49 dBFS still gets to the default level; what is
// quieter than that is mostly noise.
const maxGain = 30.0

// ceiling is the largest sample of a recording that was brought to a level: -1 dBFS (EBU R 128), so that the filters of
// the far end have room, too.
const ceiling = 0.891 * 32768

// How activity is told from pauses, in the manner of ITU-R BS.1770-5 (gating): blocks of 400 ms, one beginning every
// 100 ms, count unless they are under -70 dBFS or 10 dB under the mean of those that are not. There is no weighting of
// frequencies: telephone sound has little of those that it would change.
const (
	gateStep     = 100 * time.Millisecond
	gateSteps    = 4 // of a block
	absoluteGate = -70.0
	relativeGate = -10.0
)

// activeLevel returns the root mean square of what is active in some sound, in dBFS; false when nothing is.
func activeLevel(pcm []int16, rate int) (float64, bool) {
	blocks := blockPowers(pcm, int(gateStep*time.Duration(rate)/time.Second))
	mean, ok := meanAbove(blocks, math.Pow(10, absoluteGate/10))
	if !ok {
		return 0, false
	}
	mean, ok = meanAbove(blocks, mean*math.Pow(10, relativeGate/10))
	return 10 * math.Log10(mean), ok
}

// blockPowers returns the mean power of each block against full scale; of sound that is shorter than a block, of all.
func blockPowers(pcm []int16, step int) []float64 {
	steps := make([]float64, 0, len(pcm)/step+1)
	for from := 0; from < len(pcm); from += step {
		var sum float64
		for _, sample := range pcm[from:min(from+step, len(pcm))] {
			sum += float64(sample) * float64(sample)
		}
		steps = append(steps, sum/(32768*32768))
	}
	if len(pcm) < gateSteps*step {
		var sum float64
		for _, s := range steps {
			sum += s
		}
		return []float64{sum / float64(max(len(pcm), 1))}
	}
	blocks := make([]float64, 0, len(steps))
	for i := 0; (i+gateSteps)*step <= len(pcm); i++ {
		var sum float64
		for _, s := range steps[i : i+gateSteps] {
			sum += s
		}
		blocks = append(blocks, sum/float64(gateSteps*step))
	}
	return blocks
}

// meanAbove returns the mean of the powers that are above a gate.
func meanAbove(powers []float64, gate float64) (float64, bool) {
	sum, n := 0.0, 0
	for _, p := range powers {
		if p > gate {
			sum, n = sum+p, n+1
		}
	}
	return sum / float64(max(n, 1)), n > 0
}

// gainTo returns the factor that brings some sound to a level: 1 for AsRecorded and for what has nothing active in it.
func gainTo(level Level, pcm []int16, rate int) float64 {
	if level == AsRecorded {
		return 1
	}
	active, ok := activeLevel(pcm, rate)
	if !ok {
		return 1
	}
	return math.Pow(10, min(float64(level)-active, maxGain)/20)
}

// amplify multiplies sound by a factor, in place. Peaks that would pass the ceiling are turned down together with the 5 ms
// on either side of them, gently, rather than cut off: the gain moves in steps of a millisecond, each the mean of the
// least that its neighbours allow, with a straight line between them, so it is never more than the sample itself allows.
func amplify(pcm []int16, rate int, gain float64) {
	if gain == 1 {
		return
	}
	step := rate / 1000
	gains := allowed(pcm, step, gain)
	if gains == nil {
		for i, sample := range pcm {
			pcm[i] = int16(math.Round(float64(sample) * gain))
		}
		return
	}
	gains = smooth(gains)
	for i, sample := range pcm {
		at, part := i/step, float64(i%step)/float64(step)
		g := gains[at] + (gains[min(at+1, len(gains)-1)]-gains[at])*part
		pcm[i] = int16(math.Round(float64(sample) * g))
	}
}

// allowed returns for each step the gain that keeps it under the ceiling, at most gain; nil when all may have gain.
func allowed(pcm []int16, step int, gain float64) []float64 {
	gains := make([]float64, 0, len(pcm)/step+1)
	limited := false
	for from := 0; from < len(pcm); from += step {
		peak := 0.0
		for _, sample := range pcm[from:min(from+step, len(pcm))] {
			peak = max(peak, math.Abs(float64(sample)))
		}
		g := gain
		if peak*gain > ceiling {
			g, limited = ceiling/peak, true
		}
		gains = append(gains, g)
	}
	if !limited {
		return nil
	}
	return gains
}

// reach is how many steps before and after a peak are turned down with it.
const reach = 5

// smooth returns the mean over reach-1 steps on either side of the least over reach steps on either side. The mean at a
// step and that at the next are both at most what the step itself allows, and so is all that lies between them.
func smooth(gains []float64) []float64 {
	least := make([]float64, len(gains))
	for i := range gains {
		g := gains[i]
		for _, near := range gains[max(0, i-reach):min(len(gains), i+reach+1)] {
			g = min(g, near)
		}
		least[i] = g
	}
	mean := make([]float64, len(gains))
	for i := range least {
		near := least[max(0, i-reach+1):min(len(least), i+reach)]
		sum := 0.0
		for _, g := range near {
			sum += g
		}
		mean[i] = sum / float64(len(near))
	}
	return mean
}
