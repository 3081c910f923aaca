package media

import (
	"fmt"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

// eachPacketTime runs a test for each codec whose packets can be of any length, and each length.
func eachPacketTime(t *testing.T, run func(t *testing.T, w *wire, p *talker, s *Session, packet time.Duration)) {
	t.Helper()
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.L16} {
		for _, ms := range []int{10, 20, 30, 40, 50, 60} {
			t.Run(fmt.Sprint(c, " ", ms), func(t *testing.T) {
				onWire(t, allCodecs, func(w *wire) {
					p, s := w.talker(4000, c), w.open()
					p.more = fmt.Sprintf("a=ptime:%d\r\n", ms)
					p.agree(s)
					run(t, w, p, s, time.Duration(ms)*time.Millisecond)
				})
			})
		}
	}
}

// assertPackets checks that each packet has so much sound.
func assertPackets(t *testing.T, c codec.Codec, got []arrival, packet time.Duration) {
	t.Helper()
	for i, a := range soundIn(c, got) {
		if d := time.Duration(c.Samples(a.Payload)) * time.Second / time.Duration(c.SampleRate()); d != packet {
			t.Fatalf("packet %d has %v of sound, want %v", i, d, packet)
		}
	}
}

func TestPacketsAreAsLongAsTheFarEndWants(t *testing.T) {
	for _, kind := range []string{"encoded", "music"} {
		eachPacketTime(t, func(t *testing.T, _ *wire, p *talker, s *Session, packet time.Duration) {
			hz := 400.0
			if kind == "music" {
				s.Background(NewMusic(sines(hz, 12000, time.Second)).Source())
			} else {
				s.Background(Tone(hz, -9, 0))
			}
			time.Sleep(3 * time.Second)
			got := p.heard()
			if len(got) == 0 || !got[0].Marker {
				t.Error("the first packet has no marker")
			}
			assertStream(t, p.codec, got, true)
			assertPackets(t, p.codec, got, packet)
			if want := int(3 * time.Second / packet); len(got) < want-3 || len(got) > want {
				t.Errorf("%d packets in 3 s, want %d", len(got), want)
			}
			assertTone(t, "the far end", listened(p.codec, got)[p.codec.SampleRate()/25:], hz, p.codec.SampleRate(), 15, 30)
		})
	}
}

func TestAChangeOfSourceInTheMiddleOfAPacket(t *testing.T) {
	eachPacketTime(t, func(t *testing.T, _ *wire, p *talker, s *Session, packet time.Duration) {
		s.Background(Tone(400, -9, 0))
		time.Sleep(500 * time.Millisecond)
		for i := range 7 {
			time.Sleep(time.Duration(i) * FrameDuration)
			s.Play(uint64(i), Tone(400, -9, 100*time.Millisecond))
			time.Sleep(200 * time.Millisecond)
		}
		got := p.heard()
		assertStream(t, p.codec, got, true)
		assertPackets(t, p.codec, got, packet)
		assertTone(t, "the far end", listened(p.codec, got)[p.codec.SampleRate()/25:], 400, p.codec.SampleRate(), 0, 20)
	})
}

func TestAKeyInTheMiddleOfAPacket(t *testing.T) {
	eachPacketTime(t, func(t *testing.T, _ *wire, p *talker, s *Session, packet time.Duration) {
		s.Background(Tone(400, -9, 0))
		time.Sleep(500*time.Millisecond + FrameDuration)
		if err := s.SendDigit('5', 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		got := p.heard()
		if keys := eventKeys(t, got, p.events); keys != "5" {
			t.Errorf("the far end heard keys %q", keys)
		}
		assertPackets(t, p.codec, got, packet)
		for i := 1; i < len(got); i++ {
			if got[i].SequenceNumber != got[i-1].SequenceNumber+1 {
				t.Fatalf("number %d after %d", got[i].SequenceNumber, got[i-1].SequenceNumber)
			}
		}
		sound := soundIn(p.codec, got)
		for i := 1; i < len(sound); i++ {
			step := uint32(packet * time.Duration(p.codec.ClockRate()) / time.Second)
			ahead := sound[i].Timestamp - sound[i-1].Timestamp
			if contiguous := ahead == step; ahead < step || contiguous == sound[i].Marker {
				t.Errorf("packet %d of sound: %d after the last of %d, marker %v", i, ahead, step, sound[i].Marker)
			}
		}
		assertTone(t, "the far end", listened(p.codec, sound[len(sound)/2:])[p.codec.SampleRate()/10:], 400, p.codec.SampleRate(), 20, 30)
	})
}
