package codec

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// oneCode decodes a single byte of G.711.
func oneCode(t testing.TB, c Codec, code byte) []int16 {
	t.Helper()
	pcm, err := c.NewDecoder().Decode(make([]int16, 1), []byte{code})
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// oneSample encodes a single sample by G.711.
func oneSample(t rapid.TB, c Codec, pcm []int16) byte {
	t.Helper()
	payload, err := c.NewEncoder().Encode(make([]byte, 1), pcm)
	if err != nil {
		t.Fatal(err)
	}
	return payload[0]
}

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
		if got := oneCode(t, tt.codec, tt.code)[0]; got != tt.decoded {
			t.Errorf("%v: %#02x decodes to %d, want %d", tt.codec, tt.code, got, tt.decoded)
		}
	}
}

func TestEveryCodeSurvivesDecodingAndEncoding(t *testing.T) {
	for _, c := range []Codec{PCMU, PCMA} {
		for i := range 256 {
			code := byte(i)
			if c == PCMU && code == 0x7F {
				continue // minus zero becomes zero
			}
			if got := oneSample(t, c, oneCode(t, c, code)); got != code {
				t.Errorf("%v: %#02x came back as %#02x", c, code, got)
			}
		}
	}
}

func TestG711StaysWithinAStepOfTheSample(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := rapid.SampledFrom([]Codec{PCMU, PCMA}).Draw(rt, "codec")
		sample := rapid.Int16().Draw(rt, "sample")
		back := oneCode(t, c, oneSample(rt, c, []int16{sample}))[0]
		magnitude := max(int(sample), -int(sample))
		if difference := int(sample) - int(back); max(difference, -difference) > max(magnitude/16, 16) {
			rt.Errorf("%v: %d came back as %d", c, sample, back)
		}
	})
}

func TestConversionIsDecodingAndEncoding(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, from := range []Codec{PCMU, PCMA} {
		for _, to := range []Codec{PCMU, PCMA} {
			want := all
			if from != to {
				pcm, err := from.NewDecoder().Decode(make([]int16, 256), all)
				if err != nil {
					t.Fatal(err)
				}
				if want, err = to.NewEncoder().Encode(make([]byte, 256), pcm); err != nil {
					t.Fatal(err)
				}
			}
			if got := Convert(make([]byte, 300), all, from, to); !bytes.Equal(got, want) {
				t.Errorf("%v to %v is not what decoding and encoding give", from, to)
			}
			if got := Convert(make([]byte, 10), all, from, to); !bytes.Equal(got, want[:10]) {
				t.Errorf("%v to %v overran what was given", from, to)
			}
		}
	}
}

func TestSilenceIsSilent(t *testing.T) {
	for _, c := range []Codec{PCMU, PCMA} {
		if got := oneSample(t, c, []int16{0}); got != c.Silence() {
			t.Errorf("%v: silence is %#02x, want %#02x", c, c.Silence(), got)
		}
	}
}
