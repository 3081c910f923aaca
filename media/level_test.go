package media

import (
	"io/fs"
	"math"
	"math/rand/v2"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media/prompts"
)

// atLevel scales sound so that its root mean square is at a level, in dBFS.
func atLevel(pcm []int16, level float64) []int16 {
	out, gain := slices.Clone(pcm), math.Pow(10, (level-rms(pcm))/20)
	for i := range out {
		out[i] = int16(math.Round(float64(out[i]) * gain))
	}
	return out
}

// rms is the root mean square of all of some sound, in dBFS.
func rms(pcm []int16) float64 {
	var sum float64
	for _, sample := range pcm {
		sum += float64(sample) * float64(sample)
	}
	return 10 * math.Log10(sum/float64(len(pcm))/(32768*32768))
}

// bursts is sound that is as peaky as speech: syllables of noise with pauses between them.
func bursts(d time.Duration) []int16 {
	random := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, int(d.Seconds()*SampleRate))
	for i := range pcm {
		if i%8000 < 5000 { // of each second, 625 ms
			syllable := math.Abs(math.Sin(2 * math.Pi * float64(i) / 4000))
			pcm[i] = int16(6000 * syllable * syllable * random.NormFloat64() / 3)
		}
	}
	return pcm
}

// made is a recording as it is played at a level.
func made(t *testing.T, pcm []int16, level Level) []int16 {
	t.Helper()
	prompt, err := ParseWAV(wav(SampleRate, 1, pcm), PromptOptions{Level: level})
	if err != nil {
		t.Fatal(err)
	}
	return prompt.PCM()
}

func TestRecordingsComeToOneLevelHoweverTheyWereRecorded(t *testing.T) {
	tone := sine(440, SampleRate, 2*time.Second)
	for _, level := range []Level{-10, -19, -26, -40} {
		for _, recorded := range []float64{-45, -30, -12, -6} {
			if float64(level)-recorded > maxGain {
				continue
			}
			if got := rms(made(t, atLevel(tone, recorded), level)); math.Abs(got-float64(level)) > 0.1 {
				t.Errorf("recorded at %.0f dBFS it comes to %.2f, want %d", recorded, got, level)
			}
		}
	}
}

func TestPausesDoNotCountForTheLevel(t *testing.T) {
	tone := atLevel(sine(440, SampleRate, 2*time.Second), -30)
	spoken := slices.Concat(make([]int16, 3*SampleRate), tone, make([]int16, 5*SampleRate))
	got := made(t, spoken, DefaultLevel)[3*SampleRate : 5*SampleRate]
	if level := rms(got); math.Abs(level+19) > 1 { // blocks that begin or end in a pause count a little
		t.Errorf("between pauses the tone is at %.2f dBFS, want -19", level)
	}
}

func TestAsRecordedChangesNothing(t *testing.T) {
	pcm := atLevel(sine(440, SampleRate, time.Second), -33)
	if got := made(t, pcm, AsRecorded); !slices.Equal(got, pcm) {
		t.Error("the samples are others")
	}
}

func TestSilenceAndFaintNoiseAreNotBlownUp(t *testing.T) {
	if got := made(t, make([]int16, SampleRate), DefaultLevel); slices.Max(got) != 0 || slices.Min(got) != 0 {
		t.Error("silence became something")
	}
	noise := atLevel(bursts(2*time.Second), -66)
	if raised := rms(made(t, noise, DefaultLevel)) - rms(noise); raised > maxGain+0.5 {
		t.Errorf("noise was raised by %.1f dB, want %.0f at most", raised, maxGain)
	}
}

func TestPeaksAreHeldUnderTheCeilingWithoutAClick(t *testing.T) {
	pcm := atLevel(bursts(4*time.Second), -40)
	for _, at := range []int{9000, 17000} { // a knock, far above the rest
		for i := range 40 {
			pcm[at+i] = int16(8000 * math.Sin(2*math.Pi*float64(i)/20))
		}
	}
	got := made(t, pcm, -19)
	if peak := max(int(slices.Max(got)), -int(slices.Min(got))); float64(peak) > ceiling+1 {
		t.Errorf("the peak is %d, want under %.0f", peak, ceiling)
	}
	gain := gainTo(-19, pcm, SampleRate)
	before := 1.0
	for i, sample := range pcm { // the gain that each sample had moves gently
		if math.Abs(float64(sample)) < 500 {
			continue
		}
		now := float64(got[i]) / float64(sample) / gain
		if i > 0 && math.Abs(float64(pcm[i-1])) >= 500 && math.Abs(now-before) > 0.05 {
			t.Fatalf("at sample %d the gain jumps from %.2f to %.2f", i, before, now)
		}
		before = now
	}
	for _, i := range []int{8500, 16500} { // 60 ms before a knock
		if want := math.Round(float64(pcm[i]) * gain); math.Abs(float64(got[i])-want) > 1 {
			t.Errorf("sample %d, far from the knocks, is %d, want %.0f", i, got[i], want)
		}
	}
}

func TestTheBuiltInRecordingsComeToTheLevel(t *testing.T) {
	library := openLibraryAt(t, "", DefaultLevel)
	names, err := fs.Glob(prompts.English(), "*.wav")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d recordings: %v", len(names), err)
	}
	for _, name := range names {
		prompt, err := library.Prompt(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if level, _ := activeLevel(prompt.PCM(), SampleRate); math.Abs(level-float64(DefaultLevel)) > 1 {
			t.Errorf("%s is at %.2f dBFS", path.Base(name), level)
		}
	}
}

func openLibraryAt(t *testing.T, dir string, level Level) *Library {
	t.Helper()
	library, err := OpenLibrary(dir, LibraryOptions{PromptOptions: PromptOptions{Level: level}})
	if err != nil {
		t.Fatal(err)
	}
	return library
}

// BenchmarkLoad is a recording of ten minutes at 48 kHz in stereo, from file to all that is played.
func BenchmarkLoad(b *testing.B) {
	pcm := sine(440, 48000, time.Second)
	stereo := make([]int16, 0, 2*600*len(pcm))
	for range 600 {
		for _, sample := range pcm {
			stereo = append(stereo, sample, sample)
		}
	}
	file := wav(48000, 2, stereo)
	for _, wide := range []bool{false, true} {
		name := "8kHz"
		if wide {
			name = "8and16kHz"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseWAV(file, PromptOptions{Level: DefaultLevel, Codecs: codecsFor(wide)}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(600*float64(b.N)/b.Elapsed().Seconds(), "times-real-time")
		})
	}
}
