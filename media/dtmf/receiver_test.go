package dtmf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clocks are the clock rates of streams.
var clocks = []int{8000, 16000, 48000}

// report is one packet of a pressed key. Frames without one are packets of sound.
type report struct {
	stamp  uint32
	marker bool
	event  Event
	sound  bool
}

// press returns the packets of a key that is held for some frames of 20 ms.
func press(t interface{ Fatal(...any) }, digit byte, stamp uint32, frames, clock int) []report {
	var s Sender
	if err := s.Add(digit, time.Duration(frames)*frameMillis*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var reports []report
	for s.Active() {
		if event, begin, marker, ok := s.Next(stamp, clock); ok {
			reports = append(reports, report{stamp: begin, marker: marker, event: event})
		}
		stamp += uint32(clock / framesASecond)
	}
	return reports
}

// digits returns what a receiver makes of packets.
func digits(clock int, reports []report) string {
	r := NewReceiver(clock)
	var got []byte
	for _, p := range reports {
		if p.sound {
			continue
		}
		if digit, pressed := r.Receive(p.stamp, p.marker, p.event); pressed {
			got = append(got, digit)
		}
	}
	return string(got)
}

func TestADigitIsHeardOnceWhateverIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := rapid.SampledFrom(clocks).Draw(t, "clock")
		typed := rapid.SliceOfN(rapid.SampledFrom([]byte(Keys)), 1, 8).Draw(t, "typed")
		stamp := rapid.Uint32().Draw(t, "stamp")
		var arriving []report
		for _, digit := range typed {
			frames := rapid.IntRange(2, 20).Draw(t, "frames")
			reports := press(t, digit, stamp, frames, clock)
			pause := rapid.IntRange(80, 3000).Draw(t, "pause")
			stamp += uint32((frames*frameMillis + pause) * clock / 1000)
			kept := rapid.IntRange(0, len(reports)-1).Draw(t, "surely arrives")
			for i, p := range reports {
				if i != kept && rapid.IntRange(0, 2).Draw(t, "lost") == 0 {
					continue
				}
				arriving = append(arriving, p)
				if rapid.IntRange(0, 3).Draw(t, "copied") == 0 {
					arriving = append(arriving, p)
				}
			}
		}
		if got := digits(clock, arriving); got != string(typed) {
			t.Fatalf("heard %q, want %q", got, typed)
		}
	})
}

// line is a network: what it loses, and how far it reorders.
type line struct {
	name    string
	enter   float64 // the chance that a loss begins
	leave   float64 // and that it ends, by packet
	reorder int     // packets
}

// lines lose 20 % of the packets: each on its own, or three at once on average.
var lines = []line{
	{"random loss", 0.2, 0.8, 0},
	{"random loss, reordered", 0.2, 0.8, 2},
	{"bursts", 0.25 / 3, 1.0 / 3, 0},
	{"bursts, reordered", 0.25 / 3, 1.0 / 3, 2},
}

// carry returns what of packets arrives, in the order in which it does.
func (l line) carry(packets []report, random *rand.Rand) []report {
	type arrival struct {
		at int
		p  report
	}
	var arriving []arrival
	losing := false
	for i, p := range packets {
		if losing {
			losing = random.Float64() >= l.leave
		} else {
			losing = random.Float64() < l.enter
		}
		if losing {
			continue
		}
		late := 0
		if l.reorder > 0 && random.IntN(5) == 0 {
			late = 1 + random.IntN(l.reorder)
		}
		arriving = append(arriving, arrival{2*(i+late) + min(late, 1), p})
	}
	slices.SortStableFunc(arriving, func(a, b arrival) int { return a.at - b.at })
	out := make([]report, len(arriving))
	for i, a := range arriving {
		out[i] = a.p
	}
	return out
}

// Of 10,000 presses of 80 to 300 ms with pauses of 60 ms to 1 s between the copies of an end and the next one, a third of
// them of the key before, 20 % of the packets are lost. The timestamp of each press is its place in the stream, which is
// how a test knows what was heard.
func TestOfTenThousandPressesNearlyAllAreHeardOnceAndNoneTwice(t *testing.T) {
	const presses, wanted = 10_000, 9_900
	for _, clock := range clocks {
		for i, l := range lines {
			t.Run(fmt.Sprintf("%s at %d Hz", l.name, clock), func(t *testing.T) {
				random := random(uint64(i))
				frame := uint32(clock / framesASecond)
				stamp := uint32(0xFFFF0000)
				var packets []report
				typed := map[uint32]byte{}
				digit := byte('0')
				for range presses {
					if random.IntN(3) > 0 {
						digit = Keys[random.IntN(len(Keys))]
					}
					frames := 4 + random.IntN(12)
					reports := press(t, digit, stamp, frames, clock)
					typed[stamp] = digit
					packets = append(packets, reports...)
					stamp += uint32(len(reports)) * frame
					for range 3 + random.IntN(48) {
						packets = append(packets, report{stamp: stamp, sound: true})
						stamp += frame
					}
				}
				heard := map[uint32]int{}
				r := NewReceiver(clock)
				for _, p := range l.carry(packets, random) {
					if p.sound {
						continue
					}
					if digit, pressed := r.Receive(p.stamp, p.marker, p.event); pressed {
						if typed[p.stamp] != digit {
							t.Fatalf("heard %c at %d, where %c was pressed", digit, p.stamp, typed[p.stamp])
						}
						heard[p.stamp]++
					}
				}
				for stamp, n := range heard {
					if n != 1 {
						t.Errorf("the press at %d was heard %d times", stamp, n)
					}
				}
				if len(heard) < wanted {
					t.Errorf("%d of %d presses were heard, want %d", len(heard), presses, wanted)
				}
			})
		}
	}
}

func TestLateCopiesOfAnEarlierDigitAreNoNewDigit(t *testing.T) {
	one, two := press(t, '1', 4294960000, 4, 8000), press(t, '2', 2000, 4, 8000) // the timestamps wrap between them
	if got := digits(8000, slices.Concat(one, two[:2], one[4:], two[2:])); got != "12" {
		t.Errorf("heard %q, want 12", got)
	}
}

func TestAKeyPressedAgainQuicklyIsTwoDigits(t *testing.T) {
	for _, clock := range clocks {
		one := press(t, '7', 1000, 2, clock)
		two := press(t, '7', 1000+uint32(clock*80/1000), 2, clock) // 40 ms of tone, 40 ms of pause
		withoutEnds := slices.Concat(one[:1], two[1:])             // neither the end of one nor the marker of two
		for _, arriving := range [][]report{slices.Concat(one, two), withoutEnds} {
			if got := digits(clock, arriving); got != "77" {
				t.Errorf("%d Hz: heard %q, want 77", clock, got)
			}
		}
	}
}

// RFC 4733 section 2.5.1.3: when the duration is full, it begins anew with another timestamp.
func TestAKeyThatIsHeldIsOneDigitWhateverIsLost(t *testing.T) {
	for _, clock := range clocks {
		interval := uint32(clock / 20) // a report every 50 ms
		random := random(uint64(clock))
		for range 200 {
			var reports []report
			stamp := uint32(500)
			for elapsed := interval; elapsed < 4*0xFFFF; elapsed += interval {
				stamp = 500 + elapsed/0xFFFF*0xFFFF
				if random.IntN(5) > 0 {
					reports = append(reports, report{stamp: stamp, event: Event{Code: 9, Duration: uint16(elapsed % 0xFFFF)}})
				}
			}
			if got := digits(clock, reports); got != "9" {
				t.Fatalf("%d Hz: heard %q, want 9", clock, got)
			}
		}
	}
}

// restamped returns the reports of a sender that gives each of them a timestamp of its own, copies of the end included.
func restamped(digit uint8, stamp uint32, frames, clock int, grows bool) []report {
	frame := uint32(clock / framesASecond)
	var reports []report
	for i := range frames + 2 {
		e := Event{Code: digit, End: i >= frames-1, Duration: uint16(frame)}
		if grows {
			e.Duration = uint16(frame * uint32(min(i+1, frames)))
		}
		reports = append(reports, report{stamp: stamp + uint32(i)*frame, marker: i == 0, event: e})
	}
	return reports
}

func TestASenderThatStampsEveryReportIsUnderstood(t *testing.T) {
	for _, clock := range clocks {
		for _, grows := range []bool{false, true} {
			one := restamped(4, 77, 6, clock, grows)
			two := restamped(4, 77+uint32(clock*260/1000), 6, clock, grows)
			for lost := range 4 { // one after another, before the end
				arriving := slices.Concat(one[:2], one[2+lost:], two)
				if got := digits(clock, arriving); got != "44" {
					t.Errorf("%d Hz, growing %v, %d lost: heard %q, want 44", clock, grows, lost, got)
				}
			}
		}
	}
}

func TestASenderThatNeverSendsAnEndIsUnderstood(t *testing.T) {
	for _, clock := range clocks {
		var arriving []report
		for i := range uint32(3) {
			reports := press(t, '3', i*uint32(clock/5), 5, clock)
			arriving = append(arriving, reports[:4]...)
		}
		if got := digits(clock, arriving); got != "333" {
			t.Errorf("%d Hz: heard %q, want 333", clock, got)
		}
	}
}

func TestASenderWhoseTimestampStandsStillIsUnderstoodWhileKeysDiffer(t *testing.T) {
	arriving := slices.Concat(press(t, '1', 9, 4, 8000), press(t, '2', 9, 4, 8000))
	if got := digits(8000, arriving); got != "12" {
		t.Errorf("heard %q, want 12", got)
	}
}

func TestEventsThatAreNoDigitsAreIgnored(t *testing.T) {
	var r Receiver
	for _, code := range []uint8{16, 64, 255} {
		if digit, pressed := r.Receive(uint32(code), true, Event{Code: code}); pressed {
			t.Errorf("event %d was heard as %c", code, digit)
		}
	}
}

// FuzzReceiver looks for packets that make a receiver hear one key at one timestamp twice in a row, or what is no key.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte{5, 0x8A, 3, 0x20}, uint64(1), 8000)
	f.Add([]byte{0, 0, 0, 0, 1, 0, 0, 0, 0, 0x80, 0, 9}, uint64(2), 48000)
	f.Add([]byte{9}, uint64(3), -1)
	f.Fuzz(func(t *testing.T, payload []byte, seed uint64, clock int) {
		r := NewReceiver(clock)
		random := rand.New(rand.NewPCG(seed, 1))
		type told struct {
			stamp uint32
			digit byte
		}
		var last told
		heard := false
		for len(payload) >= EventSize {
			event, err := ParseEvent(payload)
			if err != nil {
				t.Fatal(err)
			}
			payload = payload[EventSize:]
			stamp := random.Uint32N(8) * 4000
			digit, pressed := r.Receive(stamp, random.IntN(4) == 0, event)
			if !pressed {
				continue
			}
			if int(event.Code) >= len(Keys) || digit != Keys[event.Code] {
				t.Fatalf("event %d was heard as %q", event.Code, digit)
			}
			if now := (told{stamp, digit}); heard && now == last {
				t.Fatalf("%c was heard twice at %d", digit, stamp)
			}
			last, heard = told{stamp, digit}, true
		}
	})
}
