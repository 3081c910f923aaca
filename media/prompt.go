package media

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

// WideRate is the rate of wide-band sound, in Hz: that of G.722 (RFC 3551 section 4.5.2).
const WideRate = 16000

// PromptOptions say how recordings are made ready when they are loaded.
type PromptOptions struct {
	Level  Level  // that they are brought to; zero: AsRecorded
	Codecs Codecs // that they are encoded in
}

// A Prompt is a recording, decoded once and encoded once for each codec, which everybody who hears it shares. It does
// not change and is safe for concurrent use. A second of it holds 32 kB of memory, with the wide-band sound 64 kB, and 8 kB
// for G.722 or 32 kB for L16.
type Prompt struct {
	sum     [sha256.Size]byte
	options PromptOptions
	pcm     []int16             // a whole number of frames, the last one padded with silence
	wide    []int16             // the same at WideRate; nil without a codec that carries it
	tracks  [codec.Count]*track // the same, by codec; nil: not encoded in it
	samples int                 // without the padding
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
	narrow, wide, err := wav.sound(o.Codecs.wide())
	if err != nil {
		return nil, err
	}
	gain := gainTo(o.Level, narrow, SampleRate)
	amplify(narrow, SampleRate, gain)
	p := newPrompt(narrow, [sha256.Size]byte(hash.Sum(nil)))
	p.options = o
	if o.Codecs.wide() {
		amplify(wide, WideRate, gain)
		p.wide = padded(wide, p.frames()*FrameSize*WideRate/SampleRate)
	}
	p.encode(o.Codecs)
	return p, nil
}

// newPrompt makes a prompt of telephone sound, which is encoded in no codec yet.
func newPrompt(pcm []int16, sum [sha256.Size]byte) *Prompt {
	p := &Prompt{sum: sum, samples: len(pcm)}
	frames := max((len(pcm)+FrameSize-1)/FrameSize, 1)
	p.pcm = padded(pcm, frames*FrameSize)
	return p
}

// encode encodes a recording in codecs.
func (p *Prompt) encode(codecs Codecs) {
	for c := range codec.Count {
		if codecs.Has(c) {
			p.tracks[c] = newTrack(c, p.at(c.SampleRate()))
		}
	}
}

// at returns the recording at a rate; nil when it is not kept at that.
func (p *Prompt) at(rate int) []int16 {
	if rate == WideRate {
		return p.wide
	}
	return p.pcm
}

// frame fills a frame of either rate with one of the recording's. Wide-band sound that is not kept is made of the other, as well
// as can be done without a filter: it is heard only by who speaks a codec that the centre does not offer.
func (p *Prompt) frame(i int, frame []int16) {
	if from := p.at(len(frame) * framesPerSecond); from != nil {
		copy(frame, from[i*len(frame):])
		return
	}
	narrow := p.pcm[i*FrameSize : (i+1)*FrameSize]
	for j := range frame {
		frame[j] = narrow[j*FrameSize/len(frame)]
	}
}

// payload returns a frame encoded, and its last sample; nil when the recording is not encoded in the codec.
func (p *Prompt) payload(i int, c codec.Codec) (payload []byte, last int16) {
	track := p.tracks[c]
	if track == nil {
		return nil, 0
	}
	pcm := p.at(c.SampleRate())
	return track.frame(i), pcm[(i+1)*c.SampleRate()/framesPerSecond-1]
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
	for _, track := range p.tracks {
		if track != nil {
			size += track.bytes()
		}
	}
	return int64(size)
}

// PCM returns a copy of the recording's samples at SampleRate, to recognise it by.
func (p *Prompt) PCM() []int16 { return append([]int16(nil), p.pcm[:p.samples]...) }

// WidePCM returns the recording's samples at WideRate, in whole frames of 20 ms as many as the recording has at SampleRate;
// nil unless one of PromptOptions.Codecs carries wide-band sound. Nobody may write to it.
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

func (s *promptSource) Next(frame []int16) bool {
	if s.at >= s.prompt.frames() {
		return false
	}
	s.prompt.frame(s.at, frame)
	s.at++
	return true
}

func (s *promptSource) nextEncoded(c codec.Codec) (payload []byte, last int16) {
	if s.at >= s.prompt.frames() {
		return nil, 0
	}
	if payload, last = s.prompt.payload(s.at, c); payload != nil {
		s.at++
	}
	return payload, last
}
