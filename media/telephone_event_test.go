package media

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// report is one packet of a pressed key.
type report struct {
	stamp  uint32
	marker bool
	event  telephoneEvent
}

// press returns the packets that a phone sends for a key.
func press(digit byte, stamp uint32, frames int) []report {
	var sender eventSender
	if err := sender.add(digit, time.Duration(frames)*FrameDuration); err != nil {
		panic(err)
	}
	var reports []report
	for sender.active() {
		event, begin, marker, ok := sender.next(stamp)
		if ok {
			reports = append(reports, report{begin, marker, event})
		}
		stamp += FrameSize
	}
	return reports
}

// digits returns what a receiver makes of packets.
func digits(reports []report) string {
	var r eventReceiver
	var got []byte
	for _, p := range reports {
		if digit, pressed := r.receive(p.stamp, p.marker, p.event); pressed {
			got = append(got, digit)
		}
	}
	return string(got)
}

func TestADigitIsSentAsRFC4733Wants(t *testing.T) {
	reports := press('5', 1000, 4)
	if len(reports) != 4+endCopies-1 {
		t.Fatalf("%d packets, want %d", len(reports), 4+endCopies-1)
	}
	for i, p := range reports {
		if p.stamp != 1000 || p.event.code != 5 || p.marker != (i == 0) || p.event.end != (i >= 3) {
			t.Errorf("packet %d: %+v", i, p)
		}
		if want := uint16(min(i+1, 4) * FrameSize); p.event.duration != want {
			t.Errorf("packet %d has a duration of %d, want %d", i, p.event.duration, want)
		}
	}
}

func TestADigitIsHeardOnceWhateverIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.SliceOfN(rapid.SampledFrom([]byte(keys)), 1, 8).Draw(t, "typed")
		stamp := rapid.Uint32().Draw(t, "stamp")
		var arriving []report
		for _, digit := range typed {
			frames := rapid.IntRange(2, 20).Draw(t, "frames")
			reports := press(digit, stamp, frames)
			stamp += uint32(frames*FrameSize) + uint32(rapid.IntRange(80*8, 3000*8).Draw(t, "pause"))
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
		if got := digits(arriving); got != string(typed) {
			t.Fatalf("heard %q, want %q", got, typed)
		}
	})
}

func TestLateCopiesOfAnEarlierDigitAreNoNewDigit(t *testing.T) {
	one, two := press('1', 4294960000, 4), press('2', 2000, 4) // the timestamps wrap between them
	if got := digits(slices.Concat(one, two[:2], one[4:], two[2:])); got != "12" {
		t.Errorf("heard %q, want 12", got)
	}
}

func TestAKeyHeldForLongIsOneDigit(t *testing.T) {
	var reports []report
	stamp := uint32(500)
	for segment := range 3 { // RFC 4733 section 2.5.1.3: the duration overflows and the timestamp moves on
		for d := 160; d <= 0xFFFF; d += 4000 {
			reports = append(reports, report{stamp, segment == 0 && d == 160, telephoneEvent{code: 9, duration: uint16(d)}})
		}
		reports = append(reports, report{stamp, false, telephoneEvent{code: 9, duration: 0xFFFF}})
		stamp += 0xFFFF
	}
	if got := digits(reports); got != "9" {
		t.Errorf("heard %q, want 9", got)
	}
}

func TestASenderThatStampsEveryReportIsUnderstood(t *testing.T) {
	var reports []report
	stamp := uint32(77)
	for _, code := range []uint8{4, 4} {
		for i := range 6 {
			reports = append(reports, report{stamp, i == 0, telephoneEvent{code: code, end: i == 5, duration: uint16(160 * i)}})
			stamp += FrameSize
		}
		stamp += 800
	}
	if got := digits(reports); got != "44" {
		t.Errorf("heard %q, want 44", got)
	}
}

func TestEventsThatAreNoDigitsAreIgnored(t *testing.T) {
	if got := digits([]report{{1, true, telephoneEvent{code: 16}}, {2, true, telephoneEvent{code: 255}}}); got != "" {
		t.Errorf("heard %q", got)
	}
}

func TestDigitsThatCannotBeSentAreRefused(t *testing.T) {
	var s eventSender
	if s.add('x', 0) == nil {
		t.Error("x was taken")
	}
	for range maxDigits {
		if err := s.add('1', 0); err != nil {
			t.Fatal(err)
		}
	}
	if s.add('1', 0) == nil {
		t.Error("more digits than can wait were taken")
	}
}

// FuzzTelephoneEvents looks for packets that break the receiver, or that make it hear more digits than there are
// timestamps.
func FuzzTelephoneEvents(f *testing.F) {
	f.Add([]byte{5, 0x8A, 3, 0x20}, uint64(1))
	f.Add([]byte{0, 0, 0, 0, 1, 0, 0, 0}, uint64(2))
	f.Add([]byte{9}, uint64(3))
	f.Fuzz(func(t *testing.T, payload []byte, seed uint64) {
		var r eventReceiver
		random := rand.New(rand.NewPCG(seed, 1))
		stamps := map[uint32]bool{}
		heard := 0
		for len(payload) > 0 {
			event, err := parseEvent(payload)
			if err != nil {
				break
			}
			var back [eventSize]byte
			event.put(back[:])
			again, err := parseEvent(back[:])
			if err != nil || again != event {
				t.Fatalf("%+v came back as %+v, %v", event, again, err)
			}
			stamp := random.Uint32N(8) * 4000
			stamps[stamp] = true
			if _, pressed := r.receive(stamp, random.IntN(4) == 0, event); pressed {
				heard++
			}
			payload = payload[eventSize:]
		}
		if heard > len(stamps) {
			t.Fatalf("%d digits of %d timestamps", heard, len(stamps))
		}
	})
}
