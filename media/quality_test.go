package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/spillway-voice/spillway/internal/memnet"
	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/socket"
)

// pairOf lets two sessions of ours call each other and speak.
func (w *wire) pairOf() (one, other *Session) {
	w.t.Helper()
	one, other = w.open(), w.open()
	offer, err := one.Offer()
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := other.Answer(offer)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := one.Accept(answer); err != nil {
		w.t.Fatal(err)
	}
	for _, s := range []*Session{one, other} {
		s.Background(NewMusic(level(1000, time.Second)).Source())
	}
	return one, other
}

// near reports whether two durations are within a tolerance.
func near(got, want, tolerance time.Duration) bool {
	return got > want-tolerance && got < want+tolerance
}

func TestBothEndsKnowTheRoundTripAndWhatIsLostEachWay(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		one, other := w.pairOf()
		w.network.SetConditions(memnet.Conditions{Delay: 70 * time.Millisecond})
		w.network.SetLink(one.Local(), other.Local(), memnet.Conditions{Delay: 70 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.05})
		time.Sleep(2 * time.Minute)
		mine, its := one.Quality(), other.Quality()
		for _, q := range []Quality{mine, its} {
			if q.Codec != "PCMU" || !near(q.RoundTrip, 140*time.Millisecond, time.Millisecond) {
				t.Errorf("codec %s, round trip %v; want PCMU and 140 ms", q.Codec, q.RoundTrip)
			}
		}
		for name, d := range map[string]Direction{"heard": its.Heard, "told of": mine.Sent} {
			if d.Packets < 5900 || d.Packets > 6010 || d.Loss < 0.04 || d.Loss > 0.06 || !near(d.Jitter, 10*time.Millisecond, 3*time.Millisecond) {
				t.Errorf("the bad direction as it was %s: %+v", name, d)
			}
			if d.MOS < 3.5 || d.MOS > 4 {
				t.Errorf("5 %% of loss %s as a MOS of %.2f", name, d.MOS)
			}
		}
		for name, d := range map[string]Direction{"heard": mine.Heard, "told of": its.Sent} {
			if d.Packets < 5900 || d.Lost != 0 || d.Jitter > time.Millisecond || d.MOS < 4.2 {
				t.Errorf("the good direction as it was %s: %+v", name, d)
			}
		}
		one.Close()
		other.Close()
		if after := one.Quality(); after.Codec != mine.Codec || after.Heard.MOS != mine.Heard.MOS {
			t.Errorf("after the end: %+v, before: %+v", after, mine)
		}
	})
}

func TestNothingIsSaidOfSoundThatNeverWas(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		if q := s.Quality(); q != (Quality{}) {
			t.Errorf("before any agreement: %+v", q)
		}
		r.call(s, "8")
		time.Sleep(time.Minute)
		if q := s.Quality(); q != (Quality{Codec: "PCMA"}) {
			t.Errorf("of a far end that says nothing: %+v", q)
		}
	})
}

// lastBlock is the newest report block that a far end got, and the report that it came in.
func (r *remote) lastBlock() (block rtcp.ReceptionReport, report *rtcp.SenderReport) {
	r.w.t.Helper()
	for _, packet := range r.reported() {
		if p, ok := packet.(*rtcp.SenderReport); ok && len(p.Reports) == 1 {
			block, report = p.Reports[0], p
		}
	}
	if report == nil {
		r.w.t.Fatal("no report yet")
	}
	return block, report
}

// tell sends a report.
func (r *remote) tell(s *Session, report rtcp.Packet) {
	r.w.t.Helper()
	s.receiveReport(r.marshal(report), r.reporter.AddrPort(), time.Now())
}

func (r *remote) marshal(report rtcp.Packet) []byte {
	r.w.t.Helper()
	raw, err := report.Marshal()
	if err != nil {
		r.w.t.Fatal(err)
	}
	return raw
}

func TestAReportTellsTheLossSinceTheLastOne(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		s.Background(NewMusic(level(1000, time.Second)).Source())
		r.say(codec.PCMU, 1000, 500)
		if block, _ := r.lastBlock(); block.FractionLost != 0 || block.TotalLost != 0 {
			t.Errorf("without loss: %+v", block)
		}
		for range 500 { // 20 s in which every other packet is lost
			r.say(codec.PCMU, 1000, 1)
			r.header.SequenceNumber++
			r.header.Timestamp += FrameSize
			time.Sleep(FrameDuration)
		}
		block, _ := r.lastBlock()
		if block.FractionLost < 126 || block.FractionLost > 129 || block.TotalLost < 300 {
			t.Errorf("with every other packet lost: %+v, want a fraction of 128", block)
		}
		r.say(codec.PCMU, 1000, 1000)
		after, _ := r.lastBlock()
		if after.FractionLost != 0 || after.TotalLost < 498 || after.TotalLost > 501 {
			t.Errorf("afterwards: %+v, want a fraction of 0 and 500 in all", after)
		}
		if cycles := after.LastSequenceNumber >> 16; cycles != 1 {
			t.Errorf("the numbers came round %d times, want once", cycles)
		}
	})
}

func TestTheFarEndCanMeasureTheRoundTrip(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		s.Background(NewMusic(level(1000, time.Second)).Source())
		r.say(codec.PCMU, 1000, 500)
		if block, _ := r.lastBlock(); block.LastSenderReport != 0 || block.Delay != 0 {
			t.Errorf("a report answers one that was never sent: %+v", block)
		}
		told := time.Now()
		r.tell(s, &rtcp.SenderReport{SSRC: r.header.SSRC + 1, NTPTime: 0x1111_2222_3333_4444}) // of a stream that we do not hear
		r.tell(s, &rtcp.SenderReport{SSRC: r.header.SSRC, NTPTime: 0xAAAA_BBBB_CCCC_DDDD})
		r.tell(s, &rtcp.SenderReport{SSRC: r.header.SSRC + 1, NTPTime: 0x1111_2222_3333_4444})
		r.say(codec.PCMU, 1000, 500)
		block, report := r.lastBlock()
		age := time.Duration(block.Delay) * time.Second / 65536
		sent := time.Unix(int64(report.NTPTime>>32)-ntpEpoch, int64(report.NTPTime&0xFFFFFFFF*1e9>>32))
		if block.LastSenderReport != 0xBBBB_CCCC || !near(age, sent.Sub(told), time.Millisecond) {
			t.Errorf("answers %#x after %v, want 0xbbbbcccc after %v", block.LastSenderReport, age, sent.Sub(told))
		}
	})
}

func TestHostileReportsAreNotBelieved(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		s.Background(NewMusic(level(1000, time.Second)).Source())
		r.say(codec.PCMU, 1000, 500)
		_, report := r.lastBlock()
		middle := uint32(report.NTPTime >> 16)
		about := func(change func(*rtcp.ReceptionReport)) rtcp.Packet {
			block := rtcp.ReceptionReport{SSRC: s.out.ssrc}
			change(&block)
			return &rtcp.ReceiverReport{SSRC: 99, Reports: []rtcp.ReceptionReport{block}}
		}
		for name, change := range map[string]func(*rtcp.ReceptionReport){
			"another stream's":        func(b *rtcp.ReceptionReport) { b.SSRC++; b.TotalLost, b.LastSenderReport = 1000, middle },
			"a delay beyond the time": func(b *rtcp.ReceptionReport) { b.LastSenderReport, b.Delay = middle, 0xFFFFFFFF },
			"a delay of a minute":     func(b *rtcp.ReceptionReport) { b.LastSenderReport, b.Delay = middle, 60*65536 },
			"a report never sent":     func(b *rtcp.ReceptionReport) { b.LastSenderReport = middle - 100 },
			"no report":               func(b *rtcp.ReceptionReport) { b.Delay = 1 },
			"an endless jitter":       func(b *rtcp.ReceptionReport) { b.Jitter = 0xFFFFFFFF },
			"a negative loss":         func(b *rtcp.ReceptionReport) { b.TotalLost = 0xFFFFFF },
		} {
			r.tell(s, about(change))
			if q := s.Quality(); q.RoundTrip != 0 || q.Sent.Lost != 0 || q.Sent.Jitter != 0 {
				t.Errorf("%s is believed: %+v", name, q)
			}
		}
		r.tell(s, about(func(b *rtcp.ReceptionReport) { b.TotalLost = 1<<23 - 1 }))
		if d := s.Quality().Sent; d.Loss != 1 || d.Lost != d.Packets || d.MOS < 1 || d.MOS > 1.5 {
			t.Errorf("more loss than packets: %+v", d)
		}
		time.Sleep(time.Minute)
		r.tell(s, about(func(b *rtcp.ReceptionReport) { b.LastSenderReport = middle }))
		if q := s.Quality(); q.RoundTrip != 0 {
			t.Errorf("a report of a minute ago makes a round trip of %v", q.RoundTrip)
		}
	})
}

func TestAnotherDeviceCountsFromItsOwnBeginning(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		s.Background(NewMusic(level(1000, time.Second)).Source())
		r.say(codec.PCMU, 1000, 500)
		for _, told := range []struct{ reporter, lost uint32 }{{1, 20}, {1, 30}, {2, 5}, {2, 10}} {
			r.tell(s, &rtcp.ReceiverReport{SSRC: told.reporter, Reports: []rtcp.ReceptionReport{{SSRC: s.out.ssrc, TotalLost: told.lost}}})
		}
		if got := s.Quality().Sent.Lost; got != 40 {
			t.Errorf("%d lost, want 30 of the one and 10 of the other", got)
		}
	})
}

// FuzzReports looks for a report that breaks us, or that makes us say what cannot be.
func FuzzReports(f *testing.F) {
	for _, report := range []rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 2, TotalLost: 77, Jitter: 1 << 31, LastSenderReport: 3, Delay: 4}}},
		&rtcp.SenderReport{SSRC: 0xFA5, NTPTime: 1 << 63, Reports: []rtcp.ReceptionReport{{SSRC: 2, TotalLost: 1<<24 - 1}}},
		&rtcp.Goodbye{Sources: []uint32{1}},
	} {
		raw, err := report.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		onWire(t, nil, func(w *wire) {
			s, r := w.open(), w.remote(farAway, 4000)
			r.call(s, "0")
			s.out.mu.Lock()
			s.out.ssrc = 2 // so that the seeds are about our stream
			s.out.mu.Unlock()
			s.Background(NewMusic(level(1000, time.Second)).Source())
			r.say(codec.PCMU, 1000, 10)
			s.receiveReport(datagram[:min(len(datagram), socket.LargestDatagram)], r.reporter.AddrPort(), time.Now())
			q := s.Quality()
			if q.RoundTrip < 0 || q.RoundTrip > longestRoundTrip || q.Sent.Loss < 0 || q.Sent.Loss > 1 || q.Sent.Jitter < 0 ||
				q.Sent.Jitter > longestJitter || q.Sent.MOS > 4.5 || q.Heard.MOS < 4.2 {
				t.Fatalf("%+v", q)
			}
		})
	})
}

// TestLateCountsAsLostForWhoHearsItDecoded has packets that come 300 ms late, which nobody waits for.
func TestLateCountsAsLostForWhoHearsItDecoded(t *testing.T) {
	score := func(tapped bool) (q Quality) {
		onWire(t, nil, func(w *wire) {
			p, s := w.talker(4000, codec.PCMU), w.open()
			p.agree(s)
			if tapped {
				defer s.Tap(&ear{})()
			}
			w.network.SetLink(p.sound.AddrPort(), p.to, memnet.Conditions{Reorder: 0.1, Hold: 300 * time.Millisecond})
			p.talk(20 * time.Second)
			q = s.Quality()
		})
		return q
	}
	plain, tapped := score(false), score(true)
	if plain.Heard.Lost > 20 || tapped.Heard.Lost > 20 || tapped.Heard.R > plain.Heard.R-3 {
		t.Errorf("R is %.1f with %d lost; where it is decoded %.1f with %d lost", plain.Heard.R, plain.Heard.Lost, tapped.Heard.R, tapped.Heard.Lost)
	}
}
