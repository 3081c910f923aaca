package media

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
	"github.com/spillway-voice/spillway/media/sdp"
	"github.com/spillway-voice/spillway/media/socket"
	"github.com/spillway-voice/spillway/media/srtp"
)

// level returns a prompt of one loudness.
func level(value int16, d time.Duration) *Prompt {
	pcm := make([]int16, int(d/FrameDuration)*FrameSize)
	for i := range pcm {
		pcm[i] = value
	}
	return newPrompt(pcm, [32]byte{})
}

func TestOneStreamWhateverIsHeardInIt(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		time.Sleep(time.Second)
		s.Background(NewMusic(level(1000, time.Second)).Source())
		time.Sleep(time.Second)
		s.Play(1, level(8000, 300*time.Millisecond).Source(), Silence(100*time.Millisecond), Tone(500, -6, 200*time.Millisecond))
		time.Sleep(2 * time.Second)
		s.Background(nil)
		time.Sleep(time.Second)
		got := r.heard()
		if len(got) < 248 || len(got) > 251 {
			t.Errorf("%d packets in 5 s, want 250", len(got))
		}
		if !got[0].Marker {
			t.Error("the first packet does not begin a talkspurt")
		}
		assertOneStream(t, got)
	})
}

func TestWhatIsPlayedReplacesWhatWasPlayedWithinOnePacket(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "8")
		s.Background(NewMusic(level(1000, time.Second)).Source())
		s.Play(1, level(4000, time.Minute).Source())
		time.Sleep(time.Second)
		r.heard()
		s.Play(2, level(12000, 100*time.Millisecond).Source())
		time.Sleep(140 * time.Millisecond)
		for i, packet := range r.heard() {
			want := 12000
			if i >= 5 {
				want = 1000
			}
			slack := want / 10
			if i == 5 {
				slack += join(12000)
			}
			if l := packet.loudness(); l < want-want/10-join(1000) || l > want+slack {
				t.Errorf("packet %d has a loudness of %d, want about %d", i, l, want)
			}
		}
		s.Play(3, level(4000, time.Minute).Source())
		s.Stop()
		time.Sleep(time.Second)
		if got := said(s); !slices.Equal(got, []Event{Played{2}}) {
			t.Errorf("events %v, want only what was played to its end", got)
		}
	})
}

func TestEverybodyHearsTheSameMusicAtOneTime(t *testing.T) {
	ramp := make([]int16, 50*FrameSize)
	for i := range ramp {
		ramp[i] = int16(i / FrameSize * 600)
	}
	onWire(t, nil, func(w *wire) {
		music := NewMusic(newPrompt(ramp, [32]byte{}))
		a, b := w.open(), w.open()
		first, second := w.remote(farAway, 4000), w.remote(farAway, 5000)
		first.call(a, "0")
		a.Background(music.Source())
		time.Sleep(330 * time.Millisecond)
		second.call(b, "0")
		b.Background(music.Source())
		a.Play(1, level(100, 240*time.Millisecond).Source())
		time.Sleep(time.Second)
		mine, other := first.heard(), second.heard()
		x, y := mine[len(mine)-1], other[len(other)-1]
		if difference := x.loudness() - y.loudness(); difference < -700 || difference > 700 {
			t.Errorf("one hears %d, the other %d: more than a frame apart", x.loudness(), y.loudness())
		}
	})
}

func TestKeysAreHeardOnceAndWhilePlaying(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		s.Play(1, level(4000, time.Minute).Source())
		r.say(codec.PCMU, 0, 3)
		for _, digit := range []byte("1#") {
			for _, p := range press(digit, r.header.Timestamp, 5) {
				var payload [dtmf.EventSize]byte
				p.event.Put(payload[:])
				r.header.Timestamp, r.header.Marker = p.stamp, p.marker
				r.send(101, payload[:], 0)
				time.Sleep(FrameDuration)
			}
			r.header.Marker = false
			r.header.Timestamp += 10 * FrameSize
			r.say(codec.PCMU, 0, 3)
		}
		if got := said(s); !slices.Equal(got, []Event{FirstPacket{}, Digit{'1'}, Digit{'#'}}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestKeysAreSentAndSoundPausesForThem(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		if err := s.SendDigit('1', 0); !errors.Is(err, ErrNotAgreed) {
			t.Errorf("a key before anything was agreed: %v", err)
		}
		r.call(s, "0")
		s.Background(NewMusic(level(1000, time.Second)).Source())
		time.Sleep(time.Second)
		for _, digit := range []byte("42") {
			if err := s.SendDigit(digit, 100*time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		got := r.heard()
		for i, packet := range got {
			if i > 0 && packet.SequenceNumber != got[i-1].SequenceNumber+1 {
				t.Errorf("number %d after %d", packet.SequenceNumber, got[i-1].SequenceNumber)
			}
		}
		if keys := eventKeys(t, got, SampleRate); keys != "42" {
			t.Errorf("the far end heard keys %q, want 42", keys)
		}
		last := got[len(got)-1]
		if want := got[0].Timestamp + uint32(last.at.Sub(got[0].at)/FrameDuration)*FrameSize; last.Timestamp != want {
			t.Errorf("the timestamps ran on to %d, want %d", last.Timestamp, want)
		}
	})
}

func TestSoundGoesToWhereAFarEndBehindANATSendsFrom(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s := w.open()
		claimed, actual := w.remote(stranded, 4000), w.remote(farAway, 7000)
		claimed.call(s, "0") // an address of its private network; its signalling comes from farAway
		actual.to = s.Local()
		actual.say(codec.PCMU, 1000, latchPackets)
		claimed.heard()
		time.Sleep(time.Second)
		if n := len(claimed.heard()); n != 0 {
			t.Errorf("%d packets still went to the address of the description", n)
		}
		if n := len(actual.heard()); n < 49 {
			t.Errorf("%d packets went to the source", n)
		}
		if got := said(s); !slices.Equal(got, []Event{FirstPacket{}}) {
			t.Errorf("events %v", got)
		}
	})
}

// TestSoundFollowsAFarEndBackToTheAddressItDescribed has a phone that sends from another port, says its address again, as in a
// re-INVITE that refreshes the session, and sends from there.
func TestSoundFollowsAFarEndBackToTheAddressItDescribed(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s := w.open()
		described, other := w.remote(farAway, 4000), w.remote(farAway, 6000)
		described.call(s, "0")
		other.to = s.Local()
		other.say(codec.PCMU, 1000, 10)
		time.Sleep(time.Second)
		if len(other.heard()) == 0 {
			t.Fatal("nothing was sent to where the sound came from")
		}
		described.call(s, "0")
		described.say(codec.PCMU, 1000, 10)
		described.heard()
		other.heard()
		time.Sleep(time.Second)
		if back, left := len(described.heard()), len(other.heard()); back != 50 || left != 0 {
			t.Errorf("%d packets went to where the sound comes from, %d to where it came from; want 50 and none", back, left)
		}
	})
}

func TestStrangersAreDroppedAndCounted(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s := w.open()
		r, thief := w.remote(farAway, 4000), w.remote(stranded, 4000)
		r.call(s, "0")
		thief.to = s.Local()
		thief.say(codec.PCMU, 20000, 100)
		synctest.Wait()
		if n := len(thief.heard()); n != 0 {
			t.Errorf("a stranger got %d packets", n)
		}
		if stats := s.Stats(); stats.Strangers != 100 || stats.PacketsIn != 0 {
			t.Errorf("stats %+v, want 100 strangers", stats)
		}
		if got := said(s); len(got) != 0 {
			t.Errorf("events %v", got)
		}
	})
}

func TestAClosedSessionIsQuietAndSaysGoodbye(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		time.Sleep(time.Second)
		s.Close()
		s.Close()
		r.heard()
		time.Sleep(time.Second)
		if n := len(r.heard()); n != 0 {
			t.Errorf("%d packets after the end", n)
		}
		if _, open := <-s.Events(); open {
			t.Error("the events go on")
		}
		goodbyes := 0
		for _, packet := range r.reported() {
			if _, ok := packet.(*rtcp.Goodbye); ok {
				goodbyes++
			}
		}
		if goodbyes != 1 {
			t.Errorf("%d goodbyes, want one", goodbyes)
		}
		if stats := w.engine.Stats(); stats.PacketsOut < 49 || w.engine.Sessions() != 0 {
			t.Errorf("%d sessions, stats %+v", w.engine.Sessions(), stats)
		}
	})
}

func TestAPortRestsBeforeItIsUsedAgain(t *testing.T) {
	onWire(t, func(o *Options) { o.Low, o.High = 10000, 10003 }, func(w *wire) {
		a, b := w.open(), w.open()
		if _, err := w.engine.Open(SessionOptions{}); !errors.Is(err, ErrNoPorts) {
			t.Errorf("a third session: %v, want ErrNoPorts", err)
		}
		a.Close()
		time.Sleep(portRest - time.Millisecond)
		if _, err := w.engine.Open(SessionOptions{}); !errors.Is(err, ErrNoPorts) || w.engine.FreePorts() != 0 {
			t.Errorf("before the rest is over: %v, want ErrNoPorts", err)
		}
		time.Sleep(time.Millisecond)
		if n := w.engine.FreePorts(); n != 1 {
			t.Errorf("%d free ports, want 1", n)
		}
		if again := w.open(); again.Local() != a.Local() || again.Local() == b.Local() {
			t.Errorf("the session is on %v, want %v", again.Local(), a.Local())
		}
	})
}

func TestAFloodIsHeardAsMuchAsSoundTakes(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, b := w.open(), w.open()
		caller, agent := w.remote(farAway, 4000), w.remote(farAway, 5000)
		caller.call(a, "0")
		agent.call(b, "0")
		if err := Bridge(a, b); err != nil {
			t.Fatal(err)
		}
		caller.say(codec.PCMU, 1000, 3000/20) // three seconds of ordinary sound, and what a network held back
		for range 100 {
			caller.send(0, make([]byte, FrameSize), FrameSize)
		}
		synctest.Wait()
		if stats := a.Stats(); stats.Excess != 0 {
			t.Errorf("stats %+v of ordinary sound", stats)
		}
		agent.heard()
		for range 1000 { // ten thousand a second for one second
			for range 10 {
				caller.send(0, make([]byte, FrameSize), FrameSize)
			}
			synctest.Wait()
			time.Sleep(time.Millisecond)
		}
		if n := len(agent.heard()); n > packetsAtOnce+packetsPerSecond+60 || n < packetsPerSecond {
			t.Errorf("%d packets of the flood were passed on", n)
		}
		if stats := a.Stats(); stats.Excess < 9000 {
			t.Errorf("stats %+v, want the flood counted", stats)
		}
	})
}

// ear keeps what a sink hears.
type ear struct{ sounds []Sound }

func (e *ear) Hear(sound Sound) {
	sound.PCM = slices.Clone(sound.PCM)
	e.sounds = append(e.sounds, sound)
}

func TestASinkHearsTheFarEndAsAnEvenStream(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		var listener ear
		end := s.Tap(&listener)
		r.say(codec.PCMU, 8000, 10)
		for range 20 {
			r.send(8, encode(codec.PCMA, full(-8000)[:80]), 80) // 10 ms, and the other law
			time.Sleep(FrameDuration / 2)
		}
		time.Sleep(100 * time.Millisecond)
		end()
		synctest.Wait()
		heard := len(listener.sounds)
		r.say(codec.PCMU, 8000, 3)
		synctest.Wait()
		if len(listener.sounds) > heard {
			t.Error("a sink heard on after its end")
		}
		high, low := 0, 0
		for i, sound := range listener.sounds {
			if len(sound.PCM) != FrameSize || sound.Rate != SampleRate {
				t.Fatalf("sound %d has %d samples at %d Hz", i, len(sound.PCM), sound.Rate)
			}
			if i > 0 && sound.At.Sub(listener.sounds[i-1].At) != FrameDuration {
				t.Errorf("sound %d came %v after the one before", i, sound.At.Sub(listener.sounds[i-1].At))
			}
			for _, sample := range sound.PCM {
				if sample > 7000 {
					high++
				} else if sample < -7000 {
					low++
				}
			}
		}
		if high < 8*FrameSize || low < 8*FrameSize { // at the change of law a packet or two are made up
			t.Errorf("heard %d samples of the first sound and %d of the second, of %d each", high, low, 10*FrameSize)
		}
	})
}

// FuzzReceive looks for a datagram that breaks the receiving side: of a plain bridge, of one that translates, and of a protected one,
// where it is opened first and where it does not open.
func FuzzReceive(f *testing.F) {
	good, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 1}, Payload: make([]byte, FrameSize)}).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	for mode := range uint8(4) {
		f.Add(good, uint8(0), mode)
		f.Add(append(slices.Clone(good[:1]), 101, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0x80, 1, 0), uint8(1), mode)
		f.Add([]byte{0x80, 200, 0, 6}, uint8(0), mode)
		f.Add([]byte{0xBF, 0, 0, 1}, uint8(2), mode)
		f.Add(append(slices.Clone(good[:1]), 13, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 40, 1, 2, 3), uint8(0), mode)
	}
	f.Fuzz(func(t *testing.T, datagram []byte, from, mode uint8) {
		onWire(t, allCodecs, func(w *wire) {
			one, other := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMA)
			security := sdp.Off
			if mode%4 >= 2 {
				security = sdp.Required
			}
			a, b := w.secured(security), w.open()
			if security == sdp.Off {
				one.agree(a)
			} else {
				one.protect(a, sdp.AEADAES128GCM)
			}
			if mode%4 == 1 {
				other.speak(codec.G722)
			}
			other.agree(b)
			if err := Bridge(a, b); err != nil {
				t.Fatal(err)
			}
			sources := []netip.AddrPort{one.sound.AddrPort(), netip.AddrPortFrom(farAway, 9), netip.AddrPortFrom(stranded, 9)}
			if len(datagram) > socket.LargestDatagram-srtp.Overhead {
				datagram = datagram[:socket.LargestDatagram-srtp.Overhead]
			}
			sound, report := slices.Clone(datagram), slices.Clone(datagram)
			if mode%4 == 3 { // what cannot be protected comes as it is
				if protected, err := one.secure.Protect(nil, sound); err == nil {
					sound = protected
				}
				if protected, err := one.secure.ProtectReport(nil, report); err == nil {
					report = protected
				}
			}
			a.receive(sound, sources[int(from)%len(sources)], time.Now())
			a.receiveReport(report, sources[int(from)%len(sources)], time.Now())
			time.Sleep(3 * FrameDuration)
			if stats := a.Stats(); stats.PacketsIn+stats.Strangers+stats.Unproven+stats.Excess+stats.Invalid > 4 {
				t.Fatalf("stats %+v of one datagram", stats)
			}
		})
	})
}
