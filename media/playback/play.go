package playback

import "time"

// prepare fills the queue with so many samples.
func (s *Stream) prepare(need int) {
	for s.queue.length() < need {
		missing := need - s.queue.length()
		p := s.store.first()
		if p == nil {
			s.fill(missing)
			continue
		}
		if wait := s.wait(p); wait > 0 {
			s.fill(int(min(wait, int64(missing))))
			continue
		}
		s.take(p)
	}
}

// wait returns how many samples there are until a packet has its turn.
func (s *Stream) wait(p *slot) int64 {
	if s.fresh || s.paused || s.filling && s.filler.faded() {
		return s.early(p) // nobody hears when a pause ends: when it is best for the delay
	}
	gap := p.position - s.next
	if p.sequence == s.last+1 && gap >= int64(s.samples(shortestPause)) {
		s.pause()
		return s.early(p)
	}
	gap -= int64(s.borrowed)
	if gap > 0 && s.now-p.arrived >= s.limits.Longest {
		return 0
	}
	return gap
}

// early returns how many samples too early a packet would be if it were played next.
func (s *Stream) early(p *slot) int64 {
	if s.now-p.arrived >= s.limits.Longest {
		return 0
	}
	at := s.now + s.duration(int64(s.queue.length())) - s.duration(p.position)
	return int64((s.arrivals.due + resuming - at + s.sample - 1) / s.sample)
}

// pause notes that the far end is silent by its own will.
func (s *Stream) pause() {
	s.paused = true
	s.fillGap()
	s.filler.hush()
}

// fillGap begins to make up sound, unless that is what is done already.
func (s *Stream) fillGap() {
	if s.filling {
		return
	}
	s.filling, s.hurrying = true, false
	s.filler.noise.suppose(s.floor.background())
	s.filler.begin(s.queue.newest())
}

// fill adds so many samples, up to a frame, that are made up; a Concealer may add more.
func (s *Stream) fill(n int) {
	s.fillGap()
	faded := s.filler.faded()
	kind := Noise
	switch {
	case faded && !s.filler.noise.audible():
		kind = Nothing
	case !faded && !s.paused:
		kind = Concealed
	}
	if !faded && !s.paused && s.concealer != nil {
		made := s.made[:len(s.made)/2]
		if made = s.concealer.Conceal(made); len(made) > 0 {
			s.filler.shade(made)
			copy(s.queue.extend(len(made)), made)
			s.filled[kind] += len(made)
			s.borrowed += len(made)
			return
		}
	}
	s.filler.fill(s.queue.extend(n))
	s.filled[kind] += n
	s.borrowed += n
}

// take plays a packet: its turn has come.
func (s *Stream) take(p *slot) {
	s.count(p)
	if p.comfort {
		s.filler.noise.describe(s.store.read(p, s.wire))
		s.next, s.borrowed = max(s.next, p.position), 0
		s.pause()
		s.store.dropFirst()
		return
	}
	sound := s.decode(p)
	end := p.position + int64(p.samples)
	repeated := min(max(s.next-p.position, 0), int64(len(sound)))
	sound = sound[repeated:] // a far end whose packets overlap
	if len(sound) > 0 {
		s.join(sound)
	} else {
		s.fillGap()
	}
	s.next, s.borrowed = max(s.next, end), 0
	s.store.dropFirst()
}

// count notes that a packet has its turn, and which before it never had theirs.
func (s *Stream) count(p *slot) {
	if s.fresh {
		s.fresh = false
		s.next, s.last = p.position, p.sequence-1
	}
	if missing := p.sequence - s.last - 1; missing > 0 && p.position > s.next {
		s.stats.Lost += uint64(missing)
	}
	s.advance(p)
}

// decode returns the sound of a packet, or what stands in for it if it cannot be decoded.
func (s *Stream) decode(p *slot) []int16 {
	sound, err := s.format.Decoder.Decode(s.decoded[:p.samples], s.store.read(p, s.wire))
	if err != nil || len(sound) > p.samples {
		s.stats.Invalid++
		s.fillGap()
		s.filler.fill(s.decoded[:p.samples])
		s.filled[Concealed] += p.samples
		return s.decoded[:p.samples]
	}
	return sound
}

// join adds sound to the queue, smoothly if what is before was made up.
func (s *Stream) join(sound []int16) {
	if s.filling {
		s.filling, s.paused = false, false
		s.blend(sound)
	}
	copy(s.queue.extend(len(sound)), sound)
}

// blend lets what is made up fade into the beginning of the sound that follows.
func (s *Stream) blend(sound []int16) {
	overlap := min(s.filler.overlap(), len(sound))
	made := s.made[:overlap]
	if s.concealer != nil && !s.filler.faded() {
		copy(made, sound)
		s.filler.shade(made) // the decoder has seen to the join
	} else {
		s.filler.fill(made)
	}
	for i, x := range made {
		w := float32(i+1) / float32(overlap+1)
		sound[i] = clip(w*float32(sound[i]) + (1-w)*float32(x))
	}
}

// lag returns the transit of the sound that is played next.
func (s *Stream) lag() time.Duration {
	return s.now - s.duration(s.next-int64(s.queue.length()))
}
