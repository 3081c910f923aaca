package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/spillway-voice/spillway/media/resample"
)

// MaxRecordingSize bounds a recording's file, in bytes: 30 minutes at 48 kHz in stereo are 330 MiB.
const MaxRecordingSize = 384 << 20

// MaxRecordingDuration bounds how long a recording may last: nobody waits to the end of a longer one, which would hold over 57 MB
// of memory.
const MaxRecordingDuration = 30 * time.Minute

// The formats of a WAV file that matter to us (RFC 2361).
const (
	formatPCM        = 0x0001
	formatExtensible = 0xFFFE
)

// wavRates are the sampling rates that are taken, in Hz.
var wavRates = []uint32{8000, 16000, 22050, 24000, 32000, 44100, 48000}

// wavFormat is the fmt chunk of a WAV file.
type wavFormat struct {
	tag      uint16
	channels uint16
	rate     uint32
	bits     uint16
}

// wavFile is a WAV file that was looked into: PCM of 16 bits, one or two channels, its chunks in any order.
type wavFile struct {
	format *wavFormat
	data   *io.SectionReader // the samples; what the file holds of them, when it promises more
	frames int               // samples of each channel in data
	// missing is how many bytes of sound the file promises and does not have; 0 for one that was written to a pipe, whose
	// writer did not know.
	missing int64
}

// openWAV looks into a file of that many bytes and says what of it is not taken.
func openWAV(file io.ReaderAt, size int64) (*wavFile, error) {
	if size > MaxRecordingSize {
		return nil, fmt.Errorf("the file is over %d MiB", MaxRecordingSize>>20)
	}
	w := &wavFile{}
	if err := w.look(file, size); err != nil {
		return nil, err
	}
	if err := w.format.check(); err != nil {
		return nil, err
	}
	w.frames = int(w.data.Size()) / w.format.frame()
	if w.frames == 0 {
		return nil, errors.New("the recording is empty")
	}
	if duration := time.Duration(w.frames) * time.Second / time.Duration(w.format.rate); duration > MaxRecordingDuration {
		return nil, fmt.Errorf("the recording lasts over %v", MaxRecordingDuration)
	}
	return w, nil
}

// look finds the format and the samples of a RIFF/WAVE file.
func (w *wavFile) look(file io.ReaderAt, size int64) error {
	header := make([]byte, 12)
	if n, err := file.ReadAt(header, 0); n < len(header) && !errors.Is(err, io.EOF) {
		return err
	}
	if string(header[:4]) != "RIFF" || string(header[8:12]) != "WAVE" {
		return errors.New("not a WAV file")
	}
	for at := int64(12); at+8 <= size; {
		if _, err := file.ReadAt(header[:8], at); err != nil {
			return err
		}
		length := int64(binary.LittleEndian.Uint32(header[4:]))
		body := io.NewSectionReader(file, at+8, min(length, size-at-8))
		if err := w.chunk(string(header[:4]), body); err != nil {
			return err
		}
		if string(header[:4]) == "data" && length < unknownLength {
			w.missing = max(0, at+8+length-size)
		}
		at += 8 + length + length&1 // chunks are padded to an even size
	}
	if w.format == nil {
		return errors.New("the WAV file does not say its format: the chunk \"fmt \" is missing")
	}
	if w.data == nil {
		return errors.New("the WAV file has no sound: the chunk \"data\" is missing")
	}
	return nil
}

// unknownLength is the least length that writers to a pipe give, who cannot know it: 2^31-1 rounded down to a whole number of
// kilobytes, or more.
const unknownLength = 1<<31 - 1<<10

// chunk takes the first chunk of each of the two kinds that matter.
func (w *wavFile) chunk(name string, body *io.SectionReader) (err error) {
	switch {
	case name == "fmt " && w.format == nil:
		head := make([]byte, min(body.Size(), extensibleSize))
		if _, err := body.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		w.format, err = parseFormat(head)
	case name == "data" && w.data == nil:
		w.data = body
	}
	return err
}

// framesAtOnce is how many samples of each channel are decoded at a time: a few milliseconds of work.
const framesAtOnce = 1 << 14

// sound decodes the file, mono, at SampleRate and, if that is wanted, at WideRate. Between parts it lets others run: to load
// half an hour is a second of work or two.
func (w *wavFile) sound(wide bool) (narrowPCM, widePCM []int16, err error) {
	rate := SampleRate
	if wide {
		rate = WideRate
	}
	convert, err := resample.NewConverter(int(w.format.rate), rate)
	if err != nil {
		return nil, nil, err
	}
	samples := int64(w.frames) * int64(rate) / int64(w.format.rate)
	out := make([]int16, 0, samples+int64(rate)/50) // and room for the last frame's padding
	raw := make([]byte, framesAtOnce*w.format.frame())
	mono := make([]int16, 0, framesAtOnce)
	for left := w.frames; left > 0; {
		n := min(left, framesAtOnce)
		if _, err := io.ReadFull(w.data, raw[:n*w.format.frame()]); err != nil {
			return nil, nil, err
		}
		mono = w.format.mono(mono[:0], raw[:n*w.format.frame()])
		out = convert.Write(out, mono)
		left -= n
		runtime.Gosched()
	}
	out = convert.End(out)
	if !wide {
		return out, nil, nil
	}
	narrowPCM, err = resample.Convert(out, WideRate, SampleRate)
	return narrowPCM, out, err
}

// frame returns how many bytes a sample of all channels has.
func (f *wavFormat) frame() int { return 2 * int(f.channels) }

// mono appends the samples in raw to pcm, the mean of two channels.
func (f *wavFormat) mono(pcm []int16, raw []byte) []int16 {
	if f.channels == 1 {
		for ; len(raw) >= 2; raw = raw[2:] {
			pcm = append(pcm, int16(binary.LittleEndian.Uint16(raw)))
		}
		return pcm
	}
	for ; len(raw) >= 4; raw = raw[4:] {
		left, right := int(int16(binary.LittleEndian.Uint16(raw))), int(int16(binary.LittleEndian.Uint16(raw[2:])))
		pcm = append(pcm, int16((left+right)/2))
	}
	return pcm
}

// extensibleSize is how many bytes of a fmt chunk matter.
const extensibleSize = 26

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
		if len(body) < extensibleSize {
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
		return fmt.Errorf("the WAV file has %d samples a second: only 8000, 16000, 22050, 24000, 32000, 44100 or 48000 are taken", f.rate)
	}
	return nil
}
