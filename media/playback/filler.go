package playback

// filler makes sound where there is none. It goes on with the last periods of what was heard, in the spirit of ITU-T G.711
// Appendix I: one period for 10 ms, two for the next 10 ms, three from then on, so that a vowel does not become a buzz; the
// first 10 ms are as loud as what was heard, and it fades to nothing within 60 ms. Where it has faded there is noise.
type filler struct {
	noise   noise
	rate    int
	past    []int16 // what was heard last
	period  int
	blend   int     // samples in which the end of the periods becomes like what is before their beginning
	made    int     // samples since it began
	hold    int     // samples until it fades
	fade    float32 // the part of the loudness that it loses with each sample
	gain    float32
	mend    float32 // what is added so that there is no step where it begins; dies out
	mending float32 // how much of it is left after each sample
}

// newFiller returns a filler that makes silence.
func newFiller(rate int) *filler {
	f := &filler{rate: rate, past: make([]int16, rate/20)}
	f.noise.forget()
	return f
}

// ms returns how many samples some milliseconds are.
func (f *filler) ms(n int) int { return f.rate / 1000 * n }

// begin goes on from the sound, 50 ms long, that is heard until now.
func (f *filler) begin(heard []int16) {
	copy(f.past, heard)
	n := len(f.past)
	width := f.ms(20)
	f.period, _ = findPeriod(f.past, n-width, width, f.ms(5), f.ms(15), -1, f.rate/8000) // 66 to 200 Hz (G.711 Appendix I)
	f.blend = f.period / 4
	f.made, f.hold, f.gain = 0, f.ms(10), 1
	f.fade = 1 / float32(f.ms(50))
	f.mend = float32(f.past[n-1]) - float32(f.past[n-1-f.period])
	f.mending = 1 - 1/float32(f.ms(1))
}

// hush lets it fade at once, within 10 ms: what follows is a pause and no loss.
func (f *filler) hush() {
	f.hold = 0
	f.fade = max(f.fade, 1/float32(f.ms(10)))
}

// faded reports whether nothing is left of what was heard.
func (f *filler) faded() bool { return f.gain <= 0 }

// fill makes the next samples.
func (f *filler) fill(dst []int16) {
	if f.faded() {
		f.made += len(dst)
		f.rest(dst)
		return
	}
	for i := range dst {
		x := f.repeat(f.made)
		f.mend *= f.mending
		dst[i] = clip((x+f.mend)*f.gain + f.background())
		f.pass()
	}
}

// shade makes the next samples of those that a Concealer made.
func (f *filler) shade(dst []int16) {
	for i := range dst {
		dst[i] = clip(float32(dst[i])*f.gain + f.background())
		f.pass()
	}
}

// rest makes nothing but noise.
func (f *filler) rest(dst []int16) {
	if !f.noise.audible() {
		clear(dst)
		return
	}
	for i := range dst {
		dst[i] = clip(f.noise.next())
	}
}

// background returns the next sample of the noise, as loud as what was heard has faded.
func (f *filler) background() float32 {
	if f.gain >= 1 || !f.noise.audible() {
		return 0
	}
	return f.noise.next() * (1 - max(f.gain, 0))
}

// pass goes on by one sample.
func (f *filler) pass() {
	f.made++
	if f.made > f.hold {
		f.gain = max(f.gain-f.fade, 0)
	}
}

// repeat returns a sample of the repeated periods. Where their number changes both are heard for 2 ms.
func (f *filler) repeat(at int) float32 {
	step, overlap := f.ms(10), f.ms(2)
	periods := min(at/step, 2) + 1
	x := f.loop(periods, at)
	if since := at % step; periods > 1 && at < 3*step && since < overlap {
		w := float32(since+1) / float32(overlap+1)
		x = w*x + (1-w)*f.loop(periods-1, at)
	}
	return x
}

// loop returns a sample of some periods that are played over and over, without a step where they begin again.
func (f *filler) loop(periods, at int) float32 {
	length := periods * f.period
	j := at % length
	from := len(f.past) - length
	x := float32(f.past[from+j])
	if into := j - (length - f.blend); into >= 0 {
		w := float32(into+1) / float32(f.blend+1)
		x = (1-w)*x + w*float32(f.past[from+j-length])
	}
	return x
}

// overlap returns over how many samples it is to fade into what follows: the more the longer it has made up sound, up to 10 ms
// (G.711 Appendix I). Noise is no more than to begin without a click.
func (f *filler) overlap() int {
	if f.faded() {
		return f.ms(4)
	}
	return min(f.ms(4)+f.made*2/5, f.ms(10))
}
