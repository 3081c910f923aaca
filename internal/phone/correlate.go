package phone

import (
	"math"
	"time"
)

const (
	// matchBlock is the stretch that is compared at once, 100 ms: a few syllables' worth of cycles.
	matchBlock = SampleRate / 10

	// matchLikeness is the least normalised correlation at which a block, or a whole stretch, counts as the recording.
	// G.711 alone leaves over 0.99; half a sample of delay in another resampler about 0.9; two different recordings of
	// speech rarely pass 0.3 over a second.
	matchLikeness = 0.6

	// matchStretch is how much of a recording must be heard in one piece to be sure, or most of a shorter one: 1.5 s.
	// Two sentences of one voice that begin with the same words are alike for nearly a second.
	matchStretch = SampleRate * 3 / 2

	// quietEnergy is the mean square under which a block is a pause (about -54 dBFS): nothing to compare.
	quietEnergy = 64 * 64

	// coarse is by how much the rate is lowered for the search; positions are made exact afterwards.
	coarse = 2

	// candidateLags is how many positions of the recording are looked at closely.
	candidateLags = 6
)

// Match says where in a stretch of sound a recording was found, and how sure that is.
type Match struct {
	Score   float64       // normalised correlation of the part that was recognised, 0 to 1; 0 when none was
	At      int           // the sample of the heard sound at which the recording's beginning lies; negative: before it
	From    time.Duration // where in the recording the recognised part begins
	Matched time.Duration // how much of the recording was recognised in one piece
}

// Sure says whether the recording was recognised beyond doubt: 1.5 s of it, or three quarters of a shorter one.
// length is the recording's.
func (m Match) Sure(length time.Duration) bool {
	return m.Score >= matchLikeness && m.Matched >= min(lasting(matchStretch), length*3/4)
}

// Correlate looks for a recording in heard, both linear at SampleRate. It finds the position that explains the longest
// piece, so it copes with a recording that started in the middle, was broken off, or has other sound around it; level and
// companding do not matter. It costs O(n log n): about 15 ms for ten seconds; and some 40 bytes of memory for each sample.
func Correlate(heard, reference []int16) Match {
	if len(heard) < matchBlock || len(reference) < matchBlock {
		return Match{}
	}
	var best Match
	for _, lag := range likelyLags(lowered(heard), lowered(reference)) {
		for exact := coarse * (lag - 1); exact <= coarse*(lag+1); exact++ {
			m := compare(heard, reference, exact)
			if m.Matched > best.Matched || m.Matched == best.Matched && m.Score > best.Score {
				best = m
			}
		}
	}
	return best
}

// lowered returns pcm at the rate of the search: the mean of each few samples.
func lowered(pcm []int16) []int16 {
	low := make([]int16, len(pcm)/coarse)
	for i := range low {
		sum := 0
		for _, s := range pcm[i*coarse : (i+1)*coarse] {
			sum += int(s)
		}
		low[i] = int16(sum / coarse)
	}
	return low
}

// likelyLags picks the positions worth a close look: the highest peaks of the correlation as it is, which find a loud
// short piece, and normalised by the energies of what overlaps, which finds a quiet one.
func likelyLags(heard, reference []int16) []int {
	correlation := crossCorrelation(heard, reference)
	heardEnergy, referenceEnergy := runningEnergy(heard), runningEnergy(reference)
	floor := 0.02 * (heardEnergy[len(heard)] + referenceEnergy[len(reference)])
	normalised := make([]float64, len(correlation))
	for i, c := range correlation {
		lag := i - (len(reference) - 1)
		from, to := max(0, lag), min(len(heard), lag+len(reference))
		overlap := (heardEnergy[to] - heardEnergy[from]) * (referenceEnergy[to-lag] - referenceEnergy[from-lag])
		normalised[i] = c / (math.Sqrt(overlap) + floor)
	}
	lags := peaks(normalised, candidateLags/2)
	lags = append(lags, peaks(correlation, candidateLags/2)...)
	for i := range lags {
		lags[i] -= len(reference) - 1
	}
	return lags
}

// peaks returns the indices of the highest values, at least 2 ms from each other: neighbours are the same peak.
func peaks(values []float64, count int) []int {
	const apart = SampleRate / coarse / 500
	var found []int
	for range count {
		best := -1
		for i, v := range values {
			if v > 0 && (best < 0 || v > values[best]) && !near(found, i, apart) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		found = append(found, best)
	}
	return found
}

func near(found []int, index, apart int) bool {
	for _, f := range found {
		if index > f-apart && index < f+apart {
			return true
		}
	}
	return false
}

// runningEnergy returns the sums of squares of all prefixes.
func runningEnergy(pcm []int16) []float64 {
	sums := make([]float64, len(pcm)+1)
	for i, s := range pcm {
		sums[i+1] = sums[i] + float64(s)*float64(s)
	}
	return sums
}

// stretch is a run of blocks in which the recording was recognised.
type stretch struct {
	from, to                int // in the reference
	product, heard, written float64
	quiet                   int // samples of pause at its end, which do not count
}

func (s stretch) length() int { return s.to - s.from - s.quiet }

func (s stretch) likeness() float64 {
	if s.heard == 0 || s.written == 0 {
		return 0
	}
	return s.product / math.Sqrt(s.heard*s.written)
}

// compare goes through the blocks of the reference laid at lag and keeps the longest run of blocks that are alike. A pause
// in the recording neither breaks a run nor begins one.
func compare(heard, reference []int16, lag int) Match {
	var run, best stretch
	first := max(0, -lag)
	for from := first; from+matchBlock <= len(reference) && from+matchBlock+lag <= len(heard); from += matchBlock {
		r, h := reference[from:from+matchBlock], heard[from+lag:from+lag+matchBlock]
		block := products(h, r)
		switch {
		case block.written < quietEnergy*matchBlock && block.heard < 4*quietEnergy*matchBlock:
			if run.to > 0 {
				run.to = from + matchBlock
				run.quiet += matchBlock
			}
			continue
		case block.likeness() < matchLikeness:
			run = stretch{}
			continue
		}
		if run.to == 0 {
			run.from = from
		}
		run.to, run.quiet = from+matchBlock, 0
		run.product += block.product
		run.heard += block.heard
		run.written += block.written
		if run.length() > best.length() {
			best = run
		}
	}
	if best.length() == 0 {
		return Match{At: lag}
	}
	return Match{
		Score:   min(1, best.likeness()),
		At:      lag,
		From:    lasting(best.from),
		Matched: lasting(best.length()),
	}
}

// products sums up what the likeness of two blocks is made of.
func products(heard, reference []int16) (s stretch) {
	for i, r := range reference {
		h, w := float64(heard[i]), float64(r)
		s.product += h * w
		s.heard += h * h
		s.written += w * w
	}
	return s
}
