package media

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
	"pgregory.net/rapid"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/sdp"
)

// streams judges all that a session sends: what there must never be, whatever was done in whatever order.
type streams struct {
	secured bool // from now on nothing is to be in the clear
	used    map[uint32]map[uint16]bool
	newest  map[uint32]spot // the newest packet of sound of each stream
}

// spot is where in a stream a packet is.
type spot struct {
	number uint16
	stamp  uint32
}

// judge returns what is wrong with a packet, or nothing. codecs are what may be under way: what was agreed last, and before.
func (s *streams) judge(packet *rtp.Packet, codecs []codec.Codec, longest time.Duration) error {
	used := s.used[packet.SSRC]
	if used == nil {
		used = map[uint16]bool{}
		s.used[packet.SSRC] = used
	}
	if used[packet.SequenceNumber] {
		return fmt.Errorf("number %d was used before", packet.SequenceNumber)
	}
	used[packet.SequenceNumber] = true
	switch packet.PayloadType {
	case 13:
		return nil
	case 101:
		if len(packet.Payload) != 4 {
			return fmt.Errorf("a key of %d bytes", len(packet.Payload))
		}
		return nil
	}
	for _, c := range codecs {
		if kindOf[c] != packet.PayloadType {
			continue
		}
		d := time.Duration(c.Samples(packet.Payload)) * time.Second / time.Duration(c.SampleRate())
		if d < 10*time.Millisecond || d > longest || d%(10*time.Millisecond) != 0 {
			return fmt.Errorf("%v of %v in %d bytes", d, c, len(packet.Payload))
		}
		last, known := s.newest[packet.SSRC]
		ahead, later := int32(packet.Timestamp-last.stamp), int16(packet.SequenceNumber-last.number)
		if known && (ahead > 0) != (later > 0) { // two who send at one time may overtake each other
			return fmt.Errorf("timestamp %d of number %d after %d of %d", packet.Timestamp, packet.SequenceNumber, last.stamp, last.number)
		}
		if !known || later > 0 {
			s.newest[packet.SSRC] = spot{packet.SequenceNumber, packet.Timestamp}
		}
		return nil
	}
	return fmt.Errorf("a packet of type %d, agreed were %v", packet.PayloadType, codecs)
}

// guest is a talker and its session under all that may be done to them.
type guest struct {
	*talker
	session *Session
	streams streams
	before  codec.Codec
	suite   sdp.Suite
	key     sdp.Crypto // of the talker's
	line    string     // that it describes it by
}

// receive judges all that came since the last time.
func (g *guest) receive(rt *rapid.T) {
	for _, got := range g.heard() {
		if err := g.streams.judge(&got.Packet, []codec.Codec{g.codec, g.before}, 60*time.Millisecond); err != nil {
			rt.Fatalf("to %v: %v", g.codec, err)
		}
	}
}

// agreeAnew draws another agreement.
func (g *guest) agreeAnew(rt *rapid.T) {
	g.receive(rt)
	g.before = g.codec
	if rapid.Bool().Draw(rt, "another codec") {
		g.speak(rapid.SampledFrom(g.w.engine.options.Codecs).Draw(rt, "codec"))
	}
	g.events = rapid.SampledFrom([]int{0, g.codec.ClockRate(), SampleRate}).Draw(rt, "events")
	g.comfort = rapid.Bool().Draw(rt, "comfort")
	g.packet = 20 * time.Millisecond
	g.more = fmt.Sprintf("a=ptime:%d\r\na=%s\r\n", rapid.SampledFrom([]int{10, 20, 30, 40, 50, 60}).Draw(rt, "ptime"),
		rapid.SampledFrom([]string{"sendrecv", "sendrecv", "sendonly", "recvonly", "inactive"}).Draw(rt, "direction"))
	if !g.streams.secured && rapid.IntRange(0, 3).Draw(rt, "secure") > 0 {
		g.agree(g.session)
		return
	}
	var key sdp.Crypto
	if g.line == "" || rapid.Bool().Draw(rt, "another key") {
		g.suite = rapid.SampledFrom(everySuite).Draw(rt, "suite")
		key, g.line = crypto(g.w.t, g.suite)
	}
	g.more += g.line
	answer := g.agree(g.session)
	g.streams.secured = true
	g.mu.Lock()
	defer g.mu.Unlock()
	if key.Valid() {
		g.key = key
	}
	var err error
	if g.secure, err = g.secure.Rekey(g.key, keyIn(g.w.t, answer)); err != nil {
		rt.Fatal(err)
	}
}

// TestWhatIsSentIsOneValidStreamWhateverIsDone does all that can be done with two sessions, in any order.
func TestWhatIsSentIsOneValidStreamWhateverIsDone(t *testing.T) {
	music := NewMusic(sines(400, 12000, time.Second))
	prompt := sines(500, 8000, 140*time.Millisecond)
	rapid.Check(t, func(rt *rapid.T) {
		var failed any
		synctest.Test(t, func(t *testing.T) {
			defer func() { failed = recover() }() // for rapid to find, which is not in the bubble
			w := newWire(t, func(o *Options) { allCodecs(o); o.Timeout = 0 })
			defer w.engine.Close()
			var guests [2]*guest
			for i := range guests {
				g := &guest{talker: w.talker(uint16(4000+1000*i), codec.PCMU), session: w.secured(sdp.Optional)}
				g.streams = streams{used: map[uint32]map[uint16]bool{}, newest: map[uint32]spot{}}
				g.agree(g.session)
				guests[i] = g
			}
			for range rapid.IntRange(5, 60).Draw(rt, "steps") {
				g := guests[rapid.IntRange(0, 1).Draw(rt, "who")]
				switch rapid.IntRange(0, 12).Draw(rt, "what") {
				case 0:
					g.session.Play(1, prompt.Source(), Tone(700, -9, 60*time.Millisecond))
				case 1:
					g.session.Stop()
				case 2:
					g.session.Background(music.Source())
				case 3:
					g.session.Background(nil)
				case 4, 5:
					if err := Bridge(guests[0].session, guests[1].session); err != nil {
						rt.Fatal(err)
					}
				case 6:
					Unbridge(g.session)
				case 7, 8:
					g.agreeAnew(rt)
				case 9:
					if err := g.session.SendDigit('5', time.Duration(rapid.IntRange(40, 1500).Draw(rt, "ms"))*time.Millisecond); err != nil {
						rt.Fatal(err)
					}
				case 10:
					if g.events > 0 {
						g.pressKey('7', 60*time.Millisecond)
					}
				case 11:
					g.header.SSRC++
					g.header.SequenceNumber += 7777
					g.header.Timestamp += 123456
				case 12:
					if g.comfort {
						g.send(13, []byte{40}, 160)
					}
				}
				g.packet = time.Duration(rapid.SampledFrom([]int{10, 20, 20, 20, 40, 60}).Draw(rt, "packet")) * time.Millisecond
				span := time.Duration(rapid.IntRange(0, 8).Draw(rt, "span")) * 20 * time.Millisecond
				if rapid.Bool().Draw(rt, "talks") {
					talkAll(span, guests[0].talker, guests[1].talker)
				} else {
					time.Sleep(span)
				}
				guests[0].receive(rt)
				guests[1].receive(rt)
			}
		})
		if failed != nil {
			panic(failed)
		}
	})
}
