package media

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// occupied says that every phase has sessions.
func occupied(int) bool { return false }

func TestAWorkerRunsEachPhaseOnTime(t *testing.T) {
	var p pace
	elapsed := time.Duration(0)
	for i := int64(1); i <= 100; i++ {
		elapsed += p.wait(elapsed, occupied)
		if p.next != i || elapsed != time.Duration(i)*phaseLength {
			t.Fatalf("phase %d at %v, want phase %d at %v", p.next, elapsed, i, time.Duration(i)*phaseLength)
		}
		elapsed += time.Millisecond // the work of a run delays no later one
	}
}

func TestALateWorkerCatchesUpWithoutABurst(t *testing.T) {
	var p pace
	elapsed := 60*time.Millisecond + p.wait(0, occupied) // held up for three frames
	runs := 0
	for ; p.due() < elapsed-phaseLength; runs++ {
		before := p.ran[(p.next+1)%phases]
		elapsed += p.wait(elapsed, occupied)
		p.ran[p.next%phases] = elapsed
		if before > 0 && elapsed-before < FrameDuration/2 {
			t.Fatalf("phase %d was run again after %v", p.next%phases, elapsed-before)
		}
	}
	if runs < 3*phases {
		t.Errorf("caught up in %d runs, want those of three frames", runs)
	}
	if elapsed > 200*time.Millisecond {
		t.Errorf("caught up only after %v", elapsed)
	}
}

// Sessions that are alone in their phase are not sent one frame after another when their worker was held up.
func TestALateWorkerSendsToNobodyFasterThanAtTwiceThePace(t *testing.T) {
	var p pace
	only := func(phase int) bool { return phase != 0 }
	elapsed := p.wait(0, only)
	p.ran[p.next%phases] = elapsed
	elapsed += 160 * time.Millisecond // held up for eight frames
	for p.due() < elapsed-FrameDuration {
		before := p.ran[0]
		elapsed += p.wait(elapsed, only)
		p.ran[p.next%phases] = elapsed
		if apart := elapsed - before; apart < FrameDuration/2 {
			t.Fatalf("run again after %v", apart)
		}
	}
	if elapsed > time.Second {
		t.Errorf("caught up only after %v", elapsed)
	}
}

func TestWhatIsTooLateIsLeftOut(t *testing.T) {
	var p pace
	p.wait(0, occupied)
	elapsed := 10 * time.Second
	if wait := p.wait(elapsed, occupied); wait > phaseLength || p.due() < elapsed {
		t.Errorf("phase %d, due at %v, after %v", p.next, p.due(), wait)
	}
}

func TestPhasesWithoutSessionsAreSleptThrough(t *testing.T) {
	var p pace
	only := func(phase int) bool { return phase != 2 }
	elapsed := time.Duration(0)
	for range 10 {
		wait := p.wait(elapsed, only)
		elapsed += wait
		if p.next%phases != 2 {
			t.Fatalf("phase %d was run", p.next%phases)
		}
	}
	if want := 9*FrameDuration + 2*phaseLength; elapsed != want {
		t.Errorf("ten runs took %v, want %v", elapsed, want)
	}
}

func TestPhasesAreFilledOneAfterAnotherAndThenEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		defer c.close()
		used := func() (sizes []int) {
			for i := range phases {
				for _, w := range c.workers {
					if n := len(*w.phases[i].Load()); n > 0 {
						sizes = append(sizes, n)
					}
				}
			}
			return sizes
		}
		var sessions []*Session
		grow := func(n int) {
			for range n {
				s := &Session{}
				sessions = append(sessions, s)
				c.add(s)
			}
		}
		grow(phaseRoom)
		if got := used(); len(got) != 1 {
			t.Errorf("phases of %v, want one full one", got)
		}
		places := phases * len(c.workers)
		grow(phaseRoom*(places-1) + 2*places)
		if got := used(); len(got) != places || slices.Min(got) != phaseRoom+2 || slices.Max(got) != phaseRoom+2 {
			t.Errorf("phases of %v, want %d equal ones", got, places)
		}
		for _, s := range sessions {
			c.remove(s)
			c.remove(s)
		}
		if got := used(); len(got) != 0 {
			t.Errorf("phases of %v are left behind", got)
		}
	})
}

func TestAnEngineWithoutSessionsSleeps(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		s, r := w.open(), w.remote(farAway, 4000)
		r.call(s, "0")
		time.Sleep(time.Second)
		s.Close()
		time.Sleep(time.Hour)
		again, other := w.open(), w.remote(farAway, 5000)
		other.call(again, "0")
		time.Sleep(time.Second)
		got := other.heard()
		if len(got) < 49 || len(got) > 51 {
			t.Errorf("%d packets in the first second after an hour's sleep", len(got))
		}
		assertOneStream(t, got)
		synctest.Wait()
	})
}

func TestPortsArePairsWithinTheRange(t *testing.T) {
	for _, tt := range []struct {
		low, high uint16
		want      []uint16
	}{
		{10000, 10005, []uint16{10000, 10002, 10004}},
		{10001, 10006, []uint16{10002, 10004}},
		{65532, 65535, []uint16{65532, 65534}},
	} {
		p, err := newPortPool(tt.low, tt.high)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint16
		for port, ok := p.take(time.Now()); ok; port, ok = p.take(time.Now()) {
			got = append(got, port)
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%d-%d: ports %v, want %v", tt.low, tt.high, got, tt.want)
		}
	}
	for _, bad := range [][2]uint16{{0, 100}, {10001, 10002}, {10002, 10001}, {10000, 10000}} {
		if _, err := newPortPool(bad[0], bad[1]); err == nil {
			t.Errorf("%d-%d was taken", bad[0], bad[1])
		}
	}
}

func TestQuietIsDerivedFromTimes(t *testing.T) {
	type look struct {
		now, heard time.Duration
		expected   bool
		want       bool
	}
	s := time.Second
	for name, looks := range map[string][]look{
		"never heard":           {{100 * s, 0, true, false}},
		"heard all the time":    {{10 * s, 9 * s, true, false}, {20 * s, 19 * s, true, false}},
		"goes quiet once":       {{11 * s, 2 * s, true, false}, {12 * s, 2 * s, true, true}, {13 * s, 2 * s, true, false}},
		"stays quiet":           {{12 * s, 2 * s, true, true}, {21 * s, 2 * s, true, false}, {22 * s, 2 * s, true, true}, {32 * s, 2 * s, true, true}},
		"goes quiet twice":      {{12 * s, 2 * s, true, true}, {20 * s, 15 * s, true, false}, {25 * s, 15 * s, true, true}},
		"on hold":               {{99 * s, 2 * s, false, false}, {108 * s, 2 * s, true, false}, {109 * s, 2 * s, true, true}},
		"quiet before the hold": {{12 * s, 2 * s, true, true}, {13 * s, 2 * s, false, false}, {23 * s, 2 * s, true, true}},
	} {
		q := quiet{timeout: 10 * s}
		for i, l := range looks {
			if got := q.check(l.now, l.heard, l.expected); got != l.want {
				t.Errorf("%s: look %d at %v: %v, want %v", name, i, l.now, got, l.want)
			}
		}
	}
	never := quiet{}
	if never.check(time.Hour, 1, true) {
		t.Error("quiet without a timeout")
	}
}
