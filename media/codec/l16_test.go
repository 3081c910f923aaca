package codec

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestL16IsBigEndian(t *testing.T) {
	pcm := []int16{1, -2, 0x1234, -32768, 32767}
	wire := []byte{0x00, 0x01, 0xFF, 0xFE, 0x12, 0x34, 0x80, 0x00, 0x7F, 0xFF}
	payload, err := L16.NewEncoder().Encode(make([]byte, 10), pcm)
	if err != nil || !bytes.Equal(payload, wire) {
		t.Errorf("%v is sent as % x, %v, want % x", pcm, payload, err, wire)
	}
	heard, err := L16.NewDecoder().Decode(make([]int16, 5), wire)
	if err != nil || !slices.Equal(heard, pcm) {
		t.Errorf("% x is heard as %v, %v, want %v", wire, heard, err, pcm)
	}
}

func TestHalfASampleOfL16IsMalformed(t *testing.T) {
	odd := make([]byte, 321)
	if got := L16.Samples(odd); got != 0 {
		t.Errorf("an odd payload has %d samples", got)
	}
	if _, err := L16.NewDecoder().Decode(make([]int16, 320), odd); !errors.Is(err, ErrPayload) {
		t.Errorf("an odd payload is decoded: %v", err)
	}
}
