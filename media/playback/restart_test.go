package playback

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// afterwards sends on for ten seconds with changed numbers, and returns what a stream makes of it.
func afterwards(t *testing.T, change func(*sender)) (heard, Stats) {
	t.Helper()
	far := farEnd(tone(1000, 8000))
	sent := far.send(5 * time.Second)
	change(far)
	sent = append(sent, far.send(10*time.Second)...)
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, far.at)
	return h, s.Stats()
}

func TestAJumpOfTheTimestampsIsNotHeard(t *testing.T) {
	for _, jump := range []int64{-1 << 31, -80000, -8000, -800, 1600, 8000, 80000, 1<<31 - 1} {
		t.Run(fmt.Sprint(jump), func(t *testing.T) {
			h, stats := afterwards(t, func(far *sender) { far.stamp += uint32(jump) })
			assertAtMost(t, "the silence", longestSilence(h.within(), 8000), 20*ms)
			if stats.Restarts != 1 || stats.Lost+stats.Late+stats.Dropped > 0 || stats.Concealed > 2 {
				t.Errorf("the figures are %+v", stats)
			}
			assertAtMost(t, "the delay", slices.Max(h.delays), 45*ms)
		})
	}
}

func TestASequenceThatBeginsAnewIsFollowed(t *testing.T) {
	for _, jump := range []uint16{20000, 40000, 65000, 65526} {
		for _, stamp := range []uint32{0, 123456789, 4123456789} {
			t.Run(fmt.Sprint(jump, stamp), func(t *testing.T) {
				h, stats := afterwards(t, func(far *sender) { far.sequence += jump; far.stamp += stamp })
				assertAtMost(t, "the silence", longestSilence(h.within(), 8000), 30*ms)
				if stats.Restarts != 1 || stats.Lost+stats.Dropped > 0 || stats.Concealed > 5 {
					t.Errorf("the figures are %+v", stats)
				}
				assertAtMost(t, "the delay in the end", h.delays[len(h.delays)-10], 45*ms)
			})
		}
	}
}

func TestASequenceThatJumpsAheadAloneLosesNothing(t *testing.T) {
	h, stats := afterwards(t, func(far *sender) { far.sequence += 500 })
	assertAtMost(t, "the silence", longestSilence(h.within(), 8000), 10*ms)
	if stats.Lost+stats.Late+stats.Dropped > 0 || stats.Concealed > 1 {
		t.Errorf("the figures are %+v", stats)
	}
}

func TestAForeignPacketDoesNotDisturb(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	sent := far.send(10 * time.Second)
	for i := 50; i < 400; i += 50 {
		foreign := sent[i]
		foreign.packet.Sequence += 30000
		foreign.packet.Timestamp += 99999999
		sent = append(sent, foreign)
	}
	s := New(linearAt(8000, 8000), Limits{})
	h := play(s, sent, 7*ms, 10*time.Second)
	assertAtLeast(t, "tone to noise", toneToNoise(h.within(), 1000, 8000, 100*ms), 70)
	if stats := s.Stats(); stats.Restarts+stats.Concealed+stats.Lost > 0 {
		t.Errorf("the figures are %+v", stats)
	}
}

func TestAfterAResetAnotherStreamBegins(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	s := New(linearAt(8000, 8000), Limits{})
	first := play(s, far.send(3*time.Second), 7*ms, far.at)
	s.Reset()
	next := farEnd(tone(1000, 8000))
	next.sequence, next.stamp, next.at = 17, 99, far.at
	second := play(s, next.send(3*time.Second), far.at+7*ms, next.at)
	pcm := slices.Concat(first.within(), second.pcm[:len(second.pcm)-320])
	assertAtMost(t, "the silence", longestSilence(pcm, 8000), 60*ms)
	if step := largestStep(second.pcm); step > steepest(1000, 8000, 8000)*11/10 {
		t.Errorf("there is a step of %d", step)
	}
	if stats := s.Stats(); stats.Restarts != 1 || stats.Lost+stats.Late > 0 {
		t.Errorf("the figures are %+v", stats)
	}
}

func TestAnotherCodecIsHeardFromTheNextPacketOn(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	s := New(linearAt(8000, 8000), Limits{})
	play(s, far.send(3*time.Second), 7*ms, far.at)
	// Each sample is sent twice, so that what the old decoder made of a packet would be twice as long.
	far.clock = 16000
	s.Change(Format{Decoder: everyOther{}, SampleRate: 8000, ClockRate: 16000, Samples: func(p []byte) int { return len(p) / 4 }})
	sent := far.send(3 * time.Second)
	for i := range sent {
		var payload []byte
		for pair := range slices.Chunk(sent[i].packet.Payload, 2) {
			payload = append(append(payload, pair...), pair...)
		}
		sent[i].packet.Payload = payload
	}
	h := play(s, sent, far.at-3*time.Second+7*ms, far.at)
	assertAtLeast(t, "tone to noise", toneToNoise(h.within()[1600:], 1000, 8000, 100*ms), 45)
	assertAtMost(t, "the silence", longestSilence(h.within(), 8000), 10*ms)
	if stats := s.Stats(); stats.Restarts+stats.Lost+stats.Late > 0 || stats.Concealed > 4 {
		t.Errorf("the figures are %+v", stats)
	}
}

// everyOther decodes the first of each two samples.
type everyOther struct{}

func (everyOther) Decode(dst []int16, payload []byte) ([]int16, error) {
	n := 0
	for pair := range slices.Chunk(payload, 4) {
		dst[n] = int16(uint16(pair[0])<<8 | uint16(pair[1]))
		n++
	}
	return dst[:n], nil
}

func TestAnotherSampleRateBeginsAnew(t *testing.T) {
	far := farEnd(tone(1000, 8000))
	s := New(linearAt(8000, 8000), Limits{})
	play(s, far.send(time.Second), 7*ms, far.at)
	s.Change(linearAt(16000, 8000))
	far.rate = 16000
	h := play(s, far.send(3*time.Second), far.at-3*time.Second+7*ms, far.at)
	assertAtLeast(t, "tone to noise", toneToNoise(h.within(), 1000, 16000, 100*ms), 70)
	if stats := s.Stats(); stats.Restarts > 0 {
		t.Errorf("the figures are %+v", stats)
	}
}

func TestAfterAHoldTheSoundIsHeardAtOnceWhateverItsNumbers(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   func(*sender)
		restarts uint64
	}{
		{"its clock stood", func(*sender) {}, 0},
		{"its clock went on", func(far *sender) { far.stamp += 5 * 8000 }, 0},
		{"its clock is another", func(far *sender) { far.stamp += 1 << 30 }, 1},
		{"its clock went back", func(far *sender) { far.stamp -= 1 << 30 }, 1},
		{"all is new", func(far *sender) { far.stamp -= 1 << 30; far.sequence += 12345 }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, stats := afterwards(t, func(far *sender) { far.at += 5 * time.Second; c.change(far) })
			if stats.Restarts != c.restarts || stats.Lost+stats.Late+stats.Dropped > 0 || stats.Concealed > 6 {
				t.Errorf("the figures are %+v", stats)
			}
			back := (5300*ms + 5*time.Second) / frameDuration // the first packet after the hold
			first := int(back) + slices.Index(h.kinds[back:], Sound)
			assertAtMost(t, "the time to the first sound", time.Duration(first)*frameDuration+7*ms-(5300*ms+5*time.Second), 70*ms)
			assertAtMost(t, "the delay at the end", h.delays[len(h.delays)-10], 45*ms)
		})
	}
}
