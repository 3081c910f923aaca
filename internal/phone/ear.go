package phone

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

const (
	// earMemory is how many samples an ear remembers at least: two minutes.
	earMemory = 120 * SampleRate

	// earSlack is how many more it collects before the oldest are forgotten, so that forgetting is rare.
	earSlack = 20 * SampleRate

	// gapLimit is the largest step of an RTP timestamp that is taken for lost packets and filled with silence; a larger one,
	// or one backwards, is a new beginning (RFC 3550 section 6.4.1 leaves the offset to the sender).
	gapLimit = SampleRate

	// toneWindow is how much sound must carry a tone before WaitTone believes it.
	toneWindow = 200 * time.Millisecond

	// searchStep is how much new sound WaitFor waits for before it looks again, in samples.
	searchStep = SampleRate / 2

	// searchWindow is how much of the sound before the news WaitFor looks at again each time, in samples: enough for one sure stretch
	// wherever it began.
	searchWindow = matchStretch + 2*SampleRate
)

// mark ties a sample to the time at which the packet that carried it arrived.
type mark struct {
	index int
	at    time.Time
}

// Ear keeps what a call hears: the last two minutes or more as linear sound at SampleRate, with the arrival time of each
// packet. Lost packets are silence, so that positions stay true. It is safe for concurrent use.
type Ear struct {
	mu      sync.Mutex
	deaf    bool // counts only
	pcm     []int16
	base    int // the index of pcm[0], counted from the beginning of the call
	marks   []mark
	ssrc    uint32
	next    uint32 // the timestamp that continues the last packet
	first   time.Time
	last    time.Time
	packets uint64
	gaps    uint64
	held    int           // samples in the latest packet
	changed chan struct{} // closed at the next packet; nil while nobody waits
}

// Hearing is a recording that was recognised in a call.
type Hearing struct {
	Match
	Began time.Time // when the recording's beginning arrived, or would have, had it not started in the middle
	First time.Time // when the first recognised piece of it arrived
}

// hear takes the payload of one packet. It is called by the goroutine that reads the socket.
func (e *Ear) hear(codec Codec, ssrc, timestamp uint32, payload []byte, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	step := int32(timestamp - e.next)
	if e.packets == 0 || ssrc != e.ssrc {
		step = 0
	}
	if e.packets == 0 {
		e.first = now
	}
	e.last = now
	e.packets++
	e.held = len(payload)
	if e.changed != nil {
		close(e.changed)
		e.changed = nil
	}
	if step < 0 && step > -gapLimit {
		e.repair(codec, int(step), payload)
		return
	}
	e.ssrc, e.next = ssrc, timestamp+uint32(len(payload))
	lost := step > 0 && step <= gapLimit
	if lost {
		e.gaps++
	}
	if e.deaf {
		return
	}
	if lost {
		e.pcm = append(e.pcm, make([]int16, step)...)
	}
	e.marks = append(e.marks, mark{index: e.base + len(e.pcm), at: now})
	e.pcm = codec.decode(e.pcm, payload)
	e.forget()
}

// repair puts a late packet into the gap that it left; a copy writes the same again. It is called with the lock held.
func (e *Ear) repair(codec Codec, step int, payload []byte) {
	start := len(e.pcm) + step
	if start < 0 || start+len(payload) > len(e.pcm) {
		return
	}
	codec.decode(e.pcm[start:start], payload)
}

// forget drops the oldest sound once there is too much of it. It is called with the lock held.
func (e *Ear) forget() {
	if len(e.pcm) < earMemory+earSlack {
		return
	}
	surplus := len(e.pcm) - earMemory
	e.pcm = append(e.pcm[:0], e.pcm[surplus:]...)
	e.base += surplus
	old := sort.Search(len(e.marks), func(i int) bool { return e.marks[i].index >= e.base })
	e.marks = append(e.marks[:0], e.marks[old:]...)
}

// Forget drops everything heard so far, so that what follows is judged alone.
func (e *Ear) Forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.base += len(e.pcm)
	e.pcm = e.pcm[:0]
	if len(e.marks) > 0 {
		e.marks = append(e.marks[:0], mark{index: e.base, at: e.last})
	}
}

// Packets returns how many packets with sound have arrived, telephone events not counted.
func (e *Ear) Packets() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.packets
}

// PacketTime returns how much sound the latest packet held.
func (e *Ear) PacketTime() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return lasting(e.held)
}

// Gaps returns how often packets were missing in what arrived.
func (e *Ear) Gaps() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.gaps
}

// FirstPacketAt returns when the first sound arrived; the zero time if none has.
func (e *Ear) FirstPacketAt() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.first
}

// LastPacketAt returns when the latest sound arrived; the zero time if none has.
func (e *Ear) LastPacketAt() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// Heard returns a copy of all that is remembered.
func (e *Ear) Heard() []int16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.pcm)
}

// Since returns a copy of what arrived from t on.
func (e *Ear) Since(t time.Time) []int16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := sort.Search(len(e.marks), func(i int) bool { return !e.marks[i].at.Before(t) })
	if i == len(e.marks) {
		return nil
	}
	return slices.Clone(e.pcm[max(0, e.marks[i].index-e.base):])
}

// HasTone says whether the tone of the given frequency in Hz was heard nearly throughout the last window. Where less than
// three quarters of the window arrived at all, it was not.
func (e *Ear) HasTone(frequency float64, window time.Duration) bool {
	pcm := e.Since(time.Now().Add(-window))
	return len(pcm) >= samples(window)*3/4 && HasTone(pcm, frequency)
}

// Find looks for a recording in all that is remembered. The second result says whether it was recognised beyond doubt.
func (e *Ear) Find(recording []int16) (Hearing, bool) {
	e.mu.Lock()
	pcm, from := slices.Clone(e.pcm), e.base
	e.mu.Unlock()
	return e.search(pcm, from, recording)
}

// search looks for a recording in pcm, whose first sample has the index from.
func (e *Ear) search(pcm []int16, from int, recording []int16) (Hearing, bool) {
	m := Correlate(pcm, recording)
	if m.Matched == 0 {
		return Hearing{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	began := from + m.At
	h := Hearing{Match: m, Began: e.arrived(began), First: e.arrived(began + samples(m.From))}
	return h, m.Sure(lasting(len(recording)))
}

// arrived says when the sample of the given index arrived, or would have. It is called with the lock held.
func (e *Ear) arrived(index int) time.Time {
	if len(e.marks) == 0 {
		return time.Time{}
	}
	i := sort.Search(len(e.marks), func(i int) bool { return e.marks[i].index > index })
	m := e.marks[max(0, i-1)]
	return m.at.Add(lasting(index - m.index))
}

// WaitTone waits until the tone of the given frequency in Hz is heard, now and for a fifth of a second.
func (e *Ear) WaitTone(ctx context.Context, frequency float64) error {
	for {
		news := e.news()
		if e.HasTone(frequency, toneWindow) {
			return nil
		}
		if err := wait(ctx, news); err != nil {
			return fmt.Errorf("wait for a tone of %g Hz (%d packets heard): %w", frequency, e.Packets(), err)
		}
	}
}

// WaitFor waits until a recording is recognised, in what is remembered or what is to come.
func (e *Ear) WaitFor(ctx context.Context, recording []int16) (Hearing, error) {
	searched := e.length()
	if h, sure := e.Find(recording); sure {
		return h, nil
	}
	for {
		for news := e.news(); e.length() < searched+searchStep; news = e.news() {
			if err := wait(ctx, news); err != nil {
				if h, sure := e.Find(recording); sure { // what came in while the last look was taken
					return h, nil
				}
				return Hearing{}, fmt.Errorf("wait for a recording of %v (%d packets heard): %w",
					lasting(len(recording)), e.Packets(), err)
			}
		}
		e.mu.Lock()
		start := max(0, searched-searchWindow-e.base) // nothing is passed over, however long the last look took
		searched = e.base + len(e.pcm)
		pcm, from := slices.Clone(e.pcm[start:]), e.base+start
		e.mu.Unlock()
		if h, sure := e.search(pcm, from, recording); sure {
			return h, nil
		}
	}
}

// WaitSound waits until the first packet has arrived.
func (e *Ear) WaitSound(ctx context.Context) error {
	for {
		news := e.news()
		if e.Packets() > 0 {
			return nil
		}
		if err := wait(ctx, news); err != nil {
			return fmt.Errorf("wait for any sound: %w", err)
		}
	}
}

// length returns the index after the last sample heard.
func (e *Ear) length() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.base + len(e.pcm)
}

// news returns a channel that is closed when the next packet arrives.
func (e *Ear) news() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changed == nil {
		e.changed = make(chan struct{})
	}
	return e.changed
}

// wait waits for a channel to be closed, or for the end of the context.
func wait(ctx context.Context, closed <-chan struct{}) error {
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
