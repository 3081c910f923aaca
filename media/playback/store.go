package playback

import "time"

// chunkSize is the size, in bytes, of the pieces in which payloads are stored: 20 ms of G.711.
const chunkSize = 160

// slot is a packet that waits for its turn.
type slot struct {
	place
	samples int
	comfort bool
	arrived time.Duration
	size    int   // of the payload, in bytes
	chunk   int16 // the first, or -1
}

// store keeps packets in the order of their sequence numbers, in memory that it never adds to.
type store struct {
	slots  []slot
	order  []int16 // of slots: the first len are in use, in order; the rest of the capacity is free ones
	bytes  []byte
	follow []int16 // for each chunk the one that follows in the same list, or -1
	free   int16   // the first chunk of the list of free ones, or -1
	left   int     // free chunks
	sound  int     // samples of PCM in the packets
}

// newStore returns a store for the packets of 10 ms that the longest delay may hold, and some for the disorder.
func newStore(limits Limits) *store {
	slots := int(limits.Longest/(10*time.Millisecond)) + 16
	chunks := max(3*slots, 2*largestWire/chunkSize)
	s := &store{
		slots:  make([]slot, slots),
		order:  make([]int16, 0, slots),
		bytes:  make([]byte, chunks*chunkSize),
		follow: make([]int16, chunks),
	}
	s.clear()
	return s
}

// clear drops all.
func (s *store) clear() {
	s.order = s.order[:cap(s.order)]
	for i := range s.order {
		s.order[i] = int16(i)
	}
	s.order = s.order[:0]
	for i := range s.follow {
		s.follow[i] = int16(i) - 1
	}
	s.free, s.left, s.sound = int16(len(s.follow)-1), len(s.follow), 0
}

func (s *store) empty() bool { return len(s.order) == 0 }

// first returns the packet that is next in order, or nil. It is the store's.
func (s *store) first() *slot {
	if s.empty() {
		return nil
	}
	return &s.slots[s.order[0]]
}

// has reports whether a packet of that sequence number waits.
func (s *store) has(sequence int64) bool {
	i := s.find(sequence)
	return i < len(s.order) && s.slots[s.order[i]].sequence == sequence
}

// find returns the index in order of the first packet that is not before a sequence number. Most packets are the newest.
func (s *store) find(sequence int64) int {
	i := len(s.order)
	for i > 0 && s.slots[s.order[i-1]].sequence >= sequence {
		i--
	}
	return i
}

// chunksFor returns how many chunks a payload takes.
func chunksFor(size int) int { return (size + chunkSize - 1) / chunkSize }

// room reports whether a payload of a size, up to largestWire, can be stored.
func (s *store) room(size int) bool {
	return len(s.order) < cap(s.order) && s.left >= chunksFor(size)
}

// put stores a copy of a packet for which there is room.
func (s *store) put(p Packet, where place, samples int, at time.Duration) {
	i, n := s.find(where.sequence), len(s.order)
	s.order = s.order[:n+1]
	index := s.order[n]
	copy(s.order[i+1:], s.order[i:n])
	s.order[i] = index
	s.slots[index] = slot{place: where, samples: samples, comfort: p.Comfort, arrived: at, size: len(p.Payload), chunk: s.write(p.Payload)}
	s.sound += samples
}

// write stores bytes and returns their first chunk.
func (s *store) write(payload []byte) int16 {
	first, last := int16(-1), int16(-1)
	for len(payload) > 0 {
		chunk := s.free
		s.free = s.follow[chunk]
		s.left--
		s.follow[chunk] = -1
		payload = payload[copy(s.bytes[int(chunk)*chunkSize:][:chunkSize], payload):]
		if last < 0 {
			first = chunk
		} else {
			s.follow[last] = chunk
		}
		last = chunk
	}
	return first
}

// read copies the payload of a packet into dst, which has room for it, and returns the part written.
func (s *store) read(p *slot, dst []byte) []byte {
	dst = dst[:p.size]
	rest := dst
	for chunk := p.chunk; chunk >= 0; chunk = s.follow[chunk] {
		rest = rest[copy(rest, s.bytes[int(chunk)*chunkSize:][:chunkSize]):]
	}
	return dst
}

// dropFirst removes the packet that is next in order.
func (s *store) dropFirst() {
	index, n := s.order[0], len(s.order)
	p := &s.slots[index]
	s.sound -= p.samples
	for chunk := p.chunk; chunk >= 0; {
		follow := s.follow[chunk]
		s.follow[chunk] = s.free
		s.free = chunk
		s.left++
		chunk = follow
	}
	copy(s.order, s.order[1:])
	s.order[n-1] = index
	s.order = s.order[:n-1]
}
