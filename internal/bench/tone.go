package main

import (
	"math"
	"sync"

	"github.com/spillway-voice/spillway/internal/phone"
)

// The tones of both sides: whole periods in 20 ms, so that each packet has the same sound.
const (
	callersTone = 1000 // Hz
	agentsTone  = 600
)

// tone is 20 ms of a tone in PCMU.
func tone(frequency float64) []byte { return phone.PCMU.Encode(phone.Tone(frequency, packetTime)) }

// linear is what each byte of PCMU stands for.
var linear = sync.OnceValue(func() (table [256]int16) {
	for s := math.MinInt16; s <= math.MaxInt16; s++ {
		table[phone.PCMU.Encode([]int16{int16(s)})[0]] = int16(s)
	}
	return table
})

// hasTone reports whether a packet is that tone and hardly anything else.
func hasTone(payload []byte, frequency float64) bool {
	pcm, table := make([]int16, len(payload)), linear()
	for i, b := range payload {
		pcm[i] = table[b]
	}
	heard := phone.Goertzel(pcm, frequency)
	return heard.Level > -20 && heard.Purity > 0.9 // it was sent at -12 dB
}
