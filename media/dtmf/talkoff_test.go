package dtmf

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"math"
	"testing"

	"github.com/spillway-voice/spillway/media/prompts"
)

// samplesOf returns the samples of a built-in prompt: 16 bit PCM, mono, 8 kHz, behind the header of its data chunk.
func samplesOf(t *testing.T, file []byte) []int16 {
	t.Helper()
	at := bytes.Index(file, []byte("data"))
	if at < 0 || binary.LittleEndian.Uint32(file[24:]) != 8000 || binary.LittleEndian.Uint16(file[34:]) != 16 {
		t.Fatal("the prompt is not 16 bit PCM at 8 kHz")
	}
	file = file[at+8:]
	pcm := make([]int16, len(file)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(file[2*i:]))
	}
	return pcm
}

// twice returns samples at twice the rate, by drawing lines between them.
func twice(pcm []int16) []int16 {
	out := make([]int16, 0, 2*len(pcm))
	last := int16(0)
	for _, x := range pcm {
		out = append(out, int16((int(last)+int(x))/2), x)
		last = x
	}
	return out
}

// Each prompt at the pitch it has and at others, as voices differ: read at another speed, its formants and its pitch move
// by up to a third.
func TestSpeechIsNoDigit(t *testing.T) {
	recordings := prompts.English()
	names, err := fs.Glob(recordings, "*.wav")
	if err != nil || len(names) < 40 {
		t.Fatalf("%d prompts, %v", len(names), err)
	}
	for _, name := range names {
		file, err := fs.ReadFile(recordings, name)
		if err != nil {
			t.Fatal(err)
		}
		pcm := samplesOf(t, file)
		for speed := 0.75; speed < 1.35; speed += 0.1 {
			other := make([]int16, int(float64(len(pcm)-1)/speed))
			for i := range other {
				at, share := math.Modf(float64(i) * speed)
				other[i] = int16(float64(pcm[int(at)])*(1-share) + float64(pcm[int(at)+1])*share)
			}
			if got := hear(8000, other); got != "" {
				t.Errorf("%s at a speed of %.2f: heard %q", name, speed, got)
			}
			if got := hear(16000, twice(other)); got != "" {
				t.Errorf("%s at a speed of %.2f and 16 kHz: heard %q", name, speed, got)
			}
		}
	}
}

// Chords of three and four notes with their overtones, in every inversion of the tempered scale over three octaves.
func TestMusicIsNoDigit(t *testing.T) {
	chords := [][]float64{{0, 4, 7}, {0, 3, 7}, {0, 4, 7, 10}, {0, 3, 6, 9}, {0, 5, 9}, {0, 7, 12}, {0, 4, 8}}
	for _, rate := range detectorRates {
		for _, overtones := range []int{2, 5} {
			for _, chord := range chords {
				var pcm []float64
				for semitone := range 36 {
					pcm = append(pcm, playChord(chord, float64(semitone), overtones, rate)...)
				}
				if got := hear(rate, clip(pcm)); got != "" {
					t.Errorf("%d Hz, chord %v with %d overtones: heard %q", rate, chord, overtones, got)
				}
			}
		}
	}
}

// playChord returns 150 ms of notes, in semitones above each other, from so many semitones above A2 on; like those of
// strings they fade, and their overtones are the weaker the higher they are.
func playChord(chord []float64, semitone float64, overtones, rate int) []float64 {
	pcm := make([]float64, rate*150/1000)
	for _, note := range chord {
		hz := 110 * math.Pow(2, (semitone+note)/12)
		for n := 1; n <= overtones; n++ {
			for i := range pcm {
				at := float64(i) / float64(rate)
				pcm[i] += 4000 / float64(n) * math.Exp(-3*at) * math.Sin(2*math.Pi*hz*float64(n)*at)
			}
		}
	}
	return pcm
}

// One tone alone, or two of one group, is no key.
func TestTonesThatAreNotOneOfEachGroupAreNoDigit(t *testing.T) {
	for _, rate := range detectorRates {
		for a := range frequencies {
			for b := range frequencies {
				if (a < len(lowGroup)) != (b < len(lowGroup)) {
					continue
				}
				pcm := make([]float64, rate/5)
				for i := range pcm {
					at := 2 * math.Pi * float64(i) / float64(rate)
					pcm[i] = 5000 * (math.Sin(at*frequency(a)) + math.Sin(at*frequency(b)))
				}
				if got := hear(rate, clip(pcm)); got != "" {
					t.Errorf("%v and %v Hz: heard %q", frequency(a), frequency(b), got)
				}
			}
		}
	}
}
