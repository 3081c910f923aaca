package media

import (
	"testing"

	"pgregory.net/rapid"
)

func TestG711KnowsTheValuesOfTheRecommendation(t *testing.T) {
	tests := []struct {
		codec   Codec
		code    byte
		decoded int16
	}{
		{PCMU, 0xFF, 0}, {PCMU, 0x7F, 0}, {PCMU, 0x80, 32124}, {PCMU, 0x00, -32124}, {PCMU, 0xF0, 120}, {PCMU, 0x8F, 16764},
		{PCMA, 0xD5, 8}, {PCMA, 0x55, -8}, {PCMA, 0xAA, 32256}, {PCMA, 0x2A, -32256}, {PCMA, 0xD4, 24}, {PCMA, 0xC5, 264},
	}
	for _, tt := range tests {
		if got := tt.codec.Decode(make([]int16, 1), []byte{tt.code})[0]; got != tt.decoded {
			t.Errorf("%v: %#02x decodes to %d, want %d", tt.codec, tt.code, got, tt.decoded)
		}
	}
}

func TestEveryCodeSurvivesDecodingAndEncoding(t *testing.T) {
	for c := range codecs {
		for i := range 256 {
			code := byte(i)
			if c == PCMU && code == 0x7F {
				continue // minus zero becomes zero
			}
			pcm := c.Decode(make([]int16, 1), []byte{code})
			if got := c.Encode(make([]byte, 1), pcm)[0]; got != code {
				t.Errorf("%v: %#02x came back as %#02x", c, code, got)
			}
		}
	}
}

func TestG711StaysWithinAStepOfTheSample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		codec := Codec(rapid.IntRange(0, int(codecs)-1).Draw(t, "codec"))
		sample := rapid.Int16().Draw(t, "sample")
		code := codec.Encode(make([]byte, 1), []int16{sample})
		back := codec.Decode(make([]int16, 1), code)[0]
		magnitude := max(int(sample), -int(sample))
		if difference := int(sample) - int(back); max(difference, -difference) > max(magnitude/16, 16) {
			t.Errorf("%v: %d came back as %d", codec, sample, back)
		}
	})
}

func TestCodecsAreFoundByName(t *testing.T) {
	for name, want := range map[string]Codec{"pcmu": PCMU, "PCMA": PCMA} {
		if got, err := ParseCodec(name); err != nil || got != want {
			t.Errorf("ParseCodec(%q) = %v, %v", name, got, err)
		}
	}
	if _, err := ParseCodec("opus"); err == nil {
		t.Error("opus was found")
	}
}
