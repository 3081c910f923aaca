package resample

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"testing"
)

// rates are those that a recording may have.
var rates = []int{8000, 16000, 22050, 24000, 32000, 44100, 48000}

// sine returns a sine of half of full scale.
func sine(hz float64, rate, samples int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(math.Round(16384 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return out
}

// middle leaves out both ends, where the filter sees silence around the recording.
func middle(pcm []int16) []int16 { return pcm[len(pcm)/4 : 3*len(pcm)/4] }

// level is that of some sound, in dB against a sine of half of full scale.
func level(pcm []int16) float64 {
	var sum float64
	for _, sample := range pcm {
		sum += float64(sample) * float64(sample)
	}
	return 10 * math.Log10((sum/float64(len(pcm))+1e-9)/(16384*16384/2))
}

// toneToNoise is the power of a tone, whatever its phase, against all the rest, in dB.
func toneToNoise(pcm []int16, hz float64, rate int) float64 {
	var in, total float64
	var sum complex128
	for i, sample := range pcm {
		window := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(pcm)))
		sum += complex(float64(sample)*window, 0) * cmplx.Exp(complex(0, -2*math.Pi*hz*float64(i)/float64(rate)))
		in += window
	}
	tone := 2 * sum / complex(in, 0)
	for i, sample := range pcm {
		rest := float64(sample) - real(tone*cmplx.Exp(complex(0, 2*math.Pi*hz*float64(i)/float64(rate))))
		total += rest * rest
	}
	return 10 * math.Log10(cmplx.Abs(tone)*cmplx.Abs(tone)/2/(total/float64(len(pcm))))
}

// converted is Convert for rates that can be.
func converted(pcm []int16, from, to int) []int16 {
	out, err := Convert(pcm, from, to)
	if err != nil {
		panic(err)
	}
	return out
}

func TestTheBandOfTheLowerRatePassesWithinATenthOfADecibel(t *testing.T) {
	for _, from := range rates {
		for _, to := range []int{8000, 16000} {
			for part := 1; part <= 14; part++ {
				hz := float64(part) / 32 * float64(min(from, to)) // to 7/16 of the lower rate
				if got := level(middle(converted(sine(hz, from, from/5), from, to))); math.Abs(got) > 0.1 {
					t.Errorf("%d to %d Hz: %.0f Hz comes out at %+.3f dB", from, to, hz, got)
				}
			}
		}
	}
}

func TestWhatWouldFoldIsSixtyDecibelsDown(t *testing.T) {
	for _, from := range rates {
		for _, to := range []int{8000, 16000} {
			if from <= to {
				continue
			}
			for hz := float64(to)/2 + 1; hz < float64(from)/2; hz += float64(to) / 11 {
				if got := level(middle(converted(sine(hz, from, from/5), from, to))); got > -60 {
					t.Errorf("%d to %d Hz: %.0f Hz folds to %+.1f dB", from, to, hz, got)
				}
			}
		}
	}
}

func TestNoImageIsHeardAboveTheBandOfALowerRate(t *testing.T) {
	for _, hz := range []float64{300, 1004, 2000, 3400} {
		if got := toneToNoise(middle(converted(sine(hz, 8000, 8000), 8000, 16000)), hz, 16000); got < 60 {
			t.Errorf("8 to 16 kHz: %.0f Hz stands %.1f dB above the rest, want 60", hz, got)
		}
	}
}

func TestARecordingKeepsItsLengthAndItsPlaceInTime(t *testing.T) {
	for _, from := range rates {
		for _, to := range []int{8000, 16000} {
			pcm := make([]int16, from) // an impulse, wide enough for every rate, in the middle of a second
			for i := -from / 500; i <= from/500; i++ {
				pcm[from/2+i] = 20000
			}
			out := converted(pcm, from, to)
			if len(out) != to {
				t.Errorf("%d to %d Hz: a second becomes %d samples", from, to, len(out))
				continue
			}
			if got, want := centre(out), float64(to)/2; math.Abs(got-want) > 1 {
				t.Errorf("%d to %d Hz: what was at sample %.0f is at %.2f", from, to, want, got)
			}
		}
	}
}

// centre is the centre of gravity of an impulse.
func centre(pcm []int16) float64 {
	var sum, weighted float64
	for i, sample := range pcm {
		sum += float64(sample)
		weighted += float64(i) * float64(sample)
	}
	return weighted / sum
}

func TestTheLoudestSoundIsCutAndDoesNotWrap(t *testing.T) {
	pcm := make([]int16, 4000)
	for i := range pcm {
		pcm[i] = math.MaxInt16
		if i/50%2 == 1 {
			pcm[i] = math.MinInt16
		}
	}
	for i, sample := range middle(converted(pcm, 8000, 16000)) { // an overshoot that wraps would change its sign
		at := i + 2000
		if into := at / 2 % 50; into > 10 && into < 40 && (sample > 0) != (at/2/50%2 == 0) {
			t.Fatalf("sample %d is %d", at, sample)
		}
	}
}

func TestARecordingInPartsIsTheSameAsAtOnce(t *testing.T) {
	for _, from := range rates {
		pcm := sine(777, from, from/3)
		whole := converted(pcm, from, 8000)
		for _, size := range []int{1, 961, 5000} {
			c, err := NewConverter(from, 8000)
			if err != nil {
				t.Fatal(err)
			}
			var out []int16
			for part := range slices.Chunk(pcm, size) {
				out = c.Write(out, part)
			}
			if out = c.End(out); !slices.Equal(out, whole) {
				t.Errorf("%d Hz in parts of %d: %d samples, not the %d of the whole", from, size, len(out), len(whole))
			}
		}
	}
}

func TestAnEmptyRecordingStaysEmpty(t *testing.T) {
	if out := converted(nil, 48000, 8000); len(out) != 0 {
		t.Errorf("%d samples", len(out))
	}
	if out := converted([]int16{1}, 48000, 8000); len(out) != 0 {
		t.Errorf("%d samples of a sixth of one", len(out))
	}
}

// stream hands pcm to a resampler in frames.
func stream(t *testing.T, from, to, frame int, pcm []int16) []int16 {
	t.Helper()
	r, err := NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	var out []int16
	for part := range slices.Chunk(pcm, frame) {
		out = r.Process(out, part)
	}
	return out
}

func TestAStreamIsSeamlessAndExactInLength(t *testing.T) {
	for _, pair := range [][2]int{{8000, 16000}, {16000, 8000}} {
		from, to := pair[0], pair[1]
		r, err := NewResampler(from, to)
		if err != nil {
			t.Fatal(err)
		}
		const hz = 1004
		pcm, frame := sine(hz, from, from), from/50
		var out []int16
		for part := range slices.Chunk(pcm, frame) {
			before := len(out)
			if out = r.Process(out, part); len(out)-before != to/50 {
				t.Fatalf("%d to %d Hz: a frame becomes %d samples, want %d", from, to, len(out)-before, to/50)
			}
		}
		if got := toneToNoise(out[to/10:], hz, to); got < 60 {
			t.Errorf("%d to %d Hz: the tone stands %.1f dB above the rest, want 60", from, to, got)
		}
	}
}

func TestAStreamIsTheRecordingWhateverTheFrames(t *testing.T) {
	for _, pair := range [][2]int{{8000, 16000}, {16000, 8000}, {22050, 8000}, {22050, 16000}} {
		from, to := pair[0], pair[1]
		r, err := NewResampler(from, to)
		if err != nil {
			t.Fatal(err)
		}
		pcm := sine(777, from, from/2)
		whole := converted(append(make([]int16, r.Delay()), pcm...), from, to)
		for _, frame := range []int{1, 7, from / 50, len(pcm)} {
			out := stream(t, from, to, frame, pcm)
			if n := min(len(out), len(whole)-2*r.Delay()); n < to/3 || !slices.Equal(out[:n], whole[:n]) {
				t.Errorf("%d to %d Hz in frames of %d: not what the whole gives", from, to, frame)
			}
		}
	}
}

func TestAStreamThatIsResetBeginsAnew(t *testing.T) {
	r, err := NewResampler(8000, 16000)
	if err != nil {
		t.Fatal(err)
	}
	frame := sine(1000, 8000, 160)
	first := slices.Clone(r.Process(nil, frame))
	r.Process(nil, sine(333, 8000, 500))
	r.Reset()
	if again := r.Process(nil, frame); !slices.Equal(first, again) {
		t.Error("something of the old stream is left")
	}
}

func TestAFrameOfAStreamAllocatesNothing(t *testing.T) {
	for _, pair := range [][2]int{{8000, 16000}, {16000, 8000}} {
		r, err := NewResampler(pair[0], pair[1])
		if err != nil {
			t.Fatal(err)
		}
		frame, out := sine(440, pair[0], pair[0]/50), make([]int16, 0, pair[1]/50)
		if n := testing.AllocsPerRun(100, func() { r.Process(out, frame) }); n != 0 {
			t.Errorf("%v: %v allocations a frame", pair, n)
		}
	}
}

func TestRatesThatCannotBeAreRefused(t *testing.T) {
	for _, pair := range [][2]int{{0, 8000}, {8000, 0}, {-1, 8000}, {8000, 96000}, {96000, 8000}} {
		if _, err := NewResampler(pair[0], pair[1]); err == nil {
			t.Errorf("%v was taken", pair)
		}
		if _, err := Convert([]int16{1}, pair[0], pair[1]); err == nil {
			t.Errorf("%v was taken for a recording", pair)
		}
	}
}

// BenchmarkConvert tells how many times faster than it lasts a recording is resampled.
func BenchmarkConvert(b *testing.B) {
	for _, pair := range [][2]int{{48000, 8000}, {44100, 8000}, {16000, 8000}, {48000, 16000}, {8000, 16000}} {
		b.Run(fmt.Sprintf("%d-%d", pair[0], pair[1]), func(b *testing.B) {
			pcm := sine(440, pair[0], 10*pair[0])
			for b.Loop() {
				converted(pcm, pair[0], pair[1])
			}
			b.ReportMetric(10*float64(b.N)/b.Elapsed().Seconds(), "times-real-time")
		})
	}
}

// BenchmarkFrame is the cost of 20 ms of a bridge between two rates.
func BenchmarkFrame(b *testing.B) {
	for _, pair := range [][2]int{{8000, 16000}, {16000, 8000}} {
		b.Run(fmt.Sprintf("%d-%d", pair[0], pair[1]), func(b *testing.B) {
			r, err := NewResampler(pair[0], pair[1])
			if err != nil {
				b.Fatal(err)
			}
			frame, out := sine(440, pair[0], pair[0]/50), make([]int16, 0, pair[1]/50)
			for b.Loop() {
				r.Process(out, frame)
			}
		})
	}
}
