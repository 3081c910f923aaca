//go:build linux

package main

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// generator is the sound of all callers and agents. It is made to be cheap, as it shares the cores with what it measures: all
// streams of one loop share one socket (whoever is measured has a port for each, by which they are told apart), many packets go and
// come with one system call, and the kernel tells when each came, so that the generator may read late without harm. Safe for
// concurrent use.
type generator struct {
	loops   []*loop
	streams [1 << 16]atomic.Pointer[stream] // by id
	ids     atomic.Uint32
	muted   atomic.Bool
	over    chan struct{}
	running sync.WaitGroup
}

// beat is how often a loop sends what is due: a twentieth of the streams each time.
const (
	beat  = time.Millisecond
	slots = int(packetTime / beat)

	// givesUp is how late a loop may be before it no longer sends what it has missed: a flood of it would make all worse.
	givesUp = 5 * packetTime
)

// loop sends and receives for its share of the streams, on a goroutine of its own.
type loop struct {
	generator *generator
	rtp, rtcp *port
	late      atomic.Int64 // how late the latest beat was, in nanoseconds

	mu     sync.Mutex // over what follows, and the streams; held for a beat's work
	wheel  [slots][]*stream
	turn   int // where the next stream goes
	byPort [1 << 16]*stream
}

// openGenerator starts a loop on each core.
func openGenerator() (*generator, error) {
	g := &generator{over: make(chan struct{})}
	for range runtime.NumCPU() {
		rtp, rtcp, err := openPair()
		if err != nil {
			g.close()
			return nil, err
		}
		l := &loop{generator: g, rtp: rtp, rtcp: rtcp}
		g.loops = append(g.loops, l)
		g.running.Go(l.run)
	}
	return g, nil
}

// close ends all sound.
func (g *generator) close() {
	close(g.over)
	g.running.Wait()
	for _, l := range g.loops {
		_ = errors.Join(l.rtp.conn.Close(), l.rtcp.conn.Close()) // nothing was written that could be lost
	}
}

// reserve makes a stream that is not sent yet: its loop's address stands in the description that a call begins with.
func (g *generator) reserve(own, other float64) *stream {
	id := uint16(g.ids.Add(1))
	s := &stream{loop: g.loops[int(id)%len(g.loops)], id: id, pure: other, number: id, stamp: uint32(id) << 8}
	s.packet[0] = 2 << 6 // the version; PCMU is type 0
	s.packet[11] = byte(id)
	s.packet[10] = byte(id >> 8)
	s.packet[9] = 1 // an SSRC is not 0
	copy(s.packet[rtpSize:], tone(own))
	putMark(s.packet[rtpSize:], id, 0)
	return s
}

// begin sends a stream to a port from now on, and hears what comes from there.
func (g *generator) begin(s *stream, to netip.AddrPort) {
	l := s.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	s.to = net.UDPAddrFromAddrPort(to)
	s.slot = l.turn
	l.turn = (l.turn + 1) % slots
	l.wheel[s.slot] = append(l.wheel[s.slot], s)
	l.byPort[to.Port()] = s
	g.streams[s.id].Store(s)
}

// end ends a stream; one that did not begin is left alone.
func (g *generator) end(s *stream) {
	l := s.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.to == nil || g.streams[s.id].Load() != s {
		return
	}
	slot := l.wheel[s.slot]
	for i, one := range slot {
		if one == s {
			slot[i] = slot[len(slot)-1]
			l.wheel[s.slot] = slot[:len(slot)-1]
			break
		}
	}
	if l.byPort[s.to.Port] == s {
		l.byPort[s.to.Port] = nil
	}
	g.streams[s.id].Store(nil)
}

// mute stops sending, or goes on: the numbers and timestamps stand still meanwhile.
func (g *generator) mute(on bool) { g.muted.Store(on) }

// behind is how late the latest beat was since it was last asked.
func (g *generator) behind() time.Duration {
	var worst int64
	for _, l := range g.loops {
		worst = max(worst, l.late.Swap(0))
	}
	return time.Duration(worst)
}

// run is the loop.
func (l *loop) run() {
	epoch := time.Now()
	for n := 1; ; n++ {
		due := epoch.Add(time.Duration(n) * beat)
		behind := time.Since(due)
		if behind < 0 {
			time.Sleep(-behind)
		}
		select {
		case <-l.generator.over:
			return
		default:
		}
		if late := int64(behind); late > l.late.Load() {
			l.late.Store(late)
		}
		if behind > givesUp {
			epoch = epoch.Add(behind) // it goes on from now, as a phone would: what was not sent is not due
		}
		l.turnWheel(n % slots)
	}
}

// turnWheel sends what is due and takes in what came.
func (l *loop) turnWheel(slot int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	due := l.wheel[slot]
	if l.generator.muted.Load() {
		due = nil
	}
	for i, s := range due {
		if i%batchSize == 0 {
			now = time.Now()
		}
		l.rtp.send(s.next(now), s.to)
	}
	l.rtp.flush()
	l.rtp.receive(func(from int, packet []byte, at time.Time) {
		if s := l.byPort[from]; s != nil {
			s.hear(packet, at)
		}
	})
	l.rtcp.receive(nil) // reports are not looked at
}
