package playback

import "time"

// How far what is played may be from what is due. Between the bounds nothing is done. With the 20 ms that a frame takes, the
// upper one keeps a clean line within 40 ms of delay.
const (
	tooLate   = 16 * time.Millisecond // then it is played faster,
	lateStill = 8 * time.Millisecond  // until it is no more than this,
	tooEarly  = 3 * time.Millisecond  // and slower below this: another clock is known a second later than it goes on
	resuming  = 5 * time.Millisecond  // how late the first sound after a pause is played
)

// How alike two periods must be so that one may be left out or doubled: less, the more it matters.
const (
	likeEnough  = 0.9
	fasterRange = 20 * time.Millisecond // that much beyond tooLate anything may be left out
	slowerRange = 5 * time.Millisecond  // that much beyond tooEarly anything may be doubled
)

// silent is the level, as a root mean square, up to which nobody hears what is left out: -60 dBov.
const silent = 33

// drain drops what waits if it is so much that the delay would be beyond its bound, as after a hold-back.
func (s *Stream) drain() {
	bound := s.samples(s.limits.Longest+frameDuration) + int(s.line.length)
	for s.store.sound+s.queue.length() > bound {
		p := s.store.first()
		if p == nil {
			return
		}
		if !p.comfort {
			// A decoder is to have heard all; what it makes of this, or that it fails, matters to nobody.
			_, _ = s.format.Decoder.Decode(s.decoded[:p.samples], s.store.read(p, s.wire))
		}
		s.skip(p)
	}
}

// adjust plays faster or slower if what is played is too far from what is due.
func (s *Stream) adjust() {
	if s.filling || s.fresh {
		return
	}
	late := s.lag() - s.arrivals.due
	if late > tooLate {
		s.hurrying = true
	} else if late <= lateStill {
		s.hurrying = false
	}
	switch {
	case s.hurrying:
		s.shrink(late-tooEarly, likeEnough-float32(late-tooLate)/float32(fasterRange))
	case late < tooEarly:
		s.stretch(tooLate-late, likeEnough-float32(tooEarly-late)/float32(slowerRange))
	}
}

// gather decodes what waits and follows without a gap until the queue has so many samples, if there are.
func (s *Stream) gather(need int) {
	for s.queue.length() < need {
		p := s.store.first()
		if p == nil || p.comfort || p.sequence != s.last+1 || p.position != s.next {
			return
		}
		s.take(p)
	}
}

// The periods that are looked for: 66 to 400 Hz, by their likeness over 10 ms.
const (
	shortestPeriod = 2500 * time.Microsecond
	longestPeriod  = 15 * time.Millisecond
	likenessWidth  = 10 * time.Millisecond
)

// shrink leaves out a period, up to most, of what is played next, if two that follow one another are alike enough.
func (s *Stream) shrink(most time.Duration, enough float32) {
	longest := s.samples(min(longestPeriod, most))
	need := max(2*longest, longest+s.samples(likenessWidth))
	s.gather(need)
	if s.queue.length() < need || longest < s.samples(shortestPeriod) {
		return
	}
	pcm := s.queue.ahead()
	period, likeness := s.period(pcm[:need], 0, longest, 1)
	if likeness < enough && level(pcm[:need]) > silent {
		return
	}
	for i := range period {
		w := float32(i+1) / float32(period+1)
		pcm[i] = clip((1-w)*float32(pcm[i]) + w*float32(pcm[period+i]))
	}
	copy(pcm[period:], pcm[2*period:])
	s.queue.tail -= period
	s.stats.Shrunk++
}

// stretch plays the last period, up to most, again, if what follows it is alike enough.
func (s *Stream) stretch(most time.Duration, enough float32) {
	width := s.samples(likenessWidth)
	s.gather(s.samples(frameDuration))
	longest := min(s.samples(min(longestPeriod, most)), s.queue.length())
	if s.queue.length() < width || s.queue.free() < longest {
		return
	}
	heard := s.queue.history
	around := s.queue.pcm[s.queue.head-heard : s.queue.tail]
	period, likeness := s.period(around, heard, longest, -1)
	if likeness < enough && level(around[heard:]) > silent {
		return
	}
	s.queue.extend(period)
	around = s.queue.pcm[s.queue.head-heard : s.queue.tail]
	copy(around[heard+period:], around[heard:])
	for i := range period {
		w := float32(i+1) / float32(period+1)
		around[heard+i] = clip((1-w)*float32(around[heard+i]) + w*float32(around[heard+i-period]))
	}
	s.stats.Stretched++
}

// period finds a period for a change of pace.
func (s *Stream) period(pcm []int16, at, longest, direction int) (int, float32) {
	stride := 2 * s.format.SampleRate / 8000
	return findPeriod(pcm, at, s.samples(likenessWidth), s.samples(shortestPeriod), longest, direction, stride)
}
