package dtmf

// When a press begins and ends, in hops of 5 ms.
const (
	// beginHops is how many windows that follow each other must say the same: 35 ms of tone.
	beginHops = 2

	// endHops is how many windows without the tone end a press. A pause of 40 ms, which must end it, spoils 11 of them at
	// least; an interruption of 10 ms, which must not (ITU-T Q.24), spoils 7, and a packet that is lost 8 or 9.
	endHops = 10

	// betweenHops is the least time between the beginnings of two presses, so that 60 ms of sound have one at most. The
	// fastest that must be understood is one every 80 ms (ITU-T Q.24).
	betweenHops = 60 / 5
)

// fallen is how weak a tone has become, against the press that it is of, when it is but an echo.
const fallen = 0.1

// Detector finds digits in sound, for a far end that offers no telephone-events. A press is told 35 to 40 ms after its
// tone began.
//
// It takes what ITU-T Q.24 asks for: tones and pauses of 40 ms, frequencies within 1.5 % and none beyond 3.5 %, the high
// tone from 8 dB below the low one to 6 dB above, noise 15 dB below the tones, interruptions under 10 ms. Levels are from
// -35 dBm0 a tone to 0 dBm0, where both together clip. A voice is told from a key because it wavers, has overtones, and
// has more than two tones. Whoever talks into a press for over 50 ms splits it.
//
// It is owned by the goroutine that receives the sound, which gives silence for packets that are lost.
type Detector struct {
	halving *halving // nil at 8 kHz
	phases  phases
	hops    [windowHops]hop
	current int // the hop that is filled
	filled  int // samples in it
	heard   int // hops that were filled, up to windowHops

	held     byte    // the digit that is pressed, or 0
	power    float64 // of its tones
	without  int     // windows without it
	likely   byte    // what the last windows say
	windows  int     // how many have said so
	sinceOne int     // hops since the last press began, up to betweenHops
}

// NewDetector returns a detector for sound at a sampling rate of 8000 or 16000 Hz. Any other counts as 8000.
func NewDetector(rate int) *Detector {
	d := &Detector{sinceOne: betweenHops}
	if rate == 2*detectorRate {
		d.halving = new(halving)
	}
	return d
}

// Hear takes the next samples, up to 60 ms of them, and returns the digit when a press is recognised in them. No two are
// in so little sound; in more, the last is returned.
func (d *Detector) Hear(pcm []int16) (digit byte, pressed bool) {
	for len(pcm) > 0 {
		room := d.hops[d.current].samples[d.filled:]
		read, written := d.take(room, pcm)
		pcm = pcm[read:]
		d.filled += written
		if d.filled < hopSize {
			continue
		}
		if found := d.hop(); found != 0 {
			digit, pressed = found, true
		}
	}
	return digit, pressed
}

// take moves samples to where they are analysed, at the rate for that, and returns how many were read and written.
func (d *Detector) take(room []float64, pcm []int16) (read, written int) {
	if d.halving != nil {
		return d.halving.halve(room, pcm)
	}
	n := min(len(room), len(pcm))
	for i, x := range pcm[:n] {
		room[i] = float64(x)
	}
	return n, n
}

// hop takes in the hop that was filled, and returns the digit that it makes known, or 0.
func (d *Detector) hop() byte {
	d.phases.next()
	d.hops[d.current].analyse(&d.phases)
	d.current, d.filled = (d.current+1)%windowHops, 0
	d.sinceOne = min(d.sinceOne+1, betweenHops)
	if d.heard = min(d.heard+1, windowHops); d.heard < windowHops {
		return 0
	}
	var window [windowHops]*hop
	for i := range window {
		window[i] = &d.hops[(d.current+i)%windowHops]
	}
	p, ok := find(&window)
	d.hold(p, ok)
	if !ok || p.digit == d.held {
		d.windows = 0
		return 0
	}
	return d.begin(p, &window)
}

// hold notices whether the key that is pressed still is.
func (d *Detector) hold(p pair, ok bool) {
	if d.held == 0 {
		return
	}
	if ok && p.digit == d.held && p.power > fallen*d.power {
		d.without = 0
		d.power = max(d.power, p.power)
		return
	}
	if d.without++; d.without >= endHops {
		d.held = 0
	}
}

// begin counts the windows that say the same, and returns the digit when they suffice.
func (d *Detector) begin(p pair, window *[windowHops]*hop) byte {
	if p.digit != d.likely {
		d.likely, d.windows = p.digit, 0
	}
	d.windows++
	if d.windows < beginHops || d.sinceOne < betweenHops || !p.pure(window) {
		return 0
	}
	d.held, d.power, d.without = p.digit, p.power, 0
	d.windows, d.sinceOne = 0, 0
	return p.digit
}
