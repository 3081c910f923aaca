package media

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillway-voice/spillway/media/socket"
)

// shortestSilence is the least Options.Timeout with which sound that nobody hears is dropped by the kernel: with packets of
// 60 ms, two samples in a row that are lost are 1.92 s.
const shortestSilence = 2 * time.Second

// attention is whether anybody hears the far end: the other side of a bridge, a sink, a detector. While nobody does, the
// kernel drops the sound but for a sample. It is safe for concurrent use.
type attention struct {
	socket socket.Thinner       // nil: everything is read, and dropped here
	agreed *atomic.Pointer[far] // what is agreed with the far end; nil: nothing is asked of it

	hearing atomic.Int32 // who hears
	thinned atomic.Bool  // the kernel drops
	refused atomic.Bool  // the kernel does not
	mu      sync.Mutex   // over what follows, and what of it the kernel is told
	stream  socket.Stream
	told    time.Time // when the kernel was told of it
}

// leastRest is the least time between two streams that the kernel is told of: a far end that changes from one type to another with each
// packet is read in full, as each time costs what twenty packets cost.
const leastRest = time.Second

// begin says that somebody hears from now on: the next packet reaches him.
func (a *attention) begin() {
	a.hearing.Add(1)
	a.full()
}

// end says that he hears no more.
func (a *attention) end() { a.hearing.Add(-1) }

// full has everything read, until the next packet tells anew what there is.
func (a *attention) full() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.thinned.Load() && a.socket.Full() == nil {
		a.thinned.Store(false)
	}
}

// rest has the kernel drop a stream that was heard under an agreement, if nobody hears it. The receiving goroutine calls it with each
// packet.
func (a *attention) rest(stream socket.Stream, under *far, now time.Time) {
	if a.socket == nil || a.refused.Load() || a.hearing.Load() > 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.agreed != nil && a.agreed.Load() != under {
		return // by another agreement the stream's type may be that of keys
	}
	if a.hearing.Load() > 0 || a.thinned.Load() && (a.stream == stream || now.Sub(a.told) < leastRest) {
		return
	}
	if a.socket.Thin(stream) != nil {
		a.refused.Store(true) // a system that refuses will refuse again; what it dropped before it drops until Full
		return
	}
	a.stream, a.told = stream, now
	a.thinned.Store(true)
}
