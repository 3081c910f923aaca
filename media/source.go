package media

import (
	"math"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

// SampleRate is the rate of telephone sound, in Hz. Legs with a wide-band codec have twice that.
const SampleRate = 8000

// FrameDuration is what one frame lasts: 20 ms, the packet that telephones send (RFC 3551 section 4.2).
const FrameDuration = 20 * time.Millisecond

// framesPerSecond is how many frames a second has: a frame has as many samples as the rate divided by it.
const framesPerSecond = 50

// FrameSize is how many samples a frame of telephone sound has.
const FrameSize = SampleRate / framesPerSecond

// A Source yields sound, a frame at a time, to one session. The session's playout goroutine calls it, with the
// session's lock held: it must neither block nor call the session. It need not be safe for concurrent use.
type Source interface {
	// Next fills the frame, 20 ms of linear PCM, and reports true, or reports false at the end; a last frame that is not
	// full is padded with silence by the source. How long the frame is tells its rate: FrameSize samples at 8 kHz, twice
	// as many at 16 kHz. A session may change its codec, and with it the rate, between two frames.
	Next(frame []int16) bool
}

// encodedSource is a Source that has its sound encoded already, once for everybody who hears it.
type encodedSource interface {
	Source
	// nextEncoded returns the next frame in a codec, and the last sample of it; nil when it is not there in that codec:
	// Next has it then, or says that it is over. Nobody may write to the payload.
	nextEncoded(c codec.Codec) (payload []byte, last int16)
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

func (s *silenceSource) Next(frame []int16) bool {
	if s.frames == 0 {
		return false
	}
	if s.frames > 0 {
		s.frames--
	}
	clear(frame)
	return true
}

// Tone returns a source of a sine of hz (0 to 4000) at a level in dB below full scale (0 or negative) that lasts d, to
// the next frame up; zero or less: without end.
func Tone(hz, level float64, d time.Duration) Source {
	return &toneSource{
		hz:        hz,
		amplitude: math.MaxInt16 * math.Pow(10, math.Min(level, 0)/20),
		frames:    framesIn(d),
	}
}

type toneSource struct {
	hz        float64
	phase     float64 // radians
	amplitude float64
	frames    int // left; negative: without end
}

func (s *toneSource) Next(frame []int16) bool {
	if s.frames == 0 {
		return false
	}
	if s.frames > 0 {
		s.frames--
	}
	step := 2 * math.Pi * s.hz / float64(len(frame)*framesPerSecond)
	for i := range frame {
		frame[i] = int16(math.Round(s.amplitude * math.Sin(s.phase)))
		s.phase = math.Mod(s.phase+step, 2*math.Pi)
	}
	return true
}
