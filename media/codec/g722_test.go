package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// ffmpeg runs the program that judges us, from one raw format to another, each a format and its options.
func ffmpeg(t *testing.T, input []byte, from, to []string) []byte {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatalf("G.722 is compared with another implementation: please install `ffmpeg` (%v)", err)
	}
	arguments := slices.Concat([]string{"-nostdin", "-v", "error"}, from, []string{"-i", "pipe:0"}, to, []string{"pipe:1"})
	command := exec.Command(program, arguments...)
	var output, complaints bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &output, &complaints
	if err := command.Run(); err != nil {
		t.Fatalf("ffmpeg %q: %v: %s", arguments, err, complaints.String())
	}
	return output.Bytes()
}

// The raw formats of ffmpeg.
var (
	linearFormat = []string{"-f", "s16le", "-ar", "16000", "-ac", "1"}
	g722Format   = []string{"-f", "g722"}
)

// linearBytes is linear PCM as ffmpeg reads it.
func linearBytes(pcm []int16) []byte {
	var raw []byte
	for _, sample := range pcm {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(sample))
	}
	return raw
}

// linearSamples is linear PCM as ffmpeg writes it.
func linearSamples(raw []byte) []int16 {
	pcm := make([]int16, len(raw)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return pcm
}

// prompt is a recording that Spillway brings with it, at 16 kHz.
func prompt(t *testing.T, name string) []int16 {
	t.Helper()
	recording, err := os.ReadFile(filepath.Join("..", "prompts", "en", name))
	if err != nil {
		t.Fatal(err)
	}
	return linearSamples(ffmpeg(t, recording, []string{"-f", "wav"}, linearFormat))
}

// encodeAll and decodeAll code frame by frame, 20 ms each, as calls do.
func encodeAll(t testing.TB, c Codec, pcm []int16) []byte {
	t.Helper()
	encoder, buffer := c.NewEncoder(), make([]byte, c.FrameBytes())
	var all []byte
	for frame := range slices.Chunk(pcm, c.SampleRate()/50) {
		payload, err := encoder.Encode(buffer, frame)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, payload...)
	}
	return all
}

func decodeAll(t testing.TB, c Codec, encoded []byte) []int16 {
	t.Helper()
	decoder, buffer := c.NewDecoder(), make([]int16, c.SampleRate()/50)
	var all []int16
	for payload := range slices.Chunk(encoded, c.FrameBytes()) {
		pcm, err := decoder.Decode(buffer, payload)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pcm...)
	}
	return all
}

// g722Delay is that of the filters of both ends, in samples: 11 pairs, 1.4 ms.
const g722Delay = 22

// A wideSound is what G.722 is judged by, and the least signal-to-noise ratio that it must come back with, in dB.
type wideSound struct {
	name  string
	pcm   []int16
	floor float64
}

// wideSounds are of a second or more. The floors are a decibel below what was measured with both implementations: predicting
// pays for what has a pitch, the higher band has two bits, and what is random cannot be predicted.
func wideSounds(t *testing.T) []wideSound {
	const second = 16000
	return []wideSound{
		{"a tone of 440 Hz", tone(16000, 440, second), 34.8},
		{"a tone of 1000 Hz", tone(16000, 1000, second), 33.7},
		{"a tone of 3700 Hz", tone(16000, 3700, second), 29.7},
		{"a tone of 5000 Hz", tone(16000, 5000, second), 19.4},
		{"a sweep from 50 to 7000 Hz", sweep(16000, 50, 7000, 4*second), 27.5},
		{"white noise", noise(second), 9.5},
		{"a prompt", prompt(t, "welcome.wav"), 34.0},
	}
}

// extremes are sounds that nobody speaks, which reach the bounds of the arithmetic.
func extremes() []int16 {
	random, pcm := rand.New(rand.NewPCG(5, 6)), make([]int16, 0, 4*16000)
	for i := range 16000 {
		pcm = append(pcm, int16(65535*(i/40%2)-32768)) // a full square
	}
	for range 16000 {
		pcm = append(pcm, int16(random.Uint32())) // full noise
	}
	for i := range 16000 {
		pcm = append(pcm, int16(65535*(i%2)-32768)) // the highest frequency
	}
	return append(pcm, make([]int16, 16000)...)
}

func TestG722AndFFmpegUnderstandEachOther(t *testing.T) {
	for _, sound := range wideSounds(t) {
		ours := encodeAll(t, G722, sound.pcm)
		theirs := ffmpeg(t, linearBytes(sound.pcm), linearFormat, g722Format)
		heardByThem := linearSamples(ffmpeg(t, ours, g722Format, linearFormat))
		heardByUs := decodeAll(t, G722, theirs)
		if ratio := signalToNoise(sound.pcm, heardByThem, g722Delay); ratio < sound.floor {
			t.Errorf("%s that we encode is heard with %.1f dB, want %.1f", sound.name, ratio, sound.floor)
		}
		if ratio := signalToNoise(sound.pcm, heardByUs, g722Delay); ratio < sound.floor {
			t.Errorf("%s that they encode is heard with %.1f dB, want %.1f", sound.name, ratio, sound.floor)
		}
	}
}

func TestG722EncodesToTheBitAsFFmpegDoes(t *testing.T) {
	for _, sound := range append(wideSounds(t), wideSound{name: "extremes", pcm: extremes()}) {
		theirs := ffmpeg(t, linearBytes(sound.pcm), linearFormat, g722Format)
		if ours := encodeAll(t, G722, sound.pcm); !bytes.Equal(ours, theirs) {
			t.Errorf("%s: encodings of %d and %d bytes differ", sound.name, len(ours), len(theirs))
		}
	}
}

func TestG722DecodesToTheBitAsFFmpegDoes(t *testing.T) {
	random, hostile := rand.New(rand.NewPCG(3, 4)), make([]byte, 5*8000)
	for i := range hostile {
		hostile[i] = byte(random.Uint32())
	}
	for name, encoded := range map[string][]byte{
		"random bytes": hostile,
		"extremes":     encodeAll(t, G722, extremes()),
		"a prompt":     encodeAll(t, G722, prompt(t, "welcome.wav")),
	} {
		theirs := linearSamples(ffmpeg(t, encoded, g722Format, linearFormat))
		if ours := decodeAll(t, G722, encoded); !slices.Equal(ours, theirs) {
			t.Errorf("%s: decodings of %d and %d samples differ", name, len(ours), len(theirs))
		}
	}
}

func TestG722KeepsSilence(t *testing.T) {
	for i, sample := range decodeAll(t, G722, encodeAll(t, G722, make([]int16, 16000))) {
		if max(sample, -sample) > 4 {
			t.Fatalf("sample %d of silence is %d", i, sample)
		}
	}
}

func TestG722DoesNotHalveAPair(t *testing.T) {
	if _, err := G722.NewEncoder().Encode(make([]byte, 200), make([]int16, 319)); !errors.Is(err, ErrLength) {
		t.Errorf("an odd number of samples is encoded: %v", err)
	}
}

// TestAnEncoderTakesOverAStreamFromAnother has a decoder hear one encoder and then another, which follows the last 100 ms of the first.
// Its guess of what was not heard yet is off by a little, which makes a step; one that follows nothing makes a crack.
func TestAnEncoderTakesOverAStreamFromAnother(t *testing.T) {
	const rate, hz = 16000, 403
	pcm := tone(rate, hz, 2*rate)
	first, second, decoder := newG722Encoder(), newG722Encoder(), newG722Decoder()
	room, heard := make([]byte, rate), make([]int16, rate)
	before, err := first.Encode(room, pcm[:rate])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decoder.Decode(make([]int16, rate), before); err != nil {
		t.Fatal(err)
	}
	second.Follow(before[len(before)-800:])
	after, err := second.Encode(make([]byte, rate), pcm[rate:])
	if err != nil {
		t.Fatal(err)
	}
	if heard, err = decoder.Decode(heard, after); err != nil {
		t.Fatal(err)
	}
	if ratio := signalToNoise(pcm[rate:], heard, filterDelay); ratio < 25 {
		t.Errorf("a signal to noise ratio of %.1f dB", ratio)
	}
	most := 0
	for i := 1; i < 800; i++ {
		most = max(most, int(heard[i])-int(heard[i-1]), int(heard[i-1])-int(heard[i]))
	}
	if own := loudness * 2 * math.Pi * hz / rate; float64(most) > 2*own {
		t.Errorf("the greatest step is %d, that of the sine %.0f", most, own)
	}
}
