package media

import (
	"crypto/sha256"
	"fmt"
	"time"
)

// A Prompt is a recording, decoded once and encoded once for each codec, which everybody who hears it shares. It does
// not change and is safe for concurrent use.
type Prompt struct {
	sum     [sha256.Size]byte
	pcm     []int16        // a whole number of frames, the last one padded with silence
	encoded [codecs][]byte // the same, by codec
	samples int            // without the padding
}

// ParseWAV decodes a recording from the bytes of a WAV file: 16 bit PCM, mono or stereo, 8, 16, 44.1 or 48 kHz, at most
// MaxRecordingSize and MaxRecordingDuration. The error says in words for the file's owner what is not taken.
func ParseWAV(file []byte) (*Prompt, error) {
	pcm, err := decodeWAV(file)
	if err != nil {
		return nil, fmt.Errorf("decode recording: %w", err)
	}
	return newPrompt(pcm, sha256.Sum256(file)), nil
}

// newPrompt encodes a recording for all codecs: two look-ups a sample, 4 bytes a sample in memory with the PCM.
func newPrompt(pcm []int16, sum [sha256.Size]byte) *Prompt {
	p := &Prompt{sum: sum, samples: len(pcm)}
	frames := max((len(pcm)+FrameSize-1)/FrameSize, 1)
	p.pcm = make([]int16, frames*FrameSize)
	copy(p.pcm, pcm)
	for c := range codecs {
		p.encoded[c] = c.Encode(make([]byte, len(p.pcm)), p.pcm)
	}
	return p
}

// SHA256 returns the hash of the bytes of the file that the recording came from.
func (p *Prompt) SHA256() [sha256.Size]byte { return p.sum }

// Duration returns how long the recording lasts.
func (p *Prompt) Duration() time.Duration {
	return time.Duration(p.samples) * time.Second / SampleRate
}

// PCM returns a copy of the recording's samples at SampleRate, to recognise it by.
func (p *Prompt) PCM() []int16 { return append([]int16(nil), p.pcm[:p.samples]...) }

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
