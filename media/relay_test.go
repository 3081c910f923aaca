package media

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/internal/memnet"
	"github.com/spillway-voice/spillway/media/codec"
)

func TestABridgeOfOneCodecPassesPacketsOfAnyLengthAsTheyAre(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.L16} {
		for _, packet := range []time.Duration{10, 30, 60} {
			t.Run(fmt.Sprint(c, " ", int64(packet)), func(t *testing.T) {
				onWire(t, allCodecs, func(w *wire) {
					a, b := w.talker(4000, c), w.talker(5000, c)
					a.packet = packet * time.Millisecond
					one, other := w.bridge(a, b)
					a.talk(300 * time.Millisecond)
					b.heard()
					a.talk(900 * time.Millisecond)
					got := b.heard()
					assertStream(t, c, got, true)
					if len(got) != int(900/packet) {
						t.Errorf("%d packets, want %d", len(got), 900/packet)
					}
					assertTone(t, "b", listened(c, got)[c.SampleRate()/10:], 1000, c.SampleRate(), 20, 30)
					if one.hearing.active.Load() || other.hearing.active.Load() {
						t.Error("the sound is decoded, which nobody needs")
					}
				})
			})
		}
	}
}

func TestPacketsThatAreTooLongForTheOtherSideAreMadeShorter(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.L16} {
		onWire(t, allCodecs, func(w *wire) {
			a, b := w.talker(4000, c), w.talker(5000, c)
			a.packet, b.more = 60*time.Millisecond, "a=maxptime:30\r\n"
			one, other := w.bridge(a, b)
			talkAll(600*time.Millisecond, a, b)
			a.heard()
			b.heard()
			talkAll(1200*time.Millisecond, a, b)
			toA, toB := a.heard(), b.heard()
			assertStream(t, c, toB, true)
			for _, packet := range toB {
				if d := c.Samples(packet.Payload); d != c.SampleRate()/50 {
					t.Fatalf("%v: a packet has %d samples", c, d)
				}
			}
			assertTone(t, "b", listened(c, toB)[c.SampleRate()/10:], 1000, c.SampleRate(), 10, 25)
			assertTone(t, "a", listened(c, toA)[c.SampleRate()/10:], 1000, c.SampleRate(), 20, 30)
			synctest.Wait()
			if !one.hearing.active.Load() || other.hearing.active.Load() {
				t.Errorf("%v: decoded are %v and %v, want the one side alone", c, one.hearing.active.Load(), other.hearing.active.Load())
			}
		})
	}
}

// TestPacketsOfMixedLengthsGoOneWay has a far end of which only some packets are too long for the other side.
func TestPacketsOfMixedLengthsGoOneWay(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMU)
		b.more = "a=maxptime:20\r\n"
		w.bridge(a, b)
		for range 30 {
			a.packet = 40 * time.Millisecond
			a.talk(a.packet)
			a.packet = 20 * time.Millisecond
			a.talk(a.packet)
		}
		got := b.heard()
		assertStream(t, codec.PCMU, got[5:], true)
		assertTone(t, "b", listened(codec.PCMU, got)[SampleRate/5:], 1000, SampleRate, 10, 25)
	})
}

// TestARelayedPacketIsTakenOutOfWhateverIsAroundIt is about contributing sources, header extensions and padding: the headers that
// are sent are of our own, and stand right before the payload in the datagram that came.
func TestARelayedPacketIsTakenOutOfWhateverIsAroundIt(t *testing.T) {
	shapes := map[string]func(*rtp.Packet){
		"contributing sources": func(p *rtp.Packet) { p.CSRC = []uint32{1, 2, 3} },
		"an extension": func(p *rtp.Packet) {
			p.Extension, p.ExtensionProfile = true, 0xBEDE
			if err := p.SetExtension(1, []byte{9, 9, 9}); err != nil {
				panic(err)
			}
		},
		"padding": func(p *rtp.Packet) { p.Padding, p.PaddingSize = true, 12 },
		"all": func(p *rtp.Packet) {
			p.CSRC, p.Padding, p.PaddingSize, p.Extension, p.ExtensionProfile = []uint32{1}, true, 4, true, 0x1234
			if err := p.SetExtension(0, make([]byte, 8)); err != nil {
				panic(err)
			}
		},
	}
	for name, change := range shapes {
		for _, far := range []string{"0", "8"} {
			t.Run(name+" to "+far, func(t *testing.T) {
				onWire(t, nil, func(w *wire) {
					_, b, caller, agent := bridged(w, "0", far)
					caller.say(codec.PCMU, 5000, 2)
					agent.heard()
					packet := rtp.Packet{Header: caller.header, Payload: bytes.Repeat([]byte{0xFF}, FrameSize)}
					packet.Payload[FrameSize-1] = 0x80
					change(&packet)
					caller.write(&packet)
					got := agent.heard()
					if len(got) != 1 {
						t.Fatalf("%d packets", len(got))
					}
					want := bytes.Clone(packet.Payload)
					codec.Convert(want, want, codec.PCMU, codec.Codec(far[0]-'0')/8)
					if !bytes.Equal(got[0].Payload, want) || got[0].Padding || got[0].Extension || len(got[0].CSRC) > 0 || got[0].SSRC != b.out.ssrc {
						t.Errorf("sent on was %+v with % x", got[0].Header, got[0].Payload)
					}
				})
			})
		}
	}
}

func TestComfortNoisePassesToWhoUnderstandsItAlone(t *testing.T) {
	for _, understands := range []bool{true, false} {
		onWire(t, nil, func(w *wire) {
			a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMA)
			a.comfort, b.comfort = true, understands
			w.bridge(a, b)
			a.talk(400 * time.Millisecond)
			b.heard()
			for range 20 { // every 100 ms
				a.send(13, []byte{50}, 5*FrameSize)
				time.Sleep(5 * FrameDuration)
			}
			noise, sound := 0, 0
			got := b.heard()
			for _, packet := range got {
				if packet.PayloadType == 13 {
					noise++
				} else {
					sound++
				}
			}
			if understands && (noise != 20 || sound > 0) || !understands && (noise > 0 || sound < 85) {
				t.Errorf("understood: %v; %d packets of noise and %d of sound in 2 s", understands, noise, sound)
			}
			assertStream(t, codec.PCMA, got, false)
			a.header.Marker = true
			a.talk(FrameDuration)
			a.header.Marker = false
			if got := b.heard(); !got[0].Marker {
				t.Error("the first packet of the talkspurt has no marker")
			}
		})
	}
}

func TestABridgeOutlivesANewStreamAndAPause(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMU)
		w.bridge(a, b)
		a.talk(400 * time.Millisecond)
		b.heard()
		a.header.SSRC, a.header.SequenceNumber, a.header.Timestamp = 99, 60000, 1<<31
		a.talk(400 * time.Millisecond)
		time.Sleep(time.Second)
		a.header.Timestamp += SampleRate + 8*FrameSize
		a.talk(400 * time.Millisecond)
		got := b.heard()
		assertStream(t, codec.PCMU, got, false)
		if len(got) < 80 {
			t.Errorf("%d packets in 1.8 s", len(got))
		}
	})
}

// TestALongCallLosesNothingWhenItsNumbersComeAgain is about the 16 bits of a sequence number: at 20 ms a packet they come again after
// 22 minutes.
func TestALongCallLosesNothingWhenItsNumbersComeAgain(t *testing.T) {
	var o outgoing
	o.ready, o.sends, o.bridged, o.sequence = true, true, true, 100
	header := rtp.Header{Version: 2, SSRC: 1, SequenceNumber: 40000, Timestamp: 1 << 31}
	now := time.Unix(0, 0)
	var packet rtp.Packet
	for i := range uint32(200_000) {
		raw, _ := o.forward(onItsWay(&header, make([]byte, FrameSize)), now, i)
		if err := packet.Unmarshal(raw); err != nil {
			t.Fatalf("packet %d of number %d was not sent: %v", i, header.SequenceNumber, err)
		}
		if packet.SequenceNumber != uint16(100+i) {
			t.Fatalf("packet %d has number %d", i, packet.SequenceNumber)
		}
		header.SequenceNumber++
		header.Timestamp += FrameSize
		now = now.Add(FrameDuration)
	}
}

// TestTheTimeOfAStreamDoesNotRunAhead has the other side pause again and again, so that silence of our own and its sound take turns:
// the timestamps stay with the clock.
func TestTheTimeOfAStreamDoesNotRunAhead(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722} { // as it is, and decoded
		onWire(t, allCodecs, func(w *wire) {
			a, b := w.talker(4000, codec.PCMU), w.talker(5000, c)
			w.bridge(a, b)
			a.talk(100 * time.Millisecond)
			time.Sleep(time.Second)
			got := b.heard()
			first := got[len(got)-1]
			for range 100 {
				a.talk(100 * time.Millisecond)
				a.header.Timestamp += 30 * FrameSize
				time.Sleep(30 * FrameDuration)
			}
			got = b.heard()
			last := got[len(got)-1]
			ahead := int(last.Timestamp-first.Timestamp) - int(last.at.Sub(first.at).Seconds()*SampleRate)
			if ahead > 3*FrameSize || ahead < -3*FrameSize {
				t.Errorf("%v: after 70 s the timestamps are %d ahead of the clock", c, ahead)
			}
		})
	}
}

func TestABadLinePassesABridgeOfOneCodec(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMA)
		w.bridge(a, b)
		w.network.SetLink(a.sound.AddrPort(), a.to, memnet.Conditions{Jitter: 60 * time.Millisecond, Loss: 0.05, Reorder: 0.1, Duplicate: 0.05})
		a.talk(time.Second)
		b.heard()
		a.talk(20 * time.Second)
		seen := map[uint16]uint32{}
		got := b.heard()
		for _, packet := range got {
			if stamp, twice := seen[packet.SequenceNumber]; twice && stamp != packet.Timestamp {
				t.Fatalf("number %d has two packets", packet.SequenceNumber)
			}
			seen[packet.SequenceNumber] = packet.Timestamp
			if packet.Timestamp-got[0].Timestamp != uint32(packet.SequenceNumber-got[0].SequenceNumber)*FrameSize {
				t.Fatalf("number %d has timestamp %d", packet.SequenceNumber, packet.Timestamp)
			}
		}
		if len(seen) < 900 || len(seen) > 1000 {
			t.Errorf("%d of 1000 packets came, want 95 %%", len(seen))
		}
	})
}
