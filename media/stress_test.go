package media

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

// TestEverythingAtOnceHarmsNothing lets many owners do to a few sessions all that can be done, while packets arrive; the
// race detector and the leak check judge.
func TestEverythingAtOnceHarmsNothing(t *testing.T) {
	engine := startEngine(t, func(o *Options) {
		o.Timeout = 20 * time.Millisecond
		o.Codecs = []codec.Codec{codec.G722, codec.PCMA, codec.PCMU}
	})
	music := NewMusic(level(1000, time.Second))
	var sessions []*Session
	var phones []*phone
	for range 4 {
		s, p := open(t, engine), newPhone(t)
		p.call(s, "0 8")
		p.say(0, make([]byte, FrameSize))
		expect[FirstPacket](t, s)
		p.next()
		sessions, phones = append(sessions, s), append(phones, p)
	}
	var owners sync.WaitGroup
	for i, p := range phones {
		owners.Go(func() {
			for n := range 300 {
				p.say([]uint8{0, 8, 9}[(i+n/50)%3], make([]byte, FrameSize))
			}
		})
	}
	for seed := range uint64(4) {
		owners.Go(func() {
			random := rand.New(rand.NewPCG(seed, 7))
			for range 300 {
				meddle(t, random, sessions, phones, music)
			}
		})
	}
	owners.Wait()
	for _, s := range sessions {
		owners.Go(s.Close)
		owners.Go(func() { _ = Bridge(s, sessions[0]) })
		owners.Go(func() { s.Play(1, Silence(0)) })
	}
	owners.Wait()
	engine.Close()
	if n := engine.Sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if stats := engine.Stats(); stats.PacketsIn == 0 || stats.PacketsOut == 0 {
		t.Errorf("stats %+v", stats)
	}
}

// meddle does one thing to one session.
func meddle(t *testing.T, random *rand.Rand, sessions []*Session, phones []*phone, music *Music) {
	pick := func() *Session { return sessions[random.IntN(len(sessions))] }
	s := pick()
	switch random.IntN(9) {
	case 0:
		s.Play(random.Uint64(), Tone(400, -20, FrameDuration), level(100, FrameDuration).Source())
	case 1:
		s.Background(music.Source())
	case 2:
		_ = Bridge(s, pick()) // may be the same one
	case 3:
		Unbridge(s)
	case 4:
		_ = s.SendDigit('1', 0) // may be one too many
	case 5:
		codecs := []string{"8", "0", "9"}[random.IntN(3)]
		if _, err := s.Answer(phones[random.IntN(len(phones))].offer(codecs)); err != nil {
			t.Error(err)
		}
	case 6:
		s.Tap(&ear{})()
	case 7:
		s.Stats()
		s.engine.Stats()
		s.Held()
	case 8:
		select {
		case <-s.Events():
		default:
		}
	}
}
