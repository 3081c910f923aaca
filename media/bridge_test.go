package media

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
	"pgregory.net/rapid"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
)

// bridged opens two legs that are bridged.
func bridged(w *wire, codecs string, otherCodecs string) (a, b *Session, caller, agent *remote) {
	w.t.Helper()
	a, b = w.open(), w.open()
	caller, agent = w.remote(farAway, 4000), w.remote(farAway, 5000)
	caller.call(a, codecs)
	agent.call(b, otherCodecs)
	if err := Bridge(a, b); err != nil {
		w.t.Fatal(err)
	}
	return a, b, caller, agent
}

// onItsWay is a packet of µ-law as the other side of a bridge gets it.
func onItsWay(header *rtp.Header, payload []byte) heard {
	datagram, err := (&rtp.Packet{Header: *header, Payload: payload}).Marshal()
	if err != nil {
		panic(err)
	}
	return heard{header: header, datagram: datagram, payload: datagram[rtpHeader:], codec: codec.PCMU, duration: FrameDuration}
}

// A new stream whose numbers and times lie near those of the last one is another stream all the same.
func TestANewStreamNearTheLastOneFollowsOnIt(t *testing.T) {
	var o outgoing
	o.ready, o.sends, o.bridged, o.sequence = true, true, true, 100
	var got []rtp.Packet
	send := func(ssrc uint32, sequence uint16) {
		header := rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: sequence, Timestamp: uint32(sequence) * FrameSize}
		raw, _ := o.forward(onItsWay(&header, make([]byte, FrameSize)), time.Unix(0, 0), 0)
		if raw == nil {
			t.Fatalf("packet %d of stream %d was not passed on", sequence, ssrc)
		}
		var packet rtp.Packet
		if err := packet.Unmarshal(raw); err != nil {
			t.Fatal(err)
		}
		got = append(got, packet)
	}
	for i := range uint16(60) {
		send(1, 1000+i)
	}
	for i := range uint16(3) {
		send(2, 1010+i)
	}
	for i := 1; i < len(got); i++ {
		if got[i].SequenceNumber != got[i-1].SequenceNumber+1 || got[i].Timestamp != got[i-1].Timestamp+FrameSize {
			t.Fatalf("packet %d is %d at %d after %d at %d", i, got[i].SequenceNumber, got[i].Timestamp, got[i-1].SequenceNumber, got[i-1].Timestamp)
		}
	}
	if !got[60].Marker {
		t.Error("the new stream begins without a marker")
	}
}

func TestABridgePassesEachPacketOnAtOnceWithItsOwnNumbers(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, b, caller, agent := bridged(w, "0", "8")
		time.Sleep(100 * time.Millisecond)
		agent.heard()
		for i := range 50 {
			caller.send(0, encode(codec.PCMU, full(8000)), FrameSize)
			got, fades := agent.heard(), 0
			if i == 0 {
				fades = 1
			}
			if len(got) != 1 || got[0].PayloadType != 8 || got[0].loudness() < 7500-fades*join(8000) || got[0].SSRC != b.out.ssrc {
				t.Fatalf("packet %d: heard %d packets, %+v", i, len(got), got)
			}
			time.Sleep(FrameDuration)
		}
		if got := said(a); !slices.Equal(got, []Event{FirstPacket{}}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestABridgedStreamIsOneStreamWhateverTheFarEndDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var o outgoing
		o.ready, o.sends, o.bridged = true, true, true
		o.ssrc, o.sequence, o.base = 7, uint16(rapid.IntRange(0, 65535).Draw(rt, "first")), rapid.Uint32().Draw(rt, "base")
		buffer := make([]byte, packetRoom)
		payload := make([]byte, FrameSize)
		in := rtp.Header{Version: 2, SSRC: 1, SequenceNumber: uint16(rapid.IntRange(0, 65535).Draw(rt, "seq")), Timestamp: rapid.Uint32().Draw(rt, "stamp")}
		now := time.Unix(0, 0)
		used := map[uint16]bool{}
		var packet rtp.Packet
		check := func(raw []byte) {
			if raw == nil {
				return
			}
			if err := packet.Unmarshal(raw); err != nil {
				rt.Fatal(err)
			}
			if used[packet.SequenceNumber] {
				rt.Fatalf("number %d was used twice", packet.SequenceNumber)
			}
			used[packet.SequenceNumber] = true
		}
		for tick := range uint32(rapid.IntRange(10, 200).Draw(rt, "ticks")) {
			switch rapid.IntRange(0, 20).Draw(rt, "what") {
			case 0: // lost
				in.SequenceNumber++
				in.Timestamp += FrameSize
			case 1: // another stream
				in.SSRC, in.SequenceNumber, in.Timestamp = in.SSRC+1, in.SequenceNumber+5000, in.Timestamp+1<<20
			case 2: // a pause, which we fill
				now = now.Add(relayGap)
			case 3: // an announcement
				o.foreground, o.id = []Source{Silence(3 * FrameDuration)}, 1
			}
			raw, _ := o.forward(onItsWay(&in, payload), now, tick)
			check(raw)
			in.SequenceNumber++
			in.Timestamp += FrameSize
			check(o.frame(now, tick, buffer).packet)
			now = now.Add(FrameDuration)
		}
	})
}

func TestLossesAndOrderPassThroughABridge(t *testing.T) {
	var o outgoing
	o.ready, o.sends, o.bridged, o.sequence = true, true, true, 100
	var got []uint16
	for _, seq := range []uint16{5, 6, 9, 8, 10} { // 7 is lost, 8 and 9 change places
		header := rtp.Header{Version: 2, SSRC: 1, SequenceNumber: seq, Timestamp: uint32(seq) * FrameSize}
		raw, _ := o.forward(onItsWay(&header, make([]byte, FrameSize)), time.Unix(0, 0), 0)
		var packet rtp.Packet
		if err := packet.Unmarshal(raw); err != nil {
			t.Fatal(err)
		}
		got = append(got, packet.SequenceNumber)
	}
	if want := []uint16{100, 101, 104, 103, 105}; !slices.Equal(got, want) {
		t.Errorf("numbers %v, want %v", got, want)
	}
}

func TestKeysPassThroughABridgeAndAreReported(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, _, caller, agent := bridged(w, "0", "0")
		caller.say(codec.PCMU, 100, 5)
		agent.heard()
		for _, p := range press('7', caller.header.Timestamp, 5) {
			var payload [dtmf.EventSize]byte
			p.event.Put(payload[:])
			caller.header.Timestamp, caller.header.Marker = p.stamp, p.marker
			caller.send(101, payload[:], 0)
			time.Sleep(FrameDuration)
		}
		if keys := eventKeys(t, agent.heard(), SampleRate); keys != "7" {
			t.Errorf("the other side heard %q, want 7", keys)
		}
		if got := said(a); !slices.Contains(got, Event(Digit{'7'})) {
			t.Errorf("events %v, want the digit", got)
		}
	})
}

func TestABridgeStopsWhatWasPlayedAndPartingBringsTheBackgroundBack(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, b := w.open(), w.open()
		caller, agent := w.remote(farAway, 4000), w.remote(farAway, 5000)
		caller.call(a, "0")
		agent.call(b, "0")
		a.Background(NewMusic(level(1000, time.Second)).Source())
		a.Play(9, level(4000, time.Minute).Source())
		time.Sleep(time.Second)
		caller.heard()
		if err := Bridge(a, b); err != nil {
			t.Fatal(err)
		}
		agent.say(codec.PCMU, 16000, 50)
		got := caller.heard()
		for i, packet := range got {
			if l := packet.loudness(); l < 15000 && (i > 0 || l < 15000-join(16000)) {
				t.Fatalf("heard %d in the bridge, want the other side alone", l)
			}
		}
		Unbridge(b)
		time.Sleep(time.Second)
		after := caller.heard()
		if len(after) < 49 || after[0].loudness() > 1000+join(16000) || after[1].loudness() > 1100 || after[1].loudness() < 900 {
			t.Errorf("%d packets after the bridge, the first of %d, the next of %d", len(after), after[0].loudness(), after[1].loudness())
		}
		last := got[len(got)-1]
		if after[0].SequenceNumber != last.SequenceNumber+1 || after[0].SSRC != last.SSRC || int32(after[0].Timestamp-last.Timestamp) < FrameSize {
			t.Errorf("after the bridge %d/%d, before %d/%d", after[0].SequenceNumber, after[0].Timestamp, last.SequenceNumber, last.Timestamp)
		}
		if events := said(a); len(events) != 0 {
			t.Errorf("events %v of what was stopped", events)
		}
	})
}

// join is the most that a sound of some loudness adds to the packet that follows it, over which it fades for 5 ms.
func join(loudness int) int { return loudness/2/rampPart + 100 }

func TestASideThatIsQuietIsHeardAsSilence(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, _, caller, agent := bridged(w, "0", "0")
		a.Background(NewMusic(level(4000, time.Second)).Source())
		agent.say(codec.PCMU, 16000, 10)
		time.Sleep(time.Second)
		got := caller.heard()
		if len(got) < 40 {
			t.Fatalf("%d packets, want the pause filled", len(got))
		}
		if l := got[len(got)-1].loudness(); l != 0 {
			t.Errorf("the pause has a loudness of %d, want silence", l)
		}
		agent.say(codec.PCMU, 16000, 2)
		got = caller.heard()
		if l := got[len(got)-1].loudness(); l < 15000 {
			t.Errorf("after the pause the loudness is %d", l)
		}
	})
}

func TestAWhisperIsHeardOverTheOtherSide(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		_, b, caller, agent := bridged(w, "0", "0")
		caller.say(codec.PCMU, 16000, 10)
		agent.heard()
		b.Play(3, level(1000, 200*time.Millisecond).Source())
		caller.say(codec.PCMU, 16000, 20)
		quiet, loud := 0, 0
		for _, packet := range agent.heard() {
			if packet.loudness() < 1000+join(16000) {
				quiet++
			} else {
				loud++
			}
		}
		// The other side is let in again by the tick that finds the whisper over: a packet more on either side of it.
		if quiet != 10 || loud < 8 || loud > 10 {
			t.Errorf("%d packets of the whisper and %d of the other side, want 10, and 8 to 10", quiet, loud)
		}
		if got := said(b); !slices.Contains(got, Event(Played{3})) {
			t.Errorf("events %v, want Played", got)
		}
	})
}

func TestALateCloseOfOneSideLeavesTheOtherWithItsBackground(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, b, caller, _ := bridged(w, "0", "0")
		a.Background(NewMusic(level(4000, time.Second)).Source())
		b.Close()
		caller.heard()
		time.Sleep(time.Second)
		if got := caller.heard(); len(got) < 49 || got[0].loudness() < 3500 {
			t.Errorf("%d packets after the other side went", len(got))
		}
		if err := Bridge(a, b); err == nil {
			t.Error("a closed session was bridged")
		}
		if Bridge(a, a) == nil || Bridge(a, nil) == nil {
			t.Error("a session was bridged with itself or nothing")
		}
	})
}

func TestANewBridgeEndsTheOldOne(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, b, caller, agent := bridged(w, "0", "0")
		c, third := w.open(), w.remote(farAway, 6000)
		third.call(c, "0")
		if err := Bridge(a, c); err != nil {
			t.Fatal(err)
		}
		agent.heard()
		caller.say(codec.PCMU, 16000, 5)
		for _, packet := range agent.heard() {
			if packet.loudness() > 0 {
				t.Fatal("the old side still hears")
			}
		}
		if got := third.heard(); got[len(got)-1].loudness() < 15000 {
			t.Error("the new side does not hear")
		}
		synctest.Wait()
		if b.peer.Load() != nil {
			t.Error("the old side is still bridged")
		}
	})
}
