package dtmf

import "math"

// halvingReach is how many samples on either side make one at half of the rate.
const halvingReach = 11

// halvingTaps are the weights of the samples at distance 1, 3, 5 and so on of a filter that passes half of the band: the
// ideal one's, under a Hamming window. Those at even distances are zero, and the middle one is 0.5.
var halvingTaps [(halvingReach + 1) / 2]float64

func init() {
	for i := range halvingTaps {
		distance := float64(2*i + 1)
		ideal := math.Sin(math.Pi*distance/2) / (math.Pi * distance)
		halvingTaps[i] = ideal * (0.54 + 0.46*math.Cos(math.Pi*distance/(halvingReach+1)))
	}
}

// halving brings sound from 16 kHz to 8 kHz.
type halving struct {
	line [2 * (2*halvingReach + 1)]float64 // the last samples, twice, so that they are always in one piece
	at   int                               // where the oldest is
	odd  bool                              // a sample was taken that gave none
}

// halve reads samples until room is full or they end, and returns how many were read and written.
func (h *halving) halve(room []float64, pcm []int16) (read, written int) {
	const length = 2*halvingReach + 1
	for read < len(pcm) && written < len(room) {
		x := float64(pcm[read])
		read++
		h.line[h.at], h.line[h.at+length] = x, x
		if h.at++; h.at == length {
			h.at = 0
		}
		if h.odd = !h.odd; h.odd {
			continue
		}
		room[written] = h.sum((*[length]float64)(h.line[h.at:]))
		written++
	}
	return read, written
}

// sum returns the filtered sample in the middle of a line.
func (h *halving) sum(line *[2*halvingReach + 1]float64) float64 {
	sum := line[halvingReach] / 2
	for i, tap := range halvingTaps {
		sum += tap * (line[halvingReach-1-2*i] + line[halvingReach+1+2*i])
	}
	return sum
}
