package resample

import "fmt"

// longestFrame is how many input samples are filtered at a time, whatever is handed in at once: 20 ms of 48 kHz.
const longestFrame = 960

// A Resampler changes the rate of a running stream, a frame at a time: what it gives for the frames one after another is
// what it would give for all at once, seamless. It delays the sound by Delay. It belongs to one goroutine.
type Resampler struct {
	filter *filter
	window []float32 // the last 2*half samples before the frame, and room for a frame
	held   int       // samples in window
	next   int       // place of the next output, in parts (1/up) of an input sample, from the window's first place
}

// NewResampler returns a resampler from one rate to another, in Hz. Their ratio should be one of small whole numbers,
// as those of the usual rates are (44100 to 16000 Hz is 441 to 160). It fails for rates that are not positive or differ by
// more than eight times.
func NewResampler(from, to int) (*Resampler, error) {
	if err := check(from, to); err != nil {
		return nil, err
	}
	return newResampler(filterFor(from, to)), nil
}

// check says which rates cannot be.
func check(from, to int) error {
	if from <= 0 || to <= 0 || from > 8*to || to > 8*from {
		return fmt.Errorf("resample from %d to %d Hz: cannot be done", from, to)
	}
	return nil
}

func newResampler(f *filter) *Resampler {
	r := &Resampler{filter: f, window: make([]float32, 2*f.half+longestFrame)}
	r.Reset()
	return r
}

// Reset forgets the stream, for another one to begin.
func (r *Resampler) Reset() {
	clear(r.window)
	r.held, r.next = 2*r.filter.half, 0
}

// Delay returns by how many samples of the input's rate the sound comes later: 70 for 8 to 16 kHz (8.75 ms).
func (r *Resampler) Delay() int { return r.filter.half }

// Process appends to dst what src becomes and returns it, as append does; with enough capacity it allocates nothing. Of
// 160 samples at 8 kHz there are exactly 320 at 16 kHz, and the other way round; for other ratios there may be one sample
// more or less in a frame.
func (r *Resampler) Process(dst, src []int16) []int16 {
	for len(src) > 0 {
		n := min(len(src), longestFrame)
		dst = r.frame(dst, src[:n])
		src = src[n:]
	}
	return dst
}

// frame filters at most longestFrame samples.
func (r *Resampler) frame(dst, src []int16) []int16 {
	f := r.filter
	for _, sample := range src {
		r.window[r.held] = float32(sample)
		r.held++
	}
	taps := 2*f.half + 1
	for {
		first := r.next / f.up
		if first+taps > r.held {
			break
		}
		dst = append(dst, dot(f.phases[r.next%f.up], r.window[first:]))
		r.next += f.down
	}
	used := min(r.next/f.up, r.held)
	copy(r.window, r.window[used:r.held])
	r.held -= used
	r.next -= used * f.up
	return dst
}
