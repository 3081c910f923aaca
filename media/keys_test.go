package media

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spillway-voice/spillway/internal/memnet"
	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
)

// clocks are far ends whose telephone-events count on each of the clocks; of Opus in a build that has it.
func clocks() []pair {
	all := []pair{{codec.PCMU, codec.PCMU}, {codec.PCMU, codec.G722}, {codec.G722, codec.PCMA}, {codec.L16, codec.PCMU}, {codec.G722, codec.L16}}
	if codec.Opus.Available() {
		all = append(all, pair{codec.Opus, codec.PCMU}, pair{codec.L16, codec.Opus})
	}
	return all
}

// crossing are all the ways in which keys may cross a bridge: whether either side has telephone-events.
var crossing = []struct{ from, to bool }{{true, true}, {true, false}, {false, true}, {false, false}}

// keysHeard are the keys that a far end hears, by events and as tones.
func (p *talker) keysHeard(got []arrival) (events, sung string) {
	p.w.t.Helper()
	if p.events > 0 {
		events = eventKeys(p.w.t, got, p.events)
	}
	pcm := listened(p.codec, got)
	return events, sungKeys(pcm, p.codec.SampleRate())
}

func TestKeysCrossABridgeOnceWhateverEitherSideTakes(t *testing.T) {
	for _, codecs := range clocks() {
		for _, way := range crossing {
			t.Run(fmt.Sprint(codecs.a, " to ", codecs.b, ", events ", way.from, " and ", way.to), func(t *testing.T) {
				onWire(t, allCodecs, func(w *wire) {
					a, b := w.talker(4000, codecs.a), w.talker(5000, codecs.b)
					if !way.from {
						a.events = 0
					}
					if !way.to {
						b.events = 0
					}
					one, other := w.bridge(a, b)
					a.amp = 0
					a.talk(300 * time.Millisecond)
					b.heard()
					const keys = "15#90*A"
					for _, digit := range []byte(keys) {
						if way.from {
							a.pressKey(digit, 120*time.Millisecond)
						} else {
							a.sing(digit, 120*time.Millisecond)
						}
						a.talk(300 * time.Millisecond)
					}
					a.talk(300 * time.Millisecond)
					if told := digits(said(one)); told != keys {
						t.Errorf("told were keys %q, want %q", told, keys)
					}
					if told := digits(said(other)); told != "" {
						t.Errorf("told of the other side were keys %q", told)
					}
					events, sung := b.keysHeard(b.heard())
					if way.from && way.to {
						if events != keys || sung != "" {
							t.Errorf("the other side hears events %q and tones %q", events, sung)
						}
					} else if sung != keys || events != "" {
						t.Errorf("the other side hears tones %q and events %q, want %q as tones", sung, events, keys)
					}
				})
			})
		}
	}
}

func TestKeysAreSentByEventsOfEachClockOrAsTones(t *testing.T) {
	for _, codecs := range clocks() {
		for _, events := range []bool{true, false} {
			t.Run(fmt.Sprint(codecs.a, " ", events), func(t *testing.T) {
				onWire(t, allCodecs, func(w *wire) {
					p, s := w.talker(4000, codecs.a), w.open()
					if !events {
						p.events = 0
					}
					p.agree(s)
					s.Background(Tone(440, -20, 0))
					time.Sleep(200 * time.Millisecond)
					for _, digit := range []byte("1590*#AD") {
						if err := s.SendDigit(digit, 80*time.Millisecond); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(3 * time.Second)
					told, sung := p.keysHeard(p.heard())
					if events && (told != "1590*#AD" || sung != "") || !events && (sung != "1590*#AD" || told != "") {
						t.Errorf("heard were events %q and tones %q", told, sung)
					}
				})
			})
		}
	}
}

func TestAPressThatComesByAllWaysIsOne(t *testing.T) {
	for _, way := range crossing {
		t.Run(fmt.Sprint("events ", way.from, " and ", way.to), func(t *testing.T) {
			onWire(t, nil, func(w *wire) {
				a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMU)
				if !way.from {
					a.events = 0
				}
				if !way.to {
					b.events = 0
				}
				one, _ := w.bridge(a, b)
				a.amp = 0
				a.talk(300 * time.Millisecond)
				b.heard()
				for _, digit := range []byte("7725") {
					if way.from {
						a.pressKey(digit, 200*time.Millisecond)
					} else {
						a.sing(digit, 200*time.Millisecond)
					}
					one.Press(digit, 200*time.Millisecond) // INFO, when the key is released
					a.talk(400 * time.Millisecond)
				}
				if told := digits(said(one)); told != "7725" {
					t.Errorf("told were keys %q", told)
				}
				events, sung := b.keysHeard(b.heard())
				if got := events + sung; got != "7725" {
					t.Errorf("the other side hears events %q and tones %q", events, sung)
				}
			})
		})
	}
}

func TestKeysByInfoAloneCrossABridge(t *testing.T) {
	for _, takes := range []bool{true, false} {
		onWire(t, allCodecs, func(w *wire) {
			a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.G722)
			a.events = 0
			if !takes {
				b.events = 0
			}
			one, _ := w.bridge(a, b)
			a.amp = 0
			a.talk(300 * time.Millisecond)
			for _, digit := range []byte("0011") {
				one.Press(digit, 100*time.Millisecond)
				a.talk(400 * time.Millisecond)
			}
			events, sung := b.keysHeard(b.heard())
			if told := digits(said(one)); told != "0011" || events+sung != "0011" || takes != (events != "") {
				t.Errorf("told were keys %q, heard events %q and tones %q; events are taken: %v", told, events, sung, takes)
			}
		})
	}
}

// TestAKeyThatIsHeldForLongIsOne holds a key for longer than a report can say: 65535 units are 8.2 s at 8 kHz, 4.1 s at 16 and 1.4 s
// at 48 kHz.
func TestAKeyThatIsHeldForLongIsOne(t *testing.T) {
	for _, codecs := range append(clocks(), pair{codec.PCMU, codec.L16}) {
		t.Run(fmt.Sprint(codecs.a, " to ", codecs.b), func(t *testing.T) {
			onWire(t, allCodecs, func(w *wire) {
				a, b := w.talker(4000, codecs.a), w.talker(5000, codecs.b)
				one, _ := w.bridge(a, b)
				a.amp = 0
				a.talk(300 * time.Millisecond)
				for range 2 {
					a.pressKey('4', 5*time.Second)
					a.talk(400 * time.Millisecond)
				}
				if told := digits(said(one)); told != "44" {
					t.Errorf("told were keys %q", told)
				}
				if events, sung := b.keysHeard(b.heard()); events != "44" || sung != "" {
					t.Errorf("the other side hears events %q and tones %q", events, sung)
				}
			})
		})
	}
}

// TestKeysOutliveABadLine presses a thousand keys over a line that loses a fifth of all packets, and over a bridge to a line that does.
func TestKeysOutliveABadLine(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMU)
		one, other := w.bridge(a, b)
		a.talk(300 * time.Millisecond)
		w.network.SetLink(a.sound.AddrPort(), a.to, memnet.Conditions{Loss: 0.2, Jitter: 30 * time.Millisecond})
		w.network.SetLink(other.Local(), b.sound.AddrPort(), memnet.Conditions{Loss: 0.05, Jitter: 30 * time.Millisecond})
		const order = "1234567890*#"
		var told, heard, pressed strings.Builder
		for i := range 1000 {
			digit := order[i%len(order)]
			pressed.WriteByte(digit)
			a.pressKey(digit, 100*time.Millisecond)
			a.talk(100 * time.Millisecond)
			if i%10 == 9 {
				time.Sleep(100 * time.Millisecond)
				told.WriteString(digits(said(one)))
			}
		}
		synctest.Wait()
		heard.WriteString(eventKeys(t, b.heard(), SampleRate))
		for who, keys := range map[string]string{"told": told.String(), "the other side": heard.String()} {
			if once := inOrder(keys, pressed.String()); once < 990 || len(keys) != once {
				t.Errorf("%s: %d keys of which %d are those that were pressed, want 990 of 1000 and none twice", who, len(keys), once)
			}
		}
	})
}

// inOrder returns how many of some keys are those that were pressed, in their order, looking no more than ten ahead for the next.
func inOrder(keys, pressed string) int {
	n := 0
	for _, key := range []byte(keys) {
		at := strings.IndexByte(pressed[:min(len(pressed), 11)], key)
		if at >= 0 {
			n, pressed = n+1, pressed[at+1:]
		}
	}
	return n
}

// TestAKeyKeepsItsTimeAmongDecodedSound has a far end that goes on with its sound under a key, as some do: all reports of the press
// keep one timestamp.
func TestAKeyKeepsItsTimeAmongDecodedSound(t *testing.T) {
	onWire(t, allCodecs, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.G722)
		w.bridge(a, b)
		a.talk(300 * time.Millisecond)
		b.heard()
		for _, p := range press('6', a.header.Timestamp, 10) {
			var payload [dtmf.EventSize]byte
			p.event.Put(payload[:])
			stamp := a.header.Timestamp
			a.header.Timestamp, a.header.Marker = p.stamp, p.marker
			a.send(101, payload[:], 0)
			a.header.Timestamp, a.header.Marker = stamp, false
			a.talk(FrameDuration)
		}
		stamps, markers, got := map[uint32]bool{}, 0, b.heard()
		for _, packet := range got {
			if packet.PayloadType == 101 {
				stamps[packet.Timestamp] = true
				if packet.Marker {
					markers++
				}
			}
		}
		if keys := eventKeys(t, got, SampleRate); keys != "6" || len(stamps) != 1 || markers != 1 {
			t.Errorf("heard were keys %q at %d times with %d markers", keys, len(stamps), markers)
		}
	})
}
