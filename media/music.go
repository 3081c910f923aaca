package media

import (
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

// A Music is a recording that plays round and round, for as long as anybody has been playing it: who waits joins it
// where it is, as one does with a radio. It is safe for concurrent use.
type Music struct {
	prompt *Prompt
	epoch  time.Time // when it began
}

// NewMusic starts a recording that plays round and round.
func NewMusic(prompt *Prompt) *Music { return &Music{prompt: prompt, epoch: time.Now()} }

// Prompt returns the recording.
func (m *Music) Prompt() *Prompt { return m.prompt }

// Source returns a source for one listener. All listeners hear the same at one time.
func (m *Music) Source() Source { return &musicSource{music: m} }

// musicSource is one listener's place in the music. It is worked out from the time when he (again) begins to listen
// and then goes on frame by frame, so that a late tick neither repeats nor skips sound.
type musicSource struct {
	music *Music
	at    int // frame
}

var (
	_ encodedSource = (*musicSource)(nil)
	_ liveSource    = (*musicSource)(nil)
)

func (s *musicSource) rejoin(now time.Time) {
	elapsed := max(now.Sub(s.music.epoch), 0)
	s.at = int(elapsed/FrameDuration) % s.music.prompt.frames()
}

func (s *musicSource) Next(frame []int16) bool {
	s.music.prompt.frame(s.at, frame)
	s.advance()
	return true
}

func (s *musicSource) nextEncoded(c codec.Codec) (payload []byte, last int16) {
	if payload, last = s.music.prompt.payload(s.at, c); payload != nil {
		s.advance()
	}
	return payload, last
}

func (s *musicSource) advance() { s.at = (s.at + 1) % s.music.prompt.frames() }
