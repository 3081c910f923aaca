//go:build linux

package main

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"time"
)

// sentKept is how many packets of a stream it is known of when they were sent: 10 s, more than a socket of usual size keeps waiting.
const sentKept = 512

// stream is the sound of one leg: what is sent to one port, and what is heard from there. Its loop owns it, but for what is atomic.
type stream struct {
	loop   *loop
	id     uint16
	slot   int
	to     *net.UDPAddr
	packet [packetSize]byte
	number uint16 // of the next packet
	stamp  uint32
	sentAt [sentKept]atomic.Int64 // nanoseconds of the wall clock, by number

	pure   float64 // the tone that is expected from the other side
	other  *stream // who was heard last through a bridge
	heard  *lateness
	passed *passage
	tones  tones
}

// tones counts looks at the sound that came through a bridge.
type tones struct{ looked, right int }

// next makes the next packet.
func (s *stream) next(now time.Time) []byte {
	binary.BigEndian.PutUint16(s.packet[2:], s.number)
	binary.BigEndian.PutUint32(s.packet[4:], s.stamp)
	putNumber(s.packet[rtpSize:], s.number)
	s.sentAt[s.number%sentKept].Store(now.UnixNano())
	s.number++
	s.stamp += packetTick
	return s.packet[:]
}

// rtpSize is that of the header of RTP (RFC 3550 section 5.1).
const rtpSize = packetSize - packetTick

// toneEach is how many packets there are from one look at the tone to the next.
const toneEach = 32

// hear takes in a packet that came for the stream.
func (s *stream) hear(packet []byte, at time.Time) {
	if len(packet) < packetSize {
		return // a key, or no sound
	}
	if s.heard != nil {
		s.heard.hear(binary.BigEndian.Uint32(packet[4:]), at)
	}
	payload := packet[rtpSize:]
	id, number, ok := readMark(payload)
	if !ok {
		return
	}
	other := s.loop.generator.streams[id].Load()
	if other == nil {
		return
	}
	s.other = other
	if s.passed != nil {
		s.passed.pass(number, at.Sub(time.Unix(0, other.sentAt[number%sentKept].Load())))
	}
	if number%toneEach == 0 {
		s.tones.looked++
		if hasTone(payload, s.pure) {
			s.tones.right++
		}
	}
}

// listen begins to judge what is heard.
func (s *stream) listen() {
	s.loop.mu.Lock()
	defer s.loop.mu.Unlock()
	s.heard = &lateness{}
}

// listened ends it.
func (s *stream) listened(window time.Duration) delivery {
	s.loop.mu.Lock()
	defer s.loop.mu.Unlock()
	heard := s.heard
	s.heard = nil
	return heard.judge(window)
}

// heads is the number of the next packet.
func (s *stream) heads() uint16 {
	s.loop.mu.Lock()
	defer s.loop.mu.Unlock()
	return s.number
}

// hears is who is heard through a bridge; nil: nobody yet.
func (s *stream) hears() *stream {
	s.loop.mu.Lock()
	defer s.loop.mu.Unlock()
	return s.other
}

// begins judges what comes from the other side from a number on.
func (s *stream) begins(first uint16) {
	s.loop.mu.Lock()
	defer s.loop.mu.Unlock()
	s.passed, s.tones = newPassage(first), tones{}
}

// ends tells what came of the packets before a number.
func (s *stream) ends(after uint16) (delivery, tones) {
	s.loop.mu.Lock()
	defer s.loop.mu.Unlock()
	passed := s.passed
	s.passed = nil
	return passed.judge(after), s.tones
}
