package media

import (
	"math"
	"time"
)

// SampleRate is the rate of all sound in this package, in Hz: the telephone's.
const SampleRate = 8000

// FrameDuration is what one frame, and one packet that we send, lasts (RFC 3551 section 4.2).
const FrameDuration = 20 * time.Millisecond

// FrameSize is how many samples a frame has.
const FrameSize = SampleRate / 50

// A Frame is 20 ms of linear PCM: 8 kHz, 16 bit, mono.
type Frame [FrameSize]int16

// A Source yields sound, a frame at a time, to one session. The session's playout goroutine calls it, with the
// session's lock held: it must neither block nor call the session. It need not be safe for concurrent use.
type Source interface {
	// Next fills the frame and reports true, or reports false at the end; a last frame that is not full is padded with
	// silence by the source.
	Next(frame *Frame) bool
}

// encodedSource is a Source that has its sound encoded already, once for everybody who hears it.
type encodedSource interface {
	Source
	// nextEncoded returns the next frame in a codec. Nobody may write to it.
	nextEncoded(c Codec) (payload []byte, ok bool)
}

// liveSource is a Source whose sound runs on while it is not heard.
type liveSource interface {
	Source
	// rejoin is called before the first frame that is heard, and whenever the source is heard again.
	rejoin(now time.Time)
}

// Silence returns a source of silence that lasts d, to the next frame up; zero or less: without end.
func Silence(d time.Duration) Source { return &silenceSource{frames: framesIn(d)} }

// framesIn returns how many frames last d; zero or less: -1, without end.
func framesIn(d time.Duration) int {
	if d <= 0 {
		return -1
	}
	return int((d + FrameDuration - 1) / FrameDuration)
}

type silenceSource struct{ frames int } // left; negative: without end

func (s *silenceSource) Next(frame *Frame) bool {
	if s.frames == 0 {
		return false
	}
	if s.frames > 0 {
		s.frames--
	}
	*frame = Frame{}
	return true
}

// Tone returns a source of a sine of hz (0 to 4000) at a level in dB below full scale (0 or negative) that lasts d, to
// the next frame up; zero or less: without end.
func Tone(hz, level float64, d time.Duration) Source {
	return &toneSource{
		step:      2 * math.Pi * hz / SampleRate,
		amplitude: math.MaxInt16 * math.Pow(10, math.Min(level, 0)/20),
		frames:    framesIn(d),
	}
}

type toneSource struct {
	phase, step float64 // radians; step is that of one sample
	amplitude   float64
	frames      int // left; negative: without end
}

func (s *toneSource) Next(frame *Frame) bool {
	if s.frames == 0 {
		return false
	}
	if s.frames > 0 {
		s.frames--
	}
	for i := range frame {
		frame[i] = int16(math.Round(s.amplitude * math.Sin(s.phase)))
		s.phase = math.Mod(s.phase+s.step, 2*math.Pi)
	}
	return true
}
