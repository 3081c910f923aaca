package codec

import (
	"errors"
	"strings"
	"testing"
)

// built are the codecs of this build.
func built() []Codec {
	var codecs []Codec
	for c := range Count {
		if c.Available() {
			codecs = append(codecs, c)
		}
	}
	return codecs
}

func TestCodecsAreFoundByName(t *testing.T) {
	for _, c := range built() {
		for _, name := range []string{c.String(), strings.ToLower(c.String())} {
			if got, err := Parse(name); err != nil || got != c {
				t.Errorf("Parse(%q) = %v, %v", name, got, err)
			}
		}
	}
}

func TestAnUnknownNameIsToldWhatThereIs(t *testing.T) {
	_, err := Parse("g729")
	if err == nil {
		t.Fatal("g729 was found")
	}
	for _, c := range built() {
		if !strings.Contains(err.Error(), strings.ToLower(c.String())) {
			t.Errorf("%q does not name %v", err, c)
		}
	}
}

func TestRatesAreThoseOfTheProfile(t *testing.T) {
	tests := []struct {
		codec                         Codec
		name                          string
		sampleRate, clock, frameBytes int
	}{
		{PCMU, "PCMU", 8000, 8000, 160},
		{PCMA, "PCMA", 8000, 8000, 160},
		{G722, "G722", 16000, 8000, 160},
		{L16, "L16", 16000, 16000, 640},
		{Opus, "OPUS", 16000, 48000, 1276},
	}
	if len(tests) != int(Count) {
		t.Errorf("%d codecs are tested, want %d", len(tests), Count)
	}
	for _, tt := range tests {
		c := tt.codec
		if c.String() != tt.name || c.SampleRate() != tt.sampleRate || c.ClockRate() != tt.clock || c.FrameBytes() != tt.frameBytes {
			t.Errorf("%v has %d Hz, clock %d, %d bytes; want %+v", c, c.SampleRate(), c.ClockRate(), c.FrameBytes(), tt)
		}
	}
}

// codable are the samples of frames of 10 to 60 ms that a codec takes.
func codable(c Codec) []int {
	tenMs := c.SampleRate() / 100
	if c == Opus {
		return []int{tenMs, 2 * tenMs, 4 * tenMs, 6 * tenMs}
	}
	return []int{tenMs, 2 * tenMs, 3 * tenMs, 4 * tenMs, 5 * tenMs, 6 * tenMs}
}

func TestEveryCodecGivesBackAsManySamplesAsItTook(t *testing.T) {
	for _, c := range built() {
		encoder, decoder := c.NewEncoder(), c.NewDecoder()
		for _, samples := range codable(c) {
			payload, err := encoder.Encode(make([]byte, 3*c.FrameBytes()), tone(c.SampleRate(), 440, samples))
			if err != nil {
				t.Errorf("%v: %d samples: %v", c, samples, err)
				continue
			}
			if got := c.Samples(payload); got != samples {
				t.Errorf("%v: a payload of %d samples says it has %d", c, samples, got)
			}
			pcm, err := decoder.Decode(make([]int16, samples), payload)
			if err != nil || len(pcm) != samples {
				t.Errorf("%v: %d samples came back as %d, %v", c, samples, len(pcm), err)
			}
		}
	}
}

func TestTwentyMillisecondsFitTheFrame(t *testing.T) {
	for _, c := range built() {
		pcm := noise(c.SampleRate() / 50)
		if _, err := c.NewEncoder().Encode(make([]byte, c.FrameBytes()), pcm); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestWhatHasNoRoomIsNotCoded(t *testing.T) {
	for _, c := range built() {
		pcm := tone(c.SampleRate(), 440, c.SampleRate()/50)
		encoder, decoder := c.NewEncoder(), c.NewDecoder()
		if got, err := encoder.Encode(make([]byte, c.FrameBytes()-1), pcm); !errors.Is(err, ErrRoom) || got != nil {
			t.Errorf("%v: encoding without room gave %d bytes, %v", c, len(got), err)
		}
		payload, err := encoder.Encode(make([]byte, c.FrameBytes()), pcm)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decoder.Decode(make([]int16, len(pcm)-1), payload); !errors.Is(err, ErrRoom) || got != nil {
			t.Errorf("%v: decoding without room gave %d samples, %v", c, len(got), err)
		}
	}
}

func TestNothingIsNotSound(t *testing.T) {
	for c := range Count {
		if got := c.Samples(nil); got != 0 {
			t.Errorf("%v: an empty payload has %d samples", c, got)
		}
	}
	for _, c := range built() {
		if _, err := c.NewEncoder().Encode(make([]byte, c.FrameBytes()), nil); !errors.Is(err, ErrLength) {
			t.Errorf("%v: encoding nothing: %v", c, err)
		}
		if _, err := c.NewDecoder().Decode(make([]int16, 960), nil); !errors.Is(err, ErrPayload) {
			t.Errorf("%v: decoding nothing: %v", c, err)
		}
	}
}

func TestCodecsWithoutAMemoryCostNothingToMake(t *testing.T) {
	for _, c := range []Codec{PCMU, PCMA, L16} {
		if n := testing.AllocsPerRun(100, func() { kept.encoder, kept.decoder = c.NewEncoder(), c.NewDecoder() }); n != 0 {
			t.Errorf("%v costs %.0f allocations to make", c, n)
		}
	}
}

// kept keeps the compiler from leaving out what nobody looks at.
var kept struct {
	encoder Encoder
	decoder Decoder
}

func TestNoFrameCostsAnAllocation(t *testing.T) {
	for _, c := range built() {
		encoder, decoder := c.NewEncoder(), c.NewDecoder()
		frame, buffer := noise(c.SampleRate()/50), make([]byte, c.FrameBytes())
		heard, malformed := make([]int16, len(frame)), []byte{}
		step := func() {
			payload, err := encoder.Encode(buffer, frame)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decoder.Decode(heard, payload); err != nil {
				t.Fatal(err)
			}
			if _, err := decoder.Decode(heard, malformed); err == nil {
				t.Fatal("nothing was decoded")
			}
			if c.Samples(payload) != len(frame) {
				t.Fatal("the payload lost samples")
			}
			if concealer, ok := decoder.(Concealer); ok && len(concealer.Conceal(heard)) != len(frame) {
				t.Fatal("a lost frame was not made up")
			}
		}
		if n := testing.AllocsPerRun(200, step); n != 0 {
			t.Errorf("%v costs %.2f allocations a frame, want none", c, n)
		}
	}
}
