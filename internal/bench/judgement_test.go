package main

import (
	"testing"
	"time"
)

func TestAPacketIsLateBehindTheLeastDelayedOfItsStream(t *testing.T) {
	var h lateness
	began := time.Unix(1_000_000, 0)
	for i, delay := range []time.Duration{3 * time.Millisecond, 0, 25 * time.Millisecond, 26 * time.Millisecond, 1 * time.Millisecond} {
		stamp := uint32(0xffffff00) + uint32(i)*packetTick // runs over
		h.hear(stamp, began.Add(time.Duration(i)*packetTime+delay))
	}
	got := h.judge(5 * packetTime)
	if want := (delivery{due: 5, came: 5, timely: 4, worst: 26 * time.Millisecond}); got != want {
		t.Errorf("judged %+v, want %+v", got, want)
	}
}

func TestPacketsThatDidNotComeOrWereNotSentAreLost(t *testing.T) {
	var h lateness
	began := time.Unix(1_000_000, 0)
	for _, i := range []int{0, 1, 4} { // two are missing in between
		h.hear(uint32(i*packetTick), began.Add(time.Duration(i)*packetTime))
	}
	if lost := h.judge(5 * packetTime).lost(); lost != 2 {
		t.Errorf("lost %d in between, want 2", lost)
	}
	if lost := h.judge(11 * packetTime).lost(); lost != 7 { // and five at the end
		t.Errorf("lost %d with those at the end, want 7", lost)
	}
	var silent lateness
	if got := silent.judge(11 * packetTime); got.due != 10 || got.lost() != 10 {
		t.Errorf("of a silent stream %+v, want 10 due and lost", got)
	}
}

func TestAPassageCountsEachOfItsOwnPacketsOnce(t *testing.T) {
	p := newPassage(65534)
	p.pass(65533, 0) // before it began
	p.pass(65534, time.Millisecond)
	p.pass(65534, time.Second) // a copy
	p.pass(1, 30*time.Millisecond)
	p.pass(3, 0) // after its end
	got := p.judge(2)
	if want := (delivery{due: 4, came: 2, timely: 1, worst: 30 * time.Millisecond}); got != want {
		t.Errorf("judged %+v, want %+v", got, want)
	}
}

func TestAMarkIsReadBackAndSilenceHasNone(t *testing.T) {
	payload := tone(1000)
	putMark(payload, 0xa55a, 1)
	putNumber(payload, 0x8001)
	if stream, number, ok := readMark(payload); !ok || stream != 0xa55a || number != 0x8001 {
		t.Errorf("read %#x, %#x, %v", stream, number, ok)
	}
	if !hasTone(payload, 1000) || hasTone(payload, 600) {
		t.Error("the mark drowns the tone")
	}
	silence := make([]byte, 160)
	if _, _, ok := readMark(silence); ok {
		t.Error("silence has a mark")
	}
	if hasTone(silence, 1000) {
		t.Error("silence has a tone")
	}
}

func TestTheSharesOfADeliveryAddUp(t *testing.T) {
	var all delivery
	all.add(delivery{due: 10, came: 9, timely: 8, worst: time.Second})
	all.add(delivery{due: 10, came: 10, timely: 10, worst: time.Millisecond})
	if all.share() != 90 || all.lost() != 1 || all.worst != time.Second {
		t.Errorf("%v %%, %d lost, worst %v", all.share(), all.lost(), all.worst)
	}
}

func TestTheMedianOfASeriesIsItsMiddle(t *testing.T) {
	if got := (series{5, 1, 4, 2, 3}).median(); got != 3 {
		t.Errorf("median %v, want 3", got)
	}
}
