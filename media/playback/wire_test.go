package playback

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

// linear is a decoder of samples as they are.
type linear struct{}

func (linear) Decode(dst []int16, payload []byte) ([]int16, error) {
	if len(payload) == 0 || len(payload)%2 != 0 || len(dst) < len(payload)/2 {
		return nil, errors.New("not linear")
	}
	dst = dst[:len(payload)/2]
	for i := range dst {
		dst[i] = int16(binary.BigEndian.Uint16(payload[2*i:]))
	}
	return dst, nil
}

func linearSamples(payload []byte) int {
	if len(payload)%2 != 0 {
		return 0
	}
	return len(payload) / 2
}

// linearAt is the format of the tests.
func linearAt(rate, clock int) Format {
	return Format{Decoder: linear{}, SampleRate: rate, ClockRate: clock, Samples: linearSamples}
}

// sound yields the sample of some place, at some rate.
type sound func(n, rate int) int16

// everySecond is a sound that repeats every second, which saves its computation.
func everySecond(s sound) sound {
	tables := map[int][]int16{}
	return func(n, rate int) int16 {
		table := tables[rate]
		for i := len(table); i < rate; i++ {
			table = append(table, s(i, rate))
			tables[rate] = table
		}
		return table[n%rate]
	}
}

// tone is a sine of whole Hertz.
func tone(hz, peak float64) sound {
	return everySecond(func(n, rate int) int16 {
		return int16(math.Round(peak * math.Sin(2*math.Pi*hz*float64(n)/float64(rate))))
	})
}

// vowel is like a voiced sound: harmonics of a pitch of whole Hertz.
func vowel(hz float64) sound {
	return everySecond(func(n, rate int) int16 {
		x := 0.0
		for k := 1; k <= 12 && float64(k)*hz < 3400; k++ {
			x += math.Sin(2*math.Pi*float64(k)*hz*float64(n)/float64(rate)+float64(k*k)) / float64(k)
		}
		return int16(4000 * x)
	})
}

// hiss is white noise.
func hiss(peak int) sound {
	random := rand.New(rand.NewPCG(7, 7))
	return func(int, int) int16 { return int16(random.IntN(2*peak+1) - peak) }
}

// arrival is a packet that arrives at a time.
type arrival struct {
	at     time.Duration
	packet Packet
}

// sender is a far end.
type sender struct {
	rate, clock int
	packet      time.Duration
	ppm         float64 // how much faster its clock is
	sequence    uint16
	stamp       uint32
	sound       sound
	sent        int // samples
	at          time.Duration
}

// farEnd is a sender of packets of 20 ms at 8 kHz.
func farEnd(sound sound) *sender {
	return &sender{rate: 8000, clock: 8000, packet: 20 * ms, sequence: 65500, stamp: math.MaxUint32 - 8000, sound: sound, at: 300 * ms}
}

// send returns the packets of some time. They arrive as they are sent.
func (s *sender) send(d time.Duration) []arrival {
	var sent []arrival
	for end := s.at + d; s.at < end; {
		at := s.at
		sent = append(sent, arrival{at, s.next()})
	}
	return sent
}

// next makes a packet.
func (s *sender) next() Packet {
	samples := int(s.packet * time.Duration(s.rate) / time.Second)
	payload := make([]byte, 2*samples)
	for i := range samples {
		binary.BigEndian.PutUint16(payload[2*i:], uint16(s.sound(s.sent+i, s.rate)))
	}
	p := Packet{Sequence: s.sequence, Timestamp: s.stamp, Payload: payload}
	s.sequence++
	s.pass(s.packet)
	s.sent += samples
	return p
}

// pass lets time go by without a packet.
func (s *sender) pass(d time.Duration) {
	s.stamp += uint32(d * time.Duration(s.clock) / time.Second)
	s.at += time.Duration(float64(d) / (1 + s.ppm*1e-6))
}

// noise sends a description of comfort noise.
func (s *sender) noise(payload ...byte) arrival {
	p := Packet{Sequence: s.sequence, Timestamp: s.stamp, Payload: payload, Comfort: true}
	s.sequence++
	return arrival{s.at, p}
}

// lose removes packets at random.
func lose(sent []arrival, share float64, seed uint64) (left []arrival, lost int) {
	random := rand.New(rand.NewPCG(seed, 1))
	for i, a := range sent {
		if i > 0 && i < len(sent)-1 && random.Float64() < share {
			lost++
			continue
		}
		left = append(left, a)
	}
	return left, lost
}

// delayed lets each packet arrive up to some time later.
func delayed(sent []arrival, most time.Duration, seed uint64) []arrival {
	random := rand.New(rand.NewPCG(seed, 2))
	late := slices.Clone(sent)
	for i := range late {
		late[i].at += time.Duration(random.Int64N(int64(most)))
	}
	return late
}

// heard is what a stream made of what arrived.
type heard struct {
	pcm     []int16
	kinds   []Kind
	delays  []time.Duration
	lengths []int // of what waits, in samples
}

// play runs a stream over virtual time until end. Frames are asked for at odd times.
func play(s *Stream, arrivals []arrival, from, end time.Duration) heard {
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	var h heard
	frame := make([]int16, s.format.SampleRate/framesASecond)
	for at := from; at < end; at += frameDuration {
		for len(arrivals) > 0 && arrivals[0].at <= at {
			s.Put(arrivals[0].packet, arrivals[0].at)
			arrivals = arrivals[1:]
		}
		h.kinds = append(h.kinds, s.Next(frame, at))
		h.pcm = append(h.pcm, frame...)
		h.delays = append(h.delays, s.stats.Delay)
		h.lengths = append(h.lengths, s.store.sound+s.queue.length())
	}
	return h
}

// count returns how many frames are of a kind.
func (h heard) count(k Kind) (n int) {
	for _, kind := range h.kinds {
		if kind == k {
			n++
		}
	}
	return n
}

// within returns the sound from the third frame of Sound to the last but two.
func (h heard) within() []int16 {
	frame := len(h.pcm) / len(h.kinds)
	first, last := slices.Index(h.kinds, Sound), len(h.kinds)-1
	for h.kinds[last] != Sound {
		last--
	}
	return h.pcm[(first+2)*frame : (last-1)*frame]
}

// longestSilence returns the longest run of samples that hardly differ from zero.
func longestSilence(pcm []int16, rate int) time.Duration {
	run, longest := 0, 0
	for _, x := range pcm {
		if x > 60 || x < -60 {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return time.Duration(longest) * time.Second / time.Duration(rate)
}

// largestStep returns the largest difference of two samples that follow one another.
func largestStep(pcm []int16) int {
	largest := 0
	for i := 1; i < len(pcm); i++ {
		step := int(pcm[i]) - int(pcm[i-1])
		largest = max(largest, step, -step)
	}
	return largest
}

// toneToNoise returns how much louder a tone is than all else, in dB, over windows so that a change of its phase costs one.
func toneToNoise(pcm []int16, hz float64, rate int, window time.Duration) float64 {
	size := int(window * time.Duration(rate) / time.Second)
	sines, cosines := make([]float64, size), make([]float64, size)
	for i := range size {
		sines[i], cosines[i] = math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
	}
	var signal, rest float64
	for ; len(pcm) >= size; pcm = pcm[size:] {
		var re, im, total float64
		for i, x := range pcm[:size] {
			re += float64(x) * cosines[i]
			im += float64(x) * sines[i]
			total += float64(x) * float64(x)
		}
		in := 2 * (re*re + im*im) / float64(size)
		signal += in
		rest += max(total-in, 0)
	}
	return 10 * math.Log10(signal/max(rest, 1e-9))
}

// assertAtLeast fails if a ratio is too low.
func assertAtLeast(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.IsNaN(got) || got < want {
		t.Errorf("%s is %.1f dB, want %.1f at least", what, got, want)
	}
}

// assertAtMost fails if a time is too long.
func assertAtMost(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got > want {
		t.Errorf("%s is %v, want %v at most", what, got, want)
	}
}
