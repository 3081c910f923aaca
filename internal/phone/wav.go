package phone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
)

// maxRecording bounds a sound file in bytes: ten minutes of 48 kHz stereo.
const maxRecording = 128 << 20

// errNotWAV says that a file is no RIFF WAVE file of 16-bit linear samples.
var errNotWAV = errors.New("not a WAV file of 16-bit linear samples")

// ReadWAV reads a sound file as linear sound at SampleRate; several channels are averaged, another rate is converted.
// It serves for reference recordings and for what other phones wrote down, also while they still write (a length that
// says more than there is, or nothing yet, is taken as "to the end").
func ReadWAV(path string) ([]int16, error) {
	pcm, rate, err := ReadWAVAsItIs(path)
	if err != nil {
		return nil, err
	}
	return resample(pcm, rate), nil
}

// ReadWAVAsItIs is ReadWAV at the file's own rate, in samples a second: for sound above half of SampleRate.
func ReadWAVAsItIs(path string) (pcm []int16, rate int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read sound: %w", err)
	}
	if info.Size() > maxRecording {
		return nil, 0, fmt.Errorf("read sound %s: over %d bytes", path, maxRecording)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read sound: %w", err)
	}
	if pcm, rate, err = parseWAV(b); err != nil {
		return nil, 0, fmt.Errorf("read sound %s: %w", path, err)
	}
	return pcm, rate, nil
}

// ParseWAV is ReadWAV for the bytes of a file.
func ParseWAV(b []byte) ([]int16, error) {
	pcm, rate, err := parseWAV(b)
	if err != nil {
		return nil, err
	}
	return resample(pcm, rate), nil
}

// parseWAV reads a file's sound at its own rate.
func parseWAV(b []byte) (pcm []int16, rate int, err error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, 0, errNotWAV
	}
	channels := 0
	for b = b[12:]; len(b) >= 8; {
		name, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		whole := min(size, int64(len(b)))
		switch name {
		case "fmt ":
			if whole < 16 || binary.LittleEndian.Uint16(b[14:]) != 16 {
				return nil, 0, errNotWAV
			}
			channels = int(binary.LittleEndian.Uint16(b[2:]))
			rate = int(binary.LittleEndian.Uint32(b[4:]))
			if channels < 1 || channels > 8 || rate < 4000 || rate > 192000 {
				return nil, 0, fmt.Errorf("%w: %d channels at %d Hz", errNotWAV, channels, rate)
			}
		case "data":
			if channels == 0 {
				return nil, 0, errNotWAV
			}
			if size == 0 {
				whole = int64(len(b)) // not closed yet
			}
			return mono(b[:whole], channels), rate, nil
		}
		b = b[min(int64(len(b)), whole+whole%2):]
	}
	return nil, 0, errNotWAV
}

// mono averages the channels of little-endian samples.
func mono(b []byte, channels int) []int16 {
	pcm := make([]int16, len(b)/2/channels)
	for i := range pcm {
		sum := 0
		for c := range channels {
			sum += int(int16(binary.LittleEndian.Uint16(b[2*(i*channels+c):])))
		}
		pcm[i] = int16(sum / channels)
	}
	return pcm
}

// resample converts linear sound from the given rate to SampleRate with a windowed sinc that keeps what is under 90 % of
// the lower of both bandwidths. The filter is computed once for each position between two samples that occurs.
func resample(pcm []int16, rate int) []int16 {
	if rate == SampleRate {
		return pcm
	}
	const crossings = 16 // of the sinc, each side: over 60 dB of attenuation
	cut := 0.9 * min(1, SampleRate/float64(rate))
	reach := int(math.Ceil(crossings / cut))
	filters := make(map[int][]float64)
	out := make([]int16, len(pcm)*SampleRate/rate)
	for i := range out {
		whole, rest := i*rate/SampleRate, i*rate%SampleRate
		filter := filters[rest]
		if filter == nil {
			filter = sincFilter(cut, reach, float64(rest)/SampleRate)
			filters[rest] = filter
		}
		sum := 0.0
		for tap, weight := range filter {
			if j := whole - reach + tap; j >= 0 && j < len(pcm) {
				sum += weight * float64(pcm[j])
			}
		}
		out[i] = int16(max(math.MinInt16, min(math.MaxInt16, math.Round(sum))))
	}
	return out
}

// sincFilter returns the weights of the samples from reach before to reach after a position that is offset after one.
func sincFilter(cut float64, reach int, offset float64) []float64 {
	filter := make([]float64, 2*reach+1)
	for tap := range filter {
		x := float64(tap-reach) - offset
		window := 0.5 + 0.5*math.Cos(math.Pi*max(-1, min(1, x/float64(reach))))
		filter[tap] = cut * sinc(cut*x) * window
	}
	return filter
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// WriteWAV writes linear sound at SampleRate as a file that other phones can play.
func WriteWAV(path string, pcm []int16) error { return WriteWAVAt(path, pcm, SampleRate) }

// WriteWAVAt is WriteWAV for sound of another rate, in samples a second.
func WriteWAVAt(path string, pcm []int16, rate int) error {
	if err := os.WriteFile(path, formatWAV(pcm, rate), 0o644); err != nil {
		return fmt.Errorf("write sound: %w", err)
	}
	return nil
}

// FormatWAV is WriteWAV into memory.
func FormatWAV(pcm []int16) []byte { return formatWAV(pcm, SampleRate) }

func formatWAV(pcm []int16, rate int) []byte {
	size := uint32(2 * len(pcm))
	b := append(make([]byte, 0, 44+size), "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, 36+size)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, field := range []uint16{1, 1} { // linear, one channel
		b = binary.LittleEndian.AppendUint16(b, field)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate))
	for _, field := range []uint16{2, 16} { // bytes a frame, bits a sample
		b = binary.LittleEndian.AppendUint16(b, field)
	}
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), size)
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}
