package playback

import (
	"fmt"
	"testing"
	"time"
)

// line drives a stream by packets that are made beforehand, every so manieth of which is lost.
type line struct {
	stream *Stream
	packet Packet
	frame  []int16
	at     time.Duration
	sent   int
	lost   int // one in so many, 0 for none
}

func newLine(rate, lost int) *line {
	far := farEnd(vowel(130))
	far.rate = rate
	return &line{stream: New(linearAt(rate, 8000), Limits{}), packet: far.next(), frame: make([]int16, rate/framesASecond), lost: lost}
}

// step is 20 ms.
func (l *line) step() {
	l.sent++
	l.packet.Sequence++
	l.packet.Timestamp += 160
	l.at += frameDuration
	if l.lost == 0 || l.sent%l.lost != 0 {
		l.stream.Put(l.packet, l.at)
	}
	l.stream.Next(l.frame, l.at)
}

func TestNoFrameCostsAnAllocation(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, lost := range []int{0, 3} {
			l := newLine(rate, lost)
			for range 100 {
				l.step()
			}
			if n := testing.AllocsPerRun(2000, l.step); n != 0 {
				t.Errorf("a frame at %d Hz, one of %d lost, costs %.2f allocations, want none", rate, lost, n)
			}
		}
	}
}

func TestNoDisorderCostsAnAllocation(t *testing.T) {
	l := newLine(8000, 0)
	comfort := Packet{Payload: []byte{40, 100, 140}, Comfort: true}
	n := testing.AllocsPerRun(2000, func() {
		l.step()
		switch l.sent % 50 {
		case 10:
			l.packet.Timestamp += 100000
		case 20:
			l.packet.Sequence += 10000
		case 30:
			l.at += 300 * ms
		case 40:
			comfort.Sequence, comfort.Timestamp = l.packet.Sequence+1, l.packet.Timestamp+160
			l.packet.Sequence++
			l.stream.Put(comfort, l.at)
		case 45:
			l.stream.Reset()
		}
	})
	if n != 0 {
		t.Errorf("a frame costs %.2f allocations, want none", n)
	}
}

func BenchmarkPutAndNext(b *testing.B) {
	for _, rate := range []int{8000, 16000} {
		for _, lost := range []int{0, 20} {
			b.Run(fmt.Sprintf("%dHz/lost=%d", rate, lost), func(b *testing.B) {
				l := newLine(rate, lost)
				b.ReportAllocs()
				for b.Loop() {
					l.step()
				}
			})
		}
	}
}
