package phone

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// speech makes something like a sentence: syllables of a voice whose pitch and vowels wander, with pauses. The same seed
// gives the same sentence.
func speech(seed uint64, d time.Duration) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	pcm := make([]int16, 0, samples(d)+SampleRate)
	phase := 0.0
	for len(pcm) < samples(d) {
		pitch, slide := 90+80*r.Float64(), 60*(r.Float64()-0.5)
		formants := [3]float64{300 + 500*r.Float64(), 900 + 1200*r.Float64(), 2300 + 600*r.Float64()}
		var weights []float64 // of the harmonics
		for h := 1.0; h*pitch < 2500; h++ {
			weight := 0.0
			for _, f := range formants {
				weight += math.Exp(-math.Abs(h*pitch-f)/150) / 3
			}
			weights = append(weights, weight)
		}
		length := SampleRate/12 + r.IntN(SampleRate/6)
		for i := range length {
			at := float64(i) / float64(length)
			phase += 2 * math.Pi * (pitch + slide*at) / SampleRate
			sum := 0.02 * r.NormFloat64()
			for h, weight := range weights {
				sum += weight * math.Sin(float64(h+1)*phase)
			}
			pcm = append(pcm, int16(max(-30000, min(30000, 12000*math.Sin(math.Pi*at)*sum))))
		}
		if r.IntN(5) == 0 {
			pcm = append(pcm, make([]int16, SampleRate/8)...)
		}
	}
	return pcm[:samples(d)]
}

// overTheWire is what is left of sound after G.711.
func overTheWire(c Codec, pcm []int16) []int16 { return c.decode(nil, c.Encode(pcm)) }

func TestG711KeepsWithinItsStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.Int16().Draw(t, "sample")
		for _, c := range []Codec{PCMU, PCMA} {
			got := int(overTheWire(c, []int16{s})[0])
			want := max(-32124, min(32124, int(s)))
			if off := got - want; math.Abs(float64(off)) > math.Abs(float64(want))/16+16 {
				t.Fatalf("%v: %d came back as %d", c, s, got)
			}
		}
	})
}

func TestG711HasTheCodesOfTheStandard(t *testing.T) {
	for _, c := range []struct {
		codec Codec
		pcm   int16
		code  byte
	}{
		{PCMU, 0, 0xff}, {PCMU, 32635, 0x80}, {PCMU, -32635, 0x00}, {PCMU, 1000, 0xce},
		{PCMA, 0, 0xd5}, {PCMA, 32767, 0xaa}, {PCMA, -32768, 0x2a}, {PCMA, 1000, 0xfa},
	} {
		if got := c.codec.Encode([]int16{c.pcm}); got[0] != c.code {
			t.Errorf("%v: %d is %#02x, want %#02x", c.codec, c.pcm, got[0], c.code)
		}
	}
}

func TestEveryCodeOfG711ComesBack(t *testing.T) {
	for _, c := range []Codec{PCMU, PCMA} {
		for code := range 256 {
			got := c.Encode(c.decode(nil, []byte{byte(code)}))[0]
			if got != byte(code) && !(c == PCMU && code == 0x7f && got == 0xff) { // mu-law has two zeros
				t.Errorf("%v: %#02x came back as %#02x", c, code, got)
			}
		}
	}
}

func TestATonesPitchAndLevelAreMeasured(t *testing.T) {
	p := Goertzel(Tone(1000, time.Second), 1000)
	if math.Abs(p.Level+12) > 0.1 || p.Purity < 0.999 {
		t.Errorf("%+v, want -12 dB, pure", p)
	}
	if p := Goertzel(Tone(1000, time.Second), 1050); p.Purity > 0.01 {
		t.Errorf("50 Hz beside: %+v", p)
	}
	if p := Goertzel(make([]int16, 800), 1000); !math.IsInf(p.Level, -1) || p.Purity != 0 {
		t.Errorf("silence: %+v", p)
	}
}

func TestATonesPresenceIsJudged(t *testing.T) {
	tone, other := Tone(440, time.Second), Tone(700, time.Second)
	both := slices.Clone(tone)
	for i := range both {
		both[i] += other[i]
	}
	quiet := slices.Clone(tone)
	for i := range quiet {
		quiet[i] /= 60
	}
	for _, c := range []struct {
		name string
		pcm  []int16
		want bool
	}{
		{"the tone", overTheWire(PCMU, tone), true},
		{"two tones at once", overTheWire(PCMA, both), true},
		{"another tone", overTheWire(PCMU, other), false},
		{"a tone under the threshold", quiet, false},
		{"silence", make([]int16, 8000), false},
		{"speech", speech(1, time.Second), false},
		{"half a tone", append(slices.Clone(tone[:4000]), make([]int16, 4000)...), false},
		{"too little", tone[:100], false},
		{"nothing", nil, false},
	} {
		if got := HasTone(c.pcm, 440); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestTheTransformFindsALag(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		heard := rapid.SliceOfN(rapid.Int16Range(-1000, 1000), 1, 60).Draw(t, "heard")
		reference := rapid.SliceOfN(rapid.Int16Range(-1000, 1000), 1, 60).Draw(t, "reference")
		got := crossCorrelation(heard, reference)
		for i := range got {
			want := 0.0
			for j, r := range reference {
				if k := j + i - (len(reference) - 1); k >= 0 && k < len(heard) {
					want += float64(r) * float64(heard[k])
				}
			}
			if math.Abs(got[i]-want) > 1e-3*(1+math.Abs(want)) {
				t.Fatalf("lag %d: %g, want %g", i, got[i], want)
			}
		}
	})
}

func TestARecordingIsFoundWhereverItBegan(t *testing.T) {
	recording, before, after := speech(1, 6*time.Second), speech(2, 3*time.Second), speech(3, 3*time.Second)
	for _, c := range []struct {
		name     string
		from, to time.Duration // what of the recording is played
		lead     time.Duration // after how much of something else
	}{
		{"from its beginning", 0, 6 * time.Second, 0},
		{"after something else", 0, 6 * time.Second, 2 * time.Second},
		{"broken off", 0, 2500 * time.Millisecond, time.Second},
		{"from its middle", 2 * time.Second, 6 * time.Second, 0},
		{"a piece of it", 1700 * time.Millisecond, 4 * time.Second, 1234 * time.Millisecond},
	} {
		for _, codec := range []Codec{PCMU, PCMA} {
			heard := slices.Concat(before[:samples(c.lead)], recording[samples(c.from):samples(c.to)], after)
			m := Correlate(overTheWire(codec, heard), recording)
			if want := samples(c.lead) - samples(c.from); m.At != want || !m.Sure(6*time.Second) {
				t.Errorf("%s, %v: %+v, want it at %d", c.name, codec, m, want)
			}
			if off := m.From - c.from; off < -100*time.Millisecond || off > time.Second || m.Matched > c.to-c.from+200*time.Millisecond {
				t.Errorf("%s, %v: the piece is %v from %v, was %v to %v", c.name, codec, m.Matched, m.From, c.from, c.to)
			}
		}
	}
}

func TestAnotherRecordingIsNotTakenForIt(t *testing.T) {
	for seed := range uint64(5) {
		recording := speech(seed, 5*time.Second)
		if m := Correlate(overTheWire(PCMU, speech(seed+100, 8*time.Second)), recording); m.Sure(5 * time.Second) {
			t.Errorf("seed %d: %+v", seed, m)
		}
	}
	for name, heard := range map[string][]int16{
		"silence": make([]int16, 40000), "a tone": Tone(200, 5*time.Second), "nothing": nil, "a click": {30000},
	} {
		if m := Correlate(heard, speech(1, 5*time.Second)); m.Sure(5 * time.Second) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestTheSameFirstWordsAreNotTheSameRecording(t *testing.T) {
	one, other := speech(1, 5*time.Second), speech(2, 5*time.Second)
	copy(other, one[:samples(time.Second)])
	if m := Correlate(overTheWire(PCMU, other), one); m.Sure(5*time.Second) || m.Matched < 500*time.Millisecond {
		t.Errorf("%+v: want the words, and not to be sure", m)
	}
}

func TestALateAndALostPacketDoNotMoveTheSound(t *testing.T) {
	recording := speech(4, 3*time.Second)
	payload := PCMU.Encode(recording)
	var e Ear
	start := time.Now()
	for i := 0; i*frameSamples < len(payload); i++ {
		n := i
		switch i {
		case 20: // lost
			continue
		case 30: // swapped with the next
			n = 31
		case 31:
			n = 30
		}
		e.hear(PCMU, 7, uint32(n*frameSamples)-200, payload[n*frameSamples:(n+1)*frameSamples], start.Add(time.Duration(i)*frame))
	}
	heard := e.Heard()
	if len(heard) != len(recording) {
		t.Fatalf("%d samples heard, want %d", len(heard), len(recording))
	}
	for i, s := range overTheWire(PCMU, recording) {
		if lost := i/frameSamples == 20; lost && heard[i] != 0 || !lost && heard[i] != s {
			t.Fatalf("sample %d: %d, want %d", i, heard[i], s)
		}
	}
	h, sure := e.Find(recording)
	if !sure || h.At != 0 || !h.Began.Equal(start) || h.First.Before(start) {
		t.Errorf("%+v, %v", h, sure)
	}
}

func TestAnEarsMemoryIsBounded(t *testing.T) {
	var e Ear
	payload := PCMU.Encode(Tone(300, frame))
	now := time.Now()
	for i := range 150 * 50 {
		e.hear(PCMU, 1, uint32(i*frameSamples), payload, now.Add(time.Duration(i)*frame))
	}
	if n := len(e.Heard()); n < earMemory || n > earMemory+earSlack {
		t.Errorf("%d samples are kept", n)
	}
	if got := len(e.Since(now.Add(149 * time.Second))); got != SampleRate {
		t.Errorf("the last second has %d samples", got)
	}
	if e.Packets() != 150*50 || !e.FirstPacketAt().Equal(now) || e.Gaps() != 0 {
		t.Errorf("%d packets since %v, %d gaps", e.Packets(), e.FirstPacketAt(), e.Gaps())
	}
}

func TestADeafEarCounts(t *testing.T) {
	e := Ear{deaf: true}
	e.hear(PCMA, 1, 0, make([]byte, frameSamples), time.Now())
	if e.Packets() != 1 || len(e.Heard()) != 0 {
		t.Errorf("%d packets, %d samples", e.Packets(), len(e.Heard()))
	}
}

func TestASoundFileComesBack(t *testing.T) {
	path := t.TempDir() + "/sound.wav"
	want := speech(5, time.Second)
	if err := WriteWAV(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadWAV(path)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	open := FormatWAV(want)
	copy(open[40:], []byte{0, 0, 0, 0}) // as it stands while it is written
	if got, err := ParseWAV(open); err != nil || !slices.Equal(got, want) {
		t.Errorf("an open file: %d samples, %v", len(got), err)
	}
	if _, err := ReadWAV(t.TempDir() + "/missing.wav"); err == nil {
		t.Error("a missing file was read")
	}
}

func TestAnotherRateIsConverted(t *testing.T) {
	tone := make([]int16, 48000)
	for i := range tone {
		tone[i] = int16(8000 * math.Sin(2*math.Pi*1000*float64(i)/48000))
	}
	low := resample(tone, 48000)
	if p := Goertzel(low[100:len(low)-100], 1000); p.Purity < 0.999 || math.Abs(p.Level+12.2) > 0.2 {
		t.Errorf("%+v", p)
	}
	for i := range tone {
		tone[i] = int16(8000 * math.Sin(2*math.Pi*7000*float64(i)/48000)) // would fold to 1000 Hz
	}
	low = resample(tone, 48000)
	if p := Goertzel(low[100:len(low)-100], 1000); p.Level > -60 {
		t.Errorf("aliasing: %+v", p)
	}
}

func FuzzParseWAV(f *testing.F) {
	f.Add(FormatWAV([]int16{1, -2, 3}))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEdata\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if pcm, err := ParseWAV(b); err == nil && len(pcm) > 2*len(b) {
			t.Errorf("%d samples out of %d bytes", len(pcm), len(b))
		}
	})
}

func FuzzUnderstand(f *testing.F) {
	body, err := description{
		codecs: []Codec{PCMU, PCMA}, eventType: eventPayload, direction: sendrecv, id: 1, version: 1,
		local: freeAddress,
	}.marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"))
	f.Add([]byte("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 8 96\nc=IN IP4 1.2.3.4\na=rtpmap:96 telephone-event/8000\na=sendonly"))
	f.Fuzz(func(t *testing.T, b []byte) {
		terms, err := understand(b, []Codec{PCMU, PCMA}, false)
		if err == nil && (!terms.remote.IsValid() || !terms.codec.known()) {
			t.Errorf("accepted %+v", terms)
		}
	})
}

func FuzzDigits(f *testing.F) {
	f.Add("application/dtmf-relay", []byte("Signal=5\r\nDuration=160\r\n"), []byte{5, 10, 0, 160})
	f.Add("application/dtmf", []byte("#"), []byte{16, 0})
	f.Fuzz(func(t *testing.T, kind string, body, event []byte) {
		if d, ok := infoDigit(kind, body); ok {
			if _, known := eventOf(d); !known {
				t.Errorf("INFO gave %q", d)
			}
		}
		var r eventReceiver
		if d, ok := r.receive(1, 2, event); ok {
			if _, known := eventOf(d); !known {
				t.Errorf("an event gave %q", d)
			}
			if _, again := r.receive(1, 2, event); again {
				t.Error("one event gave two digits")
			}
		}
	})
}

func BenchmarkVoice(b *testing.B) {
	var packet [packetSize]byte
	v := newVoice(nil, 0)
	v.address(terms{remote: freeAddress, direction: sendrecv})
	v.play(Tone(440, time.Second), true)
	b.ReportAllocs()
	for b.Loop() {
		v.next(packet[:0])
	}
}

func BenchmarkCorrelate(b *testing.B) {
	recording := speech(1, 8*time.Second)
	heard := slices.Concat(speech(2, 2*time.Second), recording[:samples(1500*time.Millisecond)])
	b.ReportAllocs()
	for b.Loop() {
		Correlate(heard, recording)
	}
}
