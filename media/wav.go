package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MaxRecordingSize bounds a recording's file, in bytes: 30 minutes of telephone sound are 28.8 MB, and the rest is for
// those recorded at a higher rate.
const MaxRecordingSize = 64 << 20

// MaxRecordingDuration bounds how long a recording may last: longer ones hold 4 bytes a sample in memory and nobody
// waits to their end.
const MaxRecordingDuration = 30 * time.Minute

// The formats of a WAV file that matter to us (RFC 2361).
const (
	formatPCM        = 0x0001
	formatExtensible = 0xFFFE
)

// wavRates are the sampling rates that are taken, in Hz.
var wavRates = []uint32{8000, 16000, 44100, 48000}

// wavFormat is the fmt chunk of a WAV file.
type wavFormat struct {
	tag      uint16
	channels uint16
	rate     uint32
	bits     uint16
}

// decodeWAV returns the sound of a WAV file at SampleRate, mono: PCM of 16 bits, one or two channels, 8, 16, 44.1 or 48
// kHz, its chunks in any order. A data chunk that promises more than the file holds gives what is there.
func decodeWAV(file []byte) ([]int16, error) {
	if len(file) > MaxRecordingSize {
		return nil, fmt.Errorf("the file is over %d MiB", MaxRecordingSize>>20)
	}
	format, data, err := wavChunks(file)
	if err != nil {
		return nil, err
	}
	if err := format.check(); err != nil {
		return nil, err
	}
	frame := 2 * int(format.channels)
	frames := len(data) / frame
	if frames == 0 {
		return nil, errors.New("the recording is empty")
	}
	if duration := time.Duration(frames) * time.Second / time.Duration(format.rate); duration > MaxRecordingDuration {
		return nil, fmt.Errorf("the recording lasts over %v", MaxRecordingDuration)
	}
	pcm := make([]int16, frames)
	for i := range pcm {
		sample := int(int16(binary.LittleEndian.Uint16(data[i*frame:])))
		if format.channels == 2 {
			sample = (sample + int(int16(binary.LittleEndian.Uint16(data[i*frame+2:])))) / 2
		}
		pcm[i] = int16(sample)
	}
	return resample(pcm, int(format.rate)), nil
}

// wavChunks finds the format and the samples of a RIFF/WAVE file.
func wavChunks(file []byte) (format *wavFormat, data []byte, err error) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return nil, nil, errors.New("not a WAV file")
	}
	found := false
	for rest := file[12:]; len(rest) >= 8; {
		name, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		rest = rest[8:]
		body := rest[:min(size, int64(len(rest)))]
		switch {
		case name == "fmt " && format == nil:
			if format, err = parseFormat(body); err != nil {
				return nil, nil, err
			}
		case name == "data" && !found:
			data, found = body, true
		}
		rest = rest[min(size+size&1, int64(len(rest))):] // chunks are padded to an even size
	}
	if format == nil {
		return nil, nil, errors.New("the WAV file does not say its format: the chunk \"fmt \" is missing")
	}
	if !found {
		return nil, nil, errors.New("the WAV file has no sound: the chunk \"data\" is missing")
	}
	return format, data, nil
}

// parseFormat reads a fmt chunk, plain or WAVE_FORMAT_EXTENSIBLE.
func parseFormat(body []byte) (*wavFormat, error) {
	if len(body) < 16 {
		return nil, errors.New("the chunk \"fmt \" of the WAV file is too short")
	}
	format := &wavFormat{
		tag:      binary.LittleEndian.Uint16(body),
		channels: binary.LittleEndian.Uint16(body[2:]),
		rate:     binary.LittleEndian.Uint32(body[4:]),
		bits:     binary.LittleEndian.Uint16(body[14:]),
	}
	if format.tag == formatExtensible {
		if len(body) < 26 {
			return nil, errors.New("the chunk \"fmt \" of the WAV file is too short")
		}
		format.tag = binary.LittleEndian.Uint16(body[24:]) // the first two bytes of the sub-format's GUID
	}
	return format, nil
}

// check says what of a format is not taken.
func (f *wavFormat) check() error {
	switch {
	case f.tag != formatPCM:
		return fmt.Errorf("the WAV file is compressed (format %#04x): only 16 bit PCM is taken", f.tag)
	case f.bits != 16:
		return fmt.Errorf("the WAV file has %d bits a sample: only 16 are taken", f.bits)
	case f.channels != 1 && f.channels != 2:
		return fmt.Errorf("the WAV file has %d channels: only 1 or 2 are taken", f.channels)
	case !slices.Contains(wavRates, f.rate):
		return fmt.Errorf("the WAV file has %d samples a second: only 8000, 16000, 44100 or 48000 are taken", f.rate)
	}
	return nil
}
