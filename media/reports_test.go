package media

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/spillway-voice/spillway/media/codec"
)

func TestSilenceIsNoticedOnceTheFarEndHasSpoken(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		time.Sleep(time.Minute)
		if got := said(s); len(got) != 0 {
			t.Errorf("events %v of a far end that never spoke", got)
		}
		r.say(codec.PCMU, 1000, 1)
		time.Sleep(10*time.Second - 2*FrameDuration)
		if got := said(s); !slices.Equal(got, []Event{FirstPacket{}}) {
			t.Errorf("events %v, want FirstPacket alone", got)
		}
		time.Sleep(5 * time.Second)
		if got := said(s); !slices.Equal(got, []Event{Silent{}}) {
			t.Errorf("events %v, want Silent once", got)
		}
		r.say(codec.PCMU, 1000, 1)
		time.Sleep(15 * time.Second)
		if got := said(s); !slices.Equal(got, []Event{Silent{}}) {
			t.Errorf("events %v, want Silent again", got)
		}
	})
}

func TestReportsAreASignOfLife(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		r.say(codec.PCMU, 1000, 1)
		raw, err := (&rtcp.ReceiverReport{SSRC: r.header.SSRC}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		to := netip.AddrPortFrom(r.to.Addr(), r.to.Port()+1)
		for i := range 12 {
			time.Sleep(5 * time.Second)
			if i%3 > 0 { // some far ends send them to the port of the sound
				to = r.to
			}
			if _, err := r.reporter.WriteToUDPAddrPort(raw, to); err != nil {
				t.Fatal(err)
			}
		}
		if got := said(s); !slices.Equal(got, []Event{FirstPacket{}}) {
			t.Errorf("events %v, want no Silent", got)
		}
		time.Sleep(25 * time.Second) // the timeout is 10 s
		if got := said(s); !slices.Equal(got, []Event{Silent{}, Silent{}}) {
			t.Errorf("events %v, want Silent after each timeout", got)
		}
	})
}

func TestAFarEndThatHoldsUsMayBeQuiet(t *testing.T) {
	for _, hold := range []string{"inactive", "sendonly"} {
		t.Run(hold, func(t *testing.T) { quietWhile(t, hold) })
	}
}

// quietWhile lets a far end say nothing while it holds us, and after that.
func quietWhile(t *testing.T, hold string) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		r.say(codec.PCMU, 1000, 5)
		if _, err := s.Answer(r.offer("0", "a="+hold+"\r\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := s.Answer(r.offer("0", "a=sendrecv\r\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Second)
		if got := said(s); !slices.Equal(got, []Event{FirstPacket{}}) {
			t.Errorf("events %v, want no Silent yet", got)
		}
		time.Sleep(2 * time.Second)
		if got := said(s); !slices.Equal(got, []Event{Silent{}}) {
			t.Errorf("events %v, want Silent after the hold", got)
		}
	})
}

func TestReportsTellWhatWasSentAndHeard(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		for range 20 {
			r.say(codec.PCMU, 1000, 49)
			r.header.SequenceNumber++ // one in fifty is lost
			r.header.Timestamp += FrameSize
			time.Sleep(FrameDuration)
		}
		var senders []*rtcp.SenderReport
		for _, packet := range r.reported() {
			if report, ok := packet.(*rtcp.SenderReport); ok {
				senders = append(senders, report)
			}
		}
		if len(senders) < 2 || len(senders) > 8 {
			t.Fatalf("%d reports in 20 s, want about four", len(senders))
		}
		last := senders[len(senders)-1]
		if last.PacketCount < 500 || last.OctetCount != last.PacketCount*FrameSize || len(last.Reports) != 1 {
			t.Fatalf("report %+v", last)
		}
		if block := last.Reports[0]; block.SSRC != r.header.SSRC || block.TotalLost < 8 || block.TotalLost > 20 || block.Jitter > 1 {
			t.Errorf("report block %+v", block)
		}
		if stats := s.Stats(); stats.PacketsIn != 980 || stats.Lost != 19 {
			t.Errorf("stats %+v, want 980 packets and 19 lost", stats)
		}
	})
}

// A packet of feedback may promise tens of thousands of results in a few bytes: nobody reads it.
func TestAReportThatPromisesMoreThanItHoldsCostsNothing(t *testing.T) {
	engine := deafEngine(t)
	s := deafSession(t, engine, 0)
	from := netip.AddrPortFrom(loopback, 4001)
	hostile := make([]byte, 44)
	hostile[0], hostile[1], hostile[3] = 0x8F, 205, 10 // transport-wide congestion control
	for i := 20; i < len(hostile); i += 2 {
		hostile[i], hostile[i+1] = 0x1F, 0xFF // runs of 8,191
	}
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() {
		now = now.Add(time.Second)
		s.receiveReport(hostile, from, now)
	}); n > 2 {
		t.Errorf("%v allocations for a report that says nothing to us", n)
	}
	before := s.Stats().Excess
	for range 1000 {
		s.receiveReport(hostile, from, now)
	}
	if n := s.Stats().Excess - before; n < 1000-reportsAtOnce {
		t.Errorf("%d of a flood of 1000 reports were turned down", n)
	}
}

func TestWhatIsNoReportIsNoSignOfLife(t *testing.T) {
	engine := deafEngine(t)
	s := deafSession(t, engine, 0)
	from := netip.AddrPortFrom(loopback, 4001)
	s.heardAt.Store(1)
	for _, datagram := range [][]byte{nil, {0x80}, {0x80, 201, 0, 9, 1, 2, 3, 4}, {0x00, 201, 0, 1, 1, 2, 3, 4}} {
		s.receiveReport(datagram, from, time.Now())
	}
	if s.heardAt.Load() != 1 || s.Stats().Invalid != 4 {
		t.Errorf("heard at %d, stats %+v", s.heardAt.Load(), s.Stats())
	}
}
