package dtmf

import (
	"testing"
	"time"
)

func TestADigitIsSentAsRFC4733Wants(t *testing.T) {
	for _, clock := range clocks {
		reports := press(t, '5', 1000, 4, clock)
		if len(reports) != 4+endCopies-1 {
			t.Fatalf("%d packets, want %d", len(reports), 4+endCopies-1)
		}
		for i, p := range reports {
			if p.stamp != 1000 || p.event.Code != 5 || p.marker != (i == 0) || p.event.End != (i >= 3) {
				t.Errorf("packet %d: %+v", i, p)
			}
			if want := uint16(min(i+1, 4) * clock / framesASecond); p.event.Duration != want {
				t.Errorf("packet %d has a duration of %d, want %d", i, p.event.Duration, want)
			}
		}
	}
}

func TestALongDigitIsSentInSegments(t *testing.T) {
	const frames, clock = 250, 48000
	reports := press(t, '5', 7, frames, clock)
	end := uint32(7)
	for i, p := range reports {
		reaches := p.stamp + uint32(p.event.Duration)
		if reaches < end || (p.stamp-7)%fullDuration != 0 {
			t.Fatalf("packet %d: %+v after one that reaches %d", i, p, end)
		}
		if p.marker != (i == 0) || p.event.End != (i >= frames-1) {
			t.Errorf("packet %d: %+v", i, p)
		}
		end = reaches
	}
	if want := uint32(7 + frames*clock/framesASecond); end != want {
		t.Errorf("the reports reach %d, want %d", end, want)
	}
	if got := digits(clock, reports); got != "5" {
		t.Errorf("heard %q, want 5", got)
	}
}

func TestDigitsAreSentOneAfterAnotherWithAPause(t *testing.T) {
	var s Sender
	for i := range 3 * maxDigits { // round the ring
		if err := s.Add(Keys[i%len(Keys)], 40*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			continue
		}
		quiet, ends := 0, 0
		for s.Active() {
			e, _, marker, ok := s.Next(0, 8000)
			switch {
			case !ok:
				quiet++
			case marker && quiet > 0 && quiet < 3:
				t.Fatalf("a pause of %d frames", quiet)
			case e.End:
				ends++
			}
		}
		if quiet != 6 || ends != 2*endCopies {
			t.Fatalf("%d frames of pause and %d ends of two digits", quiet, ends)
		}
	}
	if _, _, _, ok := s.Next(0, 8000); ok {
		t.Error("a sender without digits sent one")
	}
}

func TestDigitsThatCannotBeSentAreRefused(t *testing.T) {
	var s Sender
	if s.Add('x', 0) == nil {
		t.Error("x was taken")
	}
	for range maxDigits {
		if err := s.Add('1', 0); err != nil {
			t.Fatal(err)
		}
	}
	if s.Add('1', 0) == nil {
		t.Error("more digits than can wait were taken")
	}
}

func TestADigitThatIsCutIsReportedNoMoreAndTheNextOneFollows(t *testing.T) {
	var s Sender
	for _, digit := range []byte("12") {
		if err := s.Add(digit, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	s.Cut() // nothing is being sent yet
	now := uint32(0)
	next := func() (Event, bool) {
		e, _, _, ok := s.Next(now, 8000)
		now += 160
		return e, ok
	}
	if e, ok := next(); !ok || e.Code != 1 {
		t.Fatalf("first %+v, %v", e, ok)
	}
	s.Cut()
	pause := 0
	for {
		e, ok := next()
		if ok {
			if e.Code != 2 || e.End {
				t.Errorf("after the pause %+v", e)
			}
			break
		}
		if pause++; pause > 10 {
			t.Fatal("the next digit does not come")
		}
	}
	if pause < 2 {
		t.Errorf("a pause of %d frames, want 40 ms at least", pause)
	}
}
