package media

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"
)

// wav makes a WAV file of samples, which alternate between channels.
func wav(rate, channels int, samples []int16) []byte {
	return riff(fmtChunk(formatPCM, channels, rate, 16), dataChunk(samples))
}

// riff joins chunks to a file.
func riff(chunks ...[]byte) []byte {
	body := []byte("WAVE")
	for _, c := range chunks {
		body = append(body, c...)
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func chunk(name string, body []byte) []byte {
	out := append(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body))), body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func fmtChunk(tag, channels, rate, bits int) []byte {
	var b []byte
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(bits))
	if tag == formatExtensible {
		b = binary.LittleEndian.AppendUint16(b, 22)
		b = append(b, 16, 0, 4, 0, 0, 0, formatPCM, 0)
		b = append(b, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	}
	return chunk("fmt ", b)
}

func dataChunk(samples []int16) []byte {
	var b []byte
	for _, sample := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(sample))
	}
	return chunk("data", b)
}

// sine returns d of a sine at a rate, at half of full scale.
func sine(hz float64, rate int, d time.Duration) []int16 {
	samples := make([]int16, int(d.Seconds()*float64(rate)))
	for i := range samples {
		samples[i] = int16(16384 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return samples
}

func TestRecordingsOfAllTheUsualKindsAreTaken(t *testing.T) {
	for _, rate := range []int{8000, 16000, 22050, 24000, 32000, 44100, 48000} {
		mono := sine(1000, rate, 500*time.Millisecond)
		stereo := make([]int16, 0, 2*len(mono))
		for _, sample := range mono {
			stereo = append(stereo, sample, sample)
		}
		files := map[string][]byte{
			"mono":       wav(rate, 1, mono),
			"stereo":     wav(rate, 2, stereo),
			"extensible": riff(fmtChunk(formatExtensible, 1, rate, 16), dataChunk(mono)),
			"chunks in another order, of odd size": riff(chunk("LIST", []byte("odd")), dataChunk(mono),
				chunk("bext", make([]byte, 7)), fmtChunk(formatPCM, 1, rate, 16)),
			"cut off": wav(rate, 1, append(mono, mono...))[:44+2*len(mono)],
		}
		for name, file := range files {
			prompt, err := ParseWAV(file, PromptOptions{})
			if err != nil {
				t.Errorf("%d Hz, %s: %v", rate, name, err)
				continue
			}
			if d := prompt.Duration(); d < 499*time.Millisecond || d > 500*time.Millisecond {
				t.Errorf("%d Hz, %s: lasts %v, want 500 ms", rate, name, d)
			}
			if share := toneShare(prompt.PCM(), 1000); share < 0.98 {
				t.Errorf("%d Hz, %s: the tone has %.3f of the sound", rate, name, share)
			}
		}
	}
}

func TestRecordingsThatAreNotTakenSayWhy(t *testing.T) {
	some := []int16{1, 2, 3, 4}
	tests := []struct {
		name string
		file []byte
		why  string
	}{
		{"nothing", nil, "not a WAV file"},
		{"an MP3", []byte("ID3\x03\x00 and much more of it"), "not a WAV file"},
		{"8 bit", riff(fmtChunk(formatPCM, 1, 8000, 8), dataChunk(some)), "8 bits"},
		{"24 bit", riff(fmtChunk(formatPCM, 1, 48000, 24), dataChunk(some)), "24 bits"},
		{"A-law", riff(fmtChunk(6, 1, 8000, 8), dataChunk(some)), "compressed"},
		{"six channels", riff(fmtChunk(formatPCM, 6, 8000, 16), dataChunk(some)), "6 channels"},
		{"11.025 kHz", riff(fmtChunk(formatPCM, 1, 11025, 16), dataChunk(some)), "11025 samples"},
		{"no format", riff(dataChunk(some)), "does not say its format"},
		{"half a format", riff(chunk("fmt ", make([]byte, 8)), dataChunk(some)), "too short"},
		{"half an extensible format", riff(chunk("fmt ", append([]byte{0xFE, 0xFF}, make([]byte, 16)...))), "too short"},
		{"no sound", riff(fmtChunk(formatPCM, 1, 8000, 16)), "no sound"},
		{"empty sound", wav(8000, 1, nil), "empty"},
		{"half a sample", riff(fmtChunk(formatPCM, 1, 8000, 16), chunk("data", []byte{1})), "empty"},
		{"too long", wav(8000, 1, make([]int16, 8000*60*30+1)), "lasts over 30m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseWAV(tt.file, PromptOptions{})
			if err == nil || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("error %v, want one with %q", err, tt.why)
			}
		})
	}
}

func TestAFileThatIsTooBigIsRefusedUnread(t *testing.T) {
	if _, err := openWAV(strings.NewReader(""), MaxRecordingSize+1); err == nil || !strings.Contains(err.Error(), "over 384 MiB") {
		t.Errorf("error %v", err)
	}
}

// FuzzParseWAV looks for a file that breaks the parser or gives sound out of bounds.
func FuzzParseWAV(f *testing.F) {
	f.Add(wav(8000, 1, []int16{1, -1, 32767, -32768}))
	f.Add(wav(44100, 2, sine(440, 44100, 20*time.Millisecond)))
	f.Add(riff(fmtChunk(formatExtensible, 1, 16000, 16), dataChunk([]int16{5})))
	f.Add([]byte("RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		prompt, err := ParseWAV(file, PromptOptions{Level: DefaultLevel, Codecs: codecsFor(true)})
		if err != nil {
			return
		}
		if len(prompt.wide) != 2*len(prompt.pcm) {
			t.Fatalf("%d wide samples beside %d", len(prompt.wide), len(prompt.pcm))
		}
		if len(prompt.pcm)%FrameSize != 0 || prompt.frames() < 1 || prompt.samples > len(prompt.pcm) {
			t.Fatalf("%d samples in %d", prompt.samples, len(prompt.pcm))
		}
		source, frame := prompt.Source(), make([]int16, FrameSize)
		for range prompt.frames() {
			if !source.Next(frame) {
				t.Fatal("the recording ended early")
			}
		}
	})
}
