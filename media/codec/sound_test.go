package codec

import (
	"math"
	"math/rand/v2"
)

// loudness is the peak of the sounds of tests, half of the full scale.
const loudness = 16000

// tone is a sine.
func tone(rate int, hz float64, samples int) []int16 {
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = int16(loudness * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return pcm
}

// sweep is a sine whose frequency grows evenly.
func sweep(rate int, fromHz, toHz float64, samples int) []int16 {
	pcm, phase := make([]int16, samples), 0.0
	for i := range pcm {
		hz := fromHz + (toHz-fromHz)*float64(i)/float64(samples)
		phase += 2 * math.Pi * hz / float64(rate)
		pcm[i] = int16(loudness * math.Sin(phase))
	}
	return pcm
}

// noise is white, the same each time.
func noise(samples int) []int16 {
	random, pcm := rand.New(rand.NewPCG(1, 2)), make([]int16, samples)
	for i := range pcm {
		pcm[i] = int16(random.IntN(2*loudness) - loudness)
	}
	return pcm
}

// signalToNoise compares some sound with what became of it, delay samples later, in dB.
func signalToNoise(sound, heard []int16, delay int) float64 {
	heard = heard[delay:]
	var signal, difference float64
	for i := range min(len(sound), len(heard)) {
		s, d := float64(sound[i]), float64(sound[i])-float64(heard[i])
		signal, difference = signal+s*s, difference+d*d
	}
	return 10 * math.Log10(signal/max(difference, 1e-9))
}
