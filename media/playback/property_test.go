package playback

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ledger is a decoder of packets that begin with a number, 4 bytes, and are so many zeros long. It notes what it is given.
type ledger struct {
	order []uint32
	at    map[uint32]time.Duration
	now   time.Duration
	twice int
}

func (l *ledger) Decode(dst []int16, payload []byte) ([]int16, error) {
	if len(payload) < 4 || len(dst) < len(payload) {
		return nil, errors.New("not of the ledger")
	}
	id := binary.BigEndian.Uint32(payload)
	if _, ok := l.at[id]; ok {
		l.twice++
	}
	l.order, l.at[id] = append(l.order, id), l.now
	clear(dst[:len(payload)])
	return dst[:len(payload)], nil
}

// format is that of a ledger's packets.
func (l *ledger) format() Format {
	return Format{Decoder: l, SampleRate: 8000, ClockRate: 8000, Samples: func(p []byte) int { return len(p) }}
}

// assertBounds fails if a stream holds more than it may.
func assertBounds(t interface{ Fatalf(string, ...any) }, s *Stream) {
	if most := s.samples(s.limits.Longest + frameDuration + longestPacket); s.store.sound+s.queue.length() > most {
		t.Fatalf("%d samples wait, want %d at most", s.store.sound+s.queue.length(), most)
	}
	if n, most := len(s.store.slots), int(s.limits.Longest/(10*ms))+16; n != most || cap(s.store.order) != most {
		t.Fatalf("there are %d slots, want %d", n, most)
	}
	if len(s.queue.pcm) != s.format.SampleRate/2 {
		t.Fatalf("the queue has %d samples", len(s.queue.pcm))
	}
	used := 0
	for _, index := range s.store.order {
		used += chunksFor(s.store.slots[index].size)
	}
	if used+s.store.left != len(s.store.follow) {
		t.Fatalf("%d chunks are in use and %d free, of %d", used, s.store.left, len(s.store.follow))
	}
}

func TestInAnyOrderEachPacketIsPlayedOnceAtMostAndInTurn(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := &ledger{at: map[uint32]time.Duration{}}
		longest := time.Duration(rapid.IntRange(20, 400).Draw(r, "longest")) * ms
		s := New(l.format(), Limits{Longest: longest})
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{80, 160, 240, 480}), 8, 8).Draw(r, "sizes")
		sequence := rapid.Uint16().Draw(r, "sequence")
		stamp := rapid.Uint32().Draw(r, "stamp")
		var sent []Packet
		for i := range 120 {
			payload := make([]byte, sizes[i%len(sizes)])
			binary.BigEndian.PutUint32(payload, uint32(i))
			sent = append(sent, Packet{Sequence: sequence, Timestamp: stamp, Payload: payload})
			sequence++
			stamp += uint32(len(payload))
			if rapid.IntRange(0, 30).Draw(r, "pause") == 0 {
				stamp += uint32(rapid.IntRange(80, 4000).Draw(r, "paused"))
			}
		}
		arrived := map[uint32]time.Duration{}
		frame := make([]int16, 160)
		at := time.Duration(0)
		for next := 0; next < len(sent); {
			for range rapid.IntRange(0, 3).Draw(r, "packets") {
				i := min(max(next+rapid.IntRange(-8, 8).Draw(r, "disorder"), 0), len(sent)-1)
				if _, ok := arrived[uint32(i)]; !ok {
					arrived[uint32(i)] = at
				}
				s.Put(sent[i], at)
				next++
			}
			at += time.Duration(rapid.IntRange(0, 40).Draw(r, "passed")) * ms
			l.now = at
			s.Next(frame, at)
			assertBounds(r, s)
		}
		for range 100 {
			at += frameDuration
			l.now = at
			s.Next(frame, at)
		}
		if s.store.sound > 0 {
			r.Fatalf("%d samples were never played", s.store.sound)
		}
		if l.twice > 0 {
			r.Fatalf("%d packets were decoded twice", l.twice)
		}
		for i, id := range l.order {
			if i > 0 && id < l.order[i-1] {
				r.Fatalf("packet %d was decoded after %d", id, l.order[i-1])
			}
			// It may wait for its turn that long, and then for the sound that is before it.
			if waited := l.at[id] - arrived[id]; waited > 2*s.limits.Longest+200*ms {
				r.Fatalf("packet %d waited %v, with a longest delay of %v", id, waited, s.limits.Longest)
			}
		}
	})
}

// FuzzStream lets a hostile far end, and a clock that leaps, do what they like. Each six bytes are a packet and the time that
// passes behind it.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 160, 20, 0, 1, 0, 160, 160, 20, 0, 2, 1, 64, 160, 20})
	f.Add([]byte{0xFF, 0xFF, 0, 0, 160, 20, 0, 0, 0, 160, 160, 20, 0x80, 0, 0x80, 0, 160, 20, 0x80, 1, 0, 0, 160, 255})
	f.Add([]byte{0, 0, 0, 0, 1, 20, 0, 1, 0, 1, 3, 20, 0, 2, 0, 1, 255, 0, 0, 3, 0x90, 0, 160, 200, 0, 4, 1, 1, 81, 3})
	f.Fuzz(func(t *testing.T, script []byte) {
		rate, clock := 8000, 8000
		if len(script)%2 == 1 {
			rate, clock = 16000, 48000
		}
		format := linearAt(rate, clock)
		s := New(format, Limits{Longest: time.Duration(len(script)%7) * 50 * ms})
		frame := make([]int16, rate/framesASecond)
		payload := make([]byte, 2048)
		for i := range payload {
			payload[i] = byte(i * 37)
		}
		at := time.Duration(0)
		for ; len(script) >= 6; script = script[6:] {
			size := int(script[4]) * 8
			p := Packet{
				Sequence:  binary.BigEndian.Uint16(script),
				Timestamp: uint32(int16(binary.BigEndian.Uint16(script[2:]))) * 40, // a sign makes it wrap
				Payload:   payload[:size],
				Comfort:   script[4]&1 != 0,
			}
			if p.Comfort {
				p.Payload = payload[script[4]:][:script[4]/8]
			}
			s.Put(p, at)
			assertBounded(t, s)
			passed := script[5]
			switch {
			case passed == 255:
				s.Reset()
			case passed == 254:
				s.Change(format)
			case passed >= 250:
				at -= time.Second
			case passed >= 240:
				at += time.Duration(passed) * 100 * ms
			default:
				at += time.Duration(passed) * ms / 4
			}
			if passed&1 == 0 {
				if kind := s.Next(frame, at); kind > Noise {
					t.Fatalf("the frame is of kind %d", kind)
				}
				assertBounds(t, s)
			}
		}
		for range 200 {
			at += frameDuration
			s.Next(frame, at)
		}
		if s.store.sound > 0 {
			t.Fatalf("%d samples were never played", s.store.sound)
		}
	})
}

// assertBounded fails if what waits undecoded has no bound.
func assertBounded(t *testing.T, s *Stream) {
	t.Helper()
	if len(s.store.order) > len(s.store.slots) || s.store.left < 0 {
		t.Fatalf("%d packets wait", len(s.store.order))
	}
}
