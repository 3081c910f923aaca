package playback

import "time"

// straggling is how many packets before a Change may come behind it.
const straggling = 8

// Put takes in a packet that arrived at a time, on any scale that does not go back. What it cannot use it counts.
func (s *Stream) Put(p Packet, at time.Duration) {
	s.tick(at)
	samples, ok := s.measure(p)
	if !ok {
		s.stats.Invalid++
		return
	}
	if !s.line.begun {
		s.begin(p, samples)
		return
	}
	if s.line.unsettled {
		s.settle(p, samples)
		return
	}
	step := int64(int32(p.Timestamp-s.line.stamp)) * int64(s.format.SampleRate) / int64(s.format.ClockRate)
	early := s.now-s.duration(s.line.position+step) < s.arrivals.base-earlyJump
	where, verdict := s.line.judge(p, step, early, int64(len(s.decoded)))
	if verdict != doubtful {
		s.stray.waiting = false
	}
	switch verdict {
	case fitting:
		s.admit(p, where, samples, s.now)
	case jumping:
		s.stats.Restarts++
		s.restart(p, samples, where.sequence-s.line.sequence, s.now)
	case doubtful:
		s.doubt(p, samples)
	}
}

// measure returns how many samples of PCM a packet holds; ok is false if it is malformed or too large.
func (s *Stream) measure(p Packet) (samples int, ok bool) {
	if len(p.Payload) == 0 || len(p.Payload) > largestWire {
		return 0, false
	}
	if p.Comfort {
		return 0, true
	}
	samples = s.format.Samples(p.Payload)
	return samples, samples > 0 && samples <= len(s.decoded)
}

// begin takes the first packet of all.
func (s *Stream) begin(p Packet, samples int) {
	s.last = -furthestBehind - 1
	s.arrivals.begin(s.now, s.limits)
	s.admit(p, place{}, samples, s.now)
}

// doubt keeps a packet that fits nothing until the next, or begins anew if it is the second of a sender that did.
func (s *Stream) doubt(p Packet, samples int) {
	if !s.stray.precedes(p) {
		if s.stray.waiting {
			s.stats.Late++
		}
		s.stray.keep(p, samples, s.now)
		return
	}
	s.stray.waiting = false
	s.stats.Restarts++
	s.restart(s.stray.packet, s.stray.samples, 1, s.stray.arrived)
	s.Put(p, s.now)
}

// restart puts a packet right behind all that is here, whatever its timestamp. Its sequence number is so many ahead of the
// newest. What is known of the line's jitter stays.
func (s *Stream) restart(p Packet, samples int, ahead int64, at time.Duration) {
	where := place{s.line.sequence + ahead, s.line.position + s.line.length}
	if s.store.empty() {
		where.position = s.next
		if s.filling {
			where.position += int64(s.borrowed)
			s.next, s.borrowed = where.position, 0
		}
	}
	s.arrivals.restart(at-s.duration(where.position), at)
	s.admit(p, where, samples, at)
}

// settle takes the first packet after a Change, which goes on where the last one ended.
func (s *Stream) settle(p Packet, samples int) {
	ahead := int64(int16(p.Sequence - s.line.number))
	if ahead <= 0 && ahead > -straggling {
		s.stats.Late++ // one of before
		return
	}
	if ahead <= 0 || ahead > furthestBehind {
		ahead = 1
	}
	s.restart(p, samples, ahead, s.now)
}

// admit stores a packet in its place, unless its turn has passed.
func (s *Stream) admit(p Packet, where place, samples int, at time.Duration) {
	if where.sequence <= s.last && s.wasTaken(where.sequence) || s.store.has(where.sequence) {
		s.stats.Doubled++
		return
	}
	s.arrivals.note(at-s.duration(where.position), s.now, s.limits)
	s.line.follow(p, where, samples)
	if where.sequence <= s.last {
		s.stats.Late++
		return
	}
	for !s.store.room(len(p.Payload)) {
		oldest := s.store.first()
		if oldest.sequence > where.sequence {
			s.stats.Dropped++
			return
		}
		s.skip(oldest)
	}
	s.store.put(p, where, samples, at)
}

// wasTaken reports whether a sequence number that has had its turn was here then. Of very old ones it is not known.
func (s *Stream) wasTaken(sequence int64) bool {
	age := s.last - sequence
	return age >= 0 && age < 64 && s.taken&(1<<uint(age)) != 0
}

// skip drops the oldest packet as if it had been played.
func (s *Stream) skip(oldest *slot) {
	s.stats.Dropped++
	s.advance(oldest)
	s.next, s.borrowed = max(s.next, oldest.position+int64(oldest.samples)), 0
	s.fillGap()
	s.store.dropFirst()
}

// advance notes that a packet has its turn.
func (s *Stream) advance(p *slot) {
	step := p.sequence - s.last
	if step < 64 {
		s.taken = s.taken<<uint(step) | 1
	} else {
		s.taken = 1
	}
	s.last = p.sequence
}
