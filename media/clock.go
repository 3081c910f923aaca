package media

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillway-voice/spillway/media/socket"
)

// The shape of the playout clock.
const (
	phases      = 10                     // parts of a frame's time over which the sessions of a worker are spread
	phaseStep   = 7                      // from one phase to the one that is filled next: far apart in time, all in turn
	phaseLength = FrameDuration / phases // time between two of a worker's runs
	longestLag  = 200 * time.Millisecond // what is caught up; beyond that, far ends have long given up waiting
	phaseRoom   = 64                     // sessions in a phase before the next is used: about 0.2 ms of sending
	packetRoom  = socket.LargestDatagram // bytes of a worker's packet
)

// clock is the playout clock: it calls each session once every FrameDuration, on one of a fixed number of goroutines.
type clock struct {
	epoch   time.Time
	workers []*worker
	wg      sync.WaitGroup
	late    atomic.Uint64 // runs that came a frame or more behind
	mu      sync.Mutex    // over adding and removing sessions
}

// newClock starts a clock with one worker for each core.
func newClock() *clock {
	c := &clock{epoch: time.Now()}
	n := runtime.GOMAXPROCS(0)
	for i := range n {
		w := &worker{clock: c, offset: time.Duration(i) * phaseLength / time.Duration(n), wake: make(chan struct{}, 1), quit: make(chan struct{})}
		for i := range w.phases {
			w.phases[i].Store(&[]*Session{})
		}
		c.workers = append(c.workers, w)
		c.wg.Go(w.run)
	}
	return c
}

// close stops all workers and waits for them.
func (c *clock) close() {
	for _, w := range c.workers {
		close(w.quit)
	}
	c.wg.Wait()
}

// tick returns the number of the frame that is due at a time.
func (c *clock) tick(now time.Time) uint32 { return uint32(now.Sub(c.epoch) / FrameDuration) }

// add gives a session to a phase.
func (c *clock) add(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	best, owner := c.place()
	old := *best.Load()
	next := make([]*Session, len(old), len(old)+1)
	copy(next, old)
	next = append(next, s)
	s.phase = best
	best.Store(&next)
	select {
	case owner.wake <- struct{}{}:
	default:
	}
}

// place returns the first phase that has room, else the one that has fewest, and its worker. Phases are filled one
// after another because each costs a wake-up every frame, which on a small node is dearer than its packets; none holds so
// many that its packets are a burst for a switch, and from the first few hundred sessions on all are filled alike.
func (c *clock) place() (best *atomic.Pointer[[]*Session], owner *worker) {
	for i := range phases {
		for _, w := range c.workers {
			phase := &w.phases[i*phaseStep%phases]
			n := len(*phase.Load())
			if n < phaseRoom {
				return phase, w
			}
			if best == nil || n < len(*best.Load()) {
				best, owner = phase, w
			}
		}
	}
	return best, owner
}

// remove takes a session out; the run that is going on may still call it once.
func (c *clock) remove(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.phase == nil {
		return
	}
	old := *s.phase.Load()
	next := make([]*Session, 0, len(old))
	for _, other := range old {
		if other != s {
			next = append(next, other)
		}
	}
	s.phase.Store(&next)
	s.phase = nil
}

// worker is one goroutine of the clock. It runs one phase after another, and sleeps while it has no session.
type worker struct {
	clock  *clock
	offset time.Duration                      // from the clock's epoch: workers do not send at one moment
	phases [phases]atomic.Pointer[[]*Session] // replaced as a whole, so a run needs no lock
	wake   chan struct{}                      // a session was added
	quit   chan struct{}
}

func (w *worker) run() {
	buffer := make([]byte, packetRoom)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var pace pace
	for {
		if w.idle() {
			select {
			case <-w.wake:
				continue
			case <-w.quit:
				return
			}
		}
		timer.Reset(pace.wait(time.Since(w.clock.epoch)-w.offset, w.empty))
		select {
		case <-timer.C:
		case <-w.quit:
			return
		}
		now := time.Now()
		elapsed := now.Sub(w.clock.epoch) - w.offset
		if elapsed-pace.due() >= FrameDuration {
			w.clock.late.Add(1)
		}
		pace.ran[pace.next%phases] = elapsed
		tick := uint32(pace.next / phases)
		for _, s := range *w.phases[pace.next%phases].Load() {
			s.playout(now, tick, buffer)
		}
	}
}

func (w *worker) idle() bool {
	for i := range w.phases {
		if !w.empty(i) {
			return false
		}
	}
	return true
}

func (w *worker) empty(phase int) bool { return len(*w.phases[phase].Load()) == 0 }

// pace says when a worker runs which phase. Phases are counted from the clock's epoch, so a run that is late delays none
// of the later ones: they follow at twice the pace until the time is made up. What is more than longestLag behind is
// left out; the sound goes on where it was and its timestamps show the gap.
type pace struct {
	next int64                 // number of the phase to run
	ran  [phases]time.Duration // when each phase was run last, after the epoch; zero: never
}

// wait moves on to the next phase that is not empty and returns how long to wait for it, elapsed after the epoch.
func (p *pace) wait(elapsed time.Duration, empty func(phase int) bool) time.Duration {
	p.next++
	if elapsed-p.due() > longestLag {
		p.next = int64(elapsed/phaseLength) + 1
	}
	for range phases {
		if !empty(int(p.next % phases)) {
			break
		}
		p.next++
	}
	due := p.due()
	if ran := p.ran[p.next%phases]; ran > 0 { // no session sends at more than twice the pace, and no pause is longer than that needs
		due = max(due, ran+FrameDuration/2)
	}
	return max(due-elapsed, 0)
}

func (p *pace) due() time.Duration { return time.Duration(p.next) * phaseLength }
