package media

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"time"
)

// WideRate is the rate of wide-band sound, in Hz: that of G.722 (RFC 3551 section 4.5.2).
const WideRate = 16000

// PromptOptions say how recordings are made ready when they are loaded.
type PromptOptions struct {
	Level Level // that they are brought to; zero: AsRecorded
	Wide  bool  // keep the sound at WideRate, too: for centres that offer a wide-band codec
}

// A Prompt is a recording, decoded once and encoded once for each codec, which everybody who hears it shares. It does
// not change and is safe for concurrent use. A second of it holds 32 kB of memory (64 kB with the wide-band sound).
type Prompt struct {
	sum     [sha256.Size]byte
	options PromptOptions
	pcm     []int16        // a whole number of frames, the last one padded with silence
	wide    []int16        // the same at WideRate; nil without it
	encoded [codecs][]byte // the same, by codec
	samples int            // without the padding
}

// ParseWAV decodes a recording from the bytes of a WAV file: 16 bit PCM, mono or stereo, at any of the usual rates from 8
// to 48 kHz, at most MaxRecordingSize and MaxRecordingDuration. The error says in words for the file's owner what is not
// taken.
func ParseWAV(file []byte, o PromptOptions) (*Prompt, error) {
	prompt, err := readPrompt(bytes.NewReader(file), int64(len(file)), o)
	if err != nil {
		return nil, fmt.Errorf("decode recording: %w", err)
	}
	return prompt, nil
}

// readPrompt makes a prompt of a file of that many bytes. It holds no more of the file in memory than it reads at a time.
func readPrompt(file io.ReaderAt, size int64, o PromptOptions) (*Prompt, error) {
	wav, err := openWAV(file, size)
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(file, 0, size)); err != nil {
		return nil, err
	}
	narrow, wide, err := wav.sound(o.Wide)
	if err != nil {
		return nil, err
	}
	gain := gainTo(o.Level, narrow, SampleRate)
	amplify(narrow, SampleRate, gain)
	p := newPrompt(narrow, [sha256.Size]byte(hash.Sum(nil)))
	p.options = o
	if o.Wide {
		amplify(wide, WideRate, gain)
		p.wide = padded(wide, p.frames()*FrameSize*WideRate/SampleRate)
	}
	return p, nil
}

// newPrompt encodes a recording for all codecs: two look-ups a sample.
func newPrompt(pcm []int16, sum [sha256.Size]byte) *Prompt {
	p := &Prompt{sum: sum, samples: len(pcm)}
	frames := max((len(pcm)+FrameSize-1)/FrameSize, 1)
	p.pcm = padded(pcm, frames*FrameSize)
	for c := range codecs {
		p.encoded[c] = c.Encode(make([]byte, len(p.pcm)), p.pcm)
	}
	return p
}

// padded returns sound with silence behind it, or cut, to a length.
func padded(pcm []int16, length int) []int16 {
	if cap(pcm) >= length && cap(pcm) < length+length/8 { // almost all of the memory is used
		n := len(pcm)
		pcm = pcm[:length]
		clear(pcm[min(n, length):])
		return pcm
	}
	out := make([]int16, length)
	copy(out, pcm)
	return out
}

// SHA256 returns the hash of the bytes of the file that the recording came from, whatever level it was brought to.
func (p *Prompt) SHA256() [sha256.Size]byte { return p.sum }

// Options returns how the recording was made ready.
func (p *Prompt) Options() PromptOptions { return p.options }

// Duration returns how long the recording lasts.
func (p *Prompt) Duration() time.Duration {
	return time.Duration(p.samples) * time.Second / SampleRate
}

// Size returns how many bytes of memory the recording holds.
func (p *Prompt) Size() int64 {
	size := 2 * (len(p.pcm) + len(p.wide))
	for _, encoded := range p.encoded {
		size += len(encoded)
	}
	return int64(size)
}

// PCM returns a copy of the recording's samples at SampleRate, to recognise it by.
func (p *Prompt) PCM() []int16 { return append([]int16(nil), p.pcm[:p.samples]...) }

// WidePCM returns the recording's samples at WideRate, in whole frames of 20 ms as many as the recording has at SampleRate;
// nil unless PromptOptions.Wide asked for them. Nobody may write to it.
func (p *Prompt) WidePCM() []int16 { return p.wide }

// Source returns a source that plays the recording once.
func (p *Prompt) Source() Source { return &promptSource{prompt: p} }

// frames returns how many frames the recording has, at least one.
func (p *Prompt) frames() int { return len(p.pcm) / FrameSize }

// promptSource plays a recording once.
type promptSource struct {
	prompt *Prompt
	at     int // frame
}

var _ encodedSource = (*promptSource)(nil)

func (s *promptSource) Next(frame *Frame) bool {
	if s.at >= s.prompt.frames() {
		return false
	}
	copy(frame[:], s.prompt.pcm[s.at*FrameSize:])
	s.at++
	return true
}

func (s *promptSource) nextEncoded(c Codec) ([]byte, bool) {
	if s.at >= s.prompt.frames() {
		return nil, false
	}
	from := s.at * FrameSize
	s.at++
	return s.prompt.encoded[c][from : from+FrameSize : from+FrameSize], true
}
