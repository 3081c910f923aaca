package codec

import (
	"errors"
	"testing"
)

// FuzzDecode looks for a payload that breaks a decoder, or that makes it give other than what Samples says, more than it has
// room for, or an error that costs memory. Two payloads follow each other, as a decoder remembers the first.
func FuzzDecode(f *testing.F) {
	for _, c := range built() {
		payload, err := c.NewEncoder().Encode(make([]byte, c.FrameBytes()), noise(c.SampleRate()/50))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(c), uint16(960), payload, payload[:len(payload)/2])
		f.Add(uint8(c), uint16(319), []byte{0xFF}, payload)
	}
	f.Fuzz(func(t *testing.T, kind uint8, room uint16, first, second []byte) {
		c := Codec(kind) % Count
		if n := c.Samples(first); n < 0 || n > 2*len(first) && c != Opus || n > opusMostSamples && c == Opus {
			t.Fatalf("%v: % x has %d samples", c, first, n)
		}
		if !c.Available() {
			return
		}
		const guard = 12345
		decoder, memory := c.NewDecoder(), make([]int16, int(room)+1)
		memory[room] = guard
		for _, payload := range [][]byte{first, second} {
			samples := c.Samples(payload)
			pcm, err := decoder.Decode(memory[:room], payload)
			switch {
			case samples == 0 && !errors.Is(err, ErrPayload):
				t.Errorf("%v: % x is malformed, but gives %d samples, %v", c, payload, len(pcm), err)
			case samples > int(room) && !errors.Is(err, ErrRoom):
				t.Errorf("%v: %d samples in the room for %d: %v", c, samples, room, err)
			case err == nil && len(pcm) != samples:
				t.Errorf("%v: % x has %d samples, but gives %d", c, payload, samples, len(pcm))
			}
			if err != nil && len(pcm) > 0 {
				t.Errorf("%v: sound came with %v", c, err)
			}
			if concealer, ok := decoder.(Concealer); ok {
				concealer.Conceal(memory[:room])
			}
			if memory[room] != guard {
				t.Fatalf("%v: % x was written beyond its room", c, payload)
			}
		}
	})
}
